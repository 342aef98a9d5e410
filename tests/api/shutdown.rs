//! Shutdown on SIGTERM.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::helpers::{ParlorProcess, open_connection};

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
    let body = r#"{"visitor":{"saVid":"device"}}"#;
    let mut stream = TcpStream::connect(address).expect("a connection");
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).expect("a limit");
    let head = format!(
        "POST /v2/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the head");
    // The server has started to process the request.
    read_to(&mut stream, "100 Continue\r\n\r\n");
    process.send_signal("TERM");
    let start = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "the server still listens"
        );
    }
    stream.write_all(body.as_bytes()).expect("the body");
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
