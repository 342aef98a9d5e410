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
    /// Whether statements are planned without sorts.
    avoids_sorts: Cell<bool>,
    /// Whether the server does not know this yet.
    has_new_setting: Cell<bool>,
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const WITHOUT_SORTS: &str = "SET LOCAL enable_sort = off";
const BEGIN_WITHOUT_SORTS: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_sort = off";

impl<'c> PostgresSnapshot<'c> {
    pub fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            has_begun: Cell::new(false),
            avoids_sorts: Cell::new(false),
            has_new_setting: Cell::new(false),
        }
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// Those of the statement and of the connection.
    pub fn query(&self, sql: &Sql) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let setup = match (self.has_begun.replace(true), self.has_new_setting.take()) {
            (false, false) => BEGIN,
            (false, true) => BEGIN_WITHOUT_SORTS,
            (true, true) => WITHOUT_SORTS,
            (true, false) => return self.connection.query(sql),
        };
        self.connection.query_after(setup, sql)
    }

    /// Makes the planner choose an index with the order of the result for the statements
    /// that follow, if there is one, whatever the statistics of the table are.
    pub fn avoid_sorts(&self) {
        if !self.avoids_sorts.replace(true) {
            self.has_new_setting.set(true);
        }
    }
}

impl Drop for PostgresSnapshot<'_> {
    fn drop(&mut self) {
        if self.has_begun.get() {
            self.connection.send("ROLLBACK");
        }
    }
}
