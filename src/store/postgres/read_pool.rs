//! The pool of connections that read.

use std::time::Instant;

use r2d2::{HandleError, ManageConnection, Pool, PooledConnection};

use super::PostgresAddress;
use super::connection::Connection;
use super::error::{ConnectError, warn};
use super::purpose::Purpose;
use crate::store::error::StoreError;
use crate::store::options::Options;

/// The connections that read.
#[derive(Clone)]
pub(in crate::store) struct PostgresPool(Pool<ConnectionManager>);

impl PostgresPool {
    /// Opens one connection; the others are opened when they are needed.
    pub fn open(
        address: &PostgresAddress,
        purpose: Purpose,
        options: &Options,
    ) -> Result<Self, ConnectError> {
        let manager = ConnectionManager {
            address: address.clone(),
            purpose,
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
            .error_handler(Box::new(ConnectErrors))
            .build_unchecked(manager);
        Ok(Self(pool))
    }

    /// The number of connections that the pool may have.
    pub fn size(&self) -> u32 {
        self.0.max_size()
    }

    pub fn state(&self) -> r2d2::State {
        self.0.state()
    }

    /// Takes a connection that is open.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if there is none until the deadline.
    pub fn connection(
        &self,
        deadline: Instant,
    ) -> Result<PooledConnection<ConnectionManager>, StoreError> {
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
    purpose: Purpose,
}

impl ManageConnection for ConnectionManager {
    type Connection = Connection;
    type Error = ConnectError;

    fn connect(&self) -> Result<Connection, ConnectError> {
        Connection::open_for(&self.address, self.purpose)
    }

    fn is_valid(&self, _: &mut Connection) -> Result<(), ConnectError> {
        Ok(())
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.is_broken()
    }
}

/// Logs why the pool cannot open connections, which it tries again and again.
#[derive(Debug)]
struct ConnectErrors;

impl HandleError<ConnectError> for ConnectErrors {
    fn handle_error(&self, error: ConnectError) {
        warn(&error.to_string());
    }
}
