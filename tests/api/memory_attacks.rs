//! The memory of a server process under attacks that hold bodies in memory.
//!
//! By default short forms of the attacks run, with a small budget. With
//! PARLOR_LONG_TESTS=1 the full ones run, with the default budget; they print their
//! figures.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::helpers::{Client, Connection, ParlorProcess, Visitor, open_connection, string};
use crate::memory::insert_messages;
use crate::sqlite_only;

/// The size of an attack and its limits.
struct Attack {
    budget_mb: &'static str,
    /// Messages of 10 kB in the conversation that the readers request.
    messages: usize,
    /// Unfinished requests of each of five sessions.
    uploads: usize,
    /// The time during which other visitors are served.
    duration: Duration,
    max_resident_mb: usize,
    /// The 99th percentile of the response times of other visitors.
    max_p99: Duration,
}

/// The number of slow readers.
const READERS: usize = 40;

/// The number of other visitors.
const VISITORS: usize = 12;

impl Attack {
    fn of_environment() -> Self {
        if std::env::var_os("PARLOR_LONG_TESTS").is_some() {
            return Self {
                budget_mb: "128",
                messages: 6000,
                uploads: 600,
                duration: Duration::from_secs(40),
                max_resident_mb: 256,
                max_p99: Duration::from_secs(1),
            };
        }
        Self {
            budget_mb: "16",
            messages: 1200,
            uploads: 120,
            duration: Duration::from_secs(2),
            max_resident_mb: 128,
            // Other tests run at the same time.
            max_p99: Duration::from_secs(5),
        }
    }
}

/// A server process with a publishable key.
struct AttackedServer {
    process: ParlorProcess,
    directory: TempDir,
    publishable_key: String,
}

impl AttackedServer {
    fn start(attack: &Attack) -> Self {
        let directory = TempDir::new().expect("a directory");
        let arguments = ["serve", "--memory-budget-mb", attack.budget_mb];
        // The attackers have addresses of their own, so that they may use more of the budget.
        let arguments = [&arguments[..], &["--rate-limit", "0", "--behind-proxy"]].concat();
        let process = ParlorProcess::start(directory.path(), &arguments);
        let publishable_key = process.key("pk_").expect("a key");
        Self {
            process,
            directory,
            publishable_key,
        }
    }

    fn client(&self) -> Client {
        self.process.client
    }

    /// A visitor with a conversation.
    fn create_visitor(&self, device: &str) -> (Visitor, String) {
        let body = json!({ "apiKey": self.publishable_key, "saVid": device });
        let session = self.client().post("/v2/identity/init").json(body).send();
        let visitor = Visitor::from_json(&session.json());
        let start = self.client().post("/v2/conversations");
        let conversation = start.bearer(&visitor.token).send().expect(201);
        (visitor, string(&conversation["id"]))
    }

    /// A value of /proc/PID/status in megabytes.
    fn memory_mb(&self, name: &str) -> usize {
        let status = format!("/proc/{}/status", self.process.child.id());
        let status = std::fs::read_to_string(status).expect("a status");
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = value.and_then(|value| value.split_whitespace().nth(1));
        let kilobytes: usize = kilobytes.expect(name).parse().expect("a number");
        kilobytes >> 10
    }
}

/// Sets the flag when it is dropped, so that the other threads of a test that fails end.
struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Requests of visitors who are not part of the attack, until `is_over`, but at least one
/// of each kind. Returns the sorted response times.
fn serve_others(
    client: Client,
    visitors: &[(Visitor, String)],
    is_over: &AtomicBool,
) -> Vec<Duration> {
    let visit = |(visitor, id): &(Visitor, String)| {
        let mut times = Vec::new();
        loop {
            let message = client.post(format!("/v2/conversations/{id}/messages"));
            for request in [
                client.get("/v2/conversations"),
                client.get(format!("/v2/conversations/{id}")),
                message.json(json!({ "content": "Where is my order?" })),
            ] {
                let start = Instant::now();
                let response = request.bearer(&visitor.token).send();
                assert_eq!(response.status, 200, "{}", response.text());
                times.push(start.elapsed());
            }
            if is_over.load(Ordering::Relaxed) {
                return times;
            }
            thread::sleep(Duration::from_millis(20));
        }
    };
    let mut times: Vec<_> = thread::scope(|scope| {
        let visit = &visit;
        let threads: Vec<_> = visitors
            .iter()
            .map(|visitor| scope.spawn(move || visit(visitor)))
            .collect();
        let times = threads.into_iter().map(|thread| thread.join());
        times.flat_map(|times| times.expect("times")).collect()
    });
    times.sort();
    times
}

