//! The sources of `--learn`, which the server learns at its start and in intervals.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Services;
use super::learn::{LearnSource, ReadOptions};
use super::project::{SelectError, select};
use super::source_error::SourceError;
use super::source_runs::{SourceRuns, run_scheduled};
use crate::config::LearnSettings;
use crate::domain::{DEFAULT_MAX_PAGES, ProjectSeq, Source, Timestamp};
use crate::learn::DEFAULT_RETRY_LIMIT;
use crate::store::{Snapshot, Store, StoreError, TaskLock, source};

/// How often a node without the lock looks for the lock.
const LOCK_INTERVAL: Duration = Duration::from_secs(1);

/// The part of the interval that runs take.
const INTERVAL_TOLERANCE: f64 = 0.1;

async fn wait_for(lock: &TaskLock) {
    while !lock.is_held() {
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}

/// The sources that the server learns by itself.
pub struct LearnSchedule {
    store: Arc<Store>,
    runs: Arc<SourceRuns>,
    project: ProjectSeq,
    sources: Vec<LearnSource>,
    interval: Duration,
}

impl LearnSchedule {
    /// `None` without sources.
    ///
    /// # Errors
    /// The settings name no project, or one that does not exist.
    pub fn new(services: &Services, settings: &LearnSettings) -> Result<Option<Self>, SelectError> {
        if settings.learn.is_empty() {
            return Ok(None);
        }
        let (store, runs) = (&services.store, &services.source_runs);
        let options = ReadOptions {
            base_url: settings.learn_base_url.clone(),
            clean_urls: settings.learn_clean_urls,
            max_pages: DEFAULT_MAX_PAGES,
            allow_private: runs.allows_private,
            retry_limit: DEFAULT_RETRY_LIMIT,
        };
        let texts = settings.learn.iter().map(|text| text.trim());
        let texts = texts.filter(|text| !text.is_empty());
        Ok(Some(Self {
            store: store.clone(),
            runs: runs.clone(),
            project: select(store, settings.learn_project.as_deref())?.seq,
            sources: texts.map(|text| LearnSource::new(text, &options)).collect(),
            interval: settings.learn_every,
        }))
    }

    /// Learns the sources one after another, forever. A source that fails is learned again
    /// at the next time. Of several nodes, the one that holds `lock` learns.
    pub async fn run(self, lock: &TaskLock) {
        wait_for(lock).await;
        if let Err(error) = self.store_intervals().await {
            log::warn!("the interval of --learn-every could not be stored: {error}");
        }
        loop {
            wait_for(lock).await;
            let begin = Instant::now();
            for source in &self.sources {
                if let Err(error) = self.learn(source).await {
                    log::warn!("{} could not be learned: {error}", source.location());
                }
            }
            tokio::time::sleep_until(begin + self.interval).await;
        }
    }

    /// Whether a node that runs no longer has learned the source in the last interval. A
    /// server on a file learns its sources at each start.
    fn was_learned_by_another_node(&self, source: &Source) -> bool {
        let interval = self.interval.mul_f64(1.0 - INTERVAL_TOLERANCE);
        self.store.has_outbox()
            && source.error.is_none()
            && source
                .finished_at
                .is_some_and(|at| at.plus(interval) > Timestamp::now())
    }

    async fn store_intervals(&self) -> Result<(), StoreError> {
        let interval = u32::try_from(self.interval.as_secs()).unwrap_or(u32::MAX);
        let mut batch = source::clear_intervals();
        for source in &self.sources {
            let location = source.location();
            let add = source::add_if_missing(self.project, &location, source.kind());
            let set = source::set_interval(self.project, &location, interval);
            batch = batch.then(add).then(set);
        }
        self.store.write(batch).await.map(drop)
    }

    async fn learn(&self, source: &LearnSource) -> Result<(), SourceError> {
        let (project, location) = (self.project, source.location());
        let find =
            move |snapshot: &Snapshot| source::find_by_location(snapshot, project, &location);
        let stored = self.store.read(find).await?;
        // A source that was deleted is not learned until the next start.
        let Some(stored) = stored else {
            return Ok(());
        };
        if self.was_learned_by_another_node(&stored) {
            return Ok(());
        }
        run_scheduled(&self.store, &self.runs, project, stored.id, source.clone()).await
    }
}
