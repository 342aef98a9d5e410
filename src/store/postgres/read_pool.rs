//! The pool of connections that read.

use std::time::{Duration, Instant};

use r2d2::{ManageConnection, Pool, PooledConnection};

use super::PostgresAddress;
use super::connection::Connection;
use super::error::ConnectError;
use crate::store::error::StoreError;
use crate::store::options::Options;

/// Settings of connections that read.
///
/// The texts of the store are made for a planner that does not know the values: SQLite's.
/// With one plan for all values, a statement is planned once for each connection, not at
/// every execution. A small table is not read as a whole, because the plan is used for
/// longer than the table stays small. Parallel queries and JIT compilation cost more than
/// they gain in queries of a millisecond.
pub(in crate::store) const READ_SETUP: &str = "SET plan_cache_mode = force_generic_plan; \
     SET enable_seqscan = off; SET max_parallel_workers_per_gather = 0; SET jit = off";

/// The connections that read.
#[derive(Clone)]
pub(in crate::store) struct PostgresPool(Pool<ConnectionManager>);

impl PostgresPool {
    /// Opens one connection; the others are opened when they are needed.
    pub fn open(
        address: &PostgresAddress,
        setup: &str,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let manager = ConnectionManager {
            address: address.clone(),
            setup: setup.to_owned(),
        };
        // The pool reports only that it has no connection. This reports why.
        manager.connect()?;
        let pool = Pool::builder()
            .max_size(options.readers)
            .min_idle(Some(1))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_timeout(options.read_timeout)
            .build_unchecked(manager);
        Ok(Self(pool))
    }

    /// Takes a connection that is open.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if there is none within `timeout`.
    pub fn connection(
        &self,
        timeout: Duration,
    ) -> Result<PooledConnection<ConnectionManager>, StoreError> {
        let deadline = Instant::now() + timeout;
        loop {
            let remaining = deadline.saturating_duration_since(Instant::now());
            let connection = self.0.get_timeout(remaining);
            let connection = connection.map_err(|_| StoreError::Busy)?;
            // The pool drops a connection that is closed.
            if connection.is_open() {
                return Ok(connection);
            }
        }
    }
}

/// Opens the connections of a pool.
pub(in crate::store) struct ConnectionManager {
    address: PostgresAddress,
    setup: String,
}

impl ManageConnection for ConnectionManager {
    type Connection = Connection;
    type Error = ConnectError;

    fn connect(&self) -> Result<Connection, ConnectError> {
        Connection::open(&self.address, &self.setup)
    }

    fn is_valid(&self, _: &mut Connection) -> Result<(), ConnectError> {
        Ok(())
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        !connection.is_open()
    }
}
