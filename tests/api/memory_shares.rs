//! The shares of the memory budget: of a visitor, of an address and of the process.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tempfile::TempDir;

use crate::helpers::{ParlorProcess, TestServer, Visitor, parlor_command, wait_until};
use crate::memory::{KB, MB, create_large_conversation, get_messages};
use crate::one_node;

/// A server with a budget of 16 MB: a visitor may use 2 MB, an address 4 MB.
fn start_with_small_budget() -> TestServer {
    one_node!("each node has a memory budget of its own");
    TestServer::start_with(|settings| {
        settings.memory_budget_mb = 16;
        settings.behind_proxy = true;
        // These tests read nothing for as long as a slow machine takes.
        settings.transfer_limits.period = Duration::from_secs(3600);
    })
}

#[test]
fn caller_above_its_share_gets_429_and_others_are_served() {
    let server = start_with_small_budget();
    let (ann, large) = create_large_conversation(&server, "ann", 400);
    let (ben, other) = create_large_conversation(&server, "ben", 400);
    let mut readers = Vec::new();
    let refused = loop {
        assert!(readers.len() < 10, "no request was refused");
        let mut reader = get_messages(&server, &ann, &large, "limit=1000").send_unread();
        let mut status = [0; 12];
        reader.read_exact(&mut status).expect("a status");
        if status.ends_with(b"429") {
            break get_messages(&server, &ann, &large, "limit=1000").send();
        }
        assert!(status.ends_with(b"200"));
        readers.push(reader);
    };
    assert!(readers.len() > 3);
    assert!(server.memory_used() > MB);
    let error = refused.expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(error["details"]["retryAfter"], 5);
    assert_eq!(refused.header("retry-after"), Some("5"));
    // Small responses are not charged.
    server.list(&ann.token, "limit=1");
    get_messages(&server, &ben, &other, "limit=1000")
        .send()
        .expect(200);
    drop(readers);
    wait_until("nothing is charged", || server.memory_used() == 0);
    get_messages(&server, &ann, &large, "limit=1000")
        .send()
        .expect(200);
}