/// Runs an attack while other visitors are served, and checks the limits.
fn run(attack: &Attack, name: &str, server: &AttackedServer, begin: impl FnOnce() + Send) {
    let visitors: Vec<_> = (0..VISITORS)
        .map(|index| server.create_visitor(&format!("other {index}")))
        .collect();
    let is_over = AtomicBool::new(false);
    let before = server.memory_mb("VmRSS");
    let times = thread::scope(|scope| {
        let others = scope.spawn(|| serve_others(server.client(), &visitors, &is_over));
        let end = EndOnDrop(&is_over);
        begin();
        thread::sleep(attack.duration);
        drop(end);
        others.join().expect("visitors without an error")
    });
    let p99 = times[times.len() * 99 / 100];
    let peak = server.memory_mb("VmHWM");
    eprintln!(
        "{name}: {before} MB before, {peak} MB at most; {} requests of others, p99 {p99:?}",
        times.len()
    );
    assert!(peak < attack.max_resident_mb, "{peak} MB");
    assert!(p99 <= attack.max_p99, "{p99:?}");
}

/// Reads one kilobyte from each connection in turn, until `is_over`.
fn read_slowly(mut readers: Vec<TcpStream>, is_over: &AtomicBool) {
    let mut bytes = [0; 1 << 10];
    for reader in &readers {
        reader.set_nonblocking(true).expect("non-blocking");
    }
    while !is_over.load(Ordering::Relaxed) {
        for reader in &mut readers {
            let _ = std::io::Read::read(reader, &mut bytes);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn slow_readers_of_a_large_conversation_do_not_exhaust_the_memory() {
    sqlite_only!("the test starts a process with a file of its own");
    let attack = Attack::of_environment();
    let server = AttackedServer::start(&attack);
    let (visitor, id) = server.create_visitor("attacker");
    let file = server.directory.path().join("parlor.db");
    insert_messages(
        &Connection::Sqlite(open_connection(&file)),
        &id,
        attack.messages,
    );
    let get = server
        .client()
        .get(format!("/v2/conversations/{id}/messages?limit=1000"))
        .bearer(&visitor.token);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let _end = EndOnDrop(is_over);
        run(&attack, "slow readers", &server, move || {
            let readers = (0..READERS).map(|_| get.clone().send_unread()).collect();
            scope.spawn(move || read_slowly(readers, is_over));
        });
    });
    // The whole conversation stays readable.
    let pages = (0..attack.messages).step_by(1000).map(|offset| {
        let path = format!("/v2/conversations/{id}/messages?limit=1000&offset={offset}");
        let page = server.client().get(path).bearer(&visitor.token).send();
        page.expect(200)["data"].as_array().map_or(0, Vec::len)
    });
    assert_eq!(pages.sum::<usize>(), attack.messages);
}

#[test]
fn unfinished_request_bodies_do_not_exhaust_the_memory() {
    sqlite_only!("the test starts a process with a file of its own");
    upload("unfinished bodies", "Content-Length: 262000\r\n\r\n");
}

#[test]
fn unfinished_chunked_bodies_do_not_exhaust_the_memory() {
    sqlite_only!("the test starts a process with a file of its own");
    let head = "Transfer-Encoding: chunked\r\n\r\n3ff70\r\n";
    upload("unfinished chunked bodies", head);
}

/// Runs an attack with bodies that lack their last bytes. `framing` is the end of the head,
/// and what precedes the bytes.
fn upload(name: &str, framing: &str) {
    let attack = Attack::of_environment();
    let server = AttackedServer::start(&attack);
    let attackers: Vec<_> = (0..5)
        .map(|index| (index, server.create_visitor(&format!("attacker {index}"))))
        .collect();
    let address = server.client().0;
    let mut open = Vec::new();
    let connections = &mut open;
    run(&attack, name, &server, move || {
        let upload = |(index, (visitor, id)): &(usize, (Visitor, String))| {
            let head = format!(
                "POST /v2/conversations/{id}/messages HTTP/1.1\r\nHost: x\r\n\
                 Authorization: Bearer {}\r\nX-Forwarded-For: 192.0.2.{index}\r\n\
                 Content-Type: application/json\r\n{framing}",
                visitor.token
            );
            let bytes = [head.as_bytes(), &vec![b' '; 261_990]].concat();
            let uploads = (0..attack.uploads).filter_map(|_| {
                let mut stream = TcpStream::connect(address).ok()?;
                let timeout = Some(Duration::from_secs(2));
                stream.set_write_timeout(timeout).ok()?;
                // A server that refuses the body may close the connection.
                let _ = stream.write_all(&bytes);
                Some(stream)
            });
            uploads.collect::<Vec<_>>()
        };
        thread::scope(|scope| {
            let upload = &upload;
            let threads: Vec<_> = attackers
                .iter()
                .map(|attacker| scope.spawn(move || upload(attacker)))
                .collect();
            for thread in threads {
                connections.extend(thread.join().expect("connections"));
            }
        });
    });
}
