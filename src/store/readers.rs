//! The reader connections and the queue in front of them.
//!
//! # Why a queue
//!
//! SQLite calls block, so reads run on Tokio's blocking threads. One blocking
//! task and one pool checkout per read would cost more than a small read itself.
//! So a worker takes one connection and runs jobs of the queue until the queue is
//! empty. Jobs that wait together share one read transaction.
//!
//! # Invariants
//!
//! - A job never sees a snapshot that began before the job was queued. So a
//!   client that has the response to its write sees the write in its next read.
//! - A job waits for at most `read_timeout` and fails with [`StoreError::Busy`]
//!   after that. Jobs that were started are not interrupted.
//! - Slow jobs do not delay others while a connection is free: a worker that
//!   takes a job starts another worker if jobs remain in the queue.
//! - There are at most as many workers as connections.
//! - A panic in a job fails only this job.
//!
//! # Locks
//!
//! `queue` is the only lock. It is held to push or pop a job, never while a job
//! runs or a worker waits for a connection.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use r2d2::{Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::task;

use super::error::StoreError;
use super::offset_index::OffsetIndex;
use super::snapshot::Snapshot;

/// A worker that has not started yet is expected to take this many jobs. More
/// jobs in the queue start a further worker.
const JOBS_PER_WORKER: usize = 32;

pub(super) struct Readers {
    pool: Pool<SqliteConnectionManager>,
    queue: Mutex<JobQueue>,
    offset_index: Arc<OffsetIndex>,
    /// The number of jobs that were ever queued. Changed under the lock of the
    /// queue; the writer reads it to see how busy the readers are.
    jobs_queued: Arc<AtomicU64>,
    read_timeout: Duration,
}

#[derive(Default)]
struct JobQueue {
    jobs: VecDeque<ReadJob>,
    /// Workers that were spawned and have not ended.
    workers: u32,
    /// Those of them that have not started to take jobs.
    starting: usize,
}

struct ReadJob {
    /// The value of `jobs_queued` when the job was queued.
    number: u64,
    deadline: Instant,
    run: RunJob,
}

type RunJob = Box<dyn FnOnce(Result<&Snapshot, StoreError>) + Send>;

/// A snapshot that jobs share.
struct SharedSnapshot<'c> {
    snapshot: Snapshot<'c>,
    /// The number of the last job that was queued before the snapshot began. Only
    /// jobs up to this one may use the snapshot.
    last_job: u64,
}

