//! The SQLite file: the only place with SQL.
//!
//! One connection writes, on a thread of its own (`writer`); a pool of
//! read-only ones reads ([`Store::read`]). What is to be run is data, a
//! [`Statement`] or a [`Batch`] of them, apart from what runs it.

pub mod agent;
pub mod assistant;
#[doc(hidden)]
pub mod bench_api;
pub mod bulk_load;
mod change;
pub mod conversation;
pub mod document;
mod error;
pub mod idempotency;
pub mod key;
mod list_composer;
pub mod list_version;
pub mod message;
mod offset_index;
mod open;
mod options;
pub mod passage;
pub mod project;
pub mod qna;
#[cfg(test)]
mod query_cost_tests;
mod readers;
pub mod session;
mod snapshot;
mod statement;
#[cfg(test)]
mod test_db;
pub mod turn;
pub mod visitor;
pub mod websearch;
mod widget_config;
mod writer;

use std::path::Path;
use std::sync::Arc;

pub use error::{StoreError, Taken};
pub use list_version::ListVersion;
pub use open::{OpenError, is_parlor_file};
pub use options::Options;
pub use snapshot::Snapshot;
pub use statement::{Batch, Outcome, Statement, any_change};

use list_version::ListVersions;
use offset_index::OffsetIndex;
use readers::Readers;
use writer::Writer;

use crate::domain::Scope;

/// An open file. When it is dropped, what was submitted is finished and the
/// whole log is brought into the file.
pub struct Store {
    // Before the writer: whoever closes last tidies up, and only it can.
    readers: Arc<Readers>,
    writer: Writer,
    list_versions: Arc<ListVersions>,
    offset_index: Arc<OffsetIndex>,
}

impl Store {
    /// Opens `path`, making the file and its tables where there are none.
    ///
    /// # Errors
    /// A file of another program or of a newer parlor is refused before
    /// anything of it is touched.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let connection = open::writer(path)?;
        let (list_versions, offset_index) = (
            Arc::<ListVersions>::default(),
            Arc::<OffsetIndex>::default(),
        );
        let reads = Arc::default();
        let writer = Writer::start(
            connection,
            list_versions.clone(),
            offset_index.clone(),
            Arc::clone(&reads),
        );
        Ok(Self {
            writer: writer?,
            list_versions,
            readers: Readers::new(
                open::readers(path, options)?,
                offset_index.clone(),
                reads,
                options.patience,
            ),
            offset_index,
        })
    }

    /// Runs `work` on a blocking thread, over one snapshot of the file.
    ///
    /// # Errors
    /// What `work` gives, or [`StoreError::Busy`] when no connection was free in
    /// time.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.readers.read(work).await
    }

    /// The same on this thread, for commands that have nothing else to do.
    pub fn read_here<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E>,
    ) -> Result<T, E> {
        self.readers.read_here(work)
    }

    /// How far the writes have come. A read that begins later sees them.
    pub fn list_version(&self) -> ListVersion {
        self.list_versions.current()
    }

    /// Whether nothing in the list of conversations of that scope, their
    /// messages included, has changed since. What another program does to the
    /// file counts within a second.
    pub fn is_unchanged(&self, scope: Scope, since: ListVersion) -> bool {
        self.list_versions.is_unchanged(scope, since)
    }

    /// Runs `batch` whole or not at all; returns once it is on the disk, with
    /// what each of its statements did.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait already, [`StoreError::Full`] when the
    /// disk is, [`StoreError::Closed`] at the end, [`StoreError::Taken`] where a batch
    /// says so.
    pub async fn write(&self, batch: Batch) -> Result<Vec<Outcome>, StoreError> {
        self.submit(batch).await
    }

    /// The same, in the queue already when this returns, and done whether or not
    /// anybody waits for what comes back.
    pub fn submit(
        &self,
        batch: Batch,
    ) -> impl Future<Output = Result<Vec<Outcome>, StoreError>> + Send + use<> {
        let answer = self.writer.submit(batch);
        async { answer?.await.unwrap_or(Err(StoreError::Closed)) }
    }

    /// The same on this thread, for commands that have nothing else to do.
    pub fn write_here(&self, batch: Batch) -> Result<Vec<Outcome>, StoreError> {
        let answer = self.writer.submit(batch)?;
        answer.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Forgets what is kept in memory of the orders of lists that nobody has
    /// gone deep into since this was last called.
    pub fn evict_unused_sort_ranges(&self) {
        self.offset_index.evict_unused();
    }

    /// Does what a drop does, now, where others may still hold it. Later writes
    /// are refused.
    pub fn close(&self) {
        self.writer.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_reader_that_finds_no_connection_in_time_is_told_that_it_is_busy() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options {
            readers: 1,
            patience: Duration::from_millis(20),
        };
        let store = Store::open(&folder.path().join("parlor.db"), &options).expect("a file");
        let inner = store.read_here(|_| Ok::<_, StoreError>(store.read_here(project::first)));
        let inner = inner.expect("the only connection");
        assert!(matches!(inner, Err(StoreError::Busy)), "{inner:?}");
        assert!(store.read_here(project::first).is_ok(), "it is free again");
    }

    #[test]
    fn a_snapshot_sees_nothing_of_what_is_written_after_it_began() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("parlor.db");
        let store = Store::open(&file, &Options::default()).expect("a file");
        let before = store.read_here(|snapshot| {
            assert_eq!(project::first(snapshot)?, None);
            let (seq, id, assistant) = (
                crate::domain::ProjectSeq::FIRST,
                crate::domain::ProjectId::generate(),
                crate::domain::AssistantId::generate(),
            );
            let at = crate::domain::Timestamp(0);
            store.write_here(project::create(seq, id, assistant, "x", at))?;
            project::first(snapshot)
        });
        assert_eq!(before.expect("a read"), None);
        assert!(store.read_here(project::first).expect("a read").is_some());
    }
}
