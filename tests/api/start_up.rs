//! The start of a server: its addresses, concurrent and interrupted starts, and the first keys.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use futures_util::stream;
use parlor::app::AppState;
use parlor::listeners::Listeners;
use parlor::server::{self, StopSignal};
use parlor::store::{Options, Store, StoreLocation, is_parlor_file};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::helpers::{
    Client, ParlorProcess, TestServer, default_settings, open_store, parlor_command, wait_until,
};
use crate::sqlite_only;

// ── Addresses ──

/// Starts a server that must fail. Returns its standard error, which is one line, after
/// checks that the start printed nothing else and left no file.
#[track_caller]
fn failed_start(arguments: &[&str], status: i32) -> String {
    let directory = TempDir::new().expect("a directory");
    let mut command = parlor_command(directory.path());
    let output = command.args(arguments).output().expect("a run");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(status), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let mut files = fs::read_dir(directory.path()).expect("a directory");
    assert!(files.next().is_none(), "{arguments:?} left a file");
    error
}

#[test]
fn address_in_use_is_reported_before_a_file_is_created_or_a_key_is_printed() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let used = other.local_addr().expect("an address").to_string();
    for command in [&["serve"][..], &["demo"], &["demo", "--db", "demo.db"]] {
        for (flag, free) in [
            ("--metrics-listen", "--listen"),
            ("--listen", "--metrics-listen"),
        ] {
            let addresses = [flag, &used, free, "127.0.0.1:0"];
            let error = failed_start(&[command, &addresses].concat(), 1);
            let expected = format!("parlor: cannot listen on {used}: ");
            assert!(error.starts_with(&expected), "{error}");
            let remedy = format!("; choose another address with {flag}\n");
            assert!(error.ends_with(&remedy), "{error}");
        }
    }
}

#[test]
fn contradicting_settings_are_reported_before_a_file_is_created() {
    for command in ["serve", "demo"] {
        let sizes = ["--memory-budget-mb", "16", "--max-body-bytes", "67108864"];
        let arguments = [&[command, "--listen", "127.0.0.1:0"], &sizes[..]].concat();
        let error = failed_start(&arguments, 2);
        assert!(error.contains("--max-body-bytes"), "{error}");
    }
}

#[test]
fn server_is_announced_when_it_accepts_connections() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = default_settings();
    settings.metrics_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let listeners = Listeners::bind(&settings).expect("two ports");
    let metrics = listeners.metrics.as_ref().expect("a listener");
    let addresses = [listeners.address(), metrics.local_addr()];
    let clients = addresses.map(|address| Client(address.expect("an address")));
    let path = directory.path().join("parlor.db");
    let app = AppState::open(&StoreLocation::File(path), settings, false).expect("an app");
    let mut statuses = Vec::new();
    // The thread that runs the server waits meanwhile.
    let announce = || {
        statuses = clients
            .map(|client| client.get("/health").send().status)
            .to_vec();
    };
    let system = actix_web::rt::System::new();
    let signals = stream::iter([StopSignal::Terminate]);
    let served = system.block_on(server::run(app, listeners, signals, announce));
    served.expect("a regular shutdown");
    assert_eq!(statuses, [200, 200]);
}

// ── Concurrent first starts ──

#[test]
fn one_of_concurrent_first_starts_serves_and_the_others_name_it() {
    sqlite_only!("the test creates files");
    let directory = TempDir::new().expect("a directory");
    let mut starts: Vec<_> = (0..4)
        .map(|_| {
            parlor_command(directory.path())
                .args(["serve", "--listen", "127.0.0.1:0", "--lock-wait", "0"])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("a process")
        })
        .collect();
    let mut running = Vec::new();
    wait_until("three of four servers have ended", || {
        running = starts
            .iter_mut()
            .filter_map(|child| {
                child
                    .try_wait()
                    .expect("a status")
                    .is_none()
                    .then_some(child.id())
            })
            .collect();
        running.len() == 1
    });
    for child in starts {
        let id = child.id();
        if running.contains(&id) {
            send_signal(id, "KILL");
        }
        let output = child.wait_with_output().expect("an output");
        let errors = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(!errors.contains("CREATE TABLE"), "{errors}");
        if !running.contains(&id) {
            assert_eq!(output.status.code(), Some(1));
            assert!(errors.contains("in use by another parlor"), "{errors}");
        }
    }
}

fn send_signal(pid: u32, signal: &str) {
    let sent = Command::new("kill")
        .args(["-s", signal, &pid.to_string()])
        .status();
    assert!(sent.expect("kill").success());
}

#[test]
fn concurrent_opens_of_an_absent_file_create_it_once() {
    sqlite_only!("the test creates files");
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("parlor.db");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(open_store(&path)));
        }
    });
    assert!(is_parlor_file(&path));
    assert!(!directory.path().join("parlor.db.part").exists());
}

// ── Interrupted starts ──

