//! Shutdown on SIGTERM.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::helpers::{
    Client, ParlorProcess, WebSocketClient, event_types, open_connection, setup_answers_with,
    string, wait_until,
};

const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than a test. The server must not wait for the end of this time.
const ENDLESS_SECONDS: &str = "3000";

const BODY: &str = r#"{"visitor":{"saVid":"device"}}"#;

/// The head of a request that starts a conversation.
fn head(key: &str, header: &str) -> String {
    format!(
        "POST /v2/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n{header}\r\n",
        BODY.len()
    )
}

/// Starts a conversation over a connection. Returns all that the server sends until it
/// closes the connection.
#[track_caller]
fn start_conversation(mut stream: TcpStream, key: &str, header: &str) -> String {
    let request = head(key, header) + BODY;
    stream
        .set_read_timeout(Some(READ_TIMEOUT))
        .expect("a limit");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    response
}

/// A request that starts a conversation, without its body. The server has begun to process
/// the request.
fn begin_request(address: SocketAddr, key: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream
        .set_read_timeout(Some(READ_TIMEOUT))
        .expect("a limit");
    let head = head(key, "Expect: 100-continue\r\n");
    stream.write_all(head.as_bytes()).expect("the head");
    read_to(&mut stream, "100 Continue\r\n\r\n");
    stream
}

fn wait_until_not_ready(client: Client) {
    wait_until("the server is not ready", || {
        client.get("/ready").send().status == 503
    });
}

fn wait_until_port_is_closed(address: SocketAddr) {
    wait_until("the port is closed", || {
        TcpStream::connect(address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    });
}

/// Reads until the text contains `end`.
fn read_to(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut bytes = [0; 1024];
    while !text.contains(end) {
        let count = stream.read(&mut bytes).expect("an answer");
        assert!(count > 0, "the connection closed after {text:?}");
        text += &String::from_utf8_lossy(&bytes[..count]);
    }
    text
}

#[test]
fn shutdown_completes_running_request_and_refuses_new_connections() {
    let directory = TempDir::new().expect("a directory");
    let mut process = ParlorProcess::start(directory.path(), &["serve"]);
    let key = process.key("sk_").expect("a key");
    let address = process.client.0;
    let mut stream = begin_request(address, &key);
    process.send_signal("TERM");
    let start = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "the server still listens"
        );
    }
    stream.write_all(BODY.as_bytes()).expect("the body");
    let response = read_to(&mut stream, "\"messages\":[]}");
    assert!(response.starts_with("HTTP/1.1 201 Created"), "{response}");
    assert_eq!(
        process.child.wait().expect("an exit status").code(),
        Some(0)
    );
    let stored = open_connection(&directory.path().join("parlor.db")).query_row(
        "SELECT count(*) FROM conversation",
        (),
        |row| row.get(0),
    );
    assert_eq!(stored, Ok(1_i64));
}

/// A server with a shutdown delay, and the file with its log.
fn start_with_delay(directory: &TempDir, seconds: &str) -> (ParlorProcess, String) {
    let log = directory.path().join("log");
    let arguments = ["serve", "--shutdown-delay", seconds];
    let log = File::create(log).expect("a file");
    let process = ParlorProcess::start_with_log(directory.path(), &arguments, log);
    let key = process.key("sk_").expect("a key");
    (process, key)
}

#[test]
fn server_serves_until_the_shutdown_delay_is_over() {
    let directory = TempDir::new().expect("a directory");
    let (mut process, key) = start_with_delay(&directory, "4");
    let client = process.client;
    let create = client.post("/v2/conversations").bearer(&key);
    let create = create.json(json!({ "visitor": { "saVid": "ann" } }));
    let id = string(&create.send().expect(201)["id"]);
    let path = format!(
        "/v2/conversations/{id}/ws?apiKey={}",
        process.key("pk_").expect("a key")
    );
    let mut socket = WebSocketClient::open(client, &path);
    let start = Instant::now();
    process.send_signal("TERM");
    wait_until_not_ready(client);
    let error = client.get("/ready").send();
    let error = error.expect_error(503, "SERVICE_UNAVAILABLE");
    assert_eq!(error["details"]["reason"], "shutting-down");
    client.get("/health").send().expect(200);
    // The server closes the connection of each response.
    let connection = TcpStream::connect(client.0).expect("a connection");
    let response = start_conversation(connection, &key, "");
    assert!(response.starts_with("HTTP/1.1 201 Created"), "{response}");
    assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
    socket.expect_pong();
    WebSocketClient::open(client, &path).expect_pong();
    wait_until_port_is_closed(client.0);
    assert!(start.elapsed() >= Duration::from_secs(4));
    assert_eq!(socket.read_until_close(), Some(1001));
    let status = process.child.wait().expect("an exit status");
    assert_eq!(status.code(), Some(0));
    let log = fs::read_to_string(directory.path().join("log")).expect("a log");
    assert!(
        log.contains("shutting down in 4 seconds (--shutdown-delay)"),
        "{log}"
    );
}

