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

use super::rank::Ranks;
use super::{DbError, Snapshot};

pub(super) struct Readers {
    pub(super) pool: Pool<SqliteConnectionManager>,
    queue: Mutex<Queue>,
    ranks: Arc<Ranks>,
    /// How many there have been; the writer looks at it.
    reads: Arc<AtomicU64>,
    patience: Duration,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Read>,
    /// Reads that ever joined.
    joined: u64,
    /// Threads that take from it,
    threads: u32,
    /// and those of them that have not begun yet.
    coming: usize,
}

struct Read {
    /// Its place among all that ever joined.
    number: u64,
    deadline: Instant,
    work: Work,
}

type Work = Box<dyn FnOnce(Result<&Snapshot, DbError>) + Send>;

/// For so many reads that wait, one thread that is coming is enough.
const SHARE: usize = 32;

impl Readers {
    pub fn new(
        pool: Pool<SqliteConnectionManager>,
        ranks: Arc<Ranks>,
        reads: Arc<AtomicU64>,
        patience: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            pool,
            queue: Mutex::default(),
            ranks,
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
        E: From<DbError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        self.join(Box::new(move |snapshot| {
            // Whoever asked may have gone.
            if !tell.is_closed() {
                let _ = tell.send(snapshot.map_err(E::from).and_then(work));
            }
        }));
        told.await.unwrap_or_else(|_| {
            Err(DbError::Internal("a read ended without a result".to_owned()).into())
        })
    }

    /// The same on this thread.
    pub fn read_here<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.pool.get_timeout(self.patience);
        let connection = connection.map_err(|_| DbError::Busy)?;
        let snapshot = Snapshot::begin(&connection, &self.ranks)?;
        work(&snapshot)
    }

    fn join(self: &Arc<Self>, work: Work) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let mut queue = self.queue();
        queue.joined += 1;
        let read = Read {
            number: queue.joined,
            deadline: Instant::now() + self.patience,
            work,
        };
        queue.waiting.push_back(read);
        if queue.waiting.len() > queue.coming * SHARE {
            self.call(queue);
        }
    }

    /// Calls another thread, if a connection is left for it.
    fn call(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>) {
        if queue.threads == self.pool.max_size() {
            return;
        }
        queue.threads += 1;
        queue.coming += 1;
        drop(queue);
        let called = Called(Some(self.clone()));
        task::spawn_blocking(move || called.begin());
    }

    /// Does what waits until nothing does.
    fn work(self: &Arc<Self>) {
        let connection = self.pool.get_timeout(self.patience);
        let mut queue = self.queue();
        queue.coming -= 1;
        // The first that waits may be a slow one, the rest must not wait for it.
        match queue.coming == 0 && queue.waiting.len() > 1 {
            true => self.call(queue),
            false => drop(queue),
        }
        match connection {
            Ok(connection) => self.work_on(&connection),
            Err(_) => self.refuse(&DbError::Busy),
        }
    }

    /// Answers whatever waits with an error.
    fn refuse(&self, error: &DbError) {
        while let Some((read, _)) = self.take() {
            (read.work)(Err(error.clone()));
        }
    }

    fn work_on(&self, connection: &Connection) {
        let mut shared: Option<(Snapshot, u64)> = None;
        while let Some((read, joined)) = self.take() {
            if Instant::now() > read.deadline {
                (read.work)(Err(DbError::Busy));
                continue;
            }
            let of_before = |(_, joined): &(_, u64)| read.number > *joined;
            // SQLite may have ended the transaction itself after an error.
            if connection.is_autocommit() || shared.as_ref().is_some_and(of_before) {
                // The old one ends before the new one begins.
                drop(shared.take());
                match Snapshot::begin(connection, &self.ranks) {
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
    fn take(&self) -> Option<(Read, u64)> {
        let mut queue = self.queue();
        let read = queue.waiting.pop_front();
        if read.is_none() {
            queue.threads -= 1;
        }
        Some((read?, queue.joined))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that was called and has not begun.
struct Called(Option<Arc<Readers>>);

impl Called {
    fn begin(mut self) {
        if let Some(readers) = self.0.take() {
            readers.work();
        }
    }
}

/// It never begins where its runtime ends first.
impl Drop for Called {
    fn drop(&mut self) {
        if let Some(readers) = &self.0 {
            readers.queue().coming -= 1;
            readers.refuse(&DbError::Closed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::db::desk::Desk;

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
        let desk = Desk::new();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(2).build().expect("a runtime");
        runtime.block_on(async {
            // Both reads wait before any thread comes for them.
            let gates = occupy();
            let (quick_is_done, quick) = mpsc::channel();
            let slow = desk.db.read(move |_| {
                let waited = quick.recv_timeout(Duration::from_secs(10));
                Ok::<_, DbError>(waited.is_ok())
            });
            let quick = desk.db.read(move |_| {
                // The slow one may have given up.
                let _ = quick_is_done.send(());
                Ok::<_, DbError>(())
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
