//! Writes whose connection is lost.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::proxy::Proxy;
use super::{TestDatabase, database, insert, on_two_nodes};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::options::Options;
use crate::store::postgres::Purpose;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::group::BEGIN_WRITE;
use crate::store::sql::Sql;

/// Ends the connections of all nodes.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
      WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[test]
fn acknowledged_writes_are_stored_once_while_connections_are_terminated() {
    let Some(database) = database() else { return };
    let (stored, refused, unknown) = (AtomicUsize::new(0), names(), names());
    let (acknowledged, terminating) = (names(), Mutex::new(()));
    on_two_nodes(&database, |node, task| {
        for round in 0..30 {
            let name = format!("{task} {round}");
            let names = match node.write_blocking(insert(&name)) {
                Ok(_) => &acknowledged,
                Err(StoreError::Busy) => &refused,
                Err(StoreError::Unknown(_)) => &unknown,
                Err(error) => panic!("{error}"),
            };
            names.lock().expect("names").insert(name);
            // 24 times, spread over the writes.
            if stored.fetch_add(1, Ordering::Relaxed) % 80 == 40 {
                // This would end another connection that does the same.
                let _guard = terminating.lock();
                database.execute(TERMINATE);
            }
        }
    });
    let is_stored = stored_names(&database);
    let [acknowledged, refused, unknown] =
        [acknowledged, refused, unknown].map(|names| names.into_inner().expect("names"));
    assert!(acknowledged.is_subset(&is_stored));
    assert!(refused.is_disjoint(&is_stored), "{refused:?}");
    let mut possible = acknowledged;
    possible.extend(unknown);
    assert!(is_stored.is_subset(&possible));
    let count = is_stored.len() as i64;
    assert!(count > 1500, "{count} of 1,920 are stored");
    assert_eq!(database.number("SELECT count(*) FROM item"), count);
    assert_eq!(database.number("SELECT max(seq) FROM item"), count);
    assert_eq!(database.number("SELECT total FROM item_count"), count);
}

fn names() -> Mutex<HashSet<String>> {
    Mutex::default()
}

fn stored_names(database: &TestDatabase) -> HashSet<String> {
    let names = database.store().read_blocking(|snapshot| {
        let names = Sql::unregistered("SELECT name FROM item", []);
        snapshot.all(&names, |row| row.get::<String>(0))
    });
    names.expect("a read").into_iter().collect()
}

#[test]
fn a_group_is_stored_once_if_the_result_of_its_commit_is_lost() {
    let Some(database) = database() else { return };
    let proxy = Proxy::start(database.address());
    let store = Store::connect(&proxy.address, &Options::default()).expect("a store");
    for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
        proxy.lose_next_commit();
        store.write_blocking(insert(name)).expect("a write");
        assert!(proxy.has_lost_commit());
        let count = database.number("SELECT count(*) FROM item");
        assert_eq!(count, index as i64 + 1);
    }
}

#[test]
fn a_group_is_tried_again_if_its_commit_has_failed_with_the_connection() {
    let Some(database) = database() else { return };
    database.execute(
        "CREATE SEQUENCE attempt; \
         CREATE FUNCTION fail_first() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('attempt') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; \
             RETURN NULL; \
         END $$; \
         CREATE CONSTRAINT TRIGGER fail_first AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION fail_first()",
    );
    let store = database.store();
    store.write_blocking(insert("a")).expect("a write");
    assert_eq!(database.number("SELECT last_value FROM attempt"), 2);
    assert_eq!(database.number("SELECT count(*) FROM item"), 1);
}

#[test]
fn a_commit_that_the_server_refuses_stores_nothing() {
    let Some(database) = database() else { return };
    database.execute(
        "CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'refused'; \
         END $$; \
         CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW WHEN (NEW.name = 'a') EXECUTE FUNCTION refuse()",
    );
    let store = database.store();
    let refused = store.write_blocking(insert("a"));
    let is_refused =
        matches!(&refused, Err(StoreError::Internal(text)) if text.contains("refused"));
    assert!(is_refused, "{refused:?}");
    store.write_blocking(insert("b")).expect("a write");
    assert_eq!(database.number("SELECT count(*) FROM item"), 1);
}

#[test]
fn a_node_that_hangs_in_a_transaction_loses_the_writer_lock() {
    let Some(database) = database() else { return };
    let hanging = Connection::open_for(database.address(), Purpose::Write);
    let hanging = hanging.expect("a connection");
    hanging.execute(BEGIN_WRITE).expect("the lock");
    database
        .store()
        .write_blocking(insert("a"))
        .expect("a write");
    assert!(!hanging.is_open());
}

#[test]
fn a_write_is_refused_if_there_is_no_server() {
    let Some(database) = database() else { return };
    let store = database.store();
    store.write_blocking(insert("a")).expect("a write");
    drop(database);
    let result = store.write_blocking(insert("b"));
    assert!(matches!(result, Err(StoreError::Busy)), "{result:?}");
}
