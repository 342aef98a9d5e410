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
        let step = sql!(postgres: "SELECT index_texts(?)");
        let rows = connection.query(&Sql::new(step, [MAX_STEP_ROWS.into()]))?;
        *open = Some(connection);
        let count = rows.first().map_or(0_i64, |row| row.get(0));
        Ok(count.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgres::test_database::TestDatabase;

    /// A database with one conversation.
    fn database() -> Option<TestDatabase> {
        let database = TestDatabase::create()?;
        database.execute(
            "INSERT INTO project (seq, id, name, created_at) VALUES (1, decode(md5('1'), 'hex'), 'x', 0); \
             INSERT INTO visitor (seq, id, project_seq, created_at) \
             VALUES (1, decode(md5('1'), 'hex'), 1, 0); \
             INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, \
                                       updated_at, last_interaction_at) \
             VALUES (1, decode(md5('1'), 'hex'), 1, 1, 'open', 0, 0, 0)",
        );
        Some(database)
    }

    fn add_message(database: &TestDatabase, seq: i64, text: &str) {
        database.execute(&format!(
            "INSERT INTO message (seq, id, conversation_seq, created_at, role, status, text) \
             VALUES ({seq}, decode(md5('{seq}'), 'hex'), 1, 0, 'user', 'complete', '{text}')"
        ));
    }

    #[test]
    fn texts_are_in_the_index_as_they_are_now() {
        let Some(database) = database() else {
            return;
        };
        let indexer = TextIndexer::new(database.address().clone());
        assert_eq!(indexer.step().expect("a step"), 0);
        add_message(&database, 1, "Grüße");
        add_message(&database, 2, "old");
        assert_eq!(indexer.step().expect("a step"), 2);
        database.execute(
            "UPDATE conversation SET title = 'My Title', title_key = 'my title'; \
             UPDATE message SET text = 'new' WHERE seq = 2; \
             DELETE FROM message WHERE seq = 1",
        );
        assert_eq!(indexer.step().expect("a step"), 3);
        let words = |words: &str| {
            let query = format!("SELECT count(*) FROM search_text WHERE words = '{words}'");
            database.number(query.leak())
        };
        assert_eq!(words("1xnew:1"), 1);
        assert_eq!(words("1xmy:1 1xtitle:2"), 1);
        assert_eq!(database.number("SELECT count(*) FROM search_text"), 2);
        assert_eq!(database.number("SELECT count(*) FROM search_backlog"), 0);
    }

    #[test]
    fn one_node_indexes_at_a_time_and_after_a_lost_connection() {
        let Some(database) = database() else {
            return;
        };
        let [one, other] = [(), ()].map(|()| TextIndexer::new(database.address().clone()));
        add_message(&database, 1, "text");
        let connection = Connection::open(database.address(), SETUP).expect("a connection");
        let lock = "BEGIN; SELECT index_texts(0)";
        connection.execute(lock).expect("the lock");
        assert_eq!(one.step().expect("a step"), 0);
        connection.execute("COMMIT").expect("the end");
        assert_eq!(other.step().expect("a step"), 1);
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
              WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        add_message(&database, 2, "text");
        // The connection may only be found to be closed by the first step.
        let count = one.step().or_else(|_| one.step());
        assert_eq!(count.expect("a step"), 1);
    }
}
