//! GET /v2/conversations with q, createdAfter and createdBefore.

use serde_json::json;

use crate::helpers::{
    ConversationRow, ParlorProcess, TestServer, Visitor, all_ids, follow_next, ids,
    insert_conversations, insert_rows, is_postgres, parse_settings, wait_until,
};
use crate::sqlite_only;

fn start() -> TestServer {
    TestServer::start_with(|settings| settings.search_messages = true)
}

/// A server with a conversation for each text. Returns the ids of the conversations.
fn setup(texts: &[&str]) -> (TestServer, Visitor, Vec<String>) {
    let server = start();
    let ann = server.create_visitor("ann");
    let start = |text: &&str| {
        let id = server.start_conversation(&ann);
        server.post_message(&ann, &id, text).send().expect(200);
        id
    };
    let ids = texts.iter().map(start).collect();
    wait_until_indexed(&server);
    (server, ann, ids)
}

fn wait_until_indexed(server: &TestServer) {
    let missing = "SELECT (SELECT max(seq) FROM message) > message_seq \
                       OR (SELECT max(seq) FROM conversation) > conversation_seq \
                       OR EXISTS (SELECT 1 FROM search_backlog) \
                     FROM search_progress";
    if is_postgres() {
        return; // New texts are found at once.
    }
    wait_until("all messages are indexed", || {
        !server.query_value::<bool>(missing)
    });
}

/// The ids that a search finds, in the order of creation.
fn find(server: &TestServer, query: &str) -> Vec<String> {
    let query = format!("orderBy=createdAt&orderDir=asc&{query}");
    ids(&server.list(&server.project.private_key, &query))
}

#[test]
fn conversations_are_found_by_words_of_messages_and_titles() {
    let (server, ann, stored) = setup(&[
        "Where is my Größenberater?",
        "The parcel to Norway is late",
        "A parcel for Sweden, please",
    ]);
    for (q, expected) in [
        ("parcel", vec![1, 2]),
        ("PARCEL+norway", vec![1]),
        ("parc", vec![1, 2]),
        ("parc+norway", vec![]),
        ("norway+parc", vec![1]),
        ("grossenberater", vec![]),
        ("grö%C3%9Fenber", vec![0]),
        ("gro%C3%9Fenberater", vec![0]),
        ("%22parcel+to+norway%22", vec![1]),
        ("%22norway+parcel%22", vec![]),
        ("parcel+-norway", vec![2]),
        ("norway+or+sweden", vec![1, 2]),
        ("zzz", vec![]),
        ("%22", vec![]),
        ("NEAR(", vec![]),
    ] {
        let q = q.replace('ö', "%C3%B6");
        let expected: Vec<_> = expected
            .iter()
            .map(|index| stored[*index].clone())
            .collect();
        assert_eq!(find(&server, &format!("q={q}")), expected, "{q}");
    }
    // A blank text is no filter, and other filters apply.
    assert_eq!(find(&server, "q=+"), stored);
    server.close(&ann.token, &stored[1]).send().expect(200);
    assert_eq!(find(&server, "q=parcel&status=open"), stored[2..]);
    let filters = format!(
        "q=parcel&visitorId={}&isHumanHandled=false&include=visitor",
        ann.id
    );
    let page = server.list(&server.project.private_key, &filters);
    assert_eq!(page["total"], 2);
    assert_eq!(page["data"][0]["visitor"]["id"], ann.id);
    let other = server.create_project();
    assert_eq!(server.list(&other.private_key, "q=parcel")["total"], 0);
    // For a session token, q is an unknown parameter.
    assert_eq!(server.list(&ann.token, "q=zzz&createdAfter=x")["total"], 3);
}

#[test]
fn changed_and_deleted_texts_are_not_found_any_more() {
    let (server, ann, stored) = setup(&["The first parcel", "The second parcel"]);
    let id = uuid::Uuid::parse_str(&stored[0]).expect("a UUID");
    let sql = "UPDATE conversation SET title = 'Sweden', title_key = 'sweden' WHERE id = ?";
    assert_eq!(server.db_connection().execute(sql, [id]), Ok(1));
    wait_until_indexed(&server);
    assert_eq!(find(&server, "q=sweden"), stored[..1]);
    let path = format!("/v2/conversations/{}", stored[0]);
    let delete = server
        .request("DELETE", path)
        .bearer(&server.project.private_key);
    assert_eq!(delete.send().status, 204);
    assert_eq!(find(&server, "q=sweden"), [""; 0]);
    assert_eq!(find(&server, "q=parcel"), stored[1..]);
    server
        .post_message(&ann, &stored[1], "Denmark!")
        .send()
        .expect(200);
    wait_until_indexed(&server);
    assert_eq!(find(&server, "q=denmark"), stored[1..]);
}

