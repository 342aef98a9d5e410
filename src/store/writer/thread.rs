//! The thread: takes commands out of the queue and runs them, and looks for changes by
//! other programs in between.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{CommitRecord, QueuedBatch, WriterCommand};
use crate::metrics::StoreMetrics;
use crate::store::change_capture::ChangeCapture;
use crate::store::commit_observer::ObserverSlot;
use crate::store::error::StoreError;
use crate::store::file_identity::FileIdentity;
use crate::store::list_version::ListVersions;
use crate::store::offset_index::OffsetIndex;

/// The maximum number of batches in one commit.
pub(in crate::store) const MAX_GROUP: usize = 256;
/// The time between the starts of two commits while lists are read
/// (PostgreSQL: `commit_delay`). After each commit, readers read the changed
/// pages again and cached lists become invalid. 500 commits a second cost the readers
/// little, 2,000 a third of their throughput.
pub(super) const COMMIT_DELAY: Duration = Duration::from_millis(2);
/// A commit is delayed if more than this number of reads per batch ran since
/// the last commit (PostgreSQL: `commit_siblings`).
const MIN_READS_PER_BATCH: u64 = 4;
/// How often the writer checks whether another program changed the file.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The commands that the writer takes out of its queue at once.
#[derive(Default)]
pub(in crate::store) struct Work {
    pub group: Vec<QueuedBatch>,
    pub without_foreign_keys: Vec<QueuedBatch>,
    pub truncations: Vec<oneshot::Sender<Result<bool, StoreError>>>,
    pub is_last: bool,
}

impl Work {
    pub fn add(&mut self, command: WriterCommand) {
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

/// The state of the thread.
pub(super) struct WriterThread {
    pub(super) connection: Connection,
    /// Whether the connection runs the actions of foreign keys.
    pub(super) has_foreign_keys: Cell<bool>,
    /// The changes of the open transaction.
    pub(super) changes: ChangeCapture,
    pub(super) list_versions: Arc<ListVersions>,
    pub(super) offset_index: Arc<OffsetIndex>,
    pub(super) observer: ObserverSlot,
    pub(super) external: ExternalChanges,
    pub(super) file: FileIdentity,
    pub(super) reads: Arc<AtomicU64>,
    pub(super) last_group: CommitGroup,
    pub(super) record: CommitRecord,
}

/// The state of the check for changes by other programs.
pub(super) struct ExternalChanges {
    /// SQLite's `data_version`: another number after another connection wrote.
    pub(super) data_version: i64,
    pub(super) polled_at: Instant,
}

/// The batches of one commit.
pub(super) struct CommitGroup {
    pub(super) started_at: Instant,
    pub(super) batches: u64,
    /// The number of reads that were submitted before the group.
    pub(super) reads: u64,
}

impl WriterThread {
    pub(super) fn new(
        connection: Connection,
        list_versions: Arc<ListVersions>,
        offset_index: Arc<OffsetIndex>,
        observer: ObserverSlot,
        reads: Arc<AtomicU64>,
        metrics: Arc<StoreMetrics>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            reads,
            last_group: CommitGroup {
                started_at: Instant::now(),
                batches: 0,
                reads: 0,
            },
            record: CommitRecord::new(metrics),
            changes: ChangeCapture::start(&connection)?,
            list_versions,
            offset_index,
            observer,
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

    pub(super) fn run(mut self, commands: &Receiver<WriterCommand>) {
        let mut is_running = true;
        while is_running {
            // Commands do not postpone the next check.
            let until_poll = POLL_INTERVAL.saturating_sub(self.external.polled_at.elapsed());
            let first = match commands.recv_timeout(until_poll) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            self.poll_external_changes();
            if first.is_some() {
                self.delay_commit();
            }
            let work = self.record.collect(first, commands);
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

    /// Waits for more batches while lists are read. A caller who writes while
    /// nothing is read, or after a pause, does not wait.
    pub(super) fn delay_commit(&self) {
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
    pub(super) fn poll_external_changes(&mut self) {
        if self.external.polled_at.elapsed() < POLL_INTERVAL {
            return;
        }
        self.file.log_changes();
        let data_version = data_version(&self.connection).unwrap_or(-1);
        if data_version != self.external.data_version {
            // A restored backup repeats list versions with other content.
            self.offset_index.drop_stale(&self.connection);
            self.list_versions.invalidate_all();
            if let Some(observer) = self.observer.get() {
                observer.changed_externally();
            }
        }
        self.external = ExternalChanges {
            data_version,
            polled_at: Instant::now(),
        };
    }
}

/// A number that changes when another connection changes the file.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("PRAGMA data_version")?
        .query_row((), |row| row.get(0))
}
