//! The writer: a thread that holds the only connection that writes.
//!
//! Batches that wait in the queue are committed together, with one `fsync` for
//! the group. Each batch runs in a savepoint, so a batch that fails does not
//! affect the other batches of its group. A caller receives the result of a batch
//! after the commit is durable.

mod commit;
mod commit_record;
mod thread;
mod wal;

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::batch::{Batch, BatchOutput};
use super::commit_observer::ObserverSlot;
use super::commit_status::CommitStatus;
use super::error::StoreError;
use super::list_version::ListVersions;
use super::offset_index::OffsetIndex;
use super::open::OpenError;
use crate::metrics::StoreMetrics;
pub(super) use commit_record::CommitRecord;
use thread::MAX_GROUP;
pub(super) use thread::Work;
use thread::WriterThread;
pub(super) use wal::empty_wal;

/// The maximum number of batches in the queue. A further batch fails as busy.
const MAX_QUEUE: usize = 1024;

pub(super) type BatchResult = Result<BatchOutput, StoreError>;

/// What the writer thread is asked to do.
pub(super) enum WriterCommand {
    Run(QueuedBatch),
    /// Runs a batch alone, without the actions of foreign keys.
    RunWithoutForeignKeys(QueuedBatch),
    TruncateWal(oneshot::Sender<Result<bool, StoreError>>),
    Shutdown,
}

/// A batch in the queue.
pub(super) struct QueuedBatch {
    pub batch: Batch,
    pub tx: oneshot::Sender<BatchResult>,
    pub queued_at: Instant,
}

/// The handle of the writer thread.
pub(super) struct Writer {
    queue: SyncSender<WriterCommand>,
    thread: Mutex<Option<JoinHandle<()>>>,
    record: CommitRecord,
}

impl Writer {
    /// Starts the thread on `connection`. Changes are applied to
    /// `offset_index` before each commit, to `list_versions` after it, and then reported
    /// to `observer`.
    /// `reads` is the number of reads that were ever submitted.
    pub(super) fn start(
        connection: Connection,
        list_versions: Arc<ListVersions>,
        offset_index: Arc<OffsetIndex>,
        observer: ObserverSlot,
        reads: Arc<AtomicU64>,
        metrics: Arc<StoreMetrics>,
    ) -> Result<Self, OpenError> {
        let path = connection.path().unwrap_or_default().to_owned();
        let writer = WriterThread::new(
            connection,
            list_versions,
            offset_index,
            observer,
            reads,
            metrics,
        )
        .map_err(|error| OpenError::from_sqlite(path.as_ref(), &error))?;
        let record = writer.record.clone();
        Ok(Self::spawn(record, |commands| {
            writer.run(&commands);
        })?)
    }

    /// Starts a thread that runs `run` with the receiver of the queue, until a
    /// [`WriterCommand::Shutdown`].
    pub(super) fn spawn(
        record: CommitRecord,
        run: impl FnOnce(Receiver<WriterCommand>) + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, commands) = sync_channel(MAX_QUEUE);
        let thread = std::thread::Builder::new()
            .name("parlor-writer".to_owned())
            .spawn(move || run(commands))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
            record,
        })
    }

    /// The result of the last write.
    pub(super) fn status(&self) -> &CommitStatus {
        &self.record.status
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
        self.record.metrics.add_to_queue(1);
        self.queue.try_send(command).map_err(|error| {
            self.record.metrics.add_to_queue(-1);
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

#[cfg(test)]
mod tests;