#[test]
fn request_above_the_budget_gets_503_and_small_ones_are_served() {
    let server = start_with_small_budget();
    let mut readers = Vec::new();
    let mut visitors = Vec::<Visitor>::new();
    let refused = 'refused: loop {
        assert!(visitors.len() < 12, "no request was refused");
        let (visitor, id) =
            create_large_conversation(&server, &format!("v{}", visitors.len()), 400);
        for _ in 0..6 {
            let address = format!("192.0.2.{}", visitors.len());
            let get = get_messages(&server, &visitor, &id, "limit=1000");
            let get = get.header("X-Forwarded-For", address);
            let mut reader = get.clone().send_unread();
            let mut status = [0; 12];
            reader.read_exact(&mut status).expect("a status");
            if status.ends_with(b"503") {
                break 'refused get.send();
            }
            assert!(status.ends_with(b"200"));
            readers.push(reader);
        }
        visitors.push(visitor);
    };
    let error = refused.expect_error(503, "SERVICE_UNAVAILABLE");
    assert_eq!(error["details"]["retryAfter"], 5);
    assert!(server.memory_used() <= 16 * MB);
    server.list(&visitors[0].token, "limit=1");
    server.create_visitor("another");
    drop(readers);
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn visitors_of_one_address_above_its_share_get_429_and_others_are_served() {
    let server = start_with_small_budget();
    // One client has a whole /64, and can start any number of sessions.
    let mut readers = Vec::new();
    for index in 0..8 {
        let (visitor, id) = create_large_conversation(&server, &format!("v{index}"), 400);
        let get = get_messages(&server, &visitor, &id, "limit=1000")
            .header("X-Forwarded-For", format!("2001:db8::{index}"));
        for _ in 0..6 {
            readers.push(get.clone().send_unread());
        }
    }
    let mut statuses = Vec::new();
    for reader in &mut readers {
        let mut status = [0; 12];
        reader.read_exact(&mut status).expect("a status");
        statuses.push(String::from_utf8_lossy(&status).into_owned());
    }
    let served = statuses.iter().filter(|status| status.ends_with("200"));
    let refused = statuses.iter().filter(|status| status.ends_with("429"));
    let (served, refused) = (served.count(), refused.count());
    assert_eq!(served + refused, readers.len(), "{statuses:?}");
    assert!(served > 8, "{served} are served");
    assert!(server.memory_used() <= 4 * MB, "{}", server.memory.used());
    let (other, id) = create_large_conversation(&server, "other", 400);
    get_messages(&server, &other, &id, "limit=1000")
        .header("X-Forwarded-For", "2001:db8:0:1::1")
        .send()
        .expect(200);
    drop(readers);
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn unfinished_bodies_above_the_share_get_429() {
    let server = start_with_small_budget();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let post = |visitor: &Visitor, id: &str| {
        let mut stream = TcpStream::connect(server.0).expect("a connection");
        let head = format!(
            "POST /v2/conversations/{id}/messages HTTP/1.1\r\nHost: x\r\n\
             Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: 250000\r\n\r\n",
            visitor.token
        );
        stream.write_all(head.as_bytes()).expect("a head");
        // A server that refuses the body may close the connection.
        let _ = stream.write_all(&vec![b' '; 249_990]);
        stream
    };
    let unfinished: Vec<_> = (0..4).map(|_| post(&ann, &id)).collect();
    wait_until("the bodies are charged", || server.memory_used() > MB);
    let (mut refused, mut more) = (None, Vec::new());
    wait_until("a body is refused", || {
        let mut stream = post(&ann, &id);
        stream
            .set_read_timeout(Some(Duration::from_millis(500)))
            .expect("a timeout");
        let mut status = [0; 12];
        let is_refused = stream.read_exact(&mut status).is_ok();
        if is_refused {
            refused = Some(status);
        }
        more.push(stream);
        is_refused
    });
    assert_eq!(&refused.expect("a response"), b"HTTP/1.1 429");
    let ben = server.create_visitor("ben");
    let other = server.start_conversation(&ben);
    let long = "x".repeat(9 * KB);
    let answer = server.post_message(&ben, &other, &long).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    drop((unfinished, more));
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn body_without_room_is_refused_before_it_arrives() {
    let server = start_with_small_budget();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let post = || {
        let mut stream = TcpStream::connect(server.0).expect("a connection");
        let head = format!(
            "POST /v2/conversations/{id}/messages HTTP/1.1\r\nHost: x\r\n\
             Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: 250000\r\n\r\n",
            ann.token
        );
        stream.write_all(head.as_bytes()).expect("a head");
        stream
    };
    let unfinished: Vec<_> = (0..7).map(|_| post()).collect();
    wait_until("the bodies are charged", || {
        server.memory_used() > 7 * 250_000
    });
    let mut status = [0; 12];
    post().read_exact(&mut status).expect("a response");
    assert_eq!(&status, b"HTTP/1.1 429");
    drop(unfinished);
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn connection_with_a_refused_body_without_length_is_closed() {
    let server = start_with_small_budget();
    let ann = server.create_visitor("ann");
    let mut stream = TcpStream::connect(server.0).expect("a connection");
    let head = format!(
        "POST /v2/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n",
        ann.token
    );
    stream.write_all(head.as_bytes()).expect("a head");
    // More than `--max-body-bytes`, and the chunk is not complete.
    stream.write_all(&[b' '; 300 * KB]).expect("a body");
    let timeout = Some(Duration::from_secs(20));
    stream.set_read_timeout(timeout).expect("a timeout");
    let mut response = Vec::new();
    let read = stream.read_to_end(&mut response);
    let text = String::from_utf8_lossy(&response);
    assert!(text.starts_with("HTTP/1.1 413"), "{text}");
    assert!(
        text.to_ascii_lowercase()
            .contains("\r\nconnection: close\r\n"),
        "{text}"
    );
    let is_open = read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    assert!(!is_open, "the connection is open");
}

#[test]
fn largest_body_must_fit_into_half_of_the_budget() {
    let directory = TempDir::new().expect("a directory");
    let arguments = |bytes| {
        [
            "serve",
            "--memory-budget-mb",
            "16",
            "--max-body-bytes",
            bytes,
        ]
    };
    let mut command = parlor_command(directory.path());
    command.args(arguments("8388609"));
    command.args(["--listen", "127.0.0.1:0"]);
    let output = command.output().expect("a run");
    // The status of invalid settings.
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    for text in [
        "8388609 bytes (--max-body-bytes)",
        "16 MB (--memory-budget-mb)",
        "--max-body-bytes to at most 8388608, or --memory-budget-mb to at least 17",
    ] {
        assert!(error.contains(text), "{error}");
    }
    assert!(!directory.path().join("parlor.db").exists());
    ParlorProcess::start(directory.path(), &arguments("8388608"));
}
