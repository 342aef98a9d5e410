//! Tests that need a PostgreSQL server.

mod group;
mod locks;
mod lost_connection;
mod proxy;
mod reading;
mod throughput;
mod tls;

use std::sync::Mutex;
use std::thread;

use super::test_database::TestDatabase;
use crate::store::batch::{Batch, BatchOutput};
use crate::store::error::StoreError;
use crate::store::rejection::Rejection;
use crate::store::sql::Sql;
use crate::store::{Snapshot, Store};

/// Rows with numbers that the statements pick, and how many rows there are.
const TABLES: &str = "CREATE TABLE item (seq BIGINT PRIMARY KEY, name TEXT NOT NULL); \
     CREATE TABLE item_count (total BIGINT NOT NULL); \
     INSERT INTO item_count VALUES (0)";

/// A database with the tables of these tests. None if there is no server to test with.
fn database() -> Option<TestDatabase> {
    let database = TestDatabase::create()?;
    database.execute(TABLES);
    Some(database)
}

/// Inserts a row with the next number.
fn insert(name: &str) -> Batch {
    let insert = "INSERT INTO item (seq, name) SELECT coalesce(max(seq), 0) + 1, ? FROM item";
    Batch::of([
        Sql::unregistered(insert, [name.into()]),
        Sql::unregistered("UPDATE item_count SET total = total + 1", []),
    ])
}

/// Inserts a row, and then meets a guard that fails.
fn rejected(name: &str) -> Batch {
    let guard = Sql::unregistered("SELECT 'limit_reached'", []);
    insert(name).guard(guard, Rejection::NotFound)
}

/// Inserts a row, and then a row whose number is used.
fn violation(name: &str) -> Batch {
    let insert_again = "INSERT INTO item (seq, name) SELECT max(seq), ? FROM item";
    insert(name).run(Sql::unregistered(insert_again, [name.into()]))
}

fn is_violation(result: &Result<BatchOutput, StoreError>) -> bool {
    matches!(result, Err(StoreError::Internal(text)) if text.contains("23505"))
}

fn is_rejected(result: &Result<BatchOutput, StoreError>) -> bool {
    matches!(result, Err(StoreError::Rejected(Rejection::LimitReached)))
}

/// The number of rows, read by a node.
fn count(snapshot: &Snapshot) -> Result<i64, StoreError> {
    let count = Sql::unregistered("SELECT count(*) FROM item", []);
    snapshot.one(&count, |row| row.get(0))
}

/// Runs `work` in 32 threads for each of two nodes.
fn on_two_nodes(database: &TestDatabase, work: impl Fn(&Store, usize) + Sync) {
    let nodes = [database.store(), database.store()];
    thread::scope(|scope| {
        for task in 0..64 {
            let (work, node) = (&work, &nodes[task % 2]);
            scope.spawn(move || work(node, task));
        }
    });
}

#[test]
fn a_write_is_visible_to_the_next_read() {
    let Some(database) = database() else { return };
    let store = database.store();
    store.write_blocking(insert("a")).expect("a write");
    assert_eq!(store.read_blocking(count).expect("a read"), 1);
    assert_eq!(database.number("SELECT count(*) FROM item"), 1);
}

#[test]
fn an_empty_database_has_no_tables() {
    let Some(database) = TestDatabase::create_empty() else {
        return;
    };
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(database.number(tables), 0);
    assert!(database.address().to_string().contains("/parlor_test_"));
}

#[test]
fn numbers_and_totals_are_exact_after_writes_from_two_nodes() {
    let Some(database) = database() else { return };
    let inserted = Mutex::new(0);
    on_two_nodes(&database, |node, task| {
        for round in 0..12 {
            let name = format!("{task} {round}");
            match (task + round) % 5 {
                3 => assert!(is_rejected(&node.write_blocking(rejected(&name)))),
                4 => assert!(is_violation(&node.write_blocking(violation(&name)))),
                _ => {
                    node.write_blocking(insert(&name)).expect("a write");
                    *inserted.lock().expect("a number") += 1;
                }
            }
        }
    });
    let inserted = *inserted.lock().expect("a number");
    assert!(inserted > 400);
    for query in [
        "SELECT count(*) FROM item",
        "SELECT count(DISTINCT name) FROM item",
        "SELECT max(seq) FROM item",
        "SELECT total FROM item_count",
    ] {
        assert_eq!(database.number(query), inserted, "{query}");
    }
}
