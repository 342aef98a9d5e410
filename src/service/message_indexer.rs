//! Adds new messages and titles to the search index in the background.

use std::time::{Duration, Instant};

use crate::store::search_index::{self, IndexStep};
use crate::store::{SearchState, Store, StoreError};

/// The time between two looks for new messages. A search finds a message after this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// The task pauses for this many times the duration of a step, so that it takes at most
/// a tenth of the writer's time, however many messages there are.
const PAUSE_FACTOR: u32 = 9;
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// The pause after an error.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Searches return 503 while the index lacks more rows than this.
const MAX_REMAINING: u64 = 20_000;

/// The time between two lines about the progress in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// Empties the index if it is switched off. All writes wait for that, about a second for a
/// million messages, so it is done before the first request. After an error, [`run`] tries
/// again.
pub async fn prepare(store: &Store, is_on: bool) {
    if is_on {
        return;
    }
    if let Err(error) = clear(store).await {
        log::warn!("the search index could not be emptied: {error}");
    }
}

/// Keeps the index up to date, forever; or empties the index once, if it is switched off
/// and still has texts.
pub async fn run(store: &Store, is_on: bool) {
    if is_on {
        store.set_search_state(SearchState::Building);
        return keep_up(store).await;
    }
    while let Err(error) = clear(store).await {
        log::warn!("the search index could not be emptied: {error}; trying again");
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

async fn clear(store: &Store) -> Result<(), StoreError> {
    if store.read(search_index::has_texts).await? {
        log::info!("emptying the search index, because --search-messages is off");
        store.write(search_index::clear()).await?;
        log::info!("the search index is empty");
    }
    Ok(())
}

async fn keep_up(store: &Store) {
    let mut progress = Progress::default();
    loop {
        let started = Instant::now();
        let pause = match add_step(store).await {
            Ok(step) => {
                let state = state_after(&step, store.search_state());
                store.set_search_state(state);
                progress.log(&step, state);
                let pause = started.elapsed() * PAUSE_FACTOR;
                if step.is_last {
                    INTERVAL
                } else {
                    pause.min(MAX_PAUSE)
                }
            }
            Err(error) => {
                log::warn!(
                    "messages could not be added to the search index: {error}; trying again"
                );
                RETRY_INTERVAL
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn add_step(store: &Store) -> Result<IndexStep, StoreError> {
    let step = store.read(search_index::next_step).await?;
    if !step.is_empty() {
        store.write(step.batch()).await?;
    }
    Ok(step)
}

fn state_after(step: &IndexStep, before: SearchState) -> SearchState {
    if step.is_last {
        SearchState::Ready
    } else if step.remaining > MAX_REMAINING {
        SearchState::Building
    } else {
        before
    }
}

/// What the log says about the index.
#[derive(Default)]
struct Progress {
    /// When the last line was written, while the index is being built.
    logged_at: Option<Instant>,
}

impl Progress {
    fn log(&mut self, step: &IndexStep, state: SearchState) {
        let is_building = state == SearchState::Building;
        let is_due = self.logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        if is_building && is_due {
            let remaining = step.remaining;
            log::info!("building the search index: {remaining} messages and titles remain");
            self.logged_at = Some(Instant::now());
        } else if !is_building && self.logged_at.take().is_some() {
            log::info!("the search index is complete");
        }
    }
}
