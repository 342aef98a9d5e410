//! The reader connections, and the threads that read with them.
//!
//! SQLite calls block, so reads run on threads of their own, as many as there are
//! connections. The threads take jobs from one channel. A job runs on a
//! connection of the pool, with a snapshot of its own.
//!
//! # Invariants
//!
//! - The snapshot of a job begins after the job was submitted. So a client that
//!   has the response to its write sees the write in its next read.
//! - A job waits for at most `read_timeout` and fails with [`StoreError::Busy`]
//!   after that. Jobs that were started are not interrupted.
//! - Slow jobs do not delay others while a thread is free.
//! - A panic in a job fails only this job.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use r2d2::Pool;
use tokio::sync::oneshot;

use super::error::StoreError;
use super::offset_index::OffsetIndex;
use super::postgres::{PostgresPool, PostgresSnapshot};
use super::reader_pool::{ClosedSignal, ReaderManager, ReaderPool};
use super::snapshot::Snapshot;
use crate::metrics::{Histogram, StoreMetrics};

pub(super) struct Readers {
    /// None once the readers are dropped.
    pool: Option<SnapshotPool>,
    /// None for PostgreSQL.
    closed: Option<ClosedSignal>,
    /// None once the readers are dropped; the threads end then.
    jobs: Option<Sender<ReadJob>>,
    threads: Vec<JoinHandle<()>>,
    /// The number of jobs that were ever submitted. The writer reads it to see
    /// how busy the readers are.
    jobs_submitted: Arc<AtomicU64>,
    read_timeout: Duration,
}

/// The connections that read, and the reads that wait for one.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReaderState {
    pub in_use: u32,
    pub idle: u32,
    pub waiting: u64,
}

struct ReadJob {
    submitted_at: Instant,
    deadline: Instant,
    run: RunJob,
}

type RunJob = Box<dyn FnOnce(Result<&Snapshot, StoreError>) + Send>;

/// The connections on which snapshots are opened.
#[derive(Clone)]
enum SnapshotPool {
    Sqlite(Pool<ReaderManager>, Arc<OffsetIndex>),
    Postgres(PostgresPool),
}

impl SnapshotPool {
    /// Calls `work` with a snapshot, or with [`StoreError::Busy`] if no connection was free
    /// within `timeout`.
    fn with_snapshot<T>(
        &self,
        timeout: Duration,
        work: impl FnOnce(Result<&Snapshot, StoreError>) -> T,
    ) -> T {
        match self {
            Self::Sqlite(pool, offset_index) => {
                let Ok(connection) = pool.get_timeout(timeout) else {
                    return work(Err(StoreError::Busy));
                };
                match Snapshot::begin(&connection, offset_index) {
                    Ok(snapshot) => work(Ok(&snapshot)),
                    Err(error) => work(Err(error)),
                }
            }
            Self::Postgres(pool) => match PostgresSnapshot::from_pool(pool, timeout) {
                Ok(transaction) => work(Ok(&Snapshot::of_postgres(transaction))),
                Err(error) => work(Err(error)),
            },
        }
    }
}

impl SnapshotPool {
    fn state(&self) -> r2d2::State {
        match self {
            Self::Sqlite(pool, _) => pool.state(),
            Self::Postgres(pool) => pool.state(),
        }
    }
}

impl Readers {
    /// Starts a thread for each connection of the pool, as many as `metrics` has
    /// histograms for.
    pub fn start(
        pool: ReaderPool,
        offset_index: Arc<OffsetIndex>,
        jobs_submitted: Arc<AtomicU64>,
        read_timeout: Duration,
        metrics: &StoreMetrics,
    ) -> io::Result<Self> {
        let ReaderPool { pool, closed } = pool;
        let pool = SnapshotPool::Sqlite(pool, offset_index);
        Self::start_threads(pool, Some(closed), jobs_submitted, read_timeout, metrics)
    }

    /// The same for connections to PostgreSQL.
    pub fn start_postgres(
        pool: PostgresPool,
        read_timeout: Duration,
        metrics: &StoreMetrics,
    ) -> io::Result<Self> {
        let pool = SnapshotPool::Postgres(pool);
        Self::start_threads(pool, None, Arc::default(), read_timeout, metrics)
    }

