//! The one writer: a thread that holds the only connection that writes.
//!
//! Batches that wait together are committed together (one `fsync` for all),
//! each inside a savepoint of its own, so that one that fails takes nothing
//! with it. Nobody hears of success before the commit is on the disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::change::ChangeCapture;
use super::error::StoreError;
use super::list_version::ListVersions;
use super::offset_index::OffsetIndex;
use super::open::OpenError;
use super::statement::{Batch, Outcome};

/// Batches that may wait; a further one is refused as busy.
const QUEUE: usize = 1024;
/// Batches that share one commit at most, so that none waits for long.
const GROUP: usize = 256;
/// Between the beginnings of two groups, while lists are read at the same time.
/// Each commit has every reader read its pages anew, and ends the lists that
/// are kept: five hundred a second cost them little, two thousand a third.
const APART: Duration = Duration::from_millis(2);
/// Reads for each batch that are more than the batches themselves come with.
const READ_AT_THE_SAME_TIME: u64 = 4;
/// Between two looks whether another program changed the file.
const LOOK: Duration = Duration::from_secs(1);

type Answer = Result<Vec<Outcome>, StoreError>;

enum Order {
    Run(Batch, oneshot::Sender<Answer>),
    Stop,
}

pub(super) struct Writer {
    queue: SyncSender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts it over `connection`; `offset_index` hear of every change before it is
    /// committed, `list_versions` after. `reads` counts what is read meanwhile.
    pub(super) fn start(
        connection: Connection,
        list_versions: Arc<ListVersions>,
        offset_index: Arc<OffsetIndex>,
        reads: Arc<AtomicU64>,
    ) -> Result<Self, OpenError> {
        let (queue, orders) = sync_channel(QUEUE);
        let pen = Pen::new(connection, list_versions, offset_index, reads)?;
        let thread = thread::Builder::new()
            .name("parlor-writer".to_owned())
            .spawn(move || pen.work(&orders))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(super) fn submit(&self, batch: Batch) -> Result<oneshot::Receiver<Answer>, StoreError> {
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(Order::Run(batch, reply)) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(StoreError::Closed),
        }
    }

