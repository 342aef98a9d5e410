//! Tests that need a PostgreSQL server.

use super::test_database::TestDatabase;
use crate::store::batch::Batch;
use crate::store::sql::Sql;

#[test]
fn a_write_is_visible_to_the_next_read() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    database.execute("CREATE TABLE item (name TEXT)");
    let store = database.store();
    let insert = Sql::unregistered("INSERT INTO item VALUES (?)", ["a".into()]);
    store.write_blocking(Batch::of([insert])).expect("a write");
    let count = store.read_blocking(|snapshot| {
        let count = Sql::unregistered("SELECT count(*) FROM item", []);
        snapshot.one(&count, |row| row.get::<i64>(0))
    });
    assert_eq!(count.expect("a read"), 1);
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
