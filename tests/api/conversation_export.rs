//! `GET /v2/conversations/export`.

use std::io::{Read, Write};

use serde_json::Value;

use crate::helpers::{
    ConversationRow, EXAMPLE_TIME, Response, TestServer, Visitor, ids, insert_conversations,
    insert_rows, setup_conversation, take_inbox_state, take_visitor_details, wait_until,
};

fn export(server: &TestServer, query: &str) -> Response {
    let target = format!("/v2/conversations/export?{query}");
    let request = server.get(target).bearer(&server.project.private_key);
    request.send()
}

fn csv(server: &TestServer, query: &str) -> Vec<csv::StringRecord> {
    let target = format!("/v2/conversations/export?{query}");
    let request = server.get(target).bearer(&server.project.private_key);
    let response = request.header("Accept", "text/csv").send();
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(&*response.body);
    let records = reader.records().map(|record| record.expect("a row"));
    records.collect()
}

/// The lines of an export as JSON.
fn lines(response: &Response) -> Vec<Value> {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(
        response.header("content-type"),
        Some("application/x-ndjson")
    );
    assert!(response.body.is_empty() || response.text().ends_with('\n'));
    let lines = response.text().lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn line_ids(response: &Response) -> Vec<String> {
    let lines = lines(response);
    lines
        .iter()
        .map(|line| line["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn each_line_is_a_conversation_with_its_visitor_and_messages() {
    let (server, ann, id) = setup_conversation();
    server
        .post_message(&ann, &id, "Hello\nthere")
        .send()
        .expect(200);
    let mut exported = lines(&export(&server, ""));
    let [line] = &mut exported[..] else {
        panic!("{exported:?}")
    };
    let mut expected = server.get_conversation(&ann, &id);
    let me = server
        .get("/v2/identity/me")
        .bearer(&ann.token)
        .send()
        .expect(200);
    expected["visitor"] = me;
    assert_eq!(
        take_visitor_details(&mut line["visitor"])["isBlocked"],
        false
    );
    assert_eq!(take_inbox_state(line)["isUnread"], true);
    assert_eq!(line, &expected);
    assert_eq!(line["messages"].as_array().expect("messages").len(), 2);
}

#[test]
fn all_conversations_are_exported_in_order() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    assert_eq!(export(&server, "").body, b"");
    // Ties, closed ones, and more than one page of the walk.
    let rows = (0..257).map(|index| ConversationRow {
        created_at: EXAMPLE_TIME + index % 5,
        last_interaction_at: EXAMPLE_TIME - index / 3,
        closed_at: (index % 4 == 0).then_some(EXAMPLE_TIME + index),
        title: (index % 3 == 0).then(|| format!("Title {}", index % 7)),
        is_human_handled: index % 2 == 0,
        ..ConversationRow::default()
    });
    insert_rows(&server, &ann, &rows.collect::<Vec<_>>());
    let list = |query: &str| {
        let pages = (0..3).flat_map(|page| {
            let page = format!("limit=100&offset={}&{query}", page * 100);
            ids(&server.list(&server.project.private_key, &page))
        });
        pages.collect::<Vec<_>>()
    };
    let first = list("orderBy=createdAt&orderDir=asc");
    assert_eq!(first.len(), 257);
    assert_eq!(line_ids(&export(&server, "")), first);
    for query in [
        "orderBy=createdAt&orderDir=desc",
        "orderBy=title&orderDir=asc",
        "orderBy=closedAt&orderDir=desc&status=closed",
        "orderBy=isHumanHandled&orderDir=asc&status=open",
        "orderBy=lastInteractionAt&orderDir=desc",
    ] {
        assert_eq!(line_ids(&export(&server, query)), list(query), "{query}");
    }
}

#[test]
fn filters_of_lists_restrict_an_export() {
    let (server, ann, first) = setup_conversation();
    let second = server.start_conversation(&ann);
    let bob = server.create_visitor("bob");
    let third = server.start_conversation(&bob);
    server.take_over(&second).send().expect(200);
    server.close(&bob.token, &third).send().expect(200);
    let of_ann = format!("visitorId={}", ann.id);
    for (query, expected) in [
        (of_ann.as_str(), vec![&first, &second]),
        ("isHumanHandled=true", vec![&second]),
        ("isHumanHandled=false&status=open", vec![&first]),
        ("status=closed", vec![&third]),
        ("externalId=nobody", vec![]),
    ] {
        let exported = line_ids(&export(&server, query));
        assert_eq!(exported.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    export(&server, "isHumanHandled=x").expect_validation_error("isHumanHandled", "true");
}

#[test]
fn only_a_private_key_exports_and_only_its_own_project() {
    let (server, ann, _) = setup_conversation();
    let get = || server.get("/v2/conversations/export");
    get().send().expect_error(401, "UNAUTHORIZED");
    get()
        .bearer(&ann.token)
        .send()
        .expect_error(403, "FORBIDDEN");
    let publishable = &server.project.publishable_key;
    get()
        .bearer(publishable)
        .send()
        .expect_error(401, "UNAUTHORIZED");
    let other = server.create_project();
    let response = get().bearer(&other.private_key).send();
    assert_eq!((response.status, response.body.len()), (200, 0));
    export(&server, "status=new").expect_validation_error("status", "open, closed");
    export(&server, "orderBy=x").expect_validation_error("orderBy", "createdAt");
    let post = server
        .post("/v2/conversations/export")
        .bearer(&server.project.private_key);
    let error = post.send();
    error.expect_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(error.header("allow"), Some("GET, HEAD"));
}

#[test]
fn accept_selects_the_format() {
    let (server, ..) = setup_conversation();
    for (accept, format) in [
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        (
            "text/csv;q=0.9, application/x-ndjson;q=0.1",
            "text/csv; charset=utf-8",
        ),
        ("text/csv, */*;q=0.5", "text/csv; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
        (
            "text/csv;q=0.1, application/x-ndjson",
            "application/x-ndjson",
        ),
        ("text/csv;q=0", "application/x-ndjson"),
        ("*/*", "application/x-ndjson"),
        ("text/csv, application/x-ndjson", "application/x-ndjson"),
        ("application/json", "application/x-ndjson"),
        ("nonsense", "application/x-ndjson"),
    ] {
        let request = server
            .get("/v2/conversations/export")
            .header("Accept", accept);
        let response = request.bearer(&server.project.private_key).send();
        assert_eq!(response.status, 200, "{accept}");
        assert_eq!(response.header("content-type"), Some(format), "{accept}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert!(
            response
                .header("vary")
                .is_some_and(|vary| vary.contains("Accept"))
        );
        assert!(response.header("etag").is_none());
        let name = response.header("content-disposition").expect("a name");
        assert!(
            name.starts_with("attachment; filename=\"conversations."),
            "{name}"
        );
    }
    let head = server.request("HEAD", "/v2/conversations/export");
    let head = head.bearer(&server.project.private_key).send();
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn csv_has_a_row_for_each_message_and_escapes_formulas() {
    let (server, ann, id) = setup_conversation();
    server
        .post_message(&ann, &id, "=HYPERLINK(\"https://evil.example\")")
        .send()
        .expect(200);
    let empty = server.start_conversation(&ann);
    let rows = csv(&server, "");
    let column = |name: &str| {
        rows[0]
            .iter()
            .position(|column| column == name)
            .expect("a column")
    };
    assert_eq!(rows.len(), 4);
    let text = |row: usize, name: &str| rows[row].get(column(name)).expect("a cell").to_owned();
    assert_eq!(text(1, "text"), "'=HYPERLINK(\"https://evil.example\")");
    assert_eq!(text(1, "title"), "'=HYPERLINK(\"https://evil.example\")");
    assert_eq!(
        (text(1, "role"), text(2, "role")),
        ("user".into(), "assistant".into())
    );
    assert_eq!(text(1, "visitorId"), ann.id);
    assert_eq!(
        (text(1, "conversationId"), text(2, "conversationId")),
        (id.clone(), id)
    );
    assert_eq!(
        (text(3, "conversationId"), text(3, "messageId")),
        (empty, String::new())
    );
    let cells = rows.iter().flat_map(csv::StringRecord::iter);
    let formulas = cells.filter(|cell| cell.starts_with(['=', '+', '-', '@', '\t', '\r']));
    assert_eq!(formulas.count(), 0);
}

/// Adds messages of 100 kB to a conversation.
fn add_large_messages(server: &TestServer, visitor: &Visitor, count: u32) {
    let rows = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO message (id, conversation_seq, created_at, role, status, text)
         SELECT randomblob(16), seq, i, 'user', 'complete', hex(randomblob(50000))
           FROM conversation, n WHERE visitor_seq = {}",
        visitor.seq(&server.db_connection())
    );
    server.db_connection().execute_batch(&rows).expect("rows");
}

#[test]
fn slow_reader_holds_bounded_memory_and_gets_all_messages() {
    let (server, ann, _) = setup_conversation();
    add_large_messages(&server, &ann, 300);
    let request = server.get("/v2/conversations/export");
    let mut slow = request.bearer(&server.project.private_key).send_unread();
    let mut begin = [0; 64];
    slow.read_exact(&mut begin).expect("the head");
    wait_until("the export is charged", || server.memory_used() > 0);
    assert!(server.memory_used() < 1 << 20, "{}", server.memory.used());
    // Other requests are served meanwhile.
    server.list(&server.project.private_key, "limit=1");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("the rest");
    assert!(rest.len() > 30_000_000);
    wait_until("nothing is charged", || server.memory_used() == 0);
    let line = &lines(&export(&server, ""))[0];
    assert_eq!(line["messages"].as_array().expect("messages").len(), 300);
}

#[test]
fn conversations_that_are_written_or_deleted_meanwhile_do_not_break_the_export() {
    let (server, ann, _) = setup_conversation();
    add_large_messages(&server, &ann, 60);
    let bob = server.create_visitor("bob");
    let expected = insert_conversations(&server, &bob, 300);
    let request = server.get("/v2/conversations/export?orderBy=id&orderDir=asc");
    let mut slow = request.bearer(&server.project.private_key).send_unread();
    slow.flush().expect("sent");
    let mut begin = [0; 64];
    slow.read_exact(&mut begin).expect("the head");
    let connection = server.db_connection();
    let deleted = connection.execute("DELETE FROM conversation WHERE seq % 10 = 0", ());
    assert!(deleted.expect("a change") > 20);
    let mut text = String::from_utf8(begin.to_vec()).expect("UTF-8");
    slow.read_to_string(&mut text).expect("the rest");
    assert!(text.ends_with("0\r\n\r\n"), "complete");
    let (_, chunks) = text.split_once("\r\n\r\n").expect("a body");
    // Lines of lengths and of data alternate. An id can be in two chunks.
    let text: String = chunks.split("\r\n").skip(1).step_by(2).collect();
    let remaining: i64 = server.query_value("SELECT count(*) FROM conversation");
    let found = expected
        .iter()
        .filter(|id| text.contains(id.as_str()))
        .count() as i64;
    assert!(
        (remaining - 1..=300).contains(&found),
        "{found} of {remaining}"
    );
}
