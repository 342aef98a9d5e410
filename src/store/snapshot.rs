//! A read transaction.

use rusqlite::Connection;

use super::error::StoreError;
use super::offset_index::OffsetIndex;
use super::postgres::PostgresSnapshot;

/// A read transaction: every query through one snapshot sees the same state of
/// the database. The transaction ends when the snapshot is dropped.
pub struct Snapshot<'c>(Transaction<'c>);

/// The transaction of an engine.
#[expect(clippy::large_enum_variant, reason = "one for each read, on the stack")]
pub(super) enum Transaction<'c> {
    Sqlite(SqliteSnapshot<'c>),
    Postgres(PostgresSnapshot<'c>),
}

/// The form of SQL that an engine accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

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
        Ok(Self(Transaction::Sqlite(SqliteSnapshot {
            connection,
            offset_index,
        })))
    }

    /// A transaction of PostgreSQL.
    pub(super) fn of_postgres(transaction: PostgresSnapshot<'c>) -> Self {
        Self(Transaction::Postgres(transaction))
    }

    pub(super) fn transaction(&self) -> &Transaction<'c> {
        &self.0
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.0 {
            Transaction::Sqlite(_) => Dialect::Sqlite,
            Transaction::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Makes the planner of PostgreSQL read indexes in the order of the result, if there
    /// are such. The statements for SQLite name their indexes.
    pub(super) fn avoid_sorts(&self) {
        if let Transaction::Postgres(postgres) = &self.0 {
            postgres.avoid_sorts();
        }
    }

    /// The transaction, for what only SQLite has.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if the store is another one.
    pub(super) fn sqlite(&self) -> Result<SqliteSnapshot<'c>, StoreError> {
        match self.0 {
            Transaction::Sqlite(sqlite) => Ok(sqlite),
            Transaction::Postgres(_) => {
                let text = "this is not available on PostgreSQL".to_owned();
                Err(StoreError::Internal(text))
            }
        }
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let Transaction::Sqlite(sqlite) = &self.0 else {
            return;
        };
        let result = sqlite.connection.prepare_cached("ROLLBACK");
        if let Err(error) = result.and_then(|mut rollback| rollback.raw_execute()) {
            log::error!("cannot end a read transaction: {error}");
        }
    }
}
