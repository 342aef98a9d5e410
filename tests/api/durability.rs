//! No acknowledged write is lost: killed servers, a truncated write-ahead log, a full
//! disk. And load that ends abruptly leaves nothing behind.
//!
//! `PARLOR_LONG_TESTS=1` (`tests/run --long`) runs the long variants.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use crate::helpers::{
    Client, ParlorProcess, Visitor, open_connection, open_store, string, wait_until,
};
use crate::sqlite_only;

/// The value for the short or the long variant of a test.
pub fn short_or_long<T>(short: T, long: T) -> T {
    if std::env::var_os("PARLOR_LONG_TESTS").is_some() {
        long
    } else {
        short
    }
}

fn start_server(directory: &Path, arguments: &[&str]) -> ParlorProcess {
    let serve = ["serve", "--rate-limit", "0"];
    ParlorProcess::start(directory, &[&serve, arguments].concat())
}

/// Starts a session of the visitor "device".
pub fn start_session(client: Client, publishable_key: &str) -> Visitor {
    let body = json!({ "apiKey": publishable_key, "saVid": "device" });
    Visitor::from_json(&client.post("/v2/identity/init").json(body).send().json())
}

/// Starts a conversation. Returns its id if the server acknowledged it.
fn start_conversation(client: Client, token: &str) -> Option<String> {
    let response = client.post("/v2/conversations").bearer(token).try_send();
    let response = response.ok().filter(|response| response.status == 201)?;
    Some(string(&response.json()["id"]))
}

pub fn stored_ids(connection: &Connection) -> BTreeSet<String> {
    let mut ids = connection
        .prepare("SELECT id FROM conversation")
        .expect("SQL");
    let rows = ids
        .query_map([], |row| row.get::<_, Uuid>(0))
        .expect("rows");
    rows.map(|id| id.expect("an id").to_string()).collect()
}

pub fn expect_sound(connection: &Connection) {
    let check: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a check");
    assert_eq!(check, "ok");
}

#[test]
fn acknowledged_writes_survive_kill() {
    sqlite_only!("the test writes to a file of its own and kills its server");
    const CLIENTS: usize = 32;
    let directory = TempDir::new().expect("a directory");
    let first = start_server(directory.path(), &[]);
    let publishable_key = first.key("pk_").expect("a key");
    drop(first);
    let mut random = Rng::with_seed(7);
    let mut acknowledged = BTreeSet::new();
    for round in 0..short_or_long(4, 200) {
        let mut process = start_server(directory.path(), &[]);
        let client = process.client;
        let token = start_session(client, &publishable_key).token;
        let ids = Mutex::new(Vec::new());
        let writes_before_kill = random.usize(1..400);
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while let Some(id) = start_conversation(client, &token) {
                        ids.lock().expect("ids").push(id);
                    }
                });
            }
            let deadline = Instant::now() + Duration::from_secs(5);
            while ids.lock().expect("ids").len() < writes_before_kill && Instant::now() < deadline {
                thread::yield_now();
            }
            process.child.kill().expect("a kill");
        });
        drop(process);
        acknowledged.extend(ids.into_inner().expect("ids"));
        let connection = open_connection(&directory.path().join("parlor.db"));
        assert!(!acknowledged.is_empty());
        let lost: Vec<_> = acknowledged
            .difference(&stored_ids(&connection))
            .cloned()
            .collect();
        assert!(
            lost.is_empty(),
            "round {round}: {lost:?} were acknowledged and are gone"
        );
    }
    expect_sound(&open_connection(&directory.path().join("parlor.db")));
}

#[test]
fn truncated_write_ahead_log_leaves_a_prefix_of_the_writes() {
    sqlite_only!("the test writes to a file of its own and kills its server");
    /// The sizes in SQLite's file format.
    const WAL_HEADER_BYTES: usize = 32;
    const FRAME_BYTES: usize = 24 + 4096;
    let directory = TempDir::new().expect("a directory");
    let mut process = start_server(directory.path(), &[]);
    let token = start_session(process.client, &process.key("pk_").expect("a key")).token;
    let ids: Vec<_> = (0..40)
        .map(|_| start_conversation(process.client, &token).expect("a conversation"))
        .collect();
    process.child.kill().expect("a kill");
    drop(process);
    let path = directory.path().join("parlor.db");
    let wal = fs::read(directory.path().join("parlor.db-wal")).expect("a log");
    let frames = (wal.len() - WAL_HEADER_BYTES) / FRAME_BYTES;
    assert!(frames > 80, "{frames} frames");
    let copy = directory.path().join("copy.db");
    let mut prefixes = BTreeSet::new();
    let cuts = (0..frames).step_by(short_or_long(9, 1)).chain([frames]);
    for frame in cuts {
        // At the end of a frame, and within the next one.
        for extra in [0, FRAME_BYTES / 2] {
            let length = (WAL_HEADER_BYTES + frame * FRAME_BYTES + extra).min(wal.len());
            fs::copy(&path, &copy).expect("a copy");
            fs::write(directory.path().join("copy.db-wal"), &wal[..length]).expect("a log");
            let _ = fs::remove_file(directory.path().join("copy.db-shm"));
            drop(open_store(&copy));
            let connection = open_connection(&copy);
            let stored = stored_ids(&connection);
            let expected: BTreeSet<_> = ids[..stored.len()].iter().cloned().collect();
            assert_eq!(stored, expected, "{length} bytes");
            expect_sound(&connection);
            prefixes.insert(stored.len());
        }
    }
    assert!(
        prefixes.contains(&0) && prefixes.contains(&ids.len()),
        "{prefixes:?}"
    );
}

