//! Lists of Q&As and documents that are streamed, and a store that is busy while a list
//! is streamed.

use std::io::Read;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::params;
use serde_json::Value;

use crate::helpers::{Request, TestServer, wait_until};
use crate::memory::{assert_is_streamed, create_large_conversation, get_messages, items};
use crate::one_node;

/// Inserts published Q&As whose answers have `chars` characters.
fn insert_qnas(server: &TestServer, count: i64, chars: i64) {
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
        INSERT INTO qna (id, project_seq, question, answer, is_published, created_at, updated_at)
        SELECT randomblob(16), ?1, 'Question ' || i, i || hex(zeroblob(?3 / 2)) || '\"é', 1,
               1705314600000 + i, 1705314600000 + i
          FROM n";
    let values = params![server.project.seq.0, count, chars];
    let inserted = server.db_connection().execute(sql, values);
    assert_eq!(inserted.expect("Q&As"), count as usize);
}

#[test]
fn large_page_of_qnas_is_streamed_with_the_bytes_of_its_pages() {
    let server = TestServer::start();
    insert_qnas(&server, 120, 20_000);
    let path = format!("/v2/projects/{}/qnas", server.project.id);
    let response = server.get(format!("{path}?limit=100")).send();
    assert_is_streamed(&response);
    assert_eq!(response.header("x-total-count"), Some("120"));
    assert!(response.link("next").is_some());
    let pages = (0..10).map(|page| {
        let query = format!("{path}?limit=10&offset={}", 10 * page);
        let response = server.get(query).send();
        assert!(response.header("etag").is_some());
        items(&response).to_owned()
    });
    assert_eq!(items(&response), pages.collect::<Vec<_>>().join(","));
    let first = response.json()["data"][0]["question"].clone();
    assert_eq!(first, "Question 120");
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn qna_that_is_unpublished_while_a_page_is_streamed_is_missing() {
    let server = TestServer::start();
    insert_qnas(&server, 100, 100_000);
    let path = format!("/v2/projects/{}/qnas?limit=100", server.project.id);
    let mut reader = server.get(path).send_unread();
    let mut bytes = vec![0; 1000];
    reader.read_exact(&mut bytes).expect("the begin");
    let unpublish = "UPDATE qna SET is_published = 0 WHERE question = 'Question 1'";
    let connection = server.db_connection();
    assert_eq!(connection.execute(unpublish, ()), Ok(1));
    reader.read_to_end(&mut bytes).expect("the rest");
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches("\"object\":\"qna\"").count(), 99);
    assert!(text.ends_with("\r\n0\r\n\r\n"));
}

/// Stores a document with `count` sections of 1,500 characters. Returns its path.
fn insert_document(server: &TestServer, count: i64) -> String {
    let connection = server.db_connection();
    let id = uuid::Uuid::now_v7();
    let sql = "INSERT INTO document (id, project_seq, url, title, hash, source, learned_at)
        VALUES (?, ?, 'https://shop.example/', 'Manual', zeroblob(32), '', 1705314600000)";
    let inserted = connection.execute(sql, params![id, server.project.seq.0]);
    assert_eq!(inserted, Ok(1));
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
        INSERT INTO passage (project_seq, document_seq, title, heading, body)
        SELECT project_seq, seq, title, 'Chapter ' || i, hex(zeroblob(750)) FROM n, document
         WHERE id = ?1";
    let inserted = connection.execute(sql, params![id, count]);
    assert_eq!(inserted.expect("passages"), count as usize);
    format!("/v2/projects/{}/documents/{id}", server.project.id)
}

fn get_document(server: &TestServer, path: &str) -> Request {
    server.get(path).bearer(&server.project.private_key)
}

#[test]
fn large_document_is_streamed_with_all_sections() {
    let server = TestServer::start();
    let path = insert_document(&server, 2000);
    let response = get_document(&server, &path).send();
    assert_is_streamed(&response);
    let document = response.json();
    assert_eq!(document["title"], "Manual");
    assert_eq!(document["passages"], 2000);
    let sections = document["sections"].as_array().expect("sections");
    let headings: Vec<_> = sections.iter().map(|one| one["heading"].clone()).collect();
    let expected: Vec<_> = (1..=2000)
        .map(|index| Value::from(format!("Chapter {index}")))
        .collect();
    assert_eq!(headings, expected);
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn document_that_is_replaced_while_it_is_streamed_breaks_off() {
    let server = TestServer::start();
    let path = insert_document(&server, 8000);
    let mut reader = get_document(&server, &path).send_unread();
    let mut bytes = vec![0; 1000];
    reader.read_exact(&mut bytes).expect("the begin");
    let replace = "DELETE FROM passage;
        INSERT INTO passage (project_seq, document_seq, title, heading, body)
        SELECT project_seq, seq, title, 'New', 'New' FROM document";
    let connection = server.db_connection();
    connection.execute_batch(replace).expect("new passages");
    let _ = reader.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.ends_with("\r\n0\r\n\r\n"), "it seems complete");
    assert!(!text.contains("\"New\""));
    wait_until("nothing is charged", || server.memory_used() == 0);
}

#[test]
fn list_is_streamed_completely_although_the_store_is_busy_meanwhile() {
    one_node!("the test holds a connection of one node");
    let server = TestServer::start_with(|settings| {
        settings.db_readers = 1;
        settings.db_timeout_ms = 500;
        // The client reads nothing while the store is busy, and may not be blamed.
        settings.transfer_limits.period = Duration::from_secs(1);
    });
    let (ann, id) = create_large_conversation(&server, "ann", 1000);
    let mut reader = get_messages(&server, &ann, &id, "limit=1000").send_unread();
    let mut bytes = vec![0; 1000];
    reader.read_exact(&mut bytes).expect("the begin");
    let (is_held, held) = mpsc::channel();
    let store = server.shared_store();
    let holder = thread::spawn(move || {
        let store = store.upgrade().expect("a running server");
        let held = store.read_blocking(|_| {
            is_held.send(()).expect("a receiver");
            // The condition of the test is the time: longer than one attempt and than
            // the period, shorter than all attempts.
            thread::sleep(Duration::from_millis(2500));
            Ok::<_, parlor::store::StoreError>(())
        });
        held.expect("a read");
    });
    held.recv().expect("the only connection");
    reader.read_to_end(&mut bytes).expect("the rest");
    holder.join().expect("no panic");
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches("\"object\":\"message\"").count(), 1000);
    assert!(text.ends_with("\r\n0\r\n\r\n"), "incomplete");
}
