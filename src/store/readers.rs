//! Reads: the pool of read-only connections, and the one queue in front of it.
//!
//! A blocking thread takes a connection and does what waits until nothing does,
//! so that under load neither is handed over for each read. Reads that waited
//! together share a snapshot. It begins after all of them were asked for, so
//! nobody is given anything older than their own request.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::task;

use super::error::StoreError;
use super::offset_index::OffsetIndex;
use super::snapshot::Snapshot;

pub(super) struct Readers {
    pub(super) pool: Pool<SqliteConnectionManager>,
    queue: Mutex<JobQueue>,
    offset_index: Arc<OffsetIndex>,
    /// Reads that ever joined, counted while the queue is held. The writer looks
    /// at it.
    reads: Arc<AtomicU64>,
    patience: Duration,
}

#[derive(Default)]
struct JobQueue {
    waiting: VecDeque<ReadJob>,
    /// Threads that take from it,
    threads: u32,
    /// and those of them that have not begun yet.
    starting: usize,
}

struct ReadJob {
    /// Its place among all that ever joined.
    number: u64,
    deadline: Instant,
    work: Work,
}

type Work = Box<dyn FnOnce(Result<&Snapshot, StoreError>) + Send>;

/// For so many reads that wait, one thread that comes is enough.
const JOBS_PER_WORKER: usize = 32;

impl Readers {
    pub fn new(
        pool: Pool<SqliteConnectionManager>,
        offset_index: Arc<OffsetIndex>,
        reads: Arc<AtomicU64>,
        patience: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            pool,
            queue: Mutex::default(),
            offset_index,
            reads,
            patience,
        })
    }

    /// Runs `work` on a blocking thread, over one snapshot of the file.
    pub async fn read<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tx, rx) = oneshot::channel();
        self.join(Box::new(move |snapshot| {
            // Whoever asked may have gone.
            if !tx.is_closed() {
                let _ = tx.send(snapshot.map_err(E::from).and_then(work));
            }
        }));
        rx.await.unwrap_or_else(|_| {
            Err(StoreError::Internal("a read ended without a result".to_owned()).into())
        })
    }

    /// The same on this thread.
    pub fn read_here<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.pool.get_timeout(self.patience);
        let connection = connection.map_err(|_| StoreError::Busy)?;
        let snapshot = Snapshot::begin(&connection, &self.offset_index)?;
        work(&snapshot)
    }

    fn join(self: &Arc<Self>, work: Work) {
        let mut queue = self.queue();
        let read = ReadJob {
            number: self.reads.fetch_add(1, Ordering::Relaxed) + 1,
            deadline: Instant::now() + self.patience,
            work,
        };
        queue.waiting.push_back(read);
        self.spawn_worker(queue);
    }

    /// Calls a thread where those that come are not enough for what waits.
    fn spawn_worker(self: &Arc<Self>, mut queue: MutexGuard<'_, JobQueue>) {
        let enough = queue.waiting.len() <= queue.starting * JOBS_PER_WORKER;
        if enough || queue.threads == self.pool.max_size() {
            return;
        }
        queue.threads += 1;
        queue.starting += 1;
        drop(queue);
        let called = StartingWorker(Some(self.clone()));
        task::spawn_blocking(move || called.begin());
    }

    /// Does what waits until nothing does.
    fn work(self: &Arc<Self>) {
        let connection = self.pool.get_timeout(self.patience);
        self.queue().starting -= 1;
        match connection {
            Ok(connection) => self.work_on(&connection),
            Err(_) => self.give_up(&StoreError::Busy),
        }
    }

    /// Ends a thread that can do nothing; where it was the last, what waits is
    /// answered with an error.
    fn give_up(&self, error: &StoreError) {
        let mut queue = self.queue();
        queue.threads -= 1;
        let orphaned = match queue.threads {
            0 => std::mem::take(&mut queue.waiting),
            _ => VecDeque::new(),
        };
        drop(queue);
        for read in orphaned {
            (read.work)(Err(error.clone()));
        }
    }

    fn work_on(self: &Arc<Self>, connection: &Connection) {
        let mut shared: Option<(Snapshot, u64)> = None;
        while let Some((read, joined)) = self.take() {
            if Instant::now() > read.deadline {
                (read.work)(Err(StoreError::Busy));
                continue;
            }
            let of_before = |(_, joined): &(_, u64)| read.number > *joined;
            // SQLite may have ended the transaction itself after an error.
            if connection.is_autocommit() || shared.as_ref().is_some_and(of_before) {
                // The old one ends before the new one begins.
                drop(shared.take());
                match Snapshot::begin(connection, &self.offset_index) {
                    Ok(begun) => shared = Some((begun, joined)),
                    Err(error) => {
                        (read.work)(Err(error));
                        continue;
                    }
                }
            }
            if let Some((snapshot, _)) = &shared {
                // A panic costs the read that it came from its answer, no other.
                let _ = catch_unwind(AssertUnwindSafe(|| (read.work)(Ok(snapshot))));
            }
        }
    }

    /// The next read, and how many had joined by now; none: this thread is done.
    fn take(self: &Arc<Self>) -> Option<(ReadJob, u64)> {
        let mut queue = self.queue();
        let Some(read) = queue.waiting.pop_front() else {
            queue.threads -= 1;
            return None;
        };
        let joined = self.reads.load(Ordering::Relaxed);
        // This one may take long, and the others do not wait for it.
        self.spawn_worker(queue);
        Some((read, joined))
    }

    fn queue(&self) -> MutexGuard<'_, JobQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that was called and has not begun.