#[test]
fn file_opens_after_first_start_is_killed_at_any_moment() {
    sqlite_only!("the test creates files");
    let directory = TempDir::new().expect("a directory");
    for round in 0..24 {
        let name = format!("{round}.db");
        let mut child = parlor_command(directory.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--db", &name])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        // The time of the kill is the input of this test.
        thread::sleep(Duration::from_millis(2 * round));
        child.kill().expect("a kill");
        child.wait().expect("an end");
        let path = directory.path().join(&name);
        drop(open_store(&path));
        assert!(is_parlor_file(&path), "round {round}");
        let leftover = directory.path().join(format!("{name}.part"));
        assert!(!leftover.exists(), "round {round}");
    }
}

#[test]
fn journal_of_an_interrupted_creation_is_rolled_back() {
    sqlite_only!("the test creates files");
    let directory = TempDir::new().expect("a directory");
    let (source, path) = (
        directory.path().join("source.db"),
        directory.path().join("parlor.db"),
    );
    let connection = Connection::open(&source).expect("a file");
    connection
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; CREATE TABLE t (x); \
             INSERT INTO t SELECT randomblob(3000) FROM \
                 (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200) \
                  SELECT i FROM n)",
        )
        .expect("a large transaction");
    // The state on the disk while the transaction is open.
    for suffix in ["", "-journal"] {
        let copy = |path: &Path| format!("{}{suffix}", path.display());
        fs::copy(copy(&source), copy(&path)).expect("a copy");
    }
    assert!(fs::metadata(&path).expect("a file").len() > 0);
    drop(open_store(&path));
    assert!(is_parlor_file(&path));
}

#[test]
fn journal_of_another_program_is_left_alone() {
    sqlite_only!("the test creates files");
    let directory = TempDir::new().expect("a directory");
    let (source, path) = (
        directory.path().join("source.db"),
        directory.path().join("other.db"),
    );
    let connection = Connection::open(&source).expect("a file");
    connection
        .execute_batch(
            "PRAGMA application_id = 7; CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(90000)); \
             PRAGMA cache_size = 1; BEGIN; UPDATE t SET x = randomblob(90000)",
        )
        .expect("a large transaction");
    let journal = directory.path().join("other.db-journal");
    fs::copy(&source, &path).expect("a copy");
    fs::copy(directory.path().join("source.db-journal"), &journal).expect("a copy");
    let before = (
        fs::read(&path).expect("a file"),
        fs::read(&journal).expect("a file"),
    );
    let error = Store::open(&path, &Options::default())
        .err()
        .expect("a refusal");
    assert!(error.to_string().contains("other.db"), "{error}");
    let after = (
        fs::read(&path).expect("a file"),
        fs::read(&journal).expect("a file"),
    );
    assert!(before == after, "a file was changed");
}

// ── The first keys ──

/// Starts a server with these streams and waits for its end.
fn first_start(directory: &Path, stdout: Stdio, stderr: Stdio) -> std::process::Output {
    let child = parlor_command(directory)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .expect("a process");
    child.wait_with_output().expect("an output")
}

#[test]
fn first_keys_are_not_stored_when_they_cannot_be_shown() {
    let directory = TempDir::new().expect("a directory");
    let discarded = first_start(directory.path(), Stdio::null(), Stdio::null());
    assert_eq!(discarded.status.code(), Some(1));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let broken = first_start(directory.path(), writer.into(), Stdio::piped());
    assert_eq!(broken.status.code(), Some(1));
    let error = String::from_utf8(broken.stderr).expect("UTF-8");
    assert!(error.contains("were not stored"), "{error}");
    let server = ParlorProcess::start(directory.path(), &["serve"]);
    let key = server.key("sk_").expect("a key");
    let list = server.client.get("/v2/conversations").bearer(&key);
    list.send().expect(200);
}

#[test]
fn first_keys_are_shown_on_standard_error_when_standard_output_is_discarded() {
    let directory = TempDir::new().expect("a directory");
    let mut child = parlor_command(directory.path())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let stderr = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
    let has_key = |line: std::io::Result<String>| line.expect("a line").contains("sk_");
    assert!(std::io::BufRead::lines(stderr).any(has_key));
    child.kill().expect("a kill");
    child.wait().expect("an end");
}

// ── The file disappears ──

#[test]
fn writes_are_refused_while_the_file_is_deleted_or_replaced() {
    sqlite_only!("the test creates files");
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let start = || {
        server
            .post("/v2/conversations")
            .bearer(&visitor.token)
            .send()
    };
    start().expect(201);
    let path = server.db_path();
    for suffix in ["", "-wal", "-shm"] {
        let file = path.with_file_name(format!("parlor.db{suffix}"));
        let moved = path.with_file_name("moved");
        fs::rename(&file, &moved).expect("a move");
        start().expect_error(503, "SERVICE_UNAVAILABLE");
        fs::copy(&moved, &file).expect("another file");
        start().expect_error(503, "SERVICE_UNAVAILABLE");
        fs::rename(&moved, &file).expect("a move back");
        start().expect(201);
    }
    assert_eq!(server.list(&visitor.token, "")["total"], 4);
}
