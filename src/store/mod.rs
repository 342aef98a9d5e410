//! The store: one SQLite file, or a PostgreSQL database. The only place with SQL.
//!
//! One connection writes, on a thread of its own (`writer`). A pool of
//! read-only connections reads ([`Store::read`]). The files named after nouns
//! (conversation, message, …) hold the statements: a read is a function of a
//! [`Snapshot`], a write is a function that returns a [`Batch`].

#[macro_use]
mod statement_text;
pub mod agent;
pub mod agent_account;
pub mod agent_session;
pub mod answer;
pub mod assistant;
pub mod backup;
mod batch;
#[doc(hidden)]
pub mod bench_api;
pub mod bulk_load;
mod business_hours;
mod change_capture;
mod changes;
mod check;
mod commit_observer;
mod commit_status;
pub mod conversation;
mod conversation_rows;
pub mod conversation_state;
pub mod conversation_walk;
mod database_lock;
pub mod document;
pub mod embedding;
mod engine;
#[cfg(test)]
mod engine_comparison_tests;
pub mod erasure;
mod error;
pub mod export;
mod file_identity;
mod file_lock;
#[doc(hidden)]
pub mod fuzz_api;
pub mod idempotency;
pub mod import;
pub mod key;
pub mod lease;
mod list_composer;
pub mod list_version;
pub mod live_event;
mod location;
pub mod message;
mod message_search;
mod not_waiting;
pub mod note;
pub mod notification;
mod offset_index;
mod open;
mod options;
pub mod outbox;
pub mod passage;
mod postgres;
pub mod project;
pub mod project_removal;
pub mod qna;
mod query;
#[cfg(test)]
mod query_cost_tests;
mod reader_pool;
mod readers;
mod rejection;
pub mod saved_reply;
#[cfg(test)]
mod schema_comparison_tests;
pub mod search_index;
pub mod search_merge;
mod search_queue;
mod server_lock;
pub mod session;
pub mod sign_in_link;
mod snapshot;
pub mod source;
mod source_lock;
mod sql;
pub mod statistics;
mod task_lock;
#[cfg(test)]
mod test_db;
#[cfg(test)]
mod test_pages;
mod totals;
pub mod unanswered;
mod unindexed;
mod upgrade;
pub mod usage;
pub mod visitor;
pub mod waiting;
pub mod websearch;
pub mod widget_config;
mod writer;

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

pub use batch::{Batch, BatchOutput};
pub use changes::{
    AgentChange, Changes, ContentChange, ConversationUpdate, ListChange, ListedConversation,
    MessageUpdate,
};
pub use check::{CheckedFile, Faults, objects};
pub use commit_observer::CommitObserver;
pub use commit_status::LastCommit;
pub use database_lock::check_name_of_server;
pub use erasure::{Deleted, DeletedConversation, Deletion};
pub use error::StoreError;
pub use list_version::ListVersion;
pub use location::StoreLocation;
pub use open::{NewFile, OpenError, folder_of, is_parlor_file, resolve, with_suffix};
pub use options::Options;
pub use postgres::{AddressError, CheckedDatabase, ConnectError, PostgresAddress, SchemaError};
pub use readers::ReaderState;
pub use rejection::Rejection;
pub use server_lock::{LockError, ServerLock};
pub use snapshot::Snapshot;
pub use source_lock::SourceLock;
pub use sql::{Sql, Value};
pub use task_lock::TaskLock;

use commit_observer::ObserverSlot;
use engine::Engine;
use postgres::{Connection, PostgresSnapshot, Purpose};
use readers::Readers;
use search_queue::SearchQueue;
use writer::Writer;

use crate::domain::Scope;
use crate::metrics::StoreMetrics;

/// An open file or database. Dropping the store finishes the submitted batches and moves
/// the write-ahead log into the file.
pub struct Store {
    // Fields are dropped in order. The writer closes last, because only the
    // writer can checkpoint the write-ahead log.
    readers: Readers,
    searches: SearchQueue,
    /// Held while the process merges the search index.
    merging: Arc<Mutex<()>>,
    writer: Writer,
    engine: Engine,
    observer: ObserverSlot,
    metrics: Arc<StoreMetrics>,
}

/// The permission to merge the search index, until it is dropped.
pub struct MergePermit(
    #[expect(dead_code, reason = "unlocks when it is dropped")] OwnedMutexGuard<()>,
);

