//! Deletion of visitors and conversations (docs/api-contract.md, sections 4.16 and 4.17).

use std::collections::BTreeSet;

use serde_json::json;

use crate::database_file::check_counts;
use crate::helpers::{
    AnswerFixture, Request, TestServer, UNKNOWN_ID, Visitor, WebSocketClient, ids,
    insert_conversations, open_connection, run_successfully, setup_answers, setup_conversation,
    string, wait_for_cancellation, wait_until,
};
use crate::sqlite_only;

/// A request with which the website's server erases a visitor.
pub fn erase(server: &TestServer, visitor: &Visitor) -> Request {
    server
        .request("DELETE", format!("/v2/visitors/{}", visitor.id))
        .bearer(&server.project.private_key)
}

/// A request with which the website's server deletes a conversation.
fn delete(server: &TestServer, conversation: &str) -> Request {
    server
        .request("DELETE", format!("/v2/conversations/{conversation}"))
        .bearer(&server.project.private_key)
}

#[track_caller]
pub fn expect_no_content(request: Request) {
    let response = request.send();
    assert_eq!(response.status, 204, "{}", response.text());
    assert!(response.body.is_empty());
    assert_eq!(response.header("content-type"), None);
}

/// The rows of a table that meet a condition.
pub fn count(server: &TestServer, table: &str, condition: &str) -> i64 {
    server.query_value(&format!("SELECT count(*) FROM {table} WHERE {condition}"))
}

/// Inserts messages into a conversation, the newest of which is its last message.
fn insert_messages(server: &TestServer, conversation: &str, number: u32, text: &str) {
    let connection = server.db_connection();
    let id = uuid::Uuid::parse_str(conversation).expect("a UUID");
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) \
                  INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
                  SELECT randomblob(16), (SELECT seq FROM conversation WHERE id = ?1), i, 'user', \
                         'complete', ?3 || i FROM n";
    let inserted = connection.execute(insert, rusqlite::params![id, number, text]);
    inserted.expect("messages");
    let last = "UPDATE conversation SET last_message_seq = \
                (SELECT max(seq) FROM message WHERE conversation_seq = conversation.seq) \
                WHERE id = ?1";
    connection.execute(last, [id]).expect("a last message");
}

// ── Visitors ──

#[test]
fn erased_visitor_disappears_with_all_rows_and_others_stay() {
    let server = TestServer::start();
    let [ann, ben] = ["ann", "ben"].map(|device| server.create_visitor(device));
    for visitor in [&ann, &ben] {
        for _ in 0..3 {
            let id = server.start_conversation(visitor);
            let post = server.post_message(visitor, &id, "Hello");
            post.header("Idempotency-Key", id.clone())
                .send()
                .expect(200);
            let get = server.get_conversation(visitor, &id);
            assert_eq!(get["messages"].as_array().map(Vec::len), Some(2));
        }
    }
    let own = ids(&server.list(&ann.token, ""));
    let others = ids(&server.list(&ben.token, ""));
    expect_no_content(erase(&server, &ann));
    let list = server.list(&server.project.private_key, "");
    assert_eq!((&list["total"], ids(&list)), (&json!(3), others));
    for id in own {
        let get = server.get(format!("/v2/conversations/{id}"));
        let get = get.bearer(&server.project.private_key).send();
        get.expect_error(404, "CONVERSATION_NOT_FOUND");
    }
    for (table, rows) in [
        ("visitor", 1),
        ("session", 1),
        ("conversation", 3),
        ("message", 6),
        ("idempotency_key", 3),
        ("deleted_conversation", 0),
    ] {
        assert_eq!(count(&server, table, "true"), rows, "{table}");
    }
    check_counts(&server.db_connection());
    let again = erase(&server, &ann).send();
    let error = again.expect_error(404, "VISITOR_NOT_FOUND");
    assert_eq!(error["details"], json!({ "visitorId": ann.id }));
    // The same device is a new visitor.
    let new = server.create_visitor("ann");
    assert_ne!(new.id, ann.id);
    assert_eq!(server.list(&new.token, "")["total"], 0);
}

