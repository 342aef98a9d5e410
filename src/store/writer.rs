//! The writer: a thread that holds the only connection that writes.
//!
//! Batches that wait in the queue are committed together, with one `fsync` for
//! the group. Each batch runs in a savepoint, so a batch that fails does not
//! affect the other batches of its group. A caller receives the result of a batch
//! after the commit is durable.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::batch::{Batch, BatchOutput};
use super::change_capture::ChangeCapture;
use super::commit_status::CommitStatus;
use super::error::StoreError;
use super::file_identity::FileIdentity;
use super::list_version::ListVersions;
use super::offset_index::OffsetIndex;
use super::open::OpenError;
use crate::metrics::StoreMetrics;

/// The maximum number of batches in the queue. A further batch fails as busy.
const MAX_QUEUE: usize = 1024;
/// The maximum number of batches in one commit.
const MAX_GROUP: usize = 256;
/// The time between the starts of two commits while lists are read
/// (PostgreSQL: `commit_delay`). After each commit, readers read the changed
/// pages again and cached lists become invalid. 500 commits a second cost the readers
/// little, 2,000 a third of their throughput.
const COMMIT_DELAY: Duration = Duration::from_millis(2);
/// A commit is delayed if more than this number of reads per batch ran since
/// the last commit (PostgreSQL: `commit_siblings`).
const MIN_READS_PER_BATCH: u64 = 4;
/// How long the writer waits for readers of the write-ahead log before it gives up
/// emptying the log.
const TRUNCATE_TIMEOUT: Duration = Duration::from_millis(50);
/// How often the writer checks whether another program changed the file.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

type BatchResult = Result<BatchOutput, StoreError>;

enum WriterCommand {
    Run(QueuedBatch),
    /// Runs a batch alone, without the actions of foreign keys.
    RunWithoutForeignKeys(QueuedBatch),
    TruncateWal(oneshot::Sender<Result<bool, StoreError>>),
    Shutdown,
}

/// A batch in the queue.
struct QueuedBatch {
    batch: Batch,
    tx: oneshot::Sender<BatchResult>,
    queued_at: Instant,
}

/// The commands that the writer takes out of its queue at once.
#[derive(Default)]
struct Work {
    group: Vec<QueuedBatch>,
    without_foreign_keys: Vec<QueuedBatch>,
    truncations: Vec<oneshot::Sender<Result<bool, StoreError>>>,
    is_last: bool,
}

impl Work {
    fn add(&mut self, command: WriterCommand) {
        match command {
            WriterCommand::Run(queued) => self.group.push(queued),
            WriterCommand::RunWithoutForeignKeys(queued) => {
                self.without_foreign_keys.push(queued);
            }
            WriterCommand::TruncateWal(tx) => self.truncations.push(tx),
            WriterCommand::Shutdown => self.is_last = true,
        }
    }
}

/// The handle of the writer thread.
pub(super) struct Writer {
    queue: SyncSender<WriterCommand>,
    thread: Mutex<Option<JoinHandle<()>>>,
    status: Arc<CommitStatus>,
    metrics: Arc<StoreMetrics>,
}

