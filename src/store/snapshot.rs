//! A read transaction.

use rusqlite::Connection;

use super::error::StoreError;
use super::offset_index::OffsetIndex;

/// A read transaction: every query through one snapshot sees the same state of
/// the file. The transaction ends when the snapshot is dropped.
pub struct Snapshot<'c> {
    connection: &'c Connection,
    pub(super) offset_index: &'c OffsetIndex,
}

impl<'c> Snapshot<'c> {
    /// Begins a read transaction. SQLite takes the snapshot at the first query.
    pub(super) fn begin(
        connection: &'c Connection,
        offset_index: &'c OffsetIndex,
    ) -> Result<Self, StoreError> {
        connection.prepare_cached("BEGIN")?.raw_execute()?;
        Ok(Self {
            connection,
            offset_index,
        })
    }

    /// The connection of the transaction, for code that prepares its own statements.
    pub(super) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// Prepares `sql`, or takes the statement from the connection's cache.
    pub(super) fn prepare(&self, sql: &str) -> Result<rusqlite::CachedStatement<'_>, StoreError> {
        Ok(self.connection.prepare_cached(sql)?)
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let result = self.connection.prepare_cached("ROLLBACK");
        if let Err(error) = result.and_then(|mut rollback| rollback.raw_execute()) {
            log::error!("cannot end a read transaction: {error}");
        }
    }
}