#[test]
fn requests_of_an_erased_session_return_401() {
    let (server, ann, id) = setup_conversation();
    // The session is in the cache of credentials.
    server.list(&ann.token, "");
    expect_no_content(erase(&server, &ann));
    server.wait_for_all_nodes(|| {
        let path = format!("/v2/conversations/{id}");
        server.get(path).bearer(&ann.token).send().status == 401
    });
    let requests = [
        server.get("/v2/identity/me"),
        server.get("/v2/conversations"),
        server.post("/v2/conversations"),
        server.get(format!("/v2/conversations/{id}")),
        server
            .post(format!("/v2/conversations/{id}/messages"))
            .json(json!({ "content": "Hi" })),
    ];
    for request in requests {
        let response = request.bearer(&ann.token).send();
        response.expect_error(401, "UNAUTHORIZED");
    }
}

#[test]
fn only_a_private_key_of_the_project_erases_a_visitor() {
    let (server, ann, _) = setup_conversation();
    let other = server.create_project();
    let target = format!("/v2/visitors/{}", ann.id);
    let request = || server.request("DELETE", &target);
    let anonymous = request().send();
    anonymous.expect_error(401, "UNAUTHORIZED");
    let visitor = request().bearer(&ann.token).send();
    visitor.expect_error(403, "FORBIDDEN");
    let stranger = request().bearer(&other.private_key).send();
    stranger.expect_error(404, "VISITOR_NOT_FOUND");
    for (id, status, code) in [
        (UNKNOWN_ID, 404, "VISITOR_NOT_FOUND"),
        ("ann", 422, "VALIDATION_ERROR"),
    ] {
        let unknown = server.request("DELETE", format!("/v2/visitors/{id}"));
        let unknown = unknown.bearer(&server.project.private_key).send();
        unknown.expect_error(status, code);
    }
    assert_eq!(server.list(&ann.token, "")["total"], 1);
}

#[test]
fn erasure_stops_a_running_answer_and_nothing_of_it_is_stored() {
    let fixture = setup_answers();
    let (script, mut stream) = fixture.start_answer();
    let AnswerFixture { server, ann, .. } = &fixture;
    wait_until("the partial answer is stored", || {
        count(server, "message", "text = 'So far'") == 1
    });
    expect_no_content(erase(server, ann));
    let events = stream.events();
    let last = events.last().expect("an event");
    assert_eq!(last["type"], "abort", "{events:?}");
    wait_for_cancellation(&script);
    server.wait_for_answers();
    assert_eq!(count(server, "message", "true"), 0);
    assert_eq!(count(server, "conversation", "true"), 0);
}

#[test]
fn erasure_closes_the_websockets_of_its_conversations() {
    let (server, ann, id) = setup_conversation();
    let ben = server.create_visitor("ben");
    let other = server.start_conversation(&ben);
    let open = |id: &str| {
        let key = &server.project.publishable_key;
        WebSocketClient::open(*server, &format!("/v2/conversations/{id}/ws?apiKey={key}"))
    };
    let (mut own_socket, mut other_socket) = (open(&id), open(&other));
    expect_no_content(erase(&server, &ann));
    assert_eq!(own_socket.read_until_close(), Some(1008));
    other_socket.expect_pong();
    expect_no_content(delete(&server, &other));
    assert_eq!(other_socket.read_until_close(), Some(1008));
}

#[test]
fn erasure_deletes_saved_responses_that_contain_data_of_the_visitor() {
    let server = TestServer::start();
    let with_key = |request: Request, key: &str| request.header("Idempotency-Key", key).send();
    let by_server = |request: Request| request.bearer(&server.project.private_key);
    let init = server
        .post("/v2/identity/init")
        .json(json!({ "apiKey": server.project.publishable_key, "saVid": "ann" }));
    let ann = Visitor::from_json(&with_key(init, "init").expect(201));
    let start = server.post("/v2/conversations").bearer(&ann.token);
    let id = string(&with_key(start, "start").expect(201)["id"]);
    with_key(server.post_message(&ann, &id, "Hello"), "send").expect(200);
    with_key(server.take_over(&id), "take").expect(200);
    with_key(server.reply(&id, "Hi Ann"), "reply").expect(201);
    with_key(server.hand_back(&id), "back").expect(200);
    let import =
        by_server(server.post("/v2/conversations")).json(json!({ "visitor": { "saVid": "ann" } }));
    with_key(import, "import").expect(201);
    with_key(server.close(&server.project.private_key, &id), "close").expect(200);
    let ben = server.create_visitor("ben");
    let other = server.start_conversation(&ben);
    with_key(server.take_over(&other), "other").expect(200);
    assert_eq!(count(&server, "idempotency_key", "true"), 9);
    expect_no_content(erase(&server, &ann));
    assert_eq!(count(&server, "idempotency_key", "key <> 'other'"), 0);
    assert_eq!(count(&server, "idempotency_key", "key = 'other'"), 1);
    let connection = server.db_connection();
    let seq = ben.seq(&connection);
    assert_eq!(count(&server, "visitor", &format!("seq = {seq}")), 1);
}

