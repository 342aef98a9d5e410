//! The JSON of conversations, messages, visitors and projects
//! (docs/api-contract.md, section 5).

use rusqlite::params;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::helpers::{
    ConversationRow, EXAMPLE_TIME, TestServer, Visitor, ids, take_inbox_state, take_visitor_details,
};

const EXAMPLE: &str = "123e4567-e89b-12d3-a456-426614174000";

/// A visitor with the conversation of the examples in the API contract.
fn setup_example() -> (TestServer, Visitor) {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let example = ConversationRow {
        id: Uuid::parse_str(EXAMPLE).expect("a UUID"),
        ..ConversationRow::default()
    };
    let connection = server.db_connection();
    example.insert(&connection, visitor.seq(&connection));
    (server, visitor)
}

/// The list item of the API contract, with the two fields that section 1.4 adds.
fn example_item() -> Value {
    json!({
        "object": "conversation",
        "id": EXAMPLE,
        "createdAt": "2024-01-15T10:30:00.000Z",
        "updatedAt": "2024-01-15T10:30:00.000Z",
        "status": "open",
        "closedAt": null,
        "closeReason": null,
        "lastInterationAt": "2024-01-15T10:30:00.000Z",
        "lastInteractionAt": "2024-01-15T10:30:00.000Z",
        "isHumanHandled": false,
        "humanAgent": null,
        "title": null,
        "lastMessage": null
    })
}

/// Inserts a message with a value in every column, as the newest message.
fn insert_message(server: &TestServer, text: &str, parts: Option<&str>, at: i64) -> Uuid {
    let id = Uuid::now_v7();
    let connection = server.db_connection();
    let stored = connection.execute(
        "INSERT INTO message (id, conversation_seq, created_at, role, status, text, parts, error, \
             feedback, feedback_at, metadata, has_agent, agent_name, agent_image, page_url, \
             page_title, text_selection) \
         SELECT ?, seq, ?, 'human_agent', 'complete', ?, ?, NULL, 'like', ?, '{\"a\":[1]}', 1, \
                'Mara', NULL, 'https://shop.example/', 'Shop', 'two days' FROM conversation",
        params![id, at, text, parts, EXAMPLE_TIME + 5],
    );
    assert_eq!(stored.expect("a message"), 1);
    let updated = connection.execute(
        "UPDATE conversation SET last_message_seq = (SELECT max(seq) FROM message)",
        (),
    );
    assert_eq!(updated.expect("an update"), 1);
    id
}

fn message(id: Uuid, parts: &Value) -> Value {
    json!({
        "object": "message",
        "id": id,
        "createdAt": "2024-01-15T10:30:00.001Z",
        "chatId": EXAMPLE,
        "role": "human_agent",
        "parts": parts,
        "status": "complete",
        "error": null,
        "feedback": "like",
        "feedbackAt": "2024-01-15T10:30:00.005Z",
        "metadata": { "a": [1] },
        "humanAgent": { "name": "Mara", "image": null },
        "pageUrl": "https://shop.example/",
        "pageTitle": "Shop",
        "textSelection": "two days"
    })
}

#[test]
fn list_has_documented_keys_in_order() {
    let (server, visitor) = setup_example();
    let target = "/v2/conversations?limit=10&offset=0&status=open&orderBy=id&orderDir=asc";
    let response = server.get(target).bearer(&visitor.token).send();
    response.expect(200);
    let expected = json!({
        "object": "list", "total": 1, "limit": 10, "offset": 0, "data": [example_item()]
    });
    assert_eq!(response.text(), expected.to_string());
}

#[test]
fn private_key_gets_same_list_as_visitor_and_the_inbox_state() {
    let (server, visitor) = setup_example();
    let own = server.list(&visitor.token, "");
    let mut list = server.list(&server.project.private_key, "");
    let state = take_inbox_state(&mut list["data"][0]);
    let nothing = json!({
        "waitingSince": null, "waitingReason": null, "isUnread": false, "agentId": null
    });
    assert_eq!(state, nothing);
    assert_eq!(list, own);
}

