//! Backups in object storage: complete or without a manifest, whatever happens meanwhile.
//!
//! `tests/run object-storage` starts the service, moto, and runs these tests.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::backup::{count, generated_file, names};
use crate::helpers::{
    Client, ParlorProcess, Request, parlor_command, run_successfully, run_with_error, wait_until,
};
use crate::sqlite_only;

/// A bucket of its own for each test.
struct TestBucket {
    name: &'static str,
    client: Client,
}

impl TestBucket {
    fn create(name: &'static str) -> Self {
        let url = std::env::var("AWS_ENDPOINT_URL").expect("run `tests/run object-storage`");
        let address = url.strip_prefix("http://").expect("an address");
        let bucket = Self {
            name,
            client: Client(address.parse().expect("an address")),
        };
        assert_eq!(bucket.request("PUT", "").send().status, 200);
        bucket
    }

    fn request(&self, method: &'static str, target: &str) -> Request {
        let target = format!("/{}{target}", self.name);
        // The service does not check the signature.
        let credentials = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request";
        let request = self.client.request(method, target);
        request.header("Authorization", credentials)
    }

    fn put(&self, name: &str, content: impl Into<Vec<u8>>) {
        let request = self.request("PUT", &format!("/{name}")).body(content);
        assert_eq!(request.send().status, 200);
    }

    fn delete(&self, name: &str) {
        let request = self.request("DELETE", &format!("/{name}"));
        // The response has no length, because it has no body.
        assert!(request.send_and_drain().starts_with(b"HTTP/1.1 204"));
    }

    fn url(&self, path: &str) -> String {
        format!("s3://{}/{path}", self.name)
    }

    /// The names of the objects, in order.
    fn objects(&self) -> Vec<String> {
        let list = self.request("GET", "?list-type=2").send();
        let keys = list.text().split("<Key>").skip(1);
        let keys = keys.map(|rest| rest.split('<').next().unwrap_or_default().to_owned());
        keys.collect()
    }

    fn object(&self, name: &str) -> Vec<u8> {
        let response = self.request("GET", &format!("/{name}")).send();
        assert_eq!(response.status, 200, "{name}");
        response.body
    }

    /// Checks that a manifest describes the object. Returns the manifest.
    fn expect_complete(&self, name: &str) -> Value {
        let manifest = self.object(&format!("{name}.json"));
        let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
        let hash = Sha256::digest(self.object(name));
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(manifest["sha256"], hash);
        manifest
    }

    fn unfinished_uploads(&self) -> usize {
        let list = self.request("GET", "?uploads").send();
        list.text().matches("<UploadId>").count()
    }
}

#[test]
fn backup_in_a_bucket_is_restored_completely() {
    sqlite_only!("backups are copies of a file");
    let bucket = TestBucket::create("complete");
    let (folder, _) = generated_file(300);
    let folder = folder.path();
    let output = run_successfully(folder, &["backup", &bucket.url("shop/a")]);
    assert!(
        output.contains("created s3://complete/shop/a/parlor-2"),
        "{output}"
    );
    let objects = bucket.objects();
    let [backup, manifest] = &objects[..] else {
        panic!("{objects:?}");
    };
    assert_eq!(*manifest, format!("{backup}.json"));
    assert_eq!(
        bucket.expect_complete(backup)["counts"]["conversations"],
        300
    );

    // The newest one, and one by its name.
    for (url, target) in [(bucket.url("shop/a"), "b.db"), (bucket.url(backup), "c.db")] {
        let output = run_successfully(folder, &["restore", &url, "--db", target]);
        assert!(output.contains("300 conversations"), "{output}");
        assert_eq!(count(&folder.join(target), "conversation"), 300);
    }
    let error = run_with_error(folder, &["restore", &bucket.url("shop/a"), "--db", "b.db"]);
    assert!(error.contains("--force"), "{error}");
    let left = names(folder);
    assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
}

#[test]
fn backup_without_a_manifest_is_no_backup() {
    sqlite_only!("backups are copies of a file");
    let bucket = TestBucket::create("incomplete");
    let (folder, _) = generated_file(20);
    let folder = folder.path();
    run_successfully(folder, &["backup", &bucket.url("")]);
    let objects = bucket.objects();
    bucket.delete(&objects[1]);
    for url in [bucket.url(""), bucket.url(&objects[0])] {
        let error = run_with_error(folder, &["restore", &url, "--db", "b.db"]);
        assert!(error.contains("has no complete backup"), "{error}");
    }
    assert!(!folder.join("b.db").exists());
}

