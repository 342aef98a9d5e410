//! The pool of connections that read.
//!
//! The pool opens connections on a thread of its own. This thread can hold the pool, and
//! with it all connections, for a moment after its last owner has dropped the pool.

use std::ops::Deref;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use r2d2::{ManageConnection, Pool};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use super::options::Options;

/// How long the owner of a dropped pool waits until its connections are closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A pool, and the signal that it is closed.
pub(super) struct ReaderPool {
    pub pool: Pool<ReaderManager>,
    pub closed: ClosedSignal,
}

impl ReaderPool {
    pub fn build(manager: SqliteConnectionManager, options: &Options) -> Result<Self, r2d2::Error> {
        let (open, closed) = channel();
        let pool = Pool::builder()
            .max_size(options.readers)
            .min_idle(Some(1))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_timeout(options.read_timeout)
            .build(ReaderManager { manager, open })?;
        Ok(Self {
            pool,
            closed: ClosedSignal(Mutex::new(closed)),
        })
    }
}

/// Opens the connections of a pool.
pub(super) struct ReaderManager {
    manager: SqliteConnectionManager,
    /// A copy is in the manager and in each open connection.
    open: Sender<()>,
}

/// A connection of a pool.
pub(super) struct ReaderConnection {
    // Fields are dropped in order.
    connection: Connection,
    _open: Sender<()>,
}

impl Deref for ReaderConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl ManageConnection for ReaderManager {
    type Connection = ReaderConnection;
    type Error = rusqlite::Error;

    fn connect(&self) -> rusqlite::Result<ReaderConnection> {
        Ok(ReaderConnection {
            connection: self.manager.connect()?,
            _open: self.open.clone(),
        })
    }

    fn is_valid(&self, reader: &mut ReaderConnection) -> rusqlite::Result<()> {
        self.manager.is_valid(&mut reader.connection)
    }

    fn has_broken(&self, reader: &mut ReaderConnection) -> bool {
        self.manager.has_broken(&mut reader.connection)
    }
}

/// Tells when a pool is dropped and all its connections are closed.
pub(super) struct ClosedSignal(Mutex<Receiver<()>>);

impl ClosedSignal {
    /// Waits until the pool is closed. Returns false after a timeout.
    pub fn wait(&mut self) -> bool {
        let closed = self.0.get_mut();
        // Nothing is sent. The channel ends with the last sender.
        let end = closed.map(|closed| closed.recv_timeout(CLOSE_TIMEOUT));
        matches!(end, Ok(Err(RecvTimeoutError::Disconnected)))
    }
}