#[test]
fn list_has_last_message_and_conversation_has_all_messages() {
    let (server, visitor) = setup_example();
    let first = insert_message(&server, "Hello", None, EXAMPLE_TIME + 1);
    let parts = json!([{ "type": "step-start" }, { "type": "text", "text": "Ω \"quoted\"\n" }]);
    let second = insert_message(&server, "Ω", Some(&parts.to_string()), EXAMPLE_TIME + 1);
    let first = message(first, &json!([{ "type": "text", "text": "Hello" }]));
    let second = message(second, &parts);

    let mut item = example_item();
    item["lastMessage"] = second.clone();
    assert_eq!(server.list(&visitor.token, "")["data"], json!([item]));

    let mut full = example_item();
    let fields = full.as_object_mut().expect("an object");
    fields.remove("lastMessage");
    fields.insert("messages".to_owned(), json!([first, second]));
    let path = format!("/v2/conversations/{EXAMPLE}");
    let response = server.get(path).bearer(&visitor.token).send();
    assert_eq!(response.expect(200), full);
    assert_eq!(response.text(), full.to_string());
}

#[test]
fn conversation_without_messages_has_empty_messages() {
    let (server, visitor) = setup_example();
    let path = format!("/v2/conversations/{EXAMPLE}");
    let full = server.get(path).bearer(&visitor.token).send().expect(200);
    assert_eq!(full["messages"], json!([]));
    assert_eq!(full.get("lastMessage"), None);
}

#[test]
fn conversation_returns_newest_1000_messages() {
    let (server, visitor) = setup_example();
    let connection = server.db_connection();
    let stored = connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1003) \
         INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
         SELECT randomblob(16), (SELECT seq FROM conversation), i, 'user', 'complete', i FROM n",
        (),
    );
    assert_eq!(stored.expect("messages"), 1003);
    let path = format!("/v2/conversations/{EXAMPLE}");
    let full = server.get(path).bearer(&visitor.token).send().expect(200);
    let messages = full["messages"].as_array().expect("messages");
    let texts: Vec<_> = messages
        .iter()
        .map(|message| message["parts"][0]["text"].clone())
        .collect();
    assert_eq!(texts.len(), 1000);
    assert_eq!([&texts[0], &texts[999]], ["4", "1003"]);
}

#[test]
fn list_and_conversation_have_agent_title_and_close_reason() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let stored = ConversationRow {
        updated_at: EXAMPLE_TIME + 1,
        last_interaction_at: EXAMPLE_TIME + 2,
        closed_at: Some(EXAMPLE_TIME + 3),
        close_reason: Some("solved ✓"),
        is_human_handled: true,
        agent: Some((Some("Mara"), None)),
        title: Some("Where is \u{1F4E6}?".to_owned()),
        ..ConversationRow::default()
    };
    let connection = server.db_connection();
    stored.insert(&connection, visitor.seq(&connection));
    let path = format!("/v2/conversations/{}", stored.id);
    let full = server.get(path).bearer(&visitor.token).send().expect(200);
    let listed = server.list(&visitor.token, "")["data"][0].clone();
    for form in [full, listed] {
        assert_eq!(form["createdAt"], "2024-01-15T10:30:00.000Z");
        assert_eq!(form["updatedAt"], "2024-01-15T10:30:00.001Z");
        assert_eq!(form["lastInterationAt"], "2024-01-15T10:30:00.002Z");
        assert_eq!(form["lastInteractionAt"], "2024-01-15T10:30:00.002Z");
        assert_eq!(form["closedAt"], "2024-01-15T10:30:00.003Z");
        assert_eq!(form["status"], "closed");
        assert_eq!(form["closeReason"], "solved ✓");
        assert_eq!(form["isHumanHandled"], true);
        assert_eq!(form["humanAgent"], json!({ "name": "Mara", "image": null }));
        assert_eq!(form["title"], "Where is \u{1F4E6}?");
    }
}