#[test]
fn damaged_backup_is_not_restored() {
    sqlite_only!("backups are copies of a file");
    let bucket = TestBucket::create("damaged");
    let (folder, _) = generated_file(20);
    let folder = folder.path();
    run_successfully(folder, &["backup", &bucket.url("")]);
    let backup = bucket.objects().remove(0);
    let mut bytes = bucket.object(&backup);
    bytes[5000] ^= 1;
    bucket.put(&backup, bytes);
    let error = run_with_error(folder, &["restore", &bucket.url(""), "--db", "b.db"]);
    assert!(error.contains("is not the backup that"), "{error}");
    assert!(!folder.join("b.db").exists());
}

#[test]
fn server_uploads_backups_at_intervals_and_deletes_old_ones() {
    sqlite_only!("backups are copies of a file");
    let bucket = TestBucket::create("interval");
    let folder = TempDir::new().expect("a folder");
    for name in ["notes", "parlor-20200101T000000Z.db"] {
        bucket.put(&format!("shop/{name}"), "text");
    }
    let url = bucket.url("shop");
    let every_second = ["--backup-every", "1s", "--backup-keep", "2"];
    let serve = ["serve", "--backup-url", &url];
    let process = ParlorProcess::start(folder.path(), &[&serve[..], &every_second].concat());
    let backups = || {
        let mut objects = bucket.objects();
        objects.retain(|name| name.ends_with(".db.json"));
        objects
    };
    wait_until("there is a backup", || !backups().is_empty());
    let first = backups().remove(0);
    wait_until("the first backup was deleted", || {
        !bucket.objects().contains(&first)
    });
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    let left = backups();
    assert!((1..=3).contains(&left.len()), "{left:?}");
    bucket.expect_complete(left[0].strip_suffix(".json").expect("a name"));
    let objects = bucket.objects();
    assert!(objects.contains(&"shop/notes".to_owned()), "{objects:?}");
    // What an interrupted upload has left.
    let incomplete = "shop/parlor-20200101T000000Z.db".to_owned();
    assert!(!objects.contains(&incomplete), "{objects:?}");
    let left = names(folder.path());
    assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
}

#[test]
fn server_uploads_the_backups_of_its_folder() {
    sqlite_only!("backups are copies of a file");
    let bucket = TestBucket::create("folder");
    let folder = TempDir::new().expect("a folder");
    let url = bucket.url("shop");
    let serve = ["serve", "--backup-dir", "backups", "--backup-url", &url];
    let process = ParlorProcess::start(folder.path(), &serve);
    wait_until("the backup is uploaded", || bucket.objects().len() == 2);
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    let local = names(&folder.path().join("backups"));
    let uploaded: Vec<_> = local.iter().map(|name| format!("shop/{name}")).collect();
    assert_eq!(bucket.objects(), uploaded);
    let bytes = fs::read(folder.path().join("backups").join(&local[0])).expect("a file");
    assert!(bucket.object(&uploaded[0]) == bytes);

    // The next start uploads what is missing, without another backup.
    for name in &uploaded {
        bucket.delete(name);
    }
    let process = ParlorProcess::start(folder.path(), &serve);
    wait_until("the backup is uploaded again", || {
        bucket.objects() == uploaded
    });
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    assert_eq!(names(&folder.path().join("backups")), local);
}

#[test]
fn failed_upload_is_logged_with_its_remedy_and_without_secrets() {
    sqlite_only!("backups are copies of a file");
    let bucket = TestBucket::create("failing");
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let log = fs::File::create(folder.join("log")).expect("a file");
    let mut child = parlor_command(folder)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args([
            "--backup-url",
            "s3://absent-bucket/shop",
            "--backup-every",
            "1s",
        ])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("a process");
    let read_log = || fs::read_to_string(folder.join("log")).expect("a log");
    wait_until("two failures are logged", || {
        let failure = "no backup was uploaded to s3://absent-bucket/shop";
        read_log().matches(failure).count() >= 2
    });
    child.kill().expect("a kill");
    child.wait().expect("a status");
    let log = read_log();
    assert!(
        log.contains("ERROR") && log.contains("NoSuchBucket"),
        "{log}"
    );
    assert!(log.contains("check the name of the bucket"), "{log}");

    run_successfully(folder, &["backup", "b.db"]);
    let mut command = parlor_command(folder);
    command.args(["backup", &bucket.url("")]);
    // No server listens there.
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let output = command.output().expect("a run");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("check AWS_ENDPOINT_URL"), "{error}");
    assert!(!(error + &log).contains("test-secret"));
}

