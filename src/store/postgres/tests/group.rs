//! Groups of batches, committed on a connection without a writer thread.

use super::{TestDatabase, database, insert, is_rejected, is_violation, rejected, violation};
use crate::store::batch::Batch;
use crate::store::error::StoreError;
use crate::store::postgres::Purpose;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::group::{GroupError, commit};
use crate::store::rejection::Rejection;
use crate::store::sql::Sql;
use crate::store::writer::BatchResult;

fn commit_group(
    database: &TestDatabase,
    batches: &[Batch],
) -> Result<Vec<BatchResult>, GroupError> {
    let connection = Connection::open_for(database.address(), Purpose::Write);
    let marker = Sql::unregistered("SELECT 1", []);
    commit(&connection.expect("a connection"), batches, &marker)
}

#[test]
fn only_the_batches_of_a_group_that_fail_are_not_stored() {
    let Some(database) = database() else { return };
    let invalid = Batch::of([Sql::unregistered("SELECT no_such_column FROM item", [])]);
    let batches = [
        insert("a"),
        rejected("b"),
        insert("c"),
        violation("d"),
        violation("e"),
        invalid,
        insert("f"),
        rejected("g"),
    ];
    let results = commit_group(&database, &batches).expect("a commit");
    let results: [BatchResult; 8] = results.try_into().expect("8 results");
    let [a, b, c, d, e, invalid, f, g] = results;
    assert!(a.is_ok() && c.is_ok() && f.is_ok());
    assert!(is_rejected(&b) && is_rejected(&g));
    assert!(is_violation(&d) && is_violation(&e));
    let is_unprepared =
        matches!(&invalid, Err(StoreError::Internal(text)) if text.contains("42703"));
    assert!(is_unprepared, "{invalid:?}");
    let is_expected = "SELECT count(*) FROM item \
         WHERE (seq, name) IN ((1, 'a'), (2, 'c'), (3, 'f'))";
    assert_eq!(database.number(is_expected), 3);
    assert_eq!(database.number("SELECT count(*) FROM item"), 3);
    assert_eq!(database.number("SELECT total FROM item_count"), 3);
}

#[test]
fn a_batch_that_fails_when_it_runs_again_is_not_stored() {
    let Some(database) = database() else { return };
    database.execute("CREATE SEQUENCE run");
    // Another node could have committed before the second run.
    let fails_in_second_run = Sql::unregistered(
        "SELECT CASE nextval('run') WHEN 2 THEN 'limit_reached' END",
        [],
    );
    let second = insert("a").guard(fails_in_second_run, Rejection::NotFound);
    let batches = [insert("b"), second, rejected("c"), insert("d")];
    let results = commit_group(&database, &batches).expect("a commit");
    assert!(results[0].is_ok() && results[3].is_ok());
    assert!(is_rejected(&results[1]) && is_rejected(&results[2]));
    assert_eq!(
        database.number("SELECT count(*) FROM item WHERE name IN ('b', 'd')"),
        2
    );
    assert_eq!(database.number("SELECT max(seq) FROM item"), 2);
}

#[test]
fn a_group_in_which_every_batch_fails_stores_nothing() {
    let Some(database) = database() else { return };
    let connection = Connection::open_for(database.address(), Purpose::Write);
    let connection = connection.expect("a connection");
    let marker = Sql::unregistered("INSERT INTO item VALUES (99, 'marker')", []);
    let results = commit(&connection, &[rejected("a"), violation("b")], &marker);
    let results = results.expect("results");
    assert!(is_rejected(&results[0]) && is_violation(&results[1]));
    // The connection has no transaction open.
    let results = commit(
        &connection,
        &[insert("c")],
        &Sql::unregistered("SELECT 1", []),
    );
    assert!(results.expect("results")[0].is_ok());
    assert_eq!(database.number("SELECT count(*) FROM item"), 1);
}