#[test]
fn links_of_a_search_lead_to_all_matches() {
    let texts: Vec<_> = (0..7)
        .map(|number| format!("parcel & box {number}"))
        .collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    let (server, _, stored) = setup(&texts);
    let key = &server.project.private_key;
    for sort in ["createdAt", "title", "closedAt", "id"] {
        let query = format!("q=parcel+%26&limit=2&orderBy={sort}&orderDir=asc");
        let first = server.get_list(key, &query);
        assert!(
            first
                .link("next")
                .expect("a link")
                .ends_with("&q=parcel+%26")
        );
        assert_eq!(first.header("x-total-count"), Some("7"));
        let pages = follow_next(&server, key, &query);
        let mut found = all_ids(&pages);
        found.sort();
        assert_eq!(found, stored, "{sort}");
        assert_eq!(pages.len(), 4);
        let next = first
            .link("next")
            .expect("a link")
            .replace("&q=parcel", "&q=box");
        let other = server.get(next).bearer(key).send();
        other.expect_validation_error("after", "Link header of the same list");
    }
}

#[test]
fn created_after_is_inclusive_and_created_before_exclusive() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    // 2024-01-15T10:30:00Z and the two minutes after.
    let minutes = [0, 1, 2].map(|minute| 1_705_314_600_000 + minute * 60_000);
    let rows = minutes.map(|created_at| ConversationRow {
        created_at,
        ..ConversationRow::default()
    });
    insert_rows(&server, &ann, &rows);
    for (query, expected) in [
        ("createdAfter=2024-01-15T10:31:00Z", 1..3),
        ("createdAfter=2024-01-15T10:31:00.001Z", 2..3),
        ("createdBefore=2024-01-15T10:31:00Z", 0..1),
        ("createdBefore=2024-01-15T12:32:00%2B02:00", 0..2),
        (
            "createdAfter=2024-01-15T10:31:00Z&createdBefore=2024-01-15T10:32:00Z",
            1..2,
        ),
        ("createdAfter=2024-01-15&createdBefore=2024-01-16", 0..3),
        ("createdAfter=2024-01-16", 0..0),
        (
            "createdAfter=2024-01-15T10:32:00Z&createdBefore=2024-01-15T10:31:00Z",
            0..0,
        ),
    ] {
        let expected: Vec<_> = rows[expected]
            .iter()
            .map(|row| row.id.to_string())
            .collect();
        assert_eq!(find(&server, query), expected, "{query}");
        let page = server.list(&server.project.private_key, &format!("{query}&limit=1"));
        assert_eq!(page["total"], expected.len(), "{query}");
    }
    // Pages by time are cached until a list changes.
    let id = server.start_conversation(&ann);
    assert_eq!(find(&server, "createdAfter=2024-02-01"), [id]);
}

#[test]
fn invalid_searches_return_422() {
    let server = start();
    let key = &server.project.private_key;
    let long = format!("q={}", "x".repeat(301));
    for (query, field, reason) in [
        (long.as_str(), "q", "0 to 300 characters"),
        ("q=a%00b", "q", "NUL"),
        ("q=a&q=b", "q", "once"),
        ("createdAfter=", "createdAfter", "2024-01-15T10:30:00Z"),
        ("createdAfter=yesterday", "createdAfter", "2024-01-15"),
        ("createdBefore=2024-02-30", "createdBefore", "2024-01-15"),
    ] {
        server
            .get_list(key, query)
            .expect_validation_error(field, reason);
    }
}

#[test]
fn messages_are_indexed_by_default_and_a_flag_or_a_variable_turns_that_off() {
    let value = |arguments: &[&str]| parse_settings(arguments).search_messages;
    assert!(value(&[]));
    assert!(value(&["--search-messages", "--listen", "127.0.0.1:0"]));
    assert!(!value(&["--search-messages", "false"]));
    let folder = tempfile::tempdir().expect("a folder");
    let process = ParlorProcess::start(folder.path(), &["demo", "--conversations", "60"]);
    let list = process.client.get("/v2/conversations?q=a");
    let list = list.bearer("sk_demo").send().expect(200);
    assert!(list["total"].as_i64() > Some(0), "{list}");
}

#[test]
fn server_without_the_setting_refuses_q_and_empties_the_index() {
    sqlite_only!("the index is always kept");
    let (mut server, ann, stored) = setup(&["A parcel"]);
    let rows = "SELECT count(*) > 0 FROM search_text WHERE search_text MATCH 'parcel'";
    assert!(server.query_value::<bool>(rows));
    server.settings.search_messages = false;
    server.restart();
    let key = server.project.private_key.clone();
    let refused = server.get_list(&key, "q=parcel");
    refused.expect_validation_error("q", "--search-messages");
    wait_until("the index is empty", || !server.query_value::<bool>(rows));
    server
        .post_message(&ann, &stored[0], "Another one")
        .send()
        .expect(200);
    server.settings.search_messages = true;
    server.restart();
    wait_until_indexed(&server);
    assert_eq!(find(&server, "q=parcel"), stored);
    assert_eq!(find(&server, "q=another"), stored);
}

/// Inserts conversations of a visitor with messages, as an import does.
fn insert_many(server: &TestServer, visitor: &Visitor, messages: u32) {
    insert_conversations(server, visitor, 1_500);
    let connection = server.db_connection();
    let insert = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) \
                  INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
                  SELECT randomblob(16), \
                         (SELECT min(seq) FROM conversation WHERE visitor_seq = ?1), \
                         1, 'user', 'complete', 'An old parcel' FROM n";
    let seq = visitor.seq(&connection);
    let inserted = connection.execute(insert, [seq, messages.into()]);
    assert_eq!(inserted, Ok(messages as usize));
}