    /// Waits until everything submitted before is done and the file is closed.
    pub(super) fn stop(&self) {
        let thread = self.thread.lock().ok().and_then(|mut place| place.take());
        let Some(thread) = thread else { return };
        // The thread may be gone already; then there is nothing to stop.
        let _ = self.queue.send(Order::Stop);
        if thread.join().is_err() {
            log::error!("the writer ended in a panic");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the thread holds.
struct Pen {
    connection: Connection,
    changes: ChangeCapture,
    list_versions: Arc<ListVersions>,
    offset_index: Arc<OffsetIndex>,
    /// What SQLite calls the state of the file as others left it, and when that
    /// was looked at.
    elsewhere: (i64, Instant),
    reads: Arc<AtomicU64>,
    last: Group,
}

/// The last group of batches.
struct Group {
    began: Instant,
    batches: u64,
    /// How many reads there had been.
    reads: u64,
}

impl Pen {
    fn new(
        connection: Connection,
        list_versions: Arc<ListVersions>,
        offset_index: Arc<OffsetIndex>,
        reads: Arc<AtomicU64>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            reads,
            last: Group {
                began: Instant::now(),
                batches: 0,
                reads: 0,
            },
            changes: ChangeCapture::start(&connection)?,
            list_versions,
            offset_index,
            elsewhere: (data_version(&connection)?, Instant::now()),
            connection,
        })
    }

    fn work(mut self, orders: &Receiver<Order>) {
        let mut running = true;
        while running {
            let first = match orders.recv_timeout(LOOK) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.look_elsewhere();
            if first.is_some() {
                self.let_others_join();
            }
            let mut group = Vec::new();
            for order in first.into_iter().chain(orders.try_iter().take(GROUP - 1)) {
                match order {
                    Order::Run(batch, reply) => group.push((batch, reply)),
                    Order::Stop => running = false,
                }
            }
            self.last = Group {
                began: Instant::now(),
                batches: group.len() as u64,
                reads: self.reads.load(Ordering::Relaxed),
            };
            self.commit_together(group);
        }
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        match self.connection.query_row(sql, (), |row| row.get(0)) {
            Ok(false) => {}
            Ok(true) => log::info!("another process uses the file; the log stays beside it"),
            Err(error) => log::warn!("the log could not be brought into the file: {error}"),
        }
    }

    /// Waits for the next group's time while lists are read, so that fewer
    /// commits hold more. Who writes alone, or after a pause, waits for nobody.
    fn let_others_join(&self) {
        let reads = self.reads.load(Ordering::Relaxed) - self.last.reads;
        let own = READ_AT_THE_SAME_TIME * (self.last.batches + 1);
        let early = APART.saturating_sub(self.last.began.elapsed());
        if reads > own && !early.is_zero() {
            thread::sleep(early);
        }
    }

    /// Once in a while: whether another program changed the file.
    fn look_elsewhere(&mut self) {
        let (before, looked) = self.elsewhere;
        if looked.elapsed() < LOOK {
            return;
        }
        // What cannot be found out may have changed.
        let now = data_version(&self.connection).unwrap_or(-1);
        if now != before {
            // A backup that was brought back begins again with versions that
            // were counted already, and may go on differently.
            self.offset_index.drop_stale(&self.connection);
            self.list_versions.invalidate_all();
        }
        self.elsewhere = (now, Instant::now());
    }

    fn commit_together(&self, group: Vec<(Batch, oneshot::Sender<Answer>)>) {
        let (batches, replies): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        if batches.is_empty() {
            return;
        }
        let answers = self
            .run_group(&batches)
            .unwrap_or_else(|error| batches.iter().map(|_| Err(error.clone())).collect());
        for (reply, answer) in replies.into_iter().zip(answers) {
            // Whoever asked may have gone; the write stands all the same.
            let _ = reply.send(answer);
        }
    }

    /// Runs a group in one transaction. An error here means that none of it stands.
    fn run_group(&self, batches: &[Batch]) -> Result<Vec<Answer>, StoreError> {
        if !self.connection.is_autocommit() {
            // The last group could not even be rolled back; this one must not join it.
            self.execute("ROLLBACK")?;
        }
        self.execute("BEGIN IMMEDIATE")?;
        let ended = self.run_batches(batches).and_then(|answers| {
            let changes = self.changes.take();
            if let Err(error) = self.offset_index.apply_changes(&self.connection, &changes) {
                log::warn!("offset index cleared, it is rebuilt on demand: {error}");
                self.offset_index.clear();
            }
            self.execute("COMMIT")?;
            self.list_versions.record(&changes);
            Ok(answers)
        });
        if ended.is_err() {
            self.changes.take();
            self.offset_index.clear();
            if !self.connection.is_autocommit() {
                self.execute("ROLLBACK")?;
            }
        }
        ended
    }

    fn run_batches(&self, batches: &[Batch]) -> Result<Vec<Answer>, StoreError> {
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            self.execute("SAVEPOINT batch")?;
            let before = self.changes.savepoint();
            let answer = run_batch(&self.connection, batch);
            if let Err(error) = &answer {
                // A full disk, say, ends the whole transaction, not the savepoint alone.
                if self.connection.is_autocommit() {
                    return Err(error.clone());
                }
                self.execute("ROLLBACK TO batch")?;
                self.changes.rollback_to(before);
            }
            self.execute("RELEASE batch")?;
            answers.push(answer);
        }
        Ok(answers)
    }

    fn execute(&self, sql: &'static str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.raw_execute()?;
        Ok(())
    }
}

fn run_batch(connection: &Connection, batch: &Batch) -> Answer {
    let outcomes = batch.0.iter().map(|statement| statement.run(connection));
    Ok(outcomes.collect::<rusqlite::Result<_>>()?)
}

