//! Measures open WebSockets: opens many sockets to one conversation of a demo, and
//! prints the server's memory before and after, the time until all sockets have
//! received an event, and the time until the server has stopped.
//!
//! Usage: `sockets COUNT`.
//!
//! The server and the clients are two processes of this program. Each needs a file
//! descriptor for each socket, so both raise their limit to the hard limit
//! (`ulimit -Hn`).

mod arguments;

use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use arguments::arguments;
use clap::Parser;
use futures_util::{StreamExt, stream};
use parlor::app::AppState;
use parlor::config::Settings;
use parlor::domain::{ConversationId, Key, MessageId, ProjectSeq, Role, SentMessage, Timestamp};
use parlor::events::{Event, EventHub, PublishedEvent};
use parlor::http::json::encode_event;
use parlor::listeners::Listeners;
use parlor::server::{self, StopSignal};
use parlor::store::StoreLocation;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

/// The length of the published text in bytes. The message has about 500 bytes as
/// JSON.
const TEXT_BYTES: usize = 140;

fn main() -> Result<()> {
    let usage = "usage: sockets COUNT";
    let Some(arguments) = arguments(usage) else {
        return Ok(());
    };
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { current, ..limit })?;
    match arguments.as_slice() {
        [command, file] if command == "serve" => serve(file),
        [count] => measure(count.parse().map_err(Error::other)?),
        _ => Err(Error::other(usage)),
    }
}

// ── The server ──

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    settings: Settings,
}

/// Serves a demo's database. Publishes an event for each conversation id on standard
/// input, and stops at the end of the input.
fn serve(file: &str) -> Result<()> {
    let mut settings = Defaults::parse_from(["sockets", "--listen", "127.0.0.1:0"]).settings;
    settings.rate_limit = 0;
    let listeners = Listeners::bind(&settings).map_err(Error::other)?;
    let app =
        AppState::open(&StoreLocation::File(file.into()), settings, true).map_err(Error::other)?;
    println!("{}", listeners.address()?);
    let (stop_sender, stop_receiver) = tokio::sync::oneshot::channel();
    let hub = app.services.events.clone();
    thread::spawn(move || {
        publish_requested_events(&hub);
        stop_sender.send(())
    });
    let signals = stream::once(stop_receiver).map(|_| StopSignal::Terminate);
    let served = actix_web::rt::System::new().block_on(server::run(app, listeners, signals, || ()));
    served.map_err(Error::other)
}

fn publish_requested_events(hub: &EventHub) {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let Some(id) = ConversationId::parse(&line) else {
            return;
        };
        hub.publish(ProjectSeq::FIRST, id, &message_event(id));
    }
}

fn message_event(conversation: ConversationId) -> Event {
    let (id, text) = (MessageId::generate(), "x".repeat(TEXT_BYTES));
    let message = SentMessage::new(id, conversation, Role::User, text, Timestamp::now());
    Event::NewMessage(message)
}

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(directory: &std::path::Path) -> Result<Self> {
        let file = directory.join("demo.db");
        let program = std::env::current_exe()?;
        let parlor = env!("CARGO_BIN_EXE_parlor");
        let demo = ["demo", "--no-serve", "--conversations", "10", "--db"];
        let output = Command::new(parlor).args(demo).arg(&file).output()?;
        if !output.status.success() {
            return Err(Error::other("the demo could not be created"));
        }
        let mut child = Command::new(program)
            .arg("serve")
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or(Error::other("no output"))?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().parse().map_err(Error::other)?;
        Ok(Self { child, address })
    }

    /// Returns the resident memory in kB.
    fn memory_kb(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS"));
        let words = line.map(str::split_whitespace);
        let memory = words.and_then(|mut words| words.nth(1)?.parse().ok());
        memory.ok_or(Error::other("the server is gone"))
    }

    fn publish(&mut self, conversation: &str) -> Result<()> {
        let input = self.child.stdin.as_mut();
        writeln!(input.ok_or(Error::other("no input"))?, "{conversation}")
    }

    /// Stops the server. Returns how long it took.
    fn stop(&mut self) -> Result<Duration> {
        let start = Instant::now();
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(start.elapsed())
    }

    /// Returns the id of a conversation.
    fn conversation(&self) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        let key = Key::DEMO[1];
        write!(
            stream,
            "GET /v2/conversations?limit=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Authorization: Bearer {key}\r\n\r\n"
        )?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        let body = response.split_once("\r\n\r\n").unwrap_or_default().1;
        let body: Value = serde_json::from_str(body)?;
        let id = body["data"][0]["id"].as_str();
        Ok(id.ok_or(Error::other(response.clone()))?.to_owned())
    }
}

// ── The clients ──

/// Opens a WebSocket to a conversation.
fn open_socket(address: SocketAddr, conversation: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let key = Key::DEMO[0];
    // The request is as long as that of a browser.
    write!(
        stream,
        "GET /v2/conversations/{conversation}/ws?apiKey={key} HTTP/1.1\r\nHost: {address}\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140\r\n\
         Origin: https://shop.example\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
         Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if head.starts_with(b"HTTP/1.1 101") {
        Ok(stream)
    } else {
        Err(Error::other(String::from_utf8_lossy(&head).into_owned()))
    }
}

/// Reads one event from each socket.
fn read_event(sockets: &mut [TcpStream], length: usize) -> Result<()> {
    let mut event = vec![0; length];
    sockets
        .iter_mut()
        .try_for_each(|socket| socket.read_exact(&mut event))
}

fn measure(count: u32) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut server = Server::start(directory.path())?;
    let id = server.conversation()?;
    let before = server.memory_kb()?;
    let start = Instant::now();
    let sockets = (0..count).map(|_| open_socket(server.address, &id));
    let mut sockets = sockets.collect::<Result<Vec<_>>>()?;
    let open_time = start.elapsed();
    let after = server.memory_kb()?;
    let kb_per_socket = |now: u64| now.saturating_sub(before) as f64 / f64::from(count);
    println!("{count} sockets, opened in {open_time:.1?}");
    println!(
        "resident: {before} kB before, {after} kB after: {:.1} kB each",
        kb_per_socket(after)
    );
    // The event, and the frame header of four bytes.
    let conversation = ConversationId::generate();
    let event = PublishedEvent::new(conversation, message_event(conversation));
    let length = encode_event(&event).len() + 4;
    for _ in 0..3 {
        let start = Instant::now();
        server.publish(&id)?;
        read_event(&mut sockets, length)?;
        println!("one event read by all after {:.1?}", start.elapsed());
    }
    let after = server.memory_kb()?;
    println!(
        "resident after that: {after} kB: {:.1} kB each",
        kb_per_socket(after)
    );
    println!("stopped, with all open, in {:.2?}", server.stop()?);
    Ok(())
}
