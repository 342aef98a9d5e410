//! The memory budget of requests and responses, and bodies that are streamed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use parlor::config::TransferLimits;
use rusqlite::params;
use serde_json::Value;

use crate::helpers::{
    Connection, Request, Response, TestServer, Visitor, insert_conversations, string, wait_until,
};
use crate::one_node;

pub const KB: usize = 1 << 10;
pub const MB: usize = 1 << 20;

/// Appends messages of 10 kB to a conversation.
pub fn insert_messages(connection: &Connection, conversation: &str, count: usize) {
    let id = uuid::Uuid::parse_str(conversation).expect("a UUID");
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(?2 AS BIGINT))
        INSERT INTO message (id, conversation_seq, created_at, role, status, text)
        SELECT randomblob(16), seq, 1705314600000 + i, CASE i % 2 WHEN 1 THEN 'user' ELSE 'assistant' END, 'complete',
               i || hex(zeroblob(5000)) || '\"é'
          FROM n, conversation WHERE id = ?1";
    let inserted = connection.execute(sql, params![id, count as i64]);
    assert_eq!(inserted.expect("messages"), count);
    let sql = "UPDATE conversation SET last_message_seq = (
            SELECT max(m.seq) FROM message AS m WHERE m.conversation_seq = conversation.seq)
         WHERE id = ?1";
    connection.execute(sql, [id]).expect("a last message");
}

/// A visitor with a conversation of `count` messages of 10 kB.
pub fn create_large_conversation(
    server: &TestServer,
    device: &str,
    count: usize,
) -> (Visitor, String) {
    let visitor = server.create_visitor(device);
    let id = server.start_conversation(&visitor);
    insert_messages(&server.db_connection(), &id, count);
    (visitor, id)
}

pub fn get_messages(server: &TestServer, visitor: &Visitor, id: &str, query: &str) -> Request {
    server
        .get(format!("/v2/conversations/{id}/messages?{query}"))
        .bearer(&visitor.token)
}

pub fn assert_is_streamed(response: &Response) {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("transfer-encoding"), Some("chunked"));
    assert_eq!(response.header("etag"), None);
    assert_eq!(response.header("cache-control"), Some("private, no-cache"));
    assert_eq!(response.header("content-type"), Some("application/json"));
}

/// The items of a list as they are in the body.
pub fn items(response: &Response) -> &str {
    let text = response.text();
    let (_, items) = text.split_once("\"data\":[").expect("a list");
    items.strip_suffix("]}").expect("its end")
}

