//! Deletion of old closed conversations: `--retain-closed` and `parlor prune`.

use std::path::Path;
use std::time::Duration;

use parlor::domain::Timestamp;
use tempfile::TempDir;

use crate::backup::count;
use crate::database_file::check_counts;
use crate::helpers::{
    Connection, ConversationRow, ParlorProcess, TestServer, Visitor, WebSocketClient, insert_rows,
    open_connection, run_successfully, run_with_error, wait_until,
};
use crate::sqlite_only;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A conversation that was closed some days ago, or is open.
fn row(days: Option<i64>) -> ConversationRow {
    let now = Timestamp::now().0;
    let created_at = now - 400 * DAY;
    ConversationRow {
        created_at,
        updated_at: created_at,
        last_interaction_at: created_at,
        closed_at: days.map(|days| now - days * DAY),
        ..ConversationRow::default()
    }
}

/// Inserts conversations of a new visitor: one was closed 100 days ago, one 31, one 29,
/// and one is open.
fn insert(server: &TestServer) -> Visitor {
    let ann = server.create_visitor("ann");
    let rows = [Some(100), Some(31), Some(29), None].map(row);
    insert_rows(server, &ann, &rows);
    let connection = server.db_connection();
    let messages = "INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
                    SELECT randomblob(16), seq, 0, 'user', 'complete', 'Hello' FROM conversation";
    connection.execute(messages, ()).expect("messages");
    ann
}

fn count_rows(server: &TestServer, table: &str) -> i64 {
    server.query_value(&format!("SELECT count(*) FROM {table}"))
}

/// A server that looks for expired data all the time, and trusts the clock after a time.
fn start(retain_closed: Option<u32>, steady_clock: Duration) -> TestServer {
    TestServer::start_with(|settings| {
        settings.retain_closed = retain_closed;
        settings.housekeeping.interval = Duration::from_millis(20);
        settings.housekeeping.steady_clock = steady_clock;
    })
}

#[test]
fn server_deletes_conversations_that_were_closed_before_the_retention() {
    let server = start(Some(30), Duration::ZERO);
    let ann = insert(&server);
    let key = &server.project.private_key;
    wait_until("two conversations remain", || {
        server.list(key, "")["total"] == 2
    });
    assert_eq!(server.list(&ann.token, "status=closed")["total"], 1);
    assert_eq!(server.list(&ann.token, "status=open")["total"], 1);
    wait_until("their messages are deleted", || {
        count_rows(&server, "message") == 2
    });
    check_counts(&server.db_connection());
}

#[test]
fn retention_closes_the_websockets_of_deleted_conversations() {
    let mut server = start(None, Duration::ZERO);
    insert(&server);
    server.settings.retain_closed = Some(30);
    server.settings.housekeeping.interval = Duration::from_millis(500);
    server.settings.housekeeping.steady_clock = Duration::from_secs(1);
    server.restart();
    let id: uuid::Uuid =
        server.query_value("SELECT id FROM conversation ORDER BY closed_at DESC LIMIT 1 OFFSET 2");
    let key = &server.project.publishable_key;
    let target = format!("/v2/conversations/{id}/ws?apiKey={key}");
    let mut socket = WebSocketClient::open(*server, &target);
    assert_eq!(socket.read_until_close(), Some(1008));
}

#[test]
fn nothing_is_deleted_without_the_setting_and_while_the_clock_is_not_steady() {
    for (retain_closed, steady_clock) in [
        (None, Duration::ZERO),
        (Some(1), Duration::from_secs(60 * 60)),
    ] {
        let server = start(retain_closed, steady_clock);
        insert(&server);
        // Housekeeping runs: it deletes what an interrupted deletion left.
        let connection = server.db_connection();
        let pending = connection.execute("INSERT INTO deleted_conversation VALUES (999)", ());
        pending.expect("a row");
        wait_until("housekeeping ran", || {
            count_rows(&server, "deleted_conversation") == 0
        });
        let again = connection.execute("INSERT INTO deleted_conversation VALUES (999)", ());
        again.expect("a row");
        wait_until("housekeeping ran again", || {
            count_rows(&server, "deleted_conversation") == 0
        });
        assert_eq!(count_rows(&server, "conversation"), 4);
    }
}

// ── parlor prune ──

/// A file with the conversations of [`insert`] in a folder of its own.
fn file() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let mut server = TestServer::start();
    insert(&server);
    let other = server.create_project();
    let ben = server.create_visitor_in(&other, "ben");
    insert_rows(&server, &ben, &[row(Some(200))]);
    server.stop();
    std::fs::copy(server.db_path(), folder.path().join("parlor.db")).expect("a copy");
    folder
}