#[test]
fn started_conversation_equals_read_conversation() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let start = server.post("/v2/conversations").bearer(&visitor.token);
    let started = start.send().expect(201);
    let keys: Vec<_> = started.as_object().expect("an object").keys().collect();
    let expected = [
        "object",
        "id",
        "createdAt",
        "updatedAt",
        "status",
        "closedAt",
        "closeReason",
        "lastInterationAt",
        "lastInteractionAt",
        "isHumanHandled",
        "humanAgent",
        "title",
        "messages",
    ];
    assert_eq!(keys, expected);
    assert_eq!(started["status"], "open");
    assert_eq!(started["messages"], json!([]));
    let path = format!(
        "/v2/conversations/{}",
        started["id"].as_str().expect("an id")
    );
    let read = server.get(path).bearer(&visitor.token).send().expect(200);
    assert_eq!(read, started);
    assert_eq!(ids(&server.list(&visitor.token, "")).len(), 1);
}

#[test]
fn private_key_also_reads_the_visitor_of_a_conversation() {
    let (server, visitor) = setup_example();
    server
        .db_connection()
        .execute(
            "UPDATE visitor SET email = 'eva@home.example', is_verified = 1",
            (),
        )
        .expect("an update");
    let path = format!("/v2/conversations/{EXAMPLE}?include=visitor");
    let read = |credential: &str| server.get(&path).bearer(credential).send().expect(200);
    assert_eq!(read(&visitor.token).get("visitor"), None);
    let mut read = read(&server.project.private_key)["visitor"].clone();
    let details = take_visitor_details(&mut read);
    assert!(details["createdAt"].is_string());
    assert_eq!(
        (&details["email"], &details["phone"]),
        (&json!("eva@home.example"), &Value::Null)
    );
    assert_eq!(
        (&details["isVerified"], &details["isBlocked"]),
        (&json!(true), &json!(false))
    );
    let me = server.get("/v2/identity/me").bearer(&visitor.token).send();
    assert_eq!(read, me.expect(200));
    let invalid = server.get(format!("/v2/conversations/{EXAMPLE}?include=x"));
    let invalid = invalid.bearer(&server.project.private_key).send();
    invalid.expect_validation_error("include", "visitor");
}

#[test]
fn visitor_has_documented_keys() {
    let server = TestServer::start();
    let session = server
        .init_session(&server.project.publishable_key, "device")
        .expect(201);
    let keys: Vec<_> = session.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["sessionToken", "visitor"]);
    let visitor = Visitor::from_json(&session);
    let expected = json!({
        "object": "visitor", "id": visitor.id, "type": "anonymous",
        "externalId": null, "name": null, "avatarUrl": null
    });
    assert_eq!(session["visitor"], expected);
    let me = server.get("/v2/identity/me").bearer(&visitor.token).send();
    assert_eq!(me.expect(200), expected);
}

#[test]
fn project_has_documented_widget_settings() {
    let server = TestServer::start();
    let saved = r##"{"brandColor":"#123456","customCSSStyles":".x{}"}"##;
    let changed = server
        .db_connection()
        .execute("UPDATE project SET widget_config = ?", [saved]);
    changed.expect("an update");
    let target = format!(
        "/v2/projects/current?apiKey={}",
        server.project.publishable_key
    );
    let project = server.get(target).send().expect(200);
    let keys: Vec<_> = project.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        [
            "object",
            "id",
            "name",
            "description",
            "chatWidgetConfig",
            "availability"
        ]
    );
    assert_eq!(project["object"], "project");
    assert_eq!(project["name"], "Tern & Co.");
    let widget = &project["chatWidgetConfig"];
    let keys: Vec<_> = widget.as_object().expect("an object").keys().collect();
    let expected = [
        "welcomeMessage",
        "inputPlaceholder",
        "userMessageBubbleColor",
        "userMessageBubbleColorDark",
        "brandColor",
        "brandColorDark",
        "displayName",
        "width",
        "maxHeight",
        "offset",
        "position",
        "bubbleRadius",
        "baseFontSize",
        "openDelay",
        "assistantAvatar",
        "chatButtonIcon",
        "chatButtonColor",
        "customCSSStyles",
        "starterQuestions",
        "privacyUrl",
    ];
    assert_eq!(keys, expected);
    assert_eq!(widget["brandColor"], "#123456");
    assert_eq!(widget["customCSSStyles"], ".x{}");
    assert_eq!(widget["position"], "bottom-right");
}
