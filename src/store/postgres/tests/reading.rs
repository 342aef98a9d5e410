//! Reads on connections that were lost or have old statements.

use super::{count, database, insert};
use crate::store::error::StoreError;
use crate::store::sql::Sql;

/// Ends the connections of all nodes, as a restart of the server does.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
      WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[test]
fn reads_succeed_after_the_server_has_closed_all_connections() {
    let Some(database) = database() else { return };
    let store = database.store();
    for _ in 0..5 {
        assert_eq!(store.read_blocking(count).expect("a read"), 0);
        database.execute(TERMINATE);
    }
}

#[test]
fn a_snapshot_whose_connection_is_lost_before_its_first_query_uses_another_one() {
    let Some(database) = database() else { return };
    let store = database.store();
    store.write_blocking(insert("a")).expect("a write");
    let result = store.read_blocking(|snapshot| {
        database.execute(TERMINATE);
        count(snapshot)
    });
    assert_eq!(result.expect("a read"), 1);
    // The snapshot cannot continue on another connection.
    let result = store.read_blocking(|snapshot| {
        count(snapshot)?;
        database.execute(TERMINATE);
        count(snapshot)
    });
    assert!(matches!(result, Err(StoreError::Busy)), "{result:?}");
    assert_eq!(store.read_blocking(count).expect("a read"), 1);
}

#[test]
fn statements_are_prepared_again_if_they_do_not_fit_the_tables_or_are_missing() {
    let Some(database) = database() else { return };
    let store = database.store();
    let columns = || {
        store.read_blocking(|snapshot| {
            let all = Sql::unregistered("SELECT * FROM item_count", []);
            snapshot.one(&all, |row| Ok((row.get::<i64>(0)?, row.is_null(1).is_ok())))
        })
    };
    let write = || store.write_blocking(insert("a")).map(drop);
    assert!(columns().is_ok() && write().is_ok());
    database.execute("ALTER TABLE item_count ADD COLUMN other BIGINT");
    assert_eq!(columns().expect("a read"), (1, true));
    write().expect("a write");
    let deallocate = |snapshot: &crate::store::Snapshot| {
        let deallocate = Sql::unregistered("DEALLOCATE ALL", []);
        snapshot.all(&deallocate, |_| Ok(()))
    };
    store.read_blocking(deallocate).expect("a read");
    assert_eq!(columns().expect("a read"), (2, true));
}
