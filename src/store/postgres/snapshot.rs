//! A read transaction.

use std::cell::Cell;

use super::connection::Connection;
use crate::store::error::StoreError;
use crate::store::sql::Sql;

/// A read transaction of PostgreSQL. It begins with the first query, in the same round
/// trip.
pub(in crate::store) struct PostgresSnapshot<'c> {
    connection: &'c Connection,
    has_begun: Cell<bool>,
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl<'c> PostgresSnapshot<'c> {
    pub fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            has_begun: Cell::new(false),
        }
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// Those of the statement and of the connection.
    pub fn query(&self, sql: &Sql) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        if self.has_begun.replace(true) {
            return self.connection.query(sql);
        }
        self.connection.query_after(BEGIN, sql)
    }
}

impl Drop for PostgresSnapshot<'_> {
    fn drop(&mut self) {
        if self.has_begun.get() {
            self.connection.send("ROLLBACK");
        }
    }
}