#[test]
fn repeated_deletion_with_an_idempotency_key_returns_204_again() {
    let (server, ann, id) = setup_conversation();
    for (request, key) in [(delete(&server, &id), "one"), (erase(&server, &ann), "two")] {
        let with_key = |key: &str| request.clone().header("Idempotency-Key", key);
        for _ in 0..3 {
            expect_no_content(with_key(key));
        }
        assert_eq!(with_key("other").send().status, 404);
    }
    let other_request = delete(&server, UNKNOWN_ID).header("Idempotency-Key", "one");
    other_request.send().expect_error(409, "CONFLICT");
}

#[test]
fn many_messages_are_deleted_in_steps_after_their_conversation_has_disappeared() {
    const MESSAGES: i64 = 20_000;
    let (server, ann, id) = setup_conversation();
    let ben = server.create_visitor("ben");
    let other = server.start_conversation(&ben);
    insert_messages(&server, &id, MESSAGES as u32, "A message of Ann ");
    let connection = server.db_connection();
    let sql = "SELECT (SELECT count(*) FROM message WHERE conversation_seq = 1), \
                      (SELECT count(*) FROM conversation), (SELECT count(*) FROM visitor)";
    let state = || -> [i64; 3] {
        let row = connection.query_row(sql, (), |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]));
        row.expect("a row")
    };
    assert_eq!(state(), [MESSAGES, 2, 2]);
    let mut states = BTreeSet::new();
    std::thread::scope(|scope| {
        let erasing = scope.spawn(|| expect_no_content(erase(&server, &ann)));
        while !erasing.is_finished() {
            states.insert(state());
            // Other requests write in between.
            let post = server.post_message(&ben, &other, "Hello");
            post.send().expect(200);
        }
    });
    states.retain(|[messages, ..]| (1..MESSAGES).contains(messages));
    assert!(states.len() >= 3, "{states:?}");
    let is_invisible = |state: &[i64; 3]| state[1..] == [1, 1];
    assert!(states.iter().all(is_invisible), "{states:?}");
    assert_eq!(state(), [0, 1, 1]);
    check_counts(&connection);
}

#[test]
fn visitor_with_many_conversations_is_erased_in_steps() {
    let server = TestServer::start();
    let [ann, ben] = ["ann", "ben"].map(|device| server.create_visitor(device));
    insert_conversations(&server, &ann, 1_000);
    insert_conversations(&server, &ben, 10);
    expect_no_content(erase(&server, &ann));
    assert_eq!(count(&server, "conversation", "true"), 10);
    assert_eq!(count(&server, "visitor", "true"), 1);
    check_counts(&server.db_connection());
}

#[test]
fn messages_of_deleted_conversations_are_invisible_and_deleted_at_the_next_start() {
    sqlite_only!("the test switches the foreign keys of the file off");
    let (mut server, ann, id) = setup_conversation();
    insert_messages(&server, &id, 3_000, "A message of Ann ");
    server.stop();
    // The state after the first step of a deletion.
    let connection = open_connection(&server.db_path());
    connection
        .execute_batch(
            "PRAGMA foreign_keys = OFF; BEGIN;
             INSERT INTO deleted_conversation SELECT seq FROM conversation;
             DELETE FROM conversation;
             COMMIT;",
        )
        .expect("a deletion");
    drop(connection);
    // The messages that wait for their deletion are no fault.
    let path = server.db_path();
    let folder = path.parent().expect("a folder");
    let (status, report) = crate::check::check(folder, &[]);
    assert_eq!(status, Some(0), "{report}");
    run_successfully(folder, &["backup", "backup.db"]);
    server.restart();
    assert_eq!(server.list(&ann.token, "")["total"], 0);
    wait_until("the messages are deleted", || {
        count(&server, "message", "true") == 0
    });
    wait_until("the deletion is complete", || {
        count(&server, "deleted_conversation", "true") == 0
    });
}