/// A proxy does not send a POST again that a node may have received. So each connection that
/// the server accepts must get its response.
#[test]
fn no_connection_is_reset_when_the_port_closes_after_the_delay() {
    let directory = TempDir::new().expect("a directory");
    let (process, key) = start_with_delay(&directory, "1");
    let address = process.client.0;
    let create_until_refused = || {
        let mut count = 0_usize;
        loop {
            match TcpStream::connect(address) {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => return count,
                Err(error) => panic!("no connection: {error}"),
                Ok(stream) => expect_conversation(stream, &key),
            }
            count += 1;
        }
    };
    let counts = thread::scope(|scope| {
        let clients: Vec<_> = (0..16).map(|_| scope.spawn(create_until_refused)).collect();
        process.send_signal("TERM");
        let counts = clients
            .into_iter()
            .map(|client| client.join().expect("responses"));
        counts.collect::<Vec<_>>()
    });
    assert!(counts.iter().sum::<usize>() > counts.len(), "{counts:?}");
}

/// Starts a conversation over this connection, which the client does not use again.
#[track_caller]
fn expect_conversation(stream: TcpStream, key: &str) {
    let response = start_conversation(stream, key, "Connection: close\r\n");
    assert!(response.starts_with("HTTP/1.1 201 Created"), "{response}");
}

#[test]
fn second_signal_stops_at_once() {
    let directory = TempDir::new().expect("a directory");
    let arguments = [
        "serve",
        "--shutdown-delay",
        ENDLESS_SECONDS,
        "--shutdown-timeout",
        ENDLESS_SECONDS,
    ];
    let process = ParlorProcess::start(directory.path(), &arguments);
    let key = process.key("sk_").expect("a key");
    let client = process.client;
    // A request that never ends.
    let _unfinished = begin_request(client.0, &key);
    process.send_signal("TERM");
    wait_until_not_ready(client);
    let start = Instant::now();
    let (status, _) = process.stop("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < READ_TIMEOUT, "{:?}", start.elapsed());
}

#[test]
fn interrupt_at_a_terminal_stops_without_the_delay() {
    let directory = TempDir::new().expect("a directory");
    let (process, _) = start_with_delay(&directory, ENDLESS_SECONDS);
    let start = Instant::now();
    let (status, _) = process.stop("INT");
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < READ_TIMEOUT, "{:?}", start.elapsed());
}

#[test]
fn answers_that_stream_at_the_end_of_the_delay_are_completed() {
    let fixture = setup_answers_with(|settings| settings.shutdown_delay = Some(1));
    let client = *fixture.server;
    let (before, mut stream_before) = fixture.start_answer();
    let bob = fixture.server.create_visitor("bob");
    let id = fixture.server.start_conversation(&bob);
    let ask = fixture.server.post_streaming_message(&bob, &id, "Hi");
    let model = fixture.model.clone();
    let stopping = fixture.stop_in_background();
    wait_until_not_ready(client);
    // This answer begins in the delay.
    let during = model.script_answer();
    during.send_text("So far");
    let mut stream_during = ask.open_stream();
    stream_during.read_first_delta();
    wait_until_port_is_closed(client.0);
    before.finish();
    during.finish();
    for stream in [&mut stream_before, &mut stream_during] {
        assert_eq!(event_types(&stream.events()).last(), Some(&"finish"));
    }
    stopping.join().expect("a stopped server");
}