/// A file system of its own. Dropping it unmounts the file system.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` if this user cannot mount a file system.
    pub fn mount(size: &str) -> Option<Self> {
        let directory = TempDir::new().expect("a directory");
        let options = format!("size={size}");
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", &options, "parlor-test"])
            .arg(directory.path());
        let mounted = command.output().is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("not run: this user cannot mount a file system");
        }
        mounted.then_some(Self(directory))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(thread::panicking() || unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn full_disk_loses_nothing_and_writes_work_again_without_restart() {
    sqlite_only!("the test writes to a file of its own and kills its server");
    let Some(disk) = SmallDisk::mount("6m") else {
        return;
    };
    let process = start_server(disk.path(), &[]);
    let client = process.client;
    let token = start_session(client, &process.key("pk_").expect("a key")).token;
    let write = || client.post("/v2/conversations").bearer(&token).send();
    let mut acknowledged = vec![string(&write().expect(201)["id"])];
    for round in 0..short_or_long(2, 20) {
        let filler = disk.path().join("filler");
        // The error of the last write is the point.
        let _ = fs::write(&filler, vec![1; 8 << 20]);
        let refused = loop {
            let response = write();
            match response.status {
                201 => acknowledged.push(string(&response.json()["id"])),
                _ => break response,
            }
        };
        let error = refused.expect_error(503, "SERVICE_UNAVAILABLE");
        assert!(
            error["details"]["retryAfter"].as_u64() > Some(0),
            "round {round}: {error}"
        );
        let list = client
            .get("/v2/conversations")
            .bearer(&token)
            .send()
            .expect(200);
        assert_eq!(list["total"], acknowledged.len());
        fs::remove_file(&filler).expect("a removal");
        acknowledged.push(string(&write().expect(201)["id"]));
    }
    assert_eq!(process.stop("KILL").0.code(), None);
    let connection = open_connection(&disk.path().join("parlor.db"));
    assert_eq!(stored_ids(&connection), acknowledged.into_iter().collect());
    expect_sound(&connection);
}

/// The number of open descriptors and the resident memory, in kB, of a process.
fn resources(pid: u32) -> (usize, u64) {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("a process")
        .count();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .expect("a size");
    (descriptors, kilobytes.trim().parse().expect("a number"))
}

#[test]
fn clients_that_hang_up_leave_no_descriptors_and_get_only_documented_statuses() {
    sqlite_only!("the test writes to a file of its own and kills its server");
    let clients = short_or_long(48, 1000);
    let duration = Duration::from_secs(short_or_long(2, 60));
    let directory = TempDir::new().expect("a directory");
    let process = start_server(directory.path(), &["--ip-rate-limit", "0"]);
    let client = process.client;
    let publishable_key = process.key("pk_").expect("a key");
    let visitor = start_session(client, &publishable_key);
    let conversation = start_conversation(client, &visitor.token).expect("a conversation");
    let pid = process.child.id();
    let (descriptors_before, _) = resources(pid);
    let (is_over, responses) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..clients {
            let (is_over, responses, token) = (&is_over, &responses, &visitor.token);
            let conversation = &conversation;
            scope.spawn(move || {
                let mut random = Rng::with_seed(number);
                while !is_over.load(Ordering::Relaxed) {
                    let request = match random.u8(0..4) {
                        0 => client.get("/v2/conversations?limit=100"),
                        1 => client.post("/v2/conversations"),
                        2 => client.get(format!("/v2/conversations/{conversation}")),
                        _ => client
                            .post(format!("/v2/conversations/{conversation}/messages"))
                            .json(json!({ "content": "How long?", "stream": random.bool() })),
                    };
                    let request = request.bearer(token);
                    if number % 3 == 0 {
                        drop(request.send_unread());
                    } else {
                        let bytes = request.send_and_drain();
                        let head =
                            String::from_utf8_lossy(&bytes[..bytes.len().min(12)]).into_owned();
                        let status = head.split(' ').nth(1).unwrap_or_default();
                        assert!(
                            matches!(status, "200" | "201" | "202" | "409" | "429" | "503"),
                            "{head:?}"
                        );
                        responses.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let end = Instant::now() + duration;
        while Instant::now() < end {
            thread::park_timeout(end.saturating_duration_since(Instant::now()));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(responses.into_inner() > 20);
    wait_until("the descriptors are closed", || {
        resources(pid).0 <= descriptors_before + 8
    });
    let (_, kilobytes) = resources(pid);
    assert!(kilobytes < 160_000, "{kilobytes} kB");
    client.get("/ready").send().expect(200);
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    expect_sound(&open_connection(&directory.path().join("parlor.db")));
}
