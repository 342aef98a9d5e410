//! Moves the write-ahead log into the file.

use std::time::Duration;

use rusqlite::Connection;

use super::thread::WriterThread;
use crate::store::error::StoreError;

/// How long the writer waits for readers of the write-ahead log before it gives up
/// emptying the log.
const TRUNCATE_TIMEOUT: Duration = Duration::from_millis(50);

/// Moves the write-ahead log into the file and empties it. Returns false if another
/// connection still uses the log after the busy timeout.
pub(in crate::store) fn empty_wal(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(sql, (), |row| row.get(0).map(|is_busy: bool| !is_busy))
}

impl WriterThread {
    /// Moves the write-ahead log into the file and empties it. Returns false if a
    /// reader uses the log for longer than [`TRUNCATE_TIMEOUT`].
    pub(super) fn truncate_wal(&self) -> Result<bool, StoreError> {
        self.file.check()?;
        let busy_timeout = self
            .connection
            .pragma_query_value(None, "busy_timeout", |row| row.get::<_, u32>(0))?;
        self.connection.busy_timeout(TRUNCATE_TIMEOUT)?;
        let is_empty = empty_wal(&self.connection);
        let busy_timeout = Duration::from_millis(busy_timeout.into());
        self.connection.busy_timeout(busy_timeout)?;
        Ok(is_empty?)
    }

    /// Moves the write-ahead log into the file.
    pub(super) fn checkpoint(&self) {
        match empty_wal(&self.connection) {
            Ok(true) => {}
            Ok(false) => log::info!("another process uses the file; its -wal file stays"),
            Err(error) => log::warn!("cannot move the write-ahead log into the file: {error}"),
        }
    }
}