impl Readers {
    pub fn new(
        pool: Pool<SqliteConnectionManager>,
        offset_index: Arc<OffsetIndex>,
        jobs_queued: Arc<AtomicU64>,
        read_timeout: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            pool,
            queue: Mutex::default(),
            offset_index,
            jobs_queued,
            read_timeout,
        })
    }

    /// Runs `work` on a blocking thread with a snapshot.
    ///
    /// # Errors
    /// The error of `work`; [`StoreError::Busy`] after the read timeout;
    /// [`StoreError::Closed`] if the runtime shuts down;
    /// [`StoreError::Internal`] if `work` panics.
    pub async fn read<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tx, rx) = oneshot::channel();
        self.enqueue(Box::new(move |snapshot| {
            // The request may have been cancelled while the job was in the queue.
            if !tx.is_closed() {
                let _ = tx.send(snapshot.map_err(E::from).and_then(work));
            }
        }));
        rx.await.unwrap_or_else(|_| {
            Err(StoreError::Internal("a read ended without a result".to_owned()).into())
        })
    }

    /// Runs `work` on the current thread with a snapshot of its own.
    ///
    /// # Errors
    /// The error of `work`; [`StoreError::Busy`] after the read timeout.
    pub fn read_here<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.connection()?;
        let snapshot = Snapshot::begin(&connection, &self.offset_index)?;
        work(&snapshot)
    }

    /// Takes a connection from the pool.
    ///
    /// # Errors
    /// [`StoreError::Busy`] after the read timeout.
    pub fn connection(&self) -> Result<PooledConnection<SqliteConnectionManager>, StoreError> {
        let connection = self.pool.get_timeout(self.read_timeout);
        connection.map_err(|_| StoreError::Busy)
    }

    fn enqueue(self: &Arc<Self>, run: RunJob) {
        let mut queue = self.lock_queue();
        let job = ReadJob {
            number: self.jobs_queued.fetch_add(1, Ordering::Relaxed) + 1,
            deadline: Instant::now() + self.read_timeout,
            run,
        };
        queue.jobs.push_back(job);
        self.spawn_worker(queue);
    }

    /// Spawns a worker, unless the workers that are starting suffice for the jobs
    /// in the queue, or every connection has a worker.
    fn spawn_worker(self: &Arc<Self>, mut queue: MutexGuard<'_, JobQueue>) {
        let enough = queue.jobs.len() <= queue.starting * JOBS_PER_WORKER;
        if enough || queue.workers == self.pool.max_size() {
            return;
        }
        queue.workers += 1;
        queue.starting += 1;
        drop(queue);
        let worker = StartingWorker(Some(self.clone()));
        task::spawn_blocking(move || worker.start());
    }

    /// Runs jobs until the queue is empty.
    fn run_worker(self: &Arc<Self>) {
        let connection = self.connection();
        self.lock_queue().starting -= 1;
        match connection {
            Ok(connection) => self.run_jobs(&connection),
            Err(error) => self.end_worker(&error),
        }
    }

    /// Ends a worker that cannot run jobs. Without another worker, the jobs in
    /// the queue would never run, so they fail with `error`.
    fn end_worker(&self, error: &StoreError) {
        let mut queue = self.lock_queue();
        queue.workers -= 1;
        let orphaned = if queue.workers == 0 {
            std::mem::take(&mut queue.jobs)
        } else {
            VecDeque::new()
        };
        drop(queue);
        for job in orphaned {
            (job.run)(Err(error.clone()));
        }
    }

    fn run_jobs(self: &Arc<Self>, connection: &Connection) {
        let mut shared: Option<SharedSnapshot> = None;
        while let Some((job, jobs_queued)) = self.next_job() {
            if Instant::now() > job.deadline {
                (job.run)(Err(StoreError::Busy));
                continue;
            }
            let is_too_old = |shared: &SharedSnapshot| job.number > shared.last_job;
            // SQLite ends a transaction by itself after some errors.
            if connection.is_autocommit() || shared.as_ref().is_some_and(is_too_old) {
                // A connection has one transaction: end the old one first.
                drop(shared.take());
                match Snapshot::begin(connection, &self.offset_index) {
                    Ok(snapshot) => {
                        let last_job = jobs_queued;
                        shared = Some(SharedSnapshot { snapshot, last_job });
                    }
                    Err(error) => {
                        (job.run)(Err(error));
                        continue;
                    }
                }
            }
            if let Some(shared) = &shared {
                // A panic drops the job's sender: only this job fails.
                let _ = catch_unwind(AssertUnwindSafe(|| (job.run)(Ok(&shared.snapshot))));
            }
        }
    }

    /// Takes the next job. Also returns the number of jobs queued so far. `None`
    /// ends the worker.
    fn next_job(self: &Arc<Self>) -> Option<(ReadJob, u64)> {
        let mut queue = self.lock_queue();
        let Some(job) = queue.jobs.pop_front() else {
            queue.workers -= 1;
            return None;
        };
        let jobs_queued = self.jobs_queued.load(Ordering::Relaxed);
        // This job may take long; the others must not wait for it.
        self.spawn_worker(queue);
        Some((job, jobs_queued))
    }

    fn lock_queue(&self) -> MutexGuard<'_, JobQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker that was spawned and has not started. A runtime that shuts down drops
/// blocking tasks that have not started; the drop fails the jobs then.
struct StartingWorker(Option<Arc<Readers>>);

impl StartingWorker {
    fn start(mut self) {
        if let Some(readers) = self.0.take() {
            readers.run_worker();
        }
    }
}

impl Drop for StartingWorker {
    fn drop(&mut self) {
        if let Some(readers) = &self.0 {
            readers.lock_queue().starting -= 1;
            readers.end_worker(&StoreError::Closed);
        }
    }
}

#[cfg(test)]
mod tests;