    fn start_threads(
        pool: SnapshotPool,
        closed: Option<ClosedSignal>,
        jobs_submitted: Arc<AtomicU64>,
        read_timeout: Duration,
        metrics: &StoreMetrics,
    ) -> io::Result<Self> {
        let (jobs, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = metrics.read_waits().iter().map(|waits| {
            let reader = ReaderThread {
                waits: waits.clone(),
                pool: pool.clone(),
                jobs: receiver.clone(),
            };
            thread::Builder::new()
                .name("parlor-reader".to_owned())
                .spawn(move || reader.run())
        });
        Ok(Self {
            threads: threads.collect::<io::Result<_>>()?,
            pool: Some(pool),
            closed,
            jobs: Some(jobs),
            jobs_submitted,
            read_timeout,
        })
    }

    /// Runs `work` on a reader thread with a snapshot.
    ///
    /// # Errors
    /// The error of `work`; [`StoreError::Busy`] after the read timeout;
    /// [`StoreError::Internal`] if `work` panics.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tx, rx) = oneshot::channel();
        self.submit(Box::new(move |snapshot| {
            // The request may have been cancelled while the job waited.
            if !tx.is_closed() {
                let _ = tx.send(snapshot.map_err(E::from).and_then(work));
            }
        }));
        rx.await.unwrap_or_else(|_| {
            Err(StoreError::Internal("a read ended without a result".to_owned()).into())
        })
    }

    fn submit(&self, run: RunJob) {
        self.jobs_submitted.fetch_add(1, Ordering::Relaxed);
        let submitted_at = Instant::now();
        let deadline = submitted_at + self.read_timeout;
        if let Some(jobs) = &self.jobs {
            // A job that no thread can take is dropped, and its read fails.
            let _ = jobs.send(ReadJob {
                submitted_at,
                deadline,
                run,
            });
        }
    }

    /// Runs `work` on the current thread with a snapshot of its own.
    ///
    /// # Errors
    /// The error of `work`; [`StoreError::Busy`] after the read timeout.
    pub fn read_blocking<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E>,
    ) -> Result<T, E> {
        let pool = self.pool.as_ref().ok_or(StoreError::Closed)?;
        pool.with_snapshot(self.read_timeout, |snapshot| work(snapshot?))
    }

    /// What the connections do. `metrics` are those of the threads.
    pub fn state(&self, metrics: &StoreMetrics) -> ReaderState {
        let Some(pool) = self.pool.as_ref().map(SnapshotPool::state) else {
            return ReaderState::default();
        };
        let begun = metrics.read_wait_total().map_or(0, |waits| waits.count());
        let submitted = self.jobs_submitted.load(Ordering::Relaxed);
        ReaderState {
            in_use: pool.connections.saturating_sub(pool.idle_connections),
            idle: pool.idle_connections,
            waiting: submitted.saturating_sub(begun),
        }
    }

    /// Takes a connection to the file.
    #[cfg(test)]
    pub fn connection(&self) -> Result<r2d2::PooledConnection<ReaderManager>, StoreError> {
        match &self.pool {
            Some(SnapshotPool::Sqlite(pool, _)) => pool.get().map_err(|_| StoreError::Busy),
            _ => Err(StoreError::Closed),
        }
    }
}

impl Drop for Readers {
    /// Waits until all connections are closed: the writer must be the last to close the
    /// file.
    fn drop(&mut self) {
        drop(self.jobs.take());
        drop(self.pool.take());
        let mut is_reader = false;
        for reader in self.threads.drain(..) {
            // A job may own the store and drop it last, on its own thread.
            let is_current = reader.thread().id() == thread::current().id();
            is_reader |= is_current;
            if !is_current && reader.join().is_err() {
                log::error!("a reader thread ended in a panic");
            }
        }
        // The job that drops the store has a connection itself.
        if let Some(closed) = &mut self.closed
            && !is_reader
            && !closed.wait()
        {
            log::warn!("a connection to the database is still open");
        }
    }
}

struct ReaderThread {
    /// How long the jobs of this thread waited.
    waits: Arc<Histogram>,
    pool: SnapshotPool,
    /// Locked by the thread that waits for the next job.
    jobs: Arc<Mutex<Receiver<ReadJob>>>,
}

impl ReaderThread {
    /// Runs jobs until the readers are dropped.
    fn run(self) {
        while let Some(job) = self.next_job() {
            // A panic drops the job's sender: only this job fails.
            let _ = catch_unwind(AssertUnwindSafe(|| self.run_job(job)));
        }
    }

    fn next_job(&self) -> Option<ReadJob> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.recv().ok()
    }

    fn run_job(&self, job: ReadJob) {
        let now = Instant::now();
        self.waits
            .observe_duration(now.saturating_duration_since(job.submitted_at));
        if now > job.deadline {
            return (job.run)(Err(StoreError::Busy));
        }
        self.pool.with_snapshot(job.deadline - now, job.run);
    }
}

#[cfg(test)]
mod tests;
