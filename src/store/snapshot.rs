//! A read transaction.

use rusqlite::Connection;

use super::error::StoreError;
use super::offset_index::OffsetIndex;

/// A read transaction: every query through one snapshot sees the same state of
/// the file. The transaction ends when the snapshot is dropped.
pub struct Snapshot<'c>(SqliteSnapshot<'c>);

/// A read transaction of SQLite.
#[derive(Clone, Copy)]
pub(super) struct SqliteSnapshot<'c> {
    pub connection: &'c Connection,
    pub offset_index: &'c OffsetIndex,
}

impl<'c> Snapshot<'c> {
    /// Begins a read transaction. SQLite takes the snapshot at the first query.
    pub(super) fn begin(
        connection: &'c Connection,
        offset_index: &'c OffsetIndex,
    ) -> Result<Self, StoreError> {
        connection.prepare_cached("BEGIN")?.raw_execute()?;
        Ok(Self(SqliteSnapshot {
            connection,
            offset_index,
        }))
    }

    /// The transaction, for what only SQLite has.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if the store is another one.
    pub(super) fn sqlite(&self) -> Result<SqliteSnapshot<'c>, StoreError> {
        Ok(self.0)
    }

    /// Prepares `sql`, or takes the statement from the connection's cache.
    pub(super) fn prepare(&self, sql: &str) -> Result<rusqlite::CachedStatement<'_>, StoreError> {
        Ok(self.0.connection.prepare_cached(sql)?)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let result = self.0.connection.prepare_cached("ROLLBACK");
        if let Err(error) = result.and_then(|mut rollback| rollback.raw_execute()) {
            log::error!("cannot end a read transaction: {error}");
        }
    }
}