impl Writer {
    /// Starts the thread on `connection`. Changes are applied to
    /// `offset_index` before each commit and to `list_versions` after it.
    /// `reads` is the number of reads that were ever submitted.
    pub(super) fn start(
        connection: Connection,
        list_versions: Arc<ListVersions>,
        offset_index: Arc<OffsetIndex>,
        reads: Arc<AtomicU64>,
        metrics: Arc<StoreMetrics>,
    ) -> Result<Self, OpenError> {
        let (queue, commands) = sync_channel(MAX_QUEUE);
        let path = connection.path().unwrap_or_default().to_owned();
        let writer = WriterThread::new(
            connection,
            list_versions,
            offset_index,
            reads,
            metrics.clone(),
        )
        .map_err(|error| OpenError::from_sqlite(path.as_ref(), &error))?;
        let status = writer.status.clone();
        let thread = thread::Builder::new()
            .name("parlor-writer".to_owned())
            .spawn(move || writer.run(&commands))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
            status,
            metrics,
        })
    }

    /// The result of the last write.
    pub(super) fn status(&self) -> &CommitStatus {
        &self.status
    }

    /// Puts a batch into the queue.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if the queue is full, [`StoreError::Closed`] after
    /// [`Writer::stop`].
    pub(super) fn submit(
        &self,
        batch: Batch,
    ) -> Result<oneshot::Receiver<BatchResult>, StoreError> {
        self.enqueue(batch, WriterCommand::Run)
    }

    /// Puts a batch into the queue that runs without the actions of foreign keys.
    /// Errors as for [`Writer::submit`].
    pub(super) fn submit_without_foreign_keys(
        &self,
        batch: Batch,
    ) -> Result<oneshot::Receiver<BatchResult>, StoreError> {
        self.enqueue(batch, WriterCommand::RunWithoutForeignKeys)
    }

    fn enqueue(
        &self,
        batch: Batch,
        command: impl FnOnce(QueuedBatch) -> WriterCommand,
    ) -> Result<oneshot::Receiver<BatchResult>, StoreError> {
        let (tx, rx) = oneshot::channel();
        self.send(command(QueuedBatch {
            batch,
            tx,
            queued_at: Instant::now(),
        }))?;
        Ok(rx)
    }

    /// Moves the write-ahead log into the file and empties it. The result is false if
    /// a reader still uses the log. Errors as for [`Writer::submit`].
    pub(super) fn truncate_wal(
        &self,
    ) -> Result<oneshot::Receiver<Result<bool, StoreError>>, StoreError> {
        let (tx, rx) = oneshot::channel();
        self.send(WriterCommand::TruncateWal(tx))?;
        Ok(rx)
    }

    fn send(&self, command: WriterCommand) -> Result<(), StoreError> {
        self.metrics.add_to_queue(1);
        self.queue.try_send(command).map_err(|error| {
            self.metrics.add_to_queue(-1);
            match error {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => StoreError::Closed,
            }
        })
    }

    /// Waits until the submitted batches are finished and the file is closed.
    pub(super) fn stop(&self) {
        let thread = self.thread.lock().ok().and_then(|mut slot| slot.take());
        let Some(thread) = thread else { return };
        // An error means that the thread has ended already.
        let _ = self.queue.send(WriterCommand::Shutdown);
        if thread.join().is_err() {
            log::error!("the writer thread panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Moves the write-ahead log into the file and empties it. Returns false if another
/// connection still uses the log after the busy timeout.
pub(super) fn empty_wal(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(sql, (), |row| row.get(0).map(|is_busy: bool| !is_busy))
}

/// The state of the thread.
struct WriterThread {
    connection: Connection,
    /// Whether the connection runs the actions of foreign keys.
    has_foreign_keys: Cell<bool>,
    /// The changes of the open transaction.
    changes: ChangeCapture,
    list_versions: Arc<ListVersions>,
    offset_index: Arc<OffsetIndex>,
    external: ExternalChanges,
    file: FileIdentity,
    reads: Arc<AtomicU64>,
    last_group: CommitGroup,
    status: Arc<CommitStatus>,
    metrics: Arc<StoreMetrics>,
}

/// The state of the check for changes by other programs.
struct ExternalChanges {
    /// SQLite's `data_version`: another number after another connection wrote.
    data_version: i64,
    polled_at: Instant,
}

/// The batches of one commit.
struct CommitGroup {
    started_at: Instant,
    batches: u64,
    /// The number of reads that were submitted before the group.
    reads: u64,
}

impl WriterThread {
    fn new(
        connection: Connection,
        list_versions: Arc<ListVersions>,
        offset_index: Arc<OffsetIndex>,
        reads: Arc<AtomicU64>,
        metrics: Arc<StoreMetrics>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            metrics,
            reads,
            last_group: CommitGroup {
                started_at: Instant::now(),
                batches: 0,
                reads: 0,
            },
            status: Arc::default(),
            changes: ChangeCapture::start(&connection)?,
            list_versions,
            offset_index,
            external: ExternalChanges {
                data_version: data_version(&connection)?,
                polled_at: Instant::now(),
            },
            // After the first read, which creates the side files.
            file: FileIdentity::of(&connection),
            has_foreign_keys: Cell::new(true),
            connection,
        })
    }

    fn run(mut self, commands: &Receiver<WriterCommand>) {
        let mut is_running = true;
        while is_running {
            let first = match commands.recv_timeout(POLL_INTERVAL) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.poll_external_changes();
            if first.is_some() {
                self.delay_commit();
            }
            let mut work = Work::default();
            let waiting = commands.try_iter().take(MAX_GROUP - 1);
            for command in first.into_iter().chain(waiting) {
                if !matches!(command, WriterCommand::Shutdown) {
                    self.metrics.add_to_queue(-1);
                }
                work.add(command);
            }
            is_running = !work.is_last;
            self.last_group = CommitGroup {
                started_at: Instant::now(),
                batches: work.group.len() as u64,
                reads: self.reads.load(Ordering::Relaxed),
            };
            self.finish(work);
        }
        self.checkpoint();
    }

    fn finish(&self, work: Work) {
        self.commit_and_reply(work.group, |batches| self.commit_with_foreign_keys(batches));
        for queued in work.without_foreign_keys {
            self.commit_and_reply(vec![queued], |batches| {
                self.commit_without_foreign_keys(batches)
            });
        }
        // An error of `send` means that the caller does not wait for the result.
        for tx in work.truncations {
            let _ = tx.send(self.truncate_wal());
        }
    }

    /// Commits a batch without the actions of foreign keys, which would delete the
    /// messages of a deleted conversation in the same transaction. The triggers of the
    /// file run. SQLite changes the setting only outside of a transaction.
    fn commit_without_foreign_keys(
        &self,
        batches: &[Batch],
    ) -> Result<Vec<BatchResult>, StoreError> {
        self.set_foreign_keys(false)?;
        let result = self.commit_group(batches);
        if let Err(error) = self.set_foreign_keys(true) {
            log::warn!("foreign keys stay off until the next write: {error}");
        }
        result
    }

    /// Commits a group with the actions of foreign keys, also if the end of
    /// [`Self::commit_without_foreign_keys`] failed.
    fn commit_with_foreign_keys(&self, batches: &[Batch]) -> Result<Vec<BatchResult>, StoreError> {
        if !self.has_foreign_keys.get() {
            self.set_foreign_keys(true)?;
        }
        self.commit_group(batches)
    }

    /// The setting has no effect within a transaction, so an open one is rolled back.
    fn set_foreign_keys(&self, is_on: bool) -> Result<(), StoreError> {
        self.roll_back_open_transaction()?;
        // Unknown until the statement has succeeded.
        self.has_foreign_keys.set(false);
        self.connection.pragma_update(None, "foreign_keys", is_on)?;
        self.has_foreign_keys.set(is_on);
        Ok(())
    }

    fn roll_back_open_transaction(&self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.execute("ROLLBACK")
    }

    /// Moves the write-ahead log into the file and empties it. Returns false if a
    /// reader uses the log for longer than [`TRUNCATE_TIMEOUT`].
    fn truncate_wal(&self) -> Result<bool, StoreError> {
        self.file.check()?;
        let busy_timeout = self
            .connection
            .pragma_query_value(None, "busy_timeout", |row| row.get::<_, u32>(0))?;
        self.connection.busy_timeout(TRUNCATE_TIMEOUT)?;
        let is_empty = empty_wal(&self.connection);
        let busy_timeout = Duration::from_millis(busy_timeout.into());
        self.connection.busy_timeout(busy_timeout)?;
        Ok(is_empty?)
    }

    /// Moves the write-ahead log into the file.
    fn checkpoint(&self) {
        match empty_wal(&self.connection) {
            Ok(true) => {}
            Ok(false) => log::info!("another process uses the file; its -wal file stays"),
            Err(error) => log::warn!("cannot move the write-ahead log into the file: {error}"),
        }
    }

    /// Waits for more batches while lists are read. A caller who writes while
    /// nothing is read, or after a pause, does not wait.
    fn delay_commit(&self) {
        let reads = self.reads.load(Ordering::Relaxed) - self.last_group.reads;
        // The request of a batch reads, too.
        let own_reads = MIN_READS_PER_BATCH * (self.last_group.batches + 1);
        let delay = COMMIT_DELAY.saturating_sub(self.last_group.started_at.elapsed());
        if reads > own_reads && !delay.is_zero() {
            thread::sleep(delay);
        }
    }

    /// Checks once per [`POLL_INTERVAL`] whether another program changed the
    /// file. If it did, or if the check fails, the data in memory is dropped.
    fn poll_external_changes(&mut self) {
        if self.external.polled_at.elapsed() < POLL_INTERVAL {
            return;
        }
        self.file.log_changes();
        let data_version = data_version(&self.connection).unwrap_or(-1);
        if data_version != self.external.data_version {
            // A restored backup repeats list versions with other content.
            self.offset_index.drop_stale(&self.connection);
            self.list_versions.invalidate_all();
        }
        self.external = ExternalChanges {
            data_version,
            polled_at: Instant::now(),
        };
    }

    /// Runs `commit` on the batches, records the result and sends it to the callers.
    fn commit_and_reply(
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

    /// Runs a group in one transaction. An error means that nothing of the
    /// group is stored.
    fn commit_group(&self, batches: &[Batch]) -> Result<Vec<BatchResult>, StoreError> {
        self.file.check()?;
        // The rollback of the last group may have failed.
        self.roll_back_open_transaction()?;
        self.execute("BEGIN IMMEDIATE")?;
        let result = self.run_batches(batches).and_then(|results| {
            let changes = self.changes.take();
            if let Err(error) = self.offset_index.apply_changes(&self.connection, &changes) {
                log::warn!("the offset index is dropped and built again on demand: {error}");
                self.offset_index.clear();
            }
            self.commit()?;
            self.list_versions.record(&changes);
            // The file may have been deleted during the commit. The commit counts if the
            // file is moved back.
            let check = self.file.check();
            check.map_err(|error| StoreError::Unknown(error.to_string()))?;
            Ok(results)
        });
        if result.is_err() {
            self.changes.take();
            self.offset_index.clear();
            self.roll_back_open_transaction()?;
        }
        result
    }

    fn commit(&self) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached("COMMIT")?;
        let Err(error) = statement.raw_execute() else {
            return Ok(());
        };
        if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            // The commit record may have reached the disk.
            return Err(StoreError::Unknown(error.to_string()));
        }
        Err(error.into())
    }

    fn run_batches(&self, batches: &[Batch]) -> Result<Vec<BatchResult>, StoreError> {
        let mut results = Vec::with_capacity(batches.len());
        for batch in batches {
            self.execute("SAVEPOINT batch")?;
            let savepoint = self.changes.savepoint();
            let result = batch.run_on(&self.connection);
            if let Err(error) = &result {
                // After some errors, such as a full disk, SQLite has rolled
                // back the whole transaction.
                if self.connection.is_autocommit() {
                    return Err(error.clone());
                }
                self.execute("ROLLBACK TO batch")?;
                self.changes.rollback_to(savepoint);
            }
            self.execute("RELEASE batch")?;
            results.push(result);
        }
        Ok(results)
    }

    fn execute(&self, sql: &'static str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.raw_execute()?;
        Ok(())
    }
}

/// A number that changes when another connection changes the file.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("PRAGMA data_version")?
        .query_row((), |row| row.get(0))
}

#[cfg(test)]
mod tests;