#[test]
fn import_of_many_messages_hides_no_new_message_and_refuses_no_search() {
    sqlite_only!("the progress of the index");
    let (server, ann, stored) = setup(&["A parcel to Norway"]);
    let other = server.create_project();
    let ben = server.create_visitor_in(&other, "ben");
    let id = server.start_conversation(&ben);
    let search = |key: &str, q: &str| {
        let response = server.get_list(key, &format!("q={q}"));
        let is_incomplete = response.header("x-incomplete-results") == Some("true");
        let list = response.expect(200);
        assert_eq!(list["total"], ids(&list).len());
        (ids(&list), is_incomplete)
    };
    let key = &server.project.private_key;
    insert_many(&server, &ann, 100_000);
    server
        .post_message(&ann, &stored[0], "To Sweden!")
        .send()
        .expect(200);
    server
        .post_message(&ben, &id, "A letter")
        .send()
        .expect(200);
    let found = (stored.clone(), true);
    assert_eq!(search(key, "sweden"), found);
    assert_eq!(search(key, "norway"), found);
    assert_eq!(search(&other.private_key, "letter"), (vec![id], false));
    let export = server.get("/v2/conversations/export?q=sweden");
    let export = export.bearer(key).send();
    assert_eq!(export.header("x-incomplete-results"), Some("true"));
}

#[test]
fn first_build_of_the_index_refuses_only_projects_that_it_has_not_reached() {
    sqlite_only!("the index is never built for the first time");
    let mut server = TestServer::start();
    let ann = server.create_visitor("ann");
    insert_many(&server, &ann, 100_000);
    let other = server.create_project();
    let ben = server.create_visitor_in(&other, "ben");
    let id = server.start_conversation(&ben);
    let post = server.post_message(&ben, &id, "A letter");
    post.send().expect(200);
    server.settings.search_messages = true;
    server.restart();
    let refused = server.get_list(&server.project.private_key, "q=parcel");
    let error = refused.expect_error(503, "SERVICE_UNAVAILABLE");
    assert_eq!(error["details"]["retryAfter"], 10);
    let found = server.get_list(&other.private_key, "q=letter");
    assert_eq!(found.header("x-incomplete-results"), None);
    assert_eq!(ids(&found.expect(200)), [id]);
}

/// Whatever the order, an export by time of creation reads page by page. It does not
/// depend on the limits of searches.
#[test]
fn an_export_has_the_conversations_of_its_time_range() {
    let server = TestServer::start();
    let rows = [0, 1, 2].map(|minute| ConversationRow {
        created_at: 1_705_314_600_000 + minute * 60_000,
        ..ConversationRow::default()
    });
    insert_rows(&server, &server.create_visitor("ann"), &rows);
    let times = [
        ("2024-01-15T10:30:00Z", rows[0].id.to_string()),
        ("2024-01-15T10:31:00Z", rows[1].id.to_string()),
        ("2024-01-15T10:32:00Z", rows[2].id.to_string()),
    ];
    let mut ranges = vec![(None, None)];
    for (after, _) in &times {
        ranges.extend([(Some(*after), None), (None, Some(*after))]);
        ranges.extend(
            times
                .iter()
                .map(|(before, _)| (Some(*after), Some(*before))),
        );
    }
    for sort in ["createdAt", "id", "lastInteractionAt", "title"] {
        for direction in ["asc", "desc"] {
            for (after, before) in &ranges {
                let mut query = format!("orderBy={sort}&orderDir={direction}");
                if let Some(after) = after {
                    query += &format!("&createdAfter={after}");
                }
                if let Some(before) = before {
                    query += &format!("&createdBefore={before}");
                }
                let expected = times.iter().filter(|(time, _)| {
                    after.is_none_or(|after| *time >= after)
                        && before.is_none_or(|before| *time < before)
                });
                let mut expected: Vec<_> = expected.map(|(_, id)| json!(id)).collect();
                let mut found = exported_ids(&server, &query);
                if sort == "createdAt" && direction == "desc" {
                    expected.reverse();
                } else if sort != "createdAt" {
                    expected.sort_by_key(ToString::to_string);
                    found.sort_by_key(ToString::to_string);
                }
                assert_eq!(found, expected, "{query}");
            }
        }
    }
}

fn exported_ids(server: &TestServer, query: &str) -> Vec<serde_json::Value> {
    let path = format!("/v2/conversations/export?{query}");
    let export = server.get(&path).bearer(&server.project.private_key).send();
    let lines = export.text().lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        line["id"].clone()
    });
    lines.collect()
}

#[test]
fn an_export_has_the_conversations_of_its_search() {
    let (server, _, stored) = setup(&["A parcel to Norway", "A letter", "A parcel to Sweden"]);
    let ids = exported_ids(&server, "q=parcel&createdAfter=2024-01-01");
    assert_eq!(ids, [json!(stored[0]), json!(stored[2])]);
}
