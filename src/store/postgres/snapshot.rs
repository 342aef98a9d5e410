//! A read transaction.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use r2d2::PooledConnection;
use tokio_postgres::Row;

use super::connection::Connection;
use super::error::{Failure, warn};
use super::read_pool::{ConnectionManager, PostgresPool};
use crate::store::error::StoreError;
use crate::store::sql::Sql;

/// A read transaction of PostgreSQL. It begins with the first query, in the same round
/// trip.
pub(in crate::store) struct PostgresSnapshot<'p> {
    source: Source<'p>,
    has_begun: Cell<bool>,
    /// Whether statements are planned without sorts.
    avoids_sorts: Cell<bool>,
    /// Whether the server does not know this yet.
    has_new_setting: Cell<bool>,
    /// The number of cursors that were opened.
    cursors: Cell<u64>,
}

#[expect(clippy::large_enum_variant, reason = "one for each read, on the stack")]
enum Source<'p> {
    Connection(&'p Connection),
    Pool {
        pool: &'p PostgresPool,
        /// None if the connection was lost and there was no other one in time.
        connection: RefCell<Option<PooledConnection<ConnectionManager>>>,
        deadline: Instant,
    },
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const WITHOUT_SORTS: &str = "SET LOCAL enable_sort = off";
const BEGIN_WITHOUT_SORTS: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_sort = off";

impl<'p> PostgresSnapshot<'p> {
    pub fn new(connection: &'p Connection) -> Self {
        Self {
            source: Source::Connection(connection),
            has_begun: Cell::new(false),
            avoids_sorts: Cell::new(false),
            has_new_setting: Cell::new(false),
            cursors: Cell::new(0),
        }
    }

    /// Takes a connection out of the pool.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if there is none within `timeout`.
    pub fn from_pool(pool: &'p PostgresPool, timeout: Duration) -> Result<Self, StoreError> {
        let deadline = Instant::now() + timeout;
        Ok(Self {
            source: Source::Pool {
                pool,
                connection: RefCell::new(Some(pool.connection(deadline)?)),
                deadline,
            },
            has_begun: Cell::new(false),
            avoids_sorts: Cell::new(false),
            has_new_setting: Cell::new(false),
            cursors: Cell::new(0),
        })
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// Those of the statement and of the connection.
    pub fn query(&self, sql: &Sql) -> Result<Vec<Row>, StoreError> {
        let has_begun = self.has_begun.replace(true);
        let has_new_setting = self.has_new_setting.take();
        if has_begun {
            return Ok(self.on_connection(|connection| {
                if has_new_setting {
                    connection.query_after(WITHOUT_SORTS, sql)
                } else {
                    connection.try_query(sql)
                }
            })?);
        }
        let begin = if has_new_setting {
            BEGIN_WITHOUT_SORTS
        } else {
            BEGIN
        };
        let begin = || self.on_connection(|connection| connection.query_after(begin, sql));
        let mut result = begin();
        // Nothing was read, so the transaction can begin on another connection. All
        // connections of the pool may be older than a restart of the server, or than a
        // change of the tables.
        for _ in 0..self.pool_size() {
            let Err(Failure::Lost(reason)) = &result else {
                break;
            };
            warn(reason);
            self.replace_connection()?;
            result = begin();
        }
        Ok(result?)
    }

    /// The rows of a statement that the connection does not keep prepared, such as one
    /// about a cursor.
    ///
    /// # Errors
    /// Those of the statement and of the connection.
    pub(super) fn query_once(&self, sql: &Sql) -> Result<Vec<Row>, StoreError> {
        if !self.has_begun.get() || self.has_new_setting.get() {
            self.query(&Sql::composed("SELECT 1".to_owned(), []))?;
        }
        Ok(self.on_connection(|connection| connection.query_once(sql))?)
    }

    /// A name that no other cursor of the transaction has.
    pub(super) fn next_cursor_name(&self) -> String {
        let number = self.cursors.get() + 1;
        self.cursors.set(number);
        format!("part_{number}")
    }

    /// Sends statements without waiting for their results.
    pub(super) fn send(&self, statements: &str) {
        let send = self.on_connection(|connection| {
            connection.send(statements);
            Ok(())
        });
        // Without a connection, there is no transaction.
        let _ = send;
    }

    /// The number of connections that the pool may have.
    fn pool_size(&self) -> u32 {
        match &self.source {
            Source::Connection(_) => 0,
            Source::Pool { pool, .. } => pool.size(),
        }
    }

    /// Makes the planner choose an index with the order of the result for the statements
    /// that follow, if there is one, whatever the statistics of the table are.
    pub fn avoid_sorts(&self) {
        if !self.avoids_sorts.replace(true) {
            self.has_new_setting.set(true);
        }
    }

    fn on_connection<T>(
        &self,
        run: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match &self.source {
            Source::Connection(connection) => run(connection),
            Source::Pool { connection, .. } => match &*connection.borrow() {
                Some(connection) => run(connection),
                None => Err(Failure::Statement(StoreError::Busy)),
            },
        }
    }

    fn replace_connection(&self) -> Result<(), StoreError> {
        let Source::Pool {
            pool,
            connection,
            deadline,
        } = &self.source
        else {
            return Err(StoreError::Busy);
        };
        // The pool has room for the other connection when this one is dropped.
        drop(connection.take());
        connection.replace(Some(pool.connection(*deadline)?));
        Ok(())
    }
}

impl Drop for PostgresSnapshot<'_> {
    fn drop(&mut self) {
        if self.has_begun.get() {
            self.send("ROLLBACK");
        }
    }
}
