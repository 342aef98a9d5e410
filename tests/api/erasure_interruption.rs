//! Erasures that fail or are interrupted half way.

use std::path::Path;
use std::thread;

use tempfile::TempDir;

use crate::database_file::check_counts;
use crate::erasure::{count, erase, expect_no_content};
use crate::helpers::{
    Connection, ParlorProcess, TestServer, Visitor, insert_conversations, open_connection,
    run_successfully, setup_conversation, wait_until,
};
use crate::sqlite_only;

/// More than the first step of an erasure deletes.
const CONVERSATIONS: i64 = 4_000;

#[test]
fn erasure_that_failed_half_way_is_completed_by_a_repeated_request() {
    sqlite_only!("the trigger is one of SQLite");
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    insert_conversations(&server, &ann, CONVERSATIONS);
    let connection = server.db_connection();
    let failure = "CREATE TRIGGER failure BEFORE DELETE ON conversation \
                   WHEN (SELECT count(*) FROM conversation) < 1000 \
                   BEGIN SELECT RAISE(ABORT, 'a failure of the test'); END";
    connection.execute_batch(failure).expect("a trigger");
    let request = || erase(&server, &ann).header("Idempotency-Key", "erase-ann");
    for _ in 0..2 {
        let response = request().send();
        assert_eq!(response.status, 500, "{}", response.text());
    }
    let rest = count(&server, "conversation", "true");
    assert!((1..CONVERSATIONS).contains(&rest), "{rest}");
    connection
        .execute_batch("DROP TRIGGER failure")
        .expect("no trigger");
    for _ in 0..2 {
        expect_no_content(request());
        for table in ["conversation", "visitor", "deleted_visitor"] {
            assert_eq!(count(&server, table, "true"), 0, "{table}");
        }
    }
}

#[test]
fn erasure_waits_while_the_file_is_locked() {
    sqlite_only!("the test locks the file");
    let (server, ann, _) = setup_conversation();
    let ben = server.create_visitor("ben");
    let lock = server.db_connection();
    lock.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    thread::scope(|scope| {
        let request = erase(&server, &ann).header("Idempotency-Key", "erase-ann");
        let erasing = scope.spawn(|| request.send());
        // The writer has waited for the lock as long as it waits for any write.
        for _ in 0..2 {
            let start = server.post("/v2/conversations").bearer(&ben.token).send();
            assert_eq!(start.status, 503, "{}", start.text());
        }
        lock.execute_batch("ROLLBACK").expect("no lock");
        let response = erasing.join().expect("a response");
        assert_eq!(response.status, 204, "{}", response.text());
    });
    assert_eq!(count(&server, "visitor", "true"), 1);
}

/// The number of rows of a table in the file of a folder.
fn rows(folder: &Path, table: &str) -> i64 {
    let connection = open_connection(&folder.join("parlor.db"));
    let sql = format!("SELECT count(*) FROM {table}");
    let count = connection.query_row(&sql, [], |row| row.get(0));
    count.expect("a number")
}

/// A folder with the file of a server that was killed between the steps of an erasure.
fn folder_of_interrupted_erasure() -> (TempDir, Visitor) {
    let folder = TempDir::new().expect("a folder");
    let mut server = TestServer::start();
    let [ann, ben] = ["ann", "ben"].map(|device| server.create_visitor(device));
    insert_conversations(&server, &ann, CONVERSATIONS);
    insert_conversations(&server, &ben, 10);
    server.stop();
    std::fs::copy(server.db_path(), folder.path().join("parlor.db")).expect("a copy");
    let mut process = ParlorProcess::start(folder.path(), &["serve"]);
    let target = format!("/v2/visitors/{}", ann.id);
    let request = process.client.request("DELETE", target);
    let request = request.bearer(&server.project.private_key);
    let connection = open_connection(&folder.path().join("parlor.db"));
    let all = CONVERSATIONS + 10;
    thread::scope(|scope| {
        scope.spawn(|| request.try_send());
        wait_until("some conversations are deleted", || {
            let sql = "SELECT count(*) FROM conversation";
            let count = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            count.expect("a number") < all
        });
        process.child.kill().expect("a kill");
    });
    drop(process);
    let rest = rows(folder.path(), "conversation");
    assert!((11..all).contains(&rest), "{rest}");
    (folder, ann)
}

fn expect_complete_erasure(folder: &Path) {
    for (table, expected) in [
        ("conversation", 10),
        ("visitor", 1),
        ("deleted_visitor", 0),
        ("deleted_conversation", 0),
    ] {
        assert_eq!(rows(folder, table), expected, "{table}");
    }
    check_counts(&Connection::Sqlite(open_connection(
        &folder.join("parlor.db"),
    )));
}

#[test]
fn erasure_that_was_killed_between_steps_continues_at_the_next_start() {
    sqlite_only!("the test copies the file");
    let (folder, _) = folder_of_interrupted_erasure();
    let _process = ParlorProcess::start(folder.path(), &["serve"]);
    wait_until("the rest is deleted", || {
        // The last write of an erasure.
        rows(folder.path(), "visitor") == 1 && rows(folder.path(), "deleted_visitor") == 0
    });
    expect_complete_erasure(folder.path());
}

#[test]
fn repeated_command_completes_an_erasure_that_was_killed_between_steps() {
    sqlite_only!("the test copies the file");
    let (folder, ann) = folder_of_interrupted_erasure();
    let erase = ["visitors", "erase", "--sa-vid", "ann"];
    let text = run_successfully(folder.path(), &erase);
    assert!(text.contains("interrupted erasure of 1 visitor"), "{text}");
    assert!(text.contains("no visitor with the saVid ann"), "{text}");
    assert!(!text.contains(&ann.id), "{text}");
    expect_complete_erasure(folder.path());
}
