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
mod tests {
    use std::sync::mpsc;

    use futures_util::future::{join, join_all};
    use tempfile::TempDir;

    use super::*;
    use crate::store::{Options, Store, session};

    /// Longer than any test takes.
    const LONG: Duration = Duration::from_secs(20);

    fn open_store(readers: u32, read_timeout: Duration) -> (TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options {
            readers,
            patience: read_timeout,
        };
        let store = Store::open(&folder.path().join("parlor.db"), &options).expect("a file");
        (folder, store)
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(future)
    }

    /// A read that succeeds at once.
    fn select_one(snapshot: &Snapshot) -> Result<i64, StoreError> {
        let one = snapshot
            .prepare("SELECT 1")?
            .query_row((), |row| row.get(0));
        Ok(one?)
    }

    #[test]
    fn a_slow_read_does_not_delay_others_while_a_connection_is_free() {
        let (_folder, store) = open_store(2, LONG);
        let (tx, rx) = mpsc::channel();
        let slow = store.read(move |snapshot| {
            rx.recv().expect("the other reads end first");
            select_one(snapshot)
        });
        let others = async {
            let results = join_all((0..20).map(|_| store.read(select_one))).await;
            tx.send(()).expect("the slow read waits");
            results
        };
        let (slow, others) = block_on(join(slow, others));
        assert!(slow.is_ok() && others.iter().all(Result::is_ok));
    }

    #[test]
    fn a_read_fails_as_busy_after_the_read_timeout() {
        let (_folder, store) = open_store(1, Duration::from_millis(20));
        let slow = store.read(|snapshot| {
            std::thread::sleep(Duration::from_millis(60));
            select_one(snapshot)
        });
        let (slow, late) = block_on(join(slow, store.read(select_one)));
        assert!(slow.is_ok());
        assert!(matches!(late, Err(StoreError::Busy)), "{late:?}");
        let next = block_on(store.read(select_one));
        assert!(next.is_ok(), "the connection is free again");
    }

    #[test]
    fn a_panic_fails_only_its_own_read() {
        let (_folder, store) = open_store(1, LONG);
        let panics = store.read::<(), StoreError>(|_| panic!("on purpose"));
        let (panicked, other) = block_on(join(panics, store.read(select_one)));
        assert!(
            matches!(panicked, Err(StoreError::Internal(_))),
            "{panicked:?}"
        );
        assert!(other.is_ok() && block_on(store.read(select_one)).is_ok());
    }

    #[test]
    fn a_read_sees_writes_that_were_committed_before_it_was_queued() {
        let (_folder, store) = open_store(1, LONG);
        let count_secrets = |snapshot: &Snapshot| {
            let sql = "SELECT count(*) FROM secret";
            let count = snapshot.prepare(sql)?.query_row((), |row| row.get(0));
            Ok::<i64, StoreError>(count?)
        };
        // The worker runs both reads without a pause between them.
        let (first_has_read, wait_for_first) = mpsc::channel();
        let (second_is_queued, wait_for_second) = mpsc::channel();
        let first = store.read(move |snapshot| {
            let count = count_secrets(snapshot);
            first_has_read.send(()).expect("the test waits");
            wait_for_second.recv().expect("a second read");
            count
        });
        let second = async {
            tokio::task::yield_now().await;
            wait_for_first
                .recv()
                .expect("the first read has a snapshot");
            let write = store.write(session::keep_signing_secret(b"x"));
            write.await.expect("a write");
            let second = store.read(count_secrets);
            let resume = async { second_is_queued.send(()).expect("the first read waits") };
            join(second, resume).await.0
        };
        let (first, second) = block_on(join(first, second));
        assert_eq!(first.expect("a count"), 0);
        assert_eq!(second.expect("a count"), 1);
    }

    /// Occupies two blocking threads until the senders are dropped.
    fn occupy_blocking_threads() -> [mpsc::Sender<()>; 2] {
        [(); 2].map(|()| {
            let (tx, rx) = mpsc::channel::<()>();
            task::spawn_blocking(move || rx.recv());
            tx
        })
    }

    #[test]
    fn a_slow_read_does_not_delay_reads_that_were_queued_behind_it() {
        let (_folder, store) = open_store(4, Duration::from_secs(5));
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(2).build().expect("a runtime");
        runtime.block_on(async {
            // Both reads are in the queue before a worker starts.
            let occupied = occupy_blocking_threads();
            let (quick_has_run, wait_for_quick) = mpsc::channel();
            let slow = store.read(move |_| {
                let waited = wait_for_quick.recv_timeout(Duration::from_secs(10));
                Ok::<_, StoreError>(waited.is_ok())
            });
            let quick = store.read(move |_| {
                // The slow read may have given up.
                let _ = quick_has_run.send(());
                Ok::<_, StoreError>(())
            });
            let release = async { drop(occupied) };
            let (slow, quick, ()) = tokio::join!(slow, quick, release);
            quick.expect("a read");
            assert!(
                slow.expect("a read"),
                "the quick read waited for the slow one"
            );
        });
    }
}