// ── Conversations ──

#[test]
fn deleted_conversation_is_in_no_list_and_totals_are_exact() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let key = &server.project.private_key;
    let all = insert_conversations(&server, &ann, 700);
    let offsets = [0, 250, 399, 690];
    let pages = |credential: &str| {
        let query = |offset| format!("orderBy=lastInterationAt&orderDir=asc&offset={offset}");
        let read = |offset| server.list(credential, &query(offset));
        // The second request comes from the cache.
        offsets.map(|offset| [read(offset), read(offset)])
    };
    pages(key);
    let mut expected = all.clone();
    for index in [399, 12, 0] {
        let id = expected.remove(index);
        expect_no_content(delete(&server, &id));
        for credential in [key, &ann.token] {
            for (offset, pages) in offsets.into_iter().zip(pages(credential)) {
                for page in pages {
                    assert_eq!(page["total"], expected.len());
                    let end = (offset + 10).min(expected.len());
                    assert_eq!(ids(&page), expected[offset..end], "{offset}");
                }
            }
        }
        delete(&server, &id)
            .send()
            .expect_error(404, "CONVERSATION_NOT_FOUND");
    }
    check_counts(&server.db_connection());
}

#[test]
fn only_a_private_key_of_the_project_deletes_a_conversation() {
    let (server, ann, id) = setup_conversation();
    let other = server.create_project();
    let target = format!("/v2/conversations/{id}");
    let request = || server.request("DELETE", &target);
    request().send().expect_error(401, "UNAUTHORIZED");
    let visitor = request().bearer(&ann.token).send();
    visitor.expect_error(403, "FORBIDDEN");
    let stranger = request().bearer(&other.private_key).send();
    stranger.expect_error(404, "CONVERSATION_NOT_FOUND");
    server.get_conversation(&ann, &id);
    expect_no_content(request().bearer(&server.project.private_key));
    // The visitor and the session stay.
    assert_eq!(server.list(&ann.token, "")["total"], 0);
    let get = server.get(&target).bearer(&ann.token).send();
    get.expect_error(404, "CONVERSATION_NOT_FOUND");
}

#[test]
fn deletion_of_a_conversation_stops_its_answer() {
    let fixture = setup_answers();
    let (script, mut stream) = fixture.start_answer();
    expect_no_content(delete(&fixture.server, &fixture.id));
    assert_eq!(stream.events().last().expect("an event")["type"], "abort");
    wait_for_cancellation(&script);
    fixture.server.wait_for_answers();
    assert_eq!(count(&fixture.server, "message", "true"), 0);
    // The visitor continues in a new conversation.
    let id = fixture.server.start_conversation(&fixture.ann);
    fixture.model.answer_with("Hello.");
    let post = fixture.server.post_message(&fixture.ann, &id, "Hi");
    post.send().expect(200);
}

#[test]
fn rows_of_deleted_conversations_and_visitors_are_not_used_again() {
    let server = TestServer::start();
    let seq_of =
        |table: &str| -> i64 { server.query_value(&format!("SELECT max(seq) FROM {table}")) };
    let mut last = [0, 0];
    for round in 0..3 {
        let ann = server.create_visitor(&format!("ann-{round}"));
        let id = server.start_conversation(&ann);
        let seqs = [seq_of("visitor"), seq_of("conversation")];
        assert!(seqs[0] > last[0] && seqs[1] > last[1], "{seqs:?} {last:?}");
        last = seqs;
        expect_no_content(delete(&server, &id));
        let second = server.start_conversation(&ann);
        assert!(seq_of("conversation") > last[1], "{second}");
        last[1] += 1;
        expect_no_content(erase(&server, &ann));
    }
}
