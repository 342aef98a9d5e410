//! Reads and writes of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::histogram::{Histogram, HistogramSnapshot};

/// The counters of a store.
#[derive(Debug)]
pub struct StoreMetrics {
    /// How long reads waited for a thread, for each thread.
    read_waits: Vec<Arc<Histogram>>,
    queue_length: AtomicI64,
    /// How long batches waited for the writer.
    pub write_waits: Histogram,
    /// The number of batches in each commit.
    pub group_sizes: Histogram,
    /// How long each commit took, with its statements and the `fsync`.
    pub commit_times: Histogram,
    failed_commits: AtomicU64,
}

impl StoreMetrics {
    pub fn new(reader_threads: u32) -> Self {
        let waits = (0..reader_threads).map(|_| Arc::new(Histogram::of_durations()));
        Self {
            read_waits: waits.collect(),
            queue_length: AtomicI64::new(0),
            write_waits: Histogram::of_durations(),
            group_sizes: Histogram::of_groups(),
            commit_times: Histogram::of_durations(),
            failed_commits: AtomicU64::new(0),
        }
    }

    /// The histograms of the reader threads.
    pub fn read_waits(&self) -> &[Arc<Histogram>] {
        &self.read_waits
    }

    /// The waits of all reader threads.
    pub fn read_wait_total(&self) -> Option<HistogramSnapshot> {
        HistogramSnapshot::total(self.read_waits.iter().map(AsRef::as_ref))
    }

    /// Changes the number of batches in the writer's queue.
    pub fn add_to_queue(&self, count: i64) {
        self.queue_length.fetch_add(count, Ordering::Relaxed);
    }

    pub fn queue_length(&self) -> i64 {
        self.queue_length.load(Ordering::Relaxed)
    }

    pub fn count_failed_commit(&self) {
        self.failed_commits.fetch_add(1, Ordering::Relaxed);
    }

    pub fn failed_commits(&self) -> u64 {
        self.failed_commits.load(Ordering::Relaxed)
    }
}