/// Forwards connections to the service until a request with `text` in its first line
/// comes. That request gets no response.
struct StallingProxy {
    address: SocketAddr,
    stalled: Receiver<()>,
}

impl StallingProxy {
    fn start(target: SocketAddr, text: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, stalled) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (client, sender) = (stream.expect("a connection"), sender.clone());
                thread::spawn(move || forward(client, target, text, &sender));
            }
        });
        Self { address, stalled }
    }

    fn spawn(&self, folder: &Path, arguments: &[&str]) -> Child {
        let mut command = parlor_command(folder);
        command
            .args(arguments)
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address));
        let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
        silent.spawn().expect("a process")
    }
}

fn forward(mut client: TcpStream, target: SocketAddr, text: &str, stalled: &Sender<()>) {
    let mut server = TcpStream::connect(target).expect("the service");
    let (mut from, mut to) = (
        server.try_clone().expect("a stream"),
        client.try_clone().expect("a stream"),
    );
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let head = String::from_utf8_lossy(&buffer[..count.min(400)]);
        if head.lines().next().is_some_and(|line| line.contains(text)) {
            let _ = stalled.send(());
            // Keeps the connection open and reads nothing.
            thread::park();
        }
        if server.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}

fn send_signal(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(sent.expect("kill").success());
}

#[test]
fn interrupted_upload_leaves_no_complete_backup() {
    sqlite_only!("backups are copies of a file");
    let bucket = TestBucket::create("interrupted");
    let (folder, _) = generated_file(100);
    let folder = folder.path();
    let url = bucket.url("shop");
    // SIGTERM during the upload of a part: the parts are deleted.
    let proxy = StallingProxy::start(bucket.client.0, "partNumber=");
    let mut child = proxy.spawn(folder, &["backup", &url]);
    proxy.stalled.recv().expect("a part");
    assert_eq!(bucket.unfinished_uploads(), 1);
    send_signal(&child, "TERM");
    assert_eq!(child.wait().expect("a status").code(), Some(1));
    assert_eq!(bucket.unfinished_uploads(), 0);
    assert_eq!(bucket.objects(), [""; 0]);

    // SIGKILL before the manifest, which comes last.
    let proxy = StallingProxy::start(bucket.client.0, ".db.json");
    let mut child = proxy.spawn(folder, &["backup", &url]);
    proxy.stalled.recv().expect("the manifest");
    send_signal(&child, "KILL");
    child.wait().expect("a status");
    assert_eq!(bucket.objects().len(), 1);
    let error = run_with_error(folder, &["restore", &url, "--db", "b.db"]);
    assert!(error.contains("has no complete backup"), "{error}");

    // A server that is stopped while it uploads ends soon.
    let proxy = StallingProxy::start(bucket.client.0, "partNumber=");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--backup-url", &url];
    let mut child = proxy.spawn(folder, &serve);
    proxy.stalled.recv().expect("a part");
    send_signal(&child, "TERM");
    wait_until("the server has ended", || {
        child.try_wait().expect("a status").is_some()
    });
    assert_eq!(child.wait().expect("a status").code(), Some(0));

    // What the killed backup left does not disturb the next one.
    run_successfully(folder, &["backup", &url]);
    run_successfully(folder, &["restore", &url, "--db", "b.db"]);
    let left = names(folder);
    assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
}

/// The largest resident memory of a process so far, in MB.
fn peak_memory(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes / 1000)
}

#[test]
fn upload_needs_little_memory() {
    sqlite_only!("backups are copies of a file");
    let bucket = TestBucket::create("memory");
    let (folder, database) = generated_file(100);
    let fill = "CREATE TABLE fill (x); \
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 120) \
                INSERT INTO fill SELECT randomblob(1000000) FROM n";
    let connection = Connection::open(&database).expect("a file");
    connection.execute_batch(fill).expect("a large file");
    drop(connection);
    let mut child = parlor_command(folder.path())
        .args(["backup", &bucket.url("")])
        .stdout(Stdio::null())
        .spawn()
        .expect("a process");
    let mut peak = 0;
    while child.try_wait().expect("a status").is_none() {
        peak = peak_memory(&child).unwrap_or(0).max(peak);
        thread::yield_now();
    }
    assert!(child.wait().expect("a status").success());
    assert!((1..64).contains(&peak), "{peak} MB");
    let backup = bucket.objects().remove(0);
    assert!(bucket.object(&backup).len() > 120_000_000);
    eprintln!("an upload of 120 MB: {peak} MB");
}