impl Store {
    pub fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }

    /// The connections that read, and the reads that wait for one.
    pub fn reader_state(&self) -> ReaderState {
        self.readers.state(&self.metrics)
    }

    /// Reports all later commits to `observer`. A store has one observer.
    pub fn set_observer(&self, observer: Arc<dyn CommitObserver>) {
        self.observer.set(observer);
    }

    /// Reports changes from [`outbox`] to the observer.
    pub fn report_changes(&self, changes: &Changes) {
        if let Some(observer) = self.observer.get() {
            observer.committed(changes);
        }
    }

    /// Tells the observer that changes are missing.
    pub fn report_lost_changes(&self) {
        if let Some(observer) = self.observer.get() {
            observer.changed_externally();
        }
    }

    /// Runs `work` on a reader thread, with one snapshot of the file.
    ///
    /// # Errors
    /// The errors of `work`, or [`StoreError::Busy`] if no connection was free
    /// in time.
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

    /// Runs a read whose cost grows with the number of matches, apart from the other
    /// reads. Dropping the future interrupts it.
    ///
    /// # Errors
    /// The errors of `work`; [`StoreError::TooSlow`] after two seconds.
    pub async fn search<T, E>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.searches.run(work).await
    }

    /// Whether this process keeps the search index of messages up to date.
    pub fn has_search_index(&self) -> bool {
        self.searches.has_index()
    }

    pub fn set_has_search_index(&self, has_index: bool) {
        self.searches.set_has_index(has_index);
    }

    /// Adds the next texts to the search index of PostgreSQL, and returns how many changes
    /// of texts the index has now; 0 if there are no more, or another node is adding them.
    /// `None` on SQLite, which has an index in the file ([`search_index`]).
    ///
    /// # Errors
    /// [`StoreError::Busy`] without a connection to the server.
    pub async fn index_texts(&self) -> Result<Option<u64>, StoreError> {
        let Engine::Postgres { text_indexer, .. } = &self.engine else {
            return Ok(None);
        };
        let indexer = text_indexer.clone();
        let step = tokio::task::spawn_blocking(move || indexer.step());
        let count = step.await.map_err(|_| StoreError::Busy)??;
        Ok(Some(count))
    }

    /// Waits until no other task of the process merges the search index.
    pub async fn merge_permit(&self) -> MergePermit {
        MergePermit(self.merging.clone().lock_owned().await)
    }

    /// [`Self::merge_permit`] without waiting.
    pub fn try_merge_permit(&self) -> Option<MergePermit> {
        self.merging.clone().try_lock_owned().ok().map(MergePermit)
    }

    /// [`Store::read`] on this thread, for the commands of the command line.
    pub fn read_blocking<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E>,
    ) -> Result<T, E> {
        self.readers.read_blocking(work)
    }

    /// [`Self::read_blocking`] for a read that may take long, such as an export. PostgreSQL
    /// does not limit its time.
    ///
    /// # Errors
    /// The errors of `work`, or that of the connection.
    pub fn read_long<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Snapshot) -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(address) = self.address() else {
            return self.read_blocking(work);
        };
        let connection = Connection::open_for(address, Purpose::LongRead);
        let connection = connection.map_err(|error| StoreError::Internal(error.to_string()))?;
        work(&Snapshot::of_postgres(PostgresSnapshot::new(&connection)))
    }

    /// The version of the conversations of a scope and their messages. A list that was read
    /// after the version was returned is current while the version is the same. Changes by
    /// other programs are noticed within a second.
    ///
    /// # Errors
    /// On PostgreSQL those of a query, which is rejected if the scope does not exist.
    pub async fn list_version(&self, scope: Scope) -> Result<ListVersion, StoreError> {
        match &self.engine {
            Engine::Sqlite { list_versions, .. } => Ok(list_versions.of(scope)),
            Engine::Postgres { versions, .. } => versions.version(scope).await,
        }
    }

    /// A number that changes after another process has written to the file. It is always 0
    /// on PostgreSQL, where the changes of other nodes are events.
    pub fn last_external_change(&self) -> u64 {
        match &self.engine {
            Engine::Sqlite { list_versions, .. } => list_versions.last_external_change(),
            Engine::Postgres { .. } => 0,
        }
    }

    /// Runs a batch, all or nothing. Returns when the batch is durable.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if an expectation of the batch is not met,
    /// [`StoreError::Busy`] if the queue is full, [`StoreError::Full`] if the
    /// disk is full, [`StoreError::FileReplaced`] if the file was deleted or
    /// replaced, [`StoreError::Closed`] after [`Store::close`],
    /// [`StoreError::Unknown`] if the result was lost.
    pub async fn write(&self, batch: Batch) -> Result<BatchOutput, StoreError> {
        self.submit(batch).await
    }

    /// Puts a batch into the writer's queue before returning. The batch runs
    /// even if the future is dropped. Errors as for [`Store::write`].
    pub fn submit(
        &self,
        batch: Batch,
    ) -> impl Future<Output = Result<BatchOutput, StoreError>> + Send + use<> {
        let result = self.writer.submit(batch);
        async { result?.await.unwrap_or_else(|_| Err(lost_result())) }
    }

    /// [`Store::write`] on this thread, for the commands of the command line.
    pub fn write_blocking(&self, batch: Batch) -> Result<BatchOutput, StoreError> {
        let result = self.writer.submit(batch)?;
        result
            .blocking_recv()
            .unwrap_or_else(|_| Err(lost_result()))
    }

    /// The result of the last commit of a batch with statements.
    pub fn last_commit(&self) -> LastCommit {
        self.writer.status().last()
    }

    /// Runs a deletion, which does not delete the messages of the deleted conversations.
    /// Errors as for [`Store::write`].
    pub async fn delete(&self, deletion: Deletion) -> Result<Deleted, StoreError> {
        let result = self.writer.submit_without_foreign_keys(deletion.0)?;
        Deleted::read(&result.await.unwrap_or_else(|_| Err(lost_result()))?)
    }

    /// Moves the write-ahead log into the file and empties it. Returns false if a
    /// reader still uses the log.
    ///
    /// # Errors
    /// As for [`Store::write`].
    pub async fn truncate_wal(&self) -> Result<bool, StoreError> {
        let result = self.writer.truncate_wal()?;
        result.await.unwrap_or_else(|_| Err(lost_result()))
    }

    /// Removes the counts of sort ranges that no list request used since the
    /// last call.
    pub fn evict_unused_sort_ranges(&self) {
        if let Engine::Sqlite { offset_index, .. } = &self.engine {
            offset_index.evict_unused();
        }
    }

    /// Finishes the submitted batches and closes the writer, while other owners
    /// may still hold the store. Later writes return [`StoreError::Closed`].
    pub fn close(&self) {
        self.writer.stop();
    }
}

