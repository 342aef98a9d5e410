//! Adds new messages and titles to the search index of the database.

use std::sync::{Mutex, PoisonError};

use super::PostgresAddress;
use super::connection::Connection;
use crate::store::error::StoreError;
use crate::store::sql::Sql;

/// The texts of a step. They take about 50 ms, in which no other transaction waits.
const MAX_STEP_ROWS: i64 = 500;

/// A step that takes longer is cancelled, and tried again.
const SETUP: &str = "SET statement_timeout = '30s'";

/// Adds the texts on a connection of its own, so that no write waits for the search index.
/// The function `index_texts` of the schema says how.
pub(in crate::store) struct TextIndexer {
    address: PostgresAddress,
    /// Opened when it is first needed.
    connection: Mutex<Option<Connection>>,
}

impl TextIndexer {
    pub fn new(address: PostgresAddress) -> Self {
        Self {
            address,
            connection: Mutex::default(),
        }
    }

    /// Adds the next texts. Returns how many changes of texts are no longer missing in the
    /// index; 0 if there were none, or another node is adding them.
    ///
    /// # Errors
    /// [`StoreError::Busy`] without a connection to the server; errors of the statement.
    pub fn step(&self) -> Result<u64, StoreError> {
        let mut open = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let connection = match open.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => Connection::open(&self.address, SETUP).map_err(|error| {
                log::warn!("{error}");
                StoreError::Busy
            })?,
        };
        let text = "SELECT index_texts(?)".to_owned();
        let rows = connection.query(&Sql::composed(text, [MAX_STEP_ROWS.into()]))?;
        *open = Some(connection);
        let count = rows.first().map_or(0_i64, |row| row.get(0));
        Ok(count.unsigned_abs())
    }
}

impl Drop for TextIndexer {
    fn drop(&mut self) {
        let connection = self.connection.get_mut();
        let connection = connection.unwrap_or_else(PoisonError::into_inner).take();
        // A connection has a runtime, which must not be dropped on a thread of another one.
        std::thread::spawn(|| drop(connection));
    }
}
