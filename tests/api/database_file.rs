//! The database file: stored counts, restarts, and files that are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use fastrand::Rng;
use parlor::store::{OpenError, Options, Store, is_parlor_file};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::helpers::{
    ConversationRow, TestServer, Visitor, ids, insert_conversations, open_store, string,
};
use crate::sqlite_only;

/// Compares the stored counts with the rows.
pub fn check_counts(connection: &crate::helpers::Connection) {
    for (table, owner) in [("project", "project_seq"), ("visitor", "visitor_seq")] {
        let sql = format!(
            "SELECT count(*) FROM {table} AS t WHERE \
                 (open_conversations, closed_conversations, \
                  open_human_handled, closed_human_handled) <> ( \
                     SELECT count(*) FILTER (WHERE status = 'open'), \
                            count(*) FILTER (WHERE status = 'closed'), \
                            count(*) FILTER (WHERE status = 'open' AND is_human_handled = 1), \
                            count(*) FILTER (WHERE status = 'closed' AND is_human_handled = 1) \
                       FROM conversation WHERE {owner} = t.seq)"
        );
        let wrong: i64 = connection
            .query_row(&sql, (), |row| row.get(0))
            .expect("a count");
        assert_eq!(wrong, 0, "rows of {table} with a wrong count");
    }
}

#[test]
fn stored_counts_match_rows_after_random_writes() {
    let server = TestServer::start();
    let other_project = server.create_project();
    let connection = server.db_connection();
    let visitors = [
        server.create_visitor("one").seq(&connection),
        server.create_visitor("two").seq(&connection),
        server
            .create_visitor_in(&other_project, "one")
            .seq(&connection),
    ];
    let mut random = Rng::with_seed(9);
    for _ in 0..300 {
        let visitor = visitors[random.usize(0..3)];
        let random_row = "(SELECT seq FROM conversation ORDER BY random() LIMIT 1)";
        let change = match random.u8(0..5) {
            0 | 1 => {
                let closed_at = random.bool().then_some(1);
                ConversationRow {
                    closed_at,
                    ..ConversationRow::default()
                }
                .insert(&connection, visitor);
                continue;
            }
            2 => "SET status = 'closed', closed_at = 2",
            3 => "SET status = 'open', closed_at = NULL",
            _ => "",
        };
        let sql = match change {
            "" => format!("DELETE FROM conversation WHERE seq = {random_row}"),
            change => format!("UPDATE conversation {change} WHERE seq = {random_row}"),
        };
        connection.execute(&sql, ()).expect("a write");
        check_counts(&connection);
    }
    let rows: i64 = connection
        .query_row("SELECT count(*) FROM conversation", (), |row| row.get(0))
        .expect("a count");
    assert!(rows > 10, "{rows} rows are too few to mean anything");
}

#[test]
fn conversation_owner_cannot_change() {
    let server = TestServer::start();
    let [one, two] = [server.create_visitor("one"), server.create_visitor("two")];
    server.start_conversation(&one);
    let connection = server.db_connection();
    let moved = connection.execute(
        "UPDATE conversation SET visitor_seq = ?",
        [two.seq(&connection)],
    );
    let error = moved.expect_err("a refusal").to_string();
    assert!(
        error.contains("keeps its project and its visitor"),
        "{error}"
    );
}

#[test]
fn stored_counts_match_rows_after_concurrent_writes() {
    let server = TestServer::start();
    let visitors = [server.create_visitor("one"), server.create_visitor("two")];
    let start_ten = |visitor: &Visitor| {
        (0..10)
            .map(|_| server.start_conversation(visitor))
            .collect::<Vec<_>>()
    };
    let shared = [start_ten(&visitors[0]), start_ten(&visitors[1])];
    thread::scope(|scope| {
        for thread in 0..6 {
            let (visitor, shared) = (&visitors[thread % 2], &shared[thread % 2]);
            let server = &server;
            scope.spawn(move || {
                for id in shared {
                    server.close(&visitor.token, id).send().expect(200);
                    server.start_conversation(visitor);
                }
            });
        }
    });
    check_counts(&server.db_connection());
    let key = &server.project.private_key;
    assert_eq!(server.list(key, "")["total"], 80);
    assert_eq!(server.list(key, "status=closed")["total"], 20);
    assert_eq!(server.list(&visitors[0].token, "status=open")["total"], 30);
}

#[test]
fn database_files_are_private_to_owner() {
    sqlite_only!("a database on a server has no files");
    let server = TestServer::start();
    server.create_visitor("device");
    let mode = |path: &str| {
        let mode = fs::metadata(path).expect("a file").permissions().mode();
        mode & 0o777
    };
    let file = server.db_path().display().to_string();
    assert_eq!(mode(&file), 0o600);
    for end in ["-wal", "-shm"] {
        assert_eq!(mode(&format!("{file}{end}")), 0o600, "{end}");
    }
}

#[test]
fn data_survives_restart() {
    let mut server = TestServer::start();
    let visitor = server.create_visitor("device");
    insert_conversations(&server, &visitor, 3);
    let id = server.start_conversation(&visitor);
    server.close(&visitor.token, &id).send().expect(200);
    let before = server.list(&visitor.token, "limit=100");
    for _ in 0..2 {
        server.restart();
        assert_eq!(server.list(&visitor.token, "limit=100"), before);
        assert_eq!(server.list(&server.project.private_key, "")["total"], 4);
        let response = server
            .init_session(&server.project.publishable_key, "device")
            .expect(200);
        assert_eq!(Visitor::from_json(&response).id, visitor.id);
    }
}