/// The writer thread ended while it held the batch.
fn lost_result() -> StoreError {
    StoreError::Unknown("the writer ended before it answered".to_owned())
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
            read_timeout: Duration::from_millis(20),
            ..Options::default()
        };
        let store = Store::open(&folder.path().join("parlor.db"), &options).expect("a file");
        let inner =
            store.read_blocking(|_| Ok::<_, StoreError>(store.read_blocking(project::first)));
        let inner = inner.expect("the only connection");
        assert!(matches!(inner, Err(StoreError::Busy)), "{inner:?}");
        assert!(
            store.read_blocking(project::first).is_ok(),
            "it is free again"
        );
    }

    #[test]
    fn dropped_store_has_closed_all_its_connections() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("parlor.db");
        for round in 0..200 {
            drop(Store::open(&path, &Options::default()).expect("a file"));
            let connection = rusqlite::Connection::open(&path).expect("a connection");
            // It fails if another connection is open.
            let mode = connection.execute_batch("PRAGMA journal_mode = DELETE");
            mode.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
    }

    #[test]
    fn a_snapshot_sees_nothing_of_what_is_written_after_it_began() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("parlor.db");
        let store = Store::open(&file, &Options::default()).expect("a file");
        let before = store.read_blocking(|snapshot| {
            assert_eq!(project::first(snapshot)?, None);
            let (seq, id, assistant) = (
                crate::domain::ProjectSeq::FIRST,
                crate::domain::ProjectId::generate(),
                crate::domain::AssistantId::generate(),
            );
            let at = crate::domain::Timestamp(0);
            store.write_blocking(project::create(seq, id, assistant, "x", at))?;
            project::first(snapshot)
        });
        assert_eq!(before.expect("a read"), None);
        assert!(
            store
                .read_blocking(project::first)
                .expect("a read")
                .is_some()
        );
    }
}
