//! Adds new messages and titles to the search index in the background.

use std::time::{Duration, Instant};

use super::deletion_steps::StepSize;
use crate::store::search_index::{self, IndexStep};
use crate::store::search_merge::{is_merged, merge_segments};
use crate::store::{Batch, BatchOutput, Store, StoreError};

/// The time between two looks for new messages. Until the index has them, searches read
/// their texts.
const INTERVAL: Duration = Duration::from_secs(1);

/// The task pauses for this many times the duration of a write, so that it takes at most
/// a tenth of the writer's time, however many messages there are.
const PAUSE_FACTOR: u32 = 9;
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// The pages of the index that a step merges, at first and at most.
const MIN_MERGE_PAGES: u32 = 16;
const MAX_MERGE_PAGES: u32 = 256;
/// A text is written about four times by merges, so merges have more steps than texts.
const MERGES_PER_STEP: u32 = 2;

/// The pause after an error.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// The time between two lines about the progress in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// An update of the index is logged if more texts than this are missing.
const MIN_LOGGED: u64 = 20_000;

/// Keeps the index up to date, forever; or empties the index once, if it is switched off
/// and still has texts. The index of PostgreSQL is always kept, as other nodes may use it.
pub async fn run(store: &Store, is_on: bool) {
    if store.path().is_none() {
        return keep_up_postgres(store).await;
    }
    if is_on {
        return keep_up(store).await;
    }
    while let Err(error) = clear(store).await {
        log::warn!("the search index could not be emptied: {error}; trying again");
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

/// Adds the new texts of all nodes, as far as no other node does. The server does that
/// without the writer, so the task pauses only for as long as a step takes.
async fn keep_up_postgres(store: &Store) {
    loop {
        let started = Instant::now();
        match store.index_texts().await {
            Ok(None | Some(0)) => tokio::time::sleep(INTERVAL).await,
            Ok(Some(_)) => tokio::time::sleep(started.elapsed().min(MAX_PAUSE)).await,
            Err(error) => {
                log::warn!(
                    "messages could not be added to the search index: {error}; trying again"
                );
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        }
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
    // The index of an earlier process can have segments to merge.
    let mut merge = MergeSteps {
        is_due: true,
        size: StepSize::new(MIN_MERGE_PAGES, MAX_MERGE_PAGES),
    };
    loop {
        match add_and_merge(store, &mut merge).await {
            Ok(step) => {
                progress.log(&step);
                if step.is_last && !merge.is_due {
                    tokio::time::sleep(INTERVAL).await;
                }
            }
            Err(error) => {
                log::warn!(
                    "messages could not be added to the search index: {error}; trying again"
                );
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

/// The steps that merge the segments of the index.
struct MergeSteps {
    /// Whether there can be segments to merge.
    is_due: bool,
    size: StepSize,
}

/// Adds the next texts, and merges some segments.
async fn add_and_merge(store: &Store, merge: &mut MergeSteps) -> Result<IndexStep, StoreError> {
    if !store.read(search_index::has_options).await? {
        store.write(search_index::set_options()).await?;
    }
    let step = store.read(search_index::next_step).await?;
    if !step.is_empty() {
        write_and_pause(store, step.batch()).await?;
        merge.is_due = true;
    }
    for _ in 0..MERGES_PER_STEP {
        if merge.is_due {
            let batch = merge_segments(merge.size.rows);
            let (output, time) = write_and_pause(store, batch).await?;
            merge.size.adapt(time);
            merge.is_due = !is_merged(&output);
        }
    }
    Ok(step)
}

/// Runs a batch and pauses. Returns the time that the batch took.
async fn write_and_pause(
    store: &Store,
    batch: Batch,
) -> Result<(BatchOutput, Duration), StoreError> {
    let started = Instant::now();
    let output = store.write(batch).await?;
    let time = started.elapsed();
    tokio::time::sleep((time * PAUSE_FACTOR).min(MAX_PAUSE)).await;
    Ok((output, time))
}

/// What the log says about the index.
#[derive(Default)]
struct Progress {
    /// When the last line was written, while many texts are missing.
    logged_at: Option<Instant>,
}

impl Progress {
    fn log(&mut self, step: &IndexStep) {
        if step.is_last {
            if self.logged_at.take().is_some() {
                log::info!("the search index is complete");
            }
            return;
        }
        let has_many = step.is_first_build() || step.remaining > MIN_LOGGED;
        let is_due = self.logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        if has_many && is_due {
            let verb = if step.is_first_build() {
                "building"
            } else {
                "updating"
            };
            let remaining = step.remaining;
            log::info!("{verb} the search index: {remaining} messages and titles remain");
            self.logged_at = Some(Instant::now());
        }
    }
}