/// Another number once another connection has changed the file.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("PRAGMA data_version")?
        .query_row((), |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;

    use super::*;
    use crate::domain::{ListQuery, Offset, Scope};
    use crate::store::test_db::{PROJECT, TestDb};
    use crate::store::{Snapshot, Statement, conversation, open};

    const TABLE: &str = "CREATE TABLE t (x UNIQUE, filler)";

    /// Over the tables of parlor's, and one that takes anything.
    fn pen() -> Pen {
        let connection = open::in_memory();
        connection.execute_batch(TABLE).expect("a table");
        let pen = Pen::new(connection, Arc::default(), Arc::default(), Arc::default());
        pen.expect("a writer")
    }

    fn insert(x: i64, bytes: usize) -> Batch {
        let values = [Value::Integer(x), Value::Blob(vec![1; bytes])];
        Batch::of([Statement::new("INSERT INTO t VALUES (?, ?)", values)])
    }

    fn rows(connection: &Connection) -> Vec<i64> {
        let mut all = connection.prepare("SELECT x FROM t ORDER BY x").expect("x");
        let rows = all.query_map((), |row| row.get(0)).expect("rows");
        rows.collect::<rusqlite::Result<_>>().expect("numbers")
    }

    #[test]
    fn a_batch_that_fails_takes_no_other_of_its_group_with_it() {
        let pen = pen();
        let twice = Batch([insert(2, 0).0, insert(1, 0).0].concat());
        let group = [insert(1, 0), twice, insert(3, 0)];
        let answers = pen.run_group(&group).expect("a commit");
        let fine: Vec<_> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(fine, [true, false, true]);
        // Nothing of the one that failed stands, its first statement neither.
        assert_eq!(rows(&pen.connection), [1, 3]);
    }

    #[test]
    fn a_full_disk_is_told_as_such_and_what_was_acknowledged_stands() {
        let pen = pen();
        pen.run_group(&[insert(1, 0)]).expect("a commit");
        pen.connection
            .execute_batch("PRAGMA max_page_count = 4")
            .expect("a limit");
        let answers = pen.run_group(&[insert(2, 0), insert(3, 100_000)]);
        let full = |answer: &Answer| matches!(answer, Err(StoreError::Full));
        match answers {
            Ok(answers) => {
                assert!(answers[0].is_ok() && full(&answers[1]));
                assert_eq!(rows(&pen.connection), [1, 2]);
            }
            Err(error) => {
                assert!(full(&Err(error)));
                assert_eq!(rows(&pen.connection), [1]);
            }
        }
        pen.run_group(&[insert(4, 0)])
            .expect("the next write works again");
    }

    /// Has the default order counted.
    fn count(pen: &Pen) {
        let snapshot = Snapshot::begin(&pen.connection, &pen.offset_index).expect("a snapshot");
        let scope = Scope::Project(PROJECT);
        let deep = ListQuery {
            offset: Offset::parse("1500").expect("an offset"),
            ..ListQuery::default()
        };
        let totals = conversation::totals(&snapshot, scope).expect("totals");
        conversation::page(
            &snapshot,
            scope,
            &deep,
            &totals,
            |_| Ok::<_, StoreError>(()),
        )
        .expect("a page");
    }

    #[test]
    fn counts_do_not_outlive_the_file_that_they_are_of() {
        let db = TestDb::new();
        db.insert_conversations(&mut fastrand::Rng::with_seed(12), 3000);
        let connection = open::writer(&db.file()).expect("the file");
        let mut pen =
            Pen::new(connection, Arc::default(), Arc::default(), Arc::default()).expect("a writer");
        count(&pen);
        let elsewhere = Connection::open(db.file()).expect("the file");
        let mut counted_after = |sql| {
            elsewhere.execute_batch(sql).expect(sql);
            pen.elsewhere.1 -= LOOK;
            pen.look_elsewhere();
            pen.offset_index.range_count()
        };
        assert_eq!(counted_after("UPDATE project SET name = 'another'"), 1);
        // What a backup looks like that was brought back.
        let earlier = "UPDATE project SET list_version = list_version - 10";
        assert_eq!(counted_after(earlier), 0);
    }

    #[test]
    fn groups_begin_apart_while_lists_are_read() {
        let mut pen = pen();
        pen.last.began = Instant::now();
        pen.reads.store(100, Ordering::Relaxed);
        pen.let_others_join();
        assert!(pen.last.began.elapsed() >= APART);
    }

    #[test]
    fn writes_of_many_threads_are_all_there_when_the_writer_stops() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("parlor.db");
        let connection = open::writer(&path).expect("a file");
        connection.execute_batch(TABLE).expect("a table");
        let writer = Writer::start(connection, Arc::default(), Arc::default(), Arc::default())
            .expect("a thread");
        thread::scope(|scope| {
            for first in (0..800).step_by(100) {
                let writer = &writer;
                scope.spawn(move || {
                    for x in first..first + 100 {
                        let answer = writer.submit(insert(x, 10)).expect("a place");
                        answer.blocking_recv().expect("an answer").expect("stored");
                    }
                });
            }
        });
        writer.stop();
        assert!(matches!(
            writer.submit(insert(0, 0)),
            Err(StoreError::Closed)
        ));
        let connection = Connection::open(&path).expect("the file");
        assert_eq!(rows(&connection), (0..800).collect::<Vec<_>>());
    }
}
