//! What the writers of both engines do around a commit.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use super::{BatchResult, MAX_GROUP, QueuedBatch, Work, WriterCommand};
use crate::metrics::StoreMetrics;
use crate::store::batch::Batch;
use crate::store::commit_status::CommitStatus;
use crate::store::error::StoreError;

/// Where a writer records its commits.
#[derive(Clone)]
pub(in crate::store) struct CommitRecord {
    pub status: Arc<CommitStatus>,
    pub metrics: Arc<StoreMetrics>,
}

impl CommitRecord {
    pub fn new(metrics: Arc<StoreMetrics>) -> Self {
        Self {
            status: Arc::default(),
            metrics,
        }
    }

    /// A command and those that wait in the queue after it.
    pub fn collect(
        &self,
        first: Option<WriterCommand>,
        commands: &Receiver<WriterCommand>,
    ) -> Work {
        let mut work = Work::default();
        let waiting = commands.try_iter().take(MAX_GROUP - 1);
        for command in first.into_iter().chain(waiting) {
            if !matches!(command, WriterCommand::Shutdown) {
                self.metrics.add_to_queue(-1);
            }
            work.add(command);
        }
        work
    }

    /// Runs `commit` on the batches, records the result and sends it to the callers.
    pub fn commit_and_reply(
        &self,
        group: Vec<QueuedBatch>,
        commit: impl FnOnce(&[Batch]) -> Result<Vec<BatchResult>, StoreError>,
    ) {
        if group.is_empty() {
            return;
        }
        let started = Instant::now();
        for queued in &group {
            let wait = started.saturating_duration_since(queued.queued_at);
            self.metrics.write_waits.observe_duration(wait);
        }
        let group = group.into_iter().map(|queued| (queued.batch, queued.tx));
        let (batches, senders): (Vec<_>, Vec<_>) = group.unzip();
        let result = commit(&batches);
        if batches.iter().any(|batch| !batch.is_empty()) {
            self.status.record(&result);
            self.metrics.group_sizes.observe(batches.len() as u64);
            self.metrics
                .commit_times
                .observe_duration(started.elapsed());
        }
        if result.is_err() {
            self.metrics.count_failed_commit();
        }
        let results =
            result.unwrap_or_else(|error| batches.iter().map(|_| Err(error.clone())).collect());
        for (tx, result) in senders.into_iter().zip(results) {
            // An error means that the caller does not wait for the result.
            let _ = tx.send(result);
        }
    }
}