#[test]
fn stopped_server_leaves_one_complete_file() {
    sqlite_only!("a database on a server has no files");
    let mut server = TestServer::start();
    let visitor = server.create_visitor("device");
    let id = server.start_conversation(&visitor);
    server.stop();
    let copy = TempDir::new().expect("a directory");
    let copied = copy.path().join("copy.db");
    fs::copy(server.db_path(), &copied).expect("a copy");
    let connection = Connection::open(&copied).expect("a connection");
    let stored_id: uuid::Uuid = connection
        .query_row("SELECT id FROM conversation", [], |row| row.get(0))
        .expect("the conversation, without the log");
    assert_eq!(stored_id.to_string(), id);
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a check");
    assert_eq!(check, "ok");
}

#[test]
fn stop_keeps_every_acknowledged_write() {
    let mut server = TestServer::start();
    let visitor = server.create_visitor("device");
    let (client, token) = (*server, visitor.token.clone());
    let writer = thread::spawn(move || {
        let mut acknowledged = Vec::new();
        loop {
            let response = client.post("/v2/conversations").bearer(&token).try_send();
            match response {
                Ok(response) if response.status == 201 => {
                    acknowledged.push(string(&response.json()["id"]));
                }
                _ => return acknowledged,
            }
        }
    });
    while server.list(&visitor.token, "")["total"].as_u64() < Some(5) {}
    server.restart();
    let acknowledged = writer.join().expect("a list");
    assert!(acknowledged.len() >= 5);
    let mut stored = Vec::new();
    while stored.len() % 100 == 0 {
        let page = server.list(
            &visitor.token,
            &format!("limit=100&offset={}", stored.len()),
        );
        let more = ids(&page);
        if more.is_empty() {
            break;
        }
        stored.extend(more);
    }
    for id in acknowledged {
        assert!(stored.contains(&id), "{id} was acknowledged and is gone");
    }
}

#[test]
fn locked_database_allows_reads_and_returns_503_for_writes() {
    sqlite_only!("the test locks the file");
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let lock_holder = server.db_connection();
    lock_holder
        .execute_batch("BEGIN IMMEDIATE")
        .expect("a lock");
    let start = || server.post("/v2/conversations").bearer(&visitor.token);
    let refused = start().send();
    let error = refused.expect_error(503, "SERVICE_UNAVAILABLE");
    assert_eq!(error["message"], "Service temporarily unavailable");
    assert_eq!(error["details"], serde_json::json!({ "retryAfter": 1 }));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(server.list(&visitor.token, "")["total"], 0);
    lock_holder.execute_batch("ROLLBACK").expect("an unlock");
    start().send().expect(201);
    assert_eq!(server.list(&visitor.token, "")["total"], 1);
}

/// Asserts that opening fails and does not change the file.
fn expect_refusal(path: &Path) -> OpenError {
    let before = fs::read(path).expect("a file");
    let error = Store::open(path, &Options::default())
        .err()
        .expect("a refusal");
    assert!(
        fs::read(path).expect("a file") == before,
        "the file was changed"
    );
    error
}

#[test]
fn newer_database_is_refused_and_unchanged() {
    sqlite_only!("the test uses the file");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("newer.db");
    drop(open_store(&path));
    let known: i64 = {
        let connection = Connection::open(&path).expect("a connection");
        let known = connection.query_row("PRAGMA user_version", [], |row| row.get(0));
        let known: i64 = known.expect("a version");
        connection
            .pragma_update(None, "user_version", known + 1)
            .expect("a newer version");
        known
    };
    let error = expect_refusal(&path);
    assert!(
        matches!(error, OpenError::Newer(_, version) if version == known + 1),
        "{error}"
    );
    assert!(error.to_string().contains("newer parlor"), "{error}");
}

#[test]
fn foreign_database_is_refused_and_unchanged() {
    sqlite_only!("the test uses the file");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("foreign.db");
    let connection = Connection::open(&path).expect("a connection");
    connection
        .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        .expect("a table");
    drop(connection);
    assert!(matches!(expect_refusal(&path), OpenError::Foreign(_)));
    assert!(!is_parlor_file(&path));
}

#[test]
fn non_database_file_is_refused_and_unchanged() {
    sqlite_only!("the test uses the file");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("notes.txt");
    fs::write(&path, "Remember the milk. ".repeat(100)).expect("a file");
    assert!(matches!(expect_refusal(&path), OpenError::Foreign(_)));
    assert!(!is_parlor_file(&path));
}

#[test]
fn missing_directory_is_reported() {
    sqlite_only!("the test uses the file");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("absent/parlor.db");
    let error = Store::open(&path, &Options::default())
        .err()
        .expect("a refusal");
    assert!(matches!(error, OpenError::NoFolder(..)), "{error}");
    assert!(error.to_string().contains("create the folder"), "{error}");
}

#[test]
fn empty_file_is_initialized() {
    sqlite_only!("the test uses the file");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("empty.db");
    fs::write(&path, "").expect("a file");
    drop(open_store(&path));
    assert!(is_parlor_file(&path));
}