#[test]
fn large_list_of_messages_is_streamed_with_the_bytes_of_its_pages() {
    let server = TestServer::start();
    let (ann, id) = create_large_conversation(&server, "ann", 300);
    let get = get_messages(&server, &ann, &id, "limit=1000").header("If-None-Match", "*");
    let streamed = get.clone().send();
    assert_is_streamed(&streamed);
    assert!(streamed.body.len() > 3_000_000);
    let pages = (0..6).map(|page| {
        let query = format!("limit=50&offset={}", 50 * page);
        let response = get_messages(&server, &ann, &id, &query).send();
        assert!(response.header("etag").is_some());
        items(&response).to_owned()
    });
    assert_eq!(items(&streamed), pages.collect::<Vec<_>>().join(","));
    for (query, first, count) in [
        ("role=assistant&limit=1000", 2, 150),
        ("role=assistant&limit=140&offset=5", 12, 140),
        ("limit=299&offset=1", 2, 299),
    ] {
        let response = get_messages(&server, &ann, &id, query).send();
        assert_is_streamed(&response);
        let list = response.json();
        let data = list["data"].as_array().expect("data");
        assert_eq!(data.len(), count, "{query}");
        let text = string(&data[0]["parts"][0]["text"]);
        assert!(text.starts_with(&format!("{first}0")), "{query}");
    }
    let head = server.request(
        "HEAD",
        format!("/v2/conversations/{id}/messages?limit=1000"),
    );
    let head = head.bearer(&ann.token).send();
    assert_eq!((head.status, head.body.len()), (200, 0));
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn conversation_is_streamed_with_its_newest_messages() {
    let server = TestServer::start();
    let (ann, id) = create_large_conversation(&server, "ann", 1003);
    let path = format!("/v2/conversations/{id}");
    let response = server.get(path).bearer(&ann.token).send();
    assert_is_streamed(&response);
    let conversation = response.json();
    assert_eq!(conversation["id"], id.as_str());
    let messages = conversation["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), 1000);
    for (index, message) in messages.iter().enumerate() {
        let text = string(&message["parts"][0]["text"]);
        assert!(text.starts_with(&format!("{}00", index + 4)), "{index}");
    }
}

#[test]
fn streamed_list_has_the_messages_that_existed_at_its_begin() {
    let server = TestServer::start();
    let (ann, id) = create_large_conversation(&server, "ann", 600);
    let mut reader = get_messages(&server, &ann, &id, "limit=1000").send_unread();
    let mut bytes = vec![0; KB];
    reader.read_exact(&mut bytes).expect("the begin");
    insert_messages(&server.db_connection(), &id, 1);
    reader.read_to_end(&mut bytes).expect("the rest");
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches("\"object\":\"message\"").count(), 600);
    assert!(text.ends_with("\r\n0\r\n\r\n"));
}

#[test]
fn page_of_conversations_with_large_last_messages_is_streamed() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let ids = insert_conversations(&server, &ann, 130);
    let connection = server.db_connection();
    for id in &ids {
        insert_messages(&connection, id, 1);
    }
    connection
        .execute("UPDATE message SET text = text || text", ())
        .expect("larger messages");
    let response = server.get_list(&ann.token, "limit=100");
    assert_is_streamed(&response);
    assert_eq!(response.header("x-total-count"), Some("130"));
    assert!(response.link("next").is_some());
    let pages = (0..10).map(|page| {
        let query = format!("limit=10&offset={}", 10 * page);
        items(&server.get_list(&ann.token, &query)).to_owned()
    });
    assert_eq!(items(&response), pages.collect::<Vec<_>>().join(","));
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn cached_page_is_charged_once_for_all_its_readers() {
    one_node!("each node has a list cache of its own");
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let ids = insert_conversations(&server, &ann, 80);
    let connection = server.db_connection();
    for id in &ids {
        insert_messages(&connection, id, 1);
    }
    let length = server.get_list(&ann.token, "limit=80").body.len();
    assert!((800 * KB..MB).contains(&length));
    wait_until("the page is cached", || {
        server.get_list(&ann.token, "limit=80");
        server.list_cache_stats.hits() > 0
    });
    let get = server.get("/v2/conversations?limit=80").bearer(&ann.token);
    let readers: Vec<_> = (0..10).map(|_| get.clone().send_unread()).collect();
    wait_until("a slow reader is charged", || server.memory_used() > 0);
    assert!(
        server.memory_used() < 2 * length,
        "{}",
        server.memory_used()
    );
    drop(readers);
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn slow_reader_is_disconnected_even_if_bytes_still_move() {
    let mut server = TestServer::start_with(|settings| {
        settings.transfer_limits.period = Duration::from_secs(1);
        settings.transfer_limits.min_bytes_per_sec = 400 * KB;
    });
    let (ann, id) = create_large_conversation(&server, "ann", 1000);
    let mut slow = get_messages(&server, &ann, &id, "limit=1000").send_unread();
    let start = Instant::now();
    let mut bytes = [0; 2 * KB];
    let mut count = 0;
    loop {
        match slow.read(&mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(read) => count += read,
        }
        // The condition of the test is the speed of the reader.
        std::thread::sleep(Duration::from_millis(10));
        let connected = server.memory_used() > 0;
        if !connected {
            break;
        }
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "not disconnected"
        );
    }
    assert!(count > 2 * KB, "bytes moved");
    wait_until("nothing is charged", || server.memory_used() == 0);
    // With the default limits, a slow machine is no slow reader.
    server.settings.transfer_limits = TransferLimits::default();
    server.restart();
    let complete = get_messages(&server, &ann, &id, "limit=1000").send();
    assert_eq!(complete.json()["data"].as_array().map(Vec::len), Some(1000));
}

#[test]
fn slow_request_body_is_refused_and_a_fast_one_accepted() {
    let server = TestServer::start_with(|settings| {
        settings.transfer_limits.period = Duration::from_secs(1);
    });
    let head = format!(
        "POST /v2/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
        server.create_visitor("ann").token
    );
    let mut stream = TcpStream::connect(server.0).expect("a connection");
    stream.write_all(head.as_bytes()).expect("a head");
    let mut writer = stream.try_clone().expect("a clone");
    let slow = std::thread::spawn(move || {
        let mut sent = 0;
        // The condition of the test is the speed of the writer.
        while writer.write_all(b" ").is_ok() && sent < 1000 {
            std::thread::sleep(Duration::from_millis(20));
            sent += 1;
        }
        sent
    });
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
    assert!(response.contains("arrived too slowly"), "{response}");
    assert!(slow.join().expect("a writer") < 1000);
    let body = format!("{{\"ignored\":\"{}\"}}", "x".repeat(200 * KB));
    let visitor = server.create_visitor("ben");
    let post = server.post("/v2/conversations").bearer(&visitor.token);
    post.json(body).send().expect(201);
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn large_asset_is_sent_in_slices_and_charged() {
    let server = TestServer::start();
    let get = server.get("/v2/reference/swagger-ui.js");
    let length = get.clone().send().body.len();
    assert!(length > 300 * KB);
    let unread: Vec<_> = (0..3).map(|_| get.clone().send_unread()).collect();
    drop(unread);
    wait_until("nothing is charged", || server.memory_used() == 0);
    let openapi: Value = server.get("/v2/openapi").send().expect(200);
    assert!(openapi["paths"].is_object());
}