struct StartingWorker(Option<Arc<Readers>>);

impl StartingWorker {
    fn begin(mut self) {
        if let Some(readers) = self.0.take() {
            readers.work();
        }
    }
}

/// It never begins where its runtime ends first.
impl Drop for StartingWorker {
    fn drop(&mut self) {
        if let Some(readers) = &self.0 {
            readers.queue().starting -= 1;
            readers.give_up(&StoreError::Closed);
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

    fn file(readers: u32, patience: u64) -> (TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options {
            readers,
            patience: Duration::from_millis(patience),
        };
        let store = Store::open(&folder.path().join("parlor.db"), &options).expect("a file");
        (folder, store)
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(work)
    }

    fn one(snapshot: &Snapshot) -> Result<i64, StoreError> {
        let one = snapshot
            .prepare("SELECT 1")?
            .query_row((), |row| row.get(0));
        Ok(one?)
    }

    #[test]
    fn a_read_that_takes_long_holds_up_no_other() {
        let (_folder, store) = file(2, 20_000);
        let (go_on, rx) = mpsc::channel();
        let slow = store.read(move |snapshot| {
            rx.recv().expect("the others are done");
            one(snapshot)
        });
        let others = async {
            let quick = join_all((0..20).map(|_| store.read(one))).await;
            go_on.send(()).expect("it waits");
            quick
        };
        let (slow, quick) = run(join(slow, others));
        assert!(slow.is_ok() && quick.iter().all(Result::is_ok));
    }

    #[test]
    fn who_has_waited_too_long_is_told_that_it_is_busy() {
        let (_folder, store) = file(1, 20);
        let long = store.read(|snapshot| {
            std::thread::sleep(Duration::from_millis(60));
            one(snapshot)
        });
        let (long, late) = run(join(long, store.read(one)));
        assert!(long.is_ok());
        assert!(matches!(late, Err(StoreError::Busy)), "{late:?}");
        assert!(run(store.read(one)).is_ok(), "it is free again");
    }

    #[test]
    fn a_panic_costs_the_read_that_it_came_from_alone() {
        let (_folder, store) = file(1, 20_000);
        let broken = store.read::<(), StoreError>(|_| panic!("on purpose"));
        let (broken, other) = run(join(broken, store.read(one)));
        assert!(matches!(broken, Err(StoreError::Internal(_))), "{broken:?}");
        assert!(other.is_ok() && run(store.read(one)).is_ok());
    }

    #[test]
    fn a_read_sees_what_was_written_before_it_was_asked_for() {
        let (_folder, store) = file(1, 20_000);
        let version = |snapshot: &Snapshot| {
            let sql = "SELECT count(*) FROM secret";
            let count = snapshot.prepare(sql)?.query_row((), |row| row.get(0));
            Ok::<i64, StoreError>(count?)
        };
        // The thread goes on from the first to the second without a pause.
        let (began, begun) = mpsc::channel();
        let (go_on, rx) = mpsc::channel();
        let first = store.read(move |snapshot| {
            let count = version(snapshot);
            began.send(()).expect("somebody writes");
            rx.recv().expect("somebody asks");
            count
        });
        let second = async {
            tokio::task::yield_now().await;
            begun.recv().expect("the first has its snapshot");
            let write = store.write(session::keep_signing_secret(b"x"));
            write.await.expect("a write");
            let second = store.read(version);
            let go_on = async { go_on.send(()).expect("the first waits") };
            join(second, go_on).await.0
        };
        let (first, second) = run(join(first, second));
        assert_eq!(first.expect("a read"), 0);
        assert_eq!(second.expect("a read"), 1);
    }

    /// Two blocking threads that wait until they are let go.
    fn occupy() -> Vec<mpsc::Sender<()>> {
        let gate = || {
            let (open, gate) = mpsc::channel::<()>();
            task::spawn_blocking(move || gate.recv());
            open
        };
        vec![gate(), gate()]
    }

    #[test]
    fn a_slow_read_holds_up_none_that_waited_behind_it_while_a_connection_is_free() {
        let (_folder, store) = file(4, 5000);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(2).build().expect("a runtime");
        runtime.block_on(async {
            // Both reads wait before any thread comes for them.
            let gates = occupy();
            let (quick_is_done, quick) = mpsc::channel();
            let slow = store.read(move |_| {
                let waited = quick.recv_timeout(Duration::from_secs(10));
                Ok::<_, StoreError>(waited.is_ok())
            });
            let quick = store.read(move |_| {
                // The slow one may have given up.
                let _ = quick_is_done.send(());
                Ok::<_, StoreError>(())
            });
            let open = async { drop(gates) };
            let (slow, quick, ()) = tokio::join!(slow, quick, open);
            quick.expect("a read");
            assert!(
                slow.expect("a read"),
                "the quick one waited for the slow one"
            );
        });
    }
}
