//! `/health` and `/ready`.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::durability::SmallDisk;
use crate::helpers::{Client, ParlorProcess, TestServer, string, wait_until};
use crate::sqlite_only;

/// A server that checks the store at each request.
fn start_server(probe: Duration) -> TestServer {
    TestServer::start_with(|settings| {
        settings.readiness_intervals.check = Duration::ZERO;
        settings.readiness_intervals.probe = probe;
    })
}

/// The reason why the server is not ready. None if it is.
#[track_caller]
fn not_ready(client: Client) -> Option<String> {
    let response = client.get("/ready").send();
    assert_eq!(response.header("cache-control"), Some("no-store"));
    if response.status == 200 {
        assert_eq!(response.json()["status"], "ready");
        return None;
    }
    let error = response.expect_error(503, "SERVICE_UNAVAILABLE");
    let reason = string(&error["details"]["reason"]);
    let expected = format!("The server is not ready: {reason}");
    assert_eq!(error["message"], expected);
    Some(reason)
}

#[track_caller]
fn wait_for_reason(client: Client, reason: Option<&str>) {
    wait_until(&format!("the reason is {reason:?}"), || {
        not_ready(client).as_deref() == reason
    });
}

#[test]
fn health_and_ready_return_ok_without_a_key() {
    let server = TestServer::start();
    let health = server.get("/health").send().expect(200);
    assert_eq!(health["status"], "ok");
    let ready = server.get("/ready").send().expect(200);
    assert_eq!(
        ready,
        serde_json::json!({ "status": "ready", "warnings": [] })
    );
}

#[test]
fn server_is_alive_and_not_ready_while_its_file_is_away() {
    sqlite_only!("the test moves the file");
    let server = start_server(Duration::from_secs(3600));
    assert_eq!(not_ready(*server), None);
    let (path, moved) = (server.db_path(), server.db_path().with_extension("moved"));
    fs::rename(&path, &moved).expect("a move");
    assert_eq!(not_ready(*server).as_deref(), Some("file-replaced"));
    server.get("/health").send().expect(200);
    fs::write(&path, "").expect("another file");
    assert_eq!(not_ready(*server).as_deref(), Some("file-replaced"));
    fs::rename(&moved, &path).expect("a move");
    assert_eq!(not_ready(*server), None);
}

#[test]
fn server_is_not_ready_while_a_damaged_file_is_read() {
    sqlite_only!("the test damages the file");
    let server = start_server(Duration::ZERO);
    assert_eq!(not_ready(*server), None);
    let connection = server.sqlite_connection();
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_busy: bool = connection
        .query_row(checkpoint, (), |row| row.get(0))
        .expect("a checkpoint");
    assert!(!is_busy);
    let original = fs::read(server.db_path()).expect("a file");
    let mut damaged = original.clone();
    damaged[4096..].fill(0xAA);
    fs::write(server.db_path(), &damaged).expect("a damaged file");
    // A commit of another program, after which the connections read the file again.
    touch(&connection);
    assert_eq!(not_ready(*server).as_deref(), Some("file-corrupt"));
    server.get("/health").send().expect(200);
    fs::write(server.db_path(), &original).expect("a file");
    touch(&connection);
    assert_eq!(not_ready(*server), None);
}

/// Writes the first page of the file.
fn touch(connection: &Connection) {
    let version: i64 = connection
        .query_row("PRAGMA user_version", (), |row| row.get(0))
        .expect("a version");
    let write = format!("PRAGMA user_version = {version}");
    connection.execute_batch(&write).expect("a write");
}

#[test]
fn probe_writes_and_neither_changes_lists_nor_grows_the_file() {
    sqlite_only!("the test reads the size of the file");
    let server = start_server(Duration::ZERO);
    let leases = "SELECT coalesce(max(lease_expires_at), 0) FROM process";
    let state = || {
        let versions: i64 = server.query_value("SELECT sum(list_version) FROM project");
        let pages: i64 = server.query_value("PRAGMA page_count");
        let rows: i64 = server.query_value("SELECT count(*) FROM process");
        (versions, pages, rows)
    };
    assert_eq!(not_ready(*server), None);
    let (before, written) = (state(), server.query_value::<i64>(leases));
    wait_until("a later probe has written", || {
        assert_eq!(not_ready(*server), None);
        server.query_value::<i64>(leases) > written
    });
    assert_eq!(state(), before);
}

#[test]
fn probe_writes_at_most_once_in_its_interval() {
    sqlite_only!("the test reads a counter of SQLite");
    let server = start_server(Duration::from_secs(3600));
    let version = "PRAGMA data_version";
    let connection = server.db_connection();
    let changes = || -> i64 {
        let version = connection.query_row(version, (), |row| row.get(0));
        version.expect("a version")
    };
    assert_eq!(not_ready(*server), None);
    let before = changes();
    for _ in 0..20 {
        assert_eq!(not_ready(*server), None);
        server.get("/health").send().expect(200);
    }
    assert_eq!(changes(), before);
}

#[test]
fn full_disk_makes_the_server_not_ready_until_a_write_succeeds() {
    sqlite_only!("the test limits the size of the file");
    let Some(disk) = SmallDisk::mount("6m") else {
        return;
    };
    let process = ParlorProcess::start(disk.path(), &["serve"]);
    let client = process.client;
    wait_for_reason(client, None);
    let body = serde_json::json!({ "apiKey": process.key("pk_"), "saVid": "device" });
    let write = || client.post("/v2/identity/init").json(&body).send().status;
    let filler = disk.path().join("filler");
    // The error of the last write is the point.
    let _ = fs::write(&filler, vec![1; 8 << 20]);
    wait_until("a write fails", || write() == 503);
    wait_for_reason(client, Some("disk-full"));
    client.get("/health").send().expect(200);
    fs::remove_file(&filler).expect("a removal");
    assert_eq!(write(), 201);
    wait_for_reason(client, None);
    process.stop("TERM");
}

#[test]
fn server_is_not_ready_without_its_lock() {
    sqlite_only!("several servers may use one PostgreSQL database");
    let directory = TempDir::new().expect("a directory");
    let process = ParlorProcess::start(directory.path(), &["serve"]);
    let lock = directory.path().join("parlor.db.lock");
    let moved = directory.path().join("moved");
    assert_eq!(not_ready(process.client), None);
    fs::rename(&lock, &moved).expect("a move");
    wait_for_reason(process.client, Some("lock-lost"));
    fs::rename(&moved, &lock).expect("a move");
    wait_for_reason(process.client, None);
    process.stop("TERM");
}

#[test]
fn failed_backup_is_a_warning() {
    sqlite_only!("backups are copies of a file");
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("a file");
    fs::write(&file, "").expect("a file");
    let server = TestServer::start_with(|settings| {
        settings.backup.backup_dir = Some(file);
    });
    wait_until("the backup has failed", || {
        let ready = server.get("/ready").send().expect(200);
        ready["warnings"] == serde_json::json!(["backup-failed"])
    });
}