fn project_id(path: &Path, seq: i64) -> String {
    let sql = "SELECT id FROM project WHERE seq = ?";
    let id = open_connection(path).query_row(sql, [seq], |row| row.get::<_, uuid::Uuid>(0));
    id.expect("a project").to_string()
}

#[test]
fn dry_run_prints_counts_for_each_project_and_deletes_nothing() {
    sqlite_only!("the test runs commands on a file of its own");
    let folder = file();
    let prune = ["prune", "--dry-run", "--closed-before"];
    let text = run_successfully(folder.path(), &[&prune[..], &["30"]].concat());
    let lines: Vec<_> = text.lines().collect();
    let [first, one, two] = lines[..] else {
        panic!("{text}");
    };
    assert!(
        first.starts_with("would delete what was closed before 20"),
        "{text}"
    );
    assert!(
        one.contains("  2 conversations, 2 messages  Tern & Co."),
        "{text}"
    );
    assert!(two.contains("  1 conversations, 0 messages"), "{text}");
    let none = run_successfully(folder.path(), &[&prune[..], &["2001-01-01"]].concat());
    assert!(none.ends_with("no conversations\n"), "{none}");
    assert_eq!(count(&folder.path().join("parlor.db"), "conversation"), 5);
}

#[test]
fn prune_deletes_old_conversations_of_one_project_or_of_all() {
    sqlite_only!("the test runs commands on a file of its own");
    let folder = file();
    let path = folder.path().join("parlor.db");
    let id = project_id(&path, 2);
    let one = ["prune", "--closed-before", "30", "--project", &id];
    let text = run_successfully(folder.path(), &one);
    assert!(text.ends_with("deleted 1 conversations\n"), "{text}");
    assert_eq!(count(&path, "conversation"), 4);
    let all = ["prune", "--closed-before", "30"];
    let text = run_successfully(folder.path(), &all);
    assert!(text.ends_with("deleted 2 conversations\n"), "{text}");
    assert_eq!(
        (count(&path, "conversation"), count(&path, "message")),
        (2, 2)
    );
    let text = run_successfully(folder.path(), &all);
    assert!(text.ends_with("deleted 0 conversations\n"), "{text}");
    check_counts(&Connection::Sqlite(open_connection(&path)));
}

#[test]
fn prune_works_beside_a_running_server() {
    sqlite_only!("the test runs commands on a file of its own");
    let folder = file();
    let process = ParlorProcess::start(folder.path(), &["serve"]);
    let text = run_successfully(folder.path(), &["prune", "--closed-before", "30"]);
    assert!(text.ends_with("deleted 3 conversations\n"), "{text}");
    let project = project_id(&folder.path().join("parlor.db"), 1);
    let keys = ["keys", "create", "--kind", "private", "--name", "test"];
    let keys = [&keys[..], &["--project", &project]].concat();
    let key = run_successfully(folder.path(), &keys);
    wait_until("the server notices", || {
        let list = process.client.get("/v2/conversations").bearer(key.trim());
        list.send().expect(200)["total"] == 2
    });
}

#[test]
fn vacuum_returns_the_space_of_deleted_rows_while_a_server_runs() {
    sqlite_only!("the test runs commands on a file of its own");
    let folder = file();
    let path = folder.path().join("parlor.db");
    let process = ParlorProcess::start(folder.path(), &["serve"]);
    let connection = open_connection(&path);
    let fill = "CREATE TABLE filler AS SELECT randomblob(4000000) AS bytes; DROP TABLE filler;";
    connection.execute_batch(fill).expect("unused pages");
    drop(connection);
    let size = || std::fs::metadata(&path).expect("a file").len();
    let dry_run = run_successfully(folder.path(), &["prune", "--vacuum", "--dry-run"]);
    assert_eq!(dry_run, "would free 4.0 MB\n");
    let text = run_successfully(folder.path(), &["prune", "--vacuum"]);
    assert!(text.starts_with("parlor.db has 0."), "{text}");
    assert!(size() < 1_000_000, "{}", size());
    assert_eq!(count(&path, "conversation"), 5);
    process.client.get("/ready").send().expect(200);
    let both = ["prune", "--closed-before", "30", "--vacuum"];
    let text = run_successfully(folder.path(), &both);
    assert!(
        text.contains("deleted 3 conversations\nparlor.db has"),
        "{text}"
    );
}

#[test]
fn invalid_arguments_of_prune_name_the_allowed_values() {
    sqlite_only!("the command has no database");
    let folder = file();
    let error = run_with_error(folder.path(), &["prune", "--closed-before", "soon"]);
    assert!(
        error.contains("a number of days, or a date such as 2025-12-31"),
        "{error}"
    );
    let error = run_with_error(folder.path(), &["prune"]);
    assert!(error.contains("--closed-before"), "{error}");
}
