//! Sending, listing and rating messages (docs/api-contract.md, sections 4.8 to
//! 4.10).

use serde_json::{Value, json};

use crate::helpers::{FakeModel, TestServer, UNKNOWN_ID, Visitor, setup_conversation, string};

fn messages(server: &TestServer, visitor: &Visitor, id: &str, query: &str) -> Vec<Value> {
    let get = server.get(format!("/v2/conversations/{id}/messages?{query}"));
    let list = get.bearer(&visitor.token).send().expect(200);
    let keys: Vec<_> = list.as_object().expect("a list").keys().cloned().collect();
    assert_eq!(keys, ["object", "data"]);
    assert_eq!(list["object"], "list");
    list["data"].as_array().expect("data").clone()
}

#[test]
fn message_is_answered_and_conversation_is_updated() {
    let (server, ann, id) = setup_conversation();
    let before = server.get_conversation(&ann, &id);
    assert_eq!(before["title"], Value::Null);
    let response = server
        .post_message(&ann, &id, "  Where is\n my order? ")
        .send();
    let steps = response.expect(200);
    let text = string(&steps["steps"][0]["content"][0]["text"]);
    assert_eq!(steps["steps"][0]["finishReason"], "stop");
    for count in ["inputTokens", "outputTokens", "totalTokens"] {
        assert!(steps["steps"][0]["usage"][count].is_u64());
    }
    let after = server.get_conversation(&ann, &id);
    assert_eq!(after["title"], "Where is my order?");
    assert!(string(&after["updatedAt"]) >= string(&before["updatedAt"]));
    assert_eq!(after["lastInterationAt"], after["updatedAt"]);
    let transcript = server.transcript(&ann, &id);
    let expected = [
        ["user", "complete", "  Where is\n my order? "],
        ["assistant", "complete", &text],
    ];
    assert_eq!(transcript, expected);
    let page = server.list(&ann.token, "");
    assert_eq!(page["data"][0]["lastMessage"], after["messages"][1]);
    assert_eq!(page["data"][0]["title"], "Where is my order?");
}

#[test]
fn title_is_taken_from_first_message() {
    let (server, ann, id) = setup_conversation();
    for content in [" ", "First words", "Second words"] {
        server.post_message(&ann, &id, content).send().expect(200);
    }
    assert_eq!(server.get_conversation(&ann, &id)["title"], "First words");
    let page = server.list(&ann.token, "orderBy=title");
    assert_eq!(page["data"][0]["title"], "First words");
}

#[test]
fn stream_has_the_documented_chunks() {
    let (server, ann, id) = setup_conversation();
    let response = server
        .post_streaming_message(&ann, &id, "Hello \"you\"\n\u{2028}")
        .send();
    assert_eq!(response.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("x-vercel-ai-ui-message-stream", "v1"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(response.header(name), Some(value));
    }
    let stored = server.get_conversation(&ann, &id)["messages"][1].clone();
    let (id, text) = (&stored["id"], &stored["parts"][0]["text"]);
    let mut expected = String::new();
    for chunk in [
        json!({ "type": "start", "messageId": id }),
        json!({ "type": "start-step" }),
        json!({ "type": "text-start", "id": "txt-1" }),
        json!({ "type": "text-delta", "id": "txt-1", "delta": text }),
        json!({ "type": "text-end", "id": "txt-1" }),
        json!({ "type": "finish-step" }),
        json!({ "type": "finish" }),
    ] {
        expected += &format!("data: {chunk}\n\n");
    }
    assert_eq!(response.text(), expected + "data: [DONE]\n\n");
}

#[test]
fn content_outside_1_to_10000_characters_returns_422() {
    let (server, ann, id) = setup_conversation();
    let post = |body: Value| {
        let post = server.post(format!("/v2/conversations/{id}/messages"));
        post.bearer(&ann.token).json(body).send()
    };
    post(json!({})).expect_body_error("content");
    post(json!({ "content": 5 })).expect_body_error("content");
    post(json!({ "content": null })).expect_body_error("content");
    post(json!({ "content": "x", "stream": "yes" })).expect_body_error("stream");
    post(json!({ "content": "x", "pageContext": "p" })).expect_body_error("pageContext");
    post(json!({ "content": "x", "pageContext": { "title": 1 } }))
        .expect_body_error("pageContext.title");
    post(json!({ "content": "" })).expect_validation_error("content", "1 to 10000");
    post(json!({ "content": "é".repeat(10_001) })).expect_validation_error("content", "1 to 10000");
    post(json!({ "content": "a\u{0}b" })).expect_validation_error("content", "NUL");
    assert!(server.transcript(&ann, &id).is_empty());
    post(json!({ "content": "é".repeat(10_000) })).expect(200);
    assert_eq!(server.transcript(&ann, &id).len(), 2);
}

#[test]
fn page_context_is_stored_with_message() {
    let (server, ann, id) = setup_conversation();
    let context = json!({ "url": "https://shop.example/a?b", "title": "A", "content": "long",
                          "textSelection": "marked", "more": 1 });
    for (context, expected) in [
        (context, json!(["https://shop.example/a?b", "A", "marked"])),
        (Value::Null, json!([null, null, null])),
        (json!({ "url": null }), json!([null, null, null])),
        (
            json!({ "url": "http://ann:pw@shop.example/a" }),
            json!(["http://shop.example/a", null, null]),
        ),
        // Clients may show the address as a link.
        (
            json!({ "url": "javascript:alert(1)" }),
            json!([null, null, null]),
        ),
        (
            json!({ "url": "data:text/html,x", "title": "A" }),
            json!([null, "A", null]),
        ),
        // An invalid page context does not prevent the message.
        (
            json!({ "url": "nowhere", "title": "t\u{0}", "content": "x".repeat(150_000) }),
            json!([null, "t", null]),
        ),
    ] {
        let post = server.post(format!("/v2/conversations/{id}/messages"));
        let body = json!({ "content": "Hi", "pageContext": context, "context": { "pageUrl": 1 } });
        post.bearer(&ann.token).json(body).send().expect(200);
        let messages = messages(&server, &ann, &id, "role=user");
        let last = messages.last().expect("a message");
        let page = json!([last["pageUrl"], last["pageTitle"], last["textSelection"]]);
        assert_eq!(page, expected);
    }
}

#[test]
fn message_body_up_to_2_mb_is_read_and_page_context_is_cut() {
    const MAX_BYTES: usize = 2 << 20;
    let (server, ann, id) = setup_conversation();
    let send = |length: usize| {
        let body = |content: &str| json!({ "content": "Hi", "pageContext": { "title": content, "content": content } });
        let empty = body("").to_string().len();
        assert_eq!((length - empty) % 2, 0);
        let body = body(&"x".repeat((length - empty) / 2));
        let post = server.post(format!("/v2/conversations/{id}/messages"));
        post.bearer(&ann.token).json(body).send()
    };
    let padding = json!({ "content": "Hi", "pageContext": { "title": "", "content": "" } });
    let parity = padding.to_string().len() % 2;
    send(MAX_BYTES - parity).expect(200);
    let error = send(MAX_BYTES + 2 - parity).expect_error(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(error["details"], json!({ "maxBytes": MAX_BYTES }));
    let title = server.query_value::<String>("SELECT page_title FROM message WHERE role = 'user'");
    assert_eq!(title.len(), 1000);
    assert_eq!(server.transcript(&ann, &id).len(), 2);
}

#[test]
fn message_body_may_have_max_body_bytes_if_that_is_more() {
    let server = TestServer::start_with(|settings| settings.max_body_bytes = 3 << 20);
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let body = json!({ "content": "Hi", "pageContext": { "content": "x".repeat(5 << 19) } });
    let post = server.post(format!("/v2/conversations/{id}/messages"));
    post.bearer(&ann.token).json(body).send().expect(200);
}

#[test]
fn send_is_refused_for_other_callers_and_closed_conversation() {
    let (server, ann, id) = setup_conversation();
    let other_project = server.create_project();
    let send = |credential: &str, id: &str| {
        let post = server.post(format!("/v2/conversations/{id}/messages"));
        post.bearer(credential)
            .json(json!({ "content": "x" }))
            .send()
    };
    send(&server.create_visitor("ben").token, &id).expect_error(403, "FORBIDDEN");
    send(&server.project.private_key, &id).expect_error(403, "FORBIDDEN");
    let stranger = server.create_visitor_in(&other_project, "ann");
    send(&stranger.token, &id).expect_error(404, "CONVERSATION_NOT_FOUND");
    send("nobody", &id).expect_error(401, "UNAUTHORIZED");
    send(&ann.token, UNKNOWN_ID).expect_error(404, "CONVERSATION_NOT_FOUND");
    send(&ann.token, "x").expect_validation_error("conversationId", "UUID");
    server.close(&ann.token, &id).send().expect(200);
    let error = send(&ann.token, &id).expect_error(409, "CONFLICT");
    let details = json!({ "resource": "conversation", "conflictingField": "status" });
    assert_eq!(error["details"], details);
    assert!(server.transcript(&ann, &id).is_empty());
}

#[test]
fn messages_are_listed_oldest_first_and_filtered() {
    let (server, ann, id) = setup_conversation();
    for content in ["one", "two", "three"] {
        server.post_message(&ann, &id, content).send().expect(200);
    }
    let all = messages(&server, &ann, &id, "");
    assert_eq!(json!(all), server.get_conversation(&ann, &id)["messages"]);
    assert_eq!(all.len(), 6);
    for (query, expected) in [
        ("limit=2", &all[..2]),
        ("limit=2&offset=3", &all[3..5]),
        ("offset=5", &all[5..]),
        ("offset=null&limit=1", &all[..1]),
        ("offset=6", &[]),
        ("status=complete&limit=1000", &all[..]),
        ("status=error", &[]),
        ("role=human_agent", &[]),
        ("role=user&offset=1&limit=1", &all[2..3]),
    ] {
        assert_eq!(messages(&server, &ann, &id, query), expected, "{query}");
    }
    let get = server.get(format!("/v2/conversations/{id}/messages"));
    let list = get.bearer(&server.project.private_key).send().expect(200);
    assert_eq!(list["data"], json!(all));
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("offset=-1", "offset"),
        ("role=robot", "role"),
        ("status=gone", "status"),
        ("role=user&role=user", "role"),
    ] {
        let get = server.get(format!("/v2/conversations/{id}/messages?{query}"));
        get.bearer(&ann.token)
            .send()
            .expect_validation_error(field, "");
    }
    let ben = server.create_visitor("ben");
    let get = server.get(format!("/v2/conversations/{id}/messages"));
    get.bearer(&ben.token).send().expect_error(403, "FORBIDDEN");
}

#[test]
fn feedback_is_set_changed_and_removed() {
    let (server, ann, id) = setup_conversation();
    server.post_message(&ann, &id, "Hi").send().expect(200);
    let answer = messages(&server, &ann, &id, "role=assistant")[0].clone();
    let path = format!("/v2/messages/{}/feedback", string(&answer["id"]));
    for feedback in [json!("like"), json!("dislike"), Value::Null] {
        let post = server.post(&path).bearer(&ann.token);
        let response = post
            .json(json!({ "feedback": feedback }))
            .send()
            .expect(200);
        assert_eq!(response, json!({ "feedback": feedback }));
        let updated = messages(&server, &ann, &id, "role=assistant")[0].clone();
        assert_eq!(updated["feedback"], feedback);
        assert_eq!(updated["feedbackAt"].is_null(), feedback.is_null());
    }
}

#[test]
fn invalid_feedback_is_refused() {
    let (server, ann, id) = setup_conversation();
    server.post_message(&ann, &id, "Hi").send().expect(200);
    let stored = messages(&server, &ann, &id, "");
    let rate = |message: &str, credential: &str, body: Value| {
        let post = server.post(format!("/v2/messages/{message}/feedback"));
        post.bearer(credential).json(body).send()
    };
    let (question, answer) = (string(&stored[0]["id"]), string(&stored[1]["id"]));
    let like = || json!({ "feedback": "like" });
    rate(&question, &ann.token, like()).expect_validation_error("messageId", "assistant");
    rate(&answer, &ann.token, json!({})).expect_body_error("feedback");
    rate(&answer, &ann.token, json!({ "feedback": 1 })).expect_body_error("feedback");
    rate(&answer, &ann.token, json!({ "feedback": "love" }))
        .expect_validation_error("feedback", "like, dislike");
    rate("x", &ann.token, like()).expect_validation_error("messageId", "UUID");
    let error = rate(UNKNOWN_ID, &ann.token, like()).expect_error(404, "MESSAGE_NOT_FOUND");
    assert_eq!(error["details"], json!({ "messageId": UNKNOWN_ID }));
    rate(&answer, &server.create_visitor("ben").token, like()).expect_error(403, "FORBIDDEN");
    rate(&answer, &server.project.private_key, like()).expect_error(403, "FORBIDDEN");
    let stranger = server.create_visitor_in(&server.create_project(), "ann");
    rate(&answer, &stranger.token, like()).expect_error(404, "MESSAGE_NOT_FOUND");
    let updated = messages(&server, &ann, &id, "role=assistant")[0].clone();
    assert_eq!(updated["feedback"], Value::Null);
}

#[test]
fn monthly_quota_limits_messages() {
    let server = TestServer::start_with(|settings| settings.monthly_messages = 2);
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    for _ in 0..2 {
        server.post_message(&ann, &id, "Hi").send().expect(200);
    }
    let refused = server.post_message(&ann, &id, "Hi").send();
    let error = refused.expect_error(429, "RATE_LIMIT_EXCEEDED");
    let wait = error["details"]["retryAfter"].as_u64().expect("seconds");
    assert!((1..=31 * 86_400).contains(&wait));
    assert_eq!(
        refused.header("retry-after"),
        Some(wait.to_string().as_str())
    );
    assert_eq!(server.transcript(&ann, &id).len(), 4);
    let other_project = server.create_project();
    let stranger = server.create_visitor_in(&other_project, "far");
    let id = server.start_conversation(&stranger);
    server.post_message(&stranger, &id, "Hi").send().expect(200);
}

#[test]
fn model_requires_paid_plan() {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let plan = |plan: Option<&str>| {
        let changed = server
            .db_connection()
            .execute("UPDATE project SET plan = ?", [plan]);
        assert_eq!(changed.expect("an update"), 1);
    };
    plan(Some("free"));
    let error = server
        .post_message(&ann, &id, "Hi")
        .send()
        .expect_error(402, "PAYMENT_REQUIRED");
    let details = json!({ "currentPlan": "free", "requiredPlan": "pro",
                          "feature": "advanced_ai_models" });
    assert_eq!(error["details"], details);
    assert!(server.transcript(&ann, &id).is_empty());
    for paid in [Some("pro"), None] {
        plan(paid);
        model.answer_with("Hello.");
        server.post_message(&ann, &id, "Hi").send().expect(200);
    }
}

#[test]
fn unpaired_surrogates_become_replacement_characters() {
    let (server, ann, id) = setup_conversation();
    let post = |body: &str| {
        let post = server.post(format!("/v2/conversations/{id}/messages"));
        post.bearer(&ann.token).json(body).send()
    };
    post(
        r#"{"content":"hi","pageContext":{"url":"https://shop.example/","title":"Shop","content":"cut in the middle of a smile \ud83d"}}"#,
    )
    .expect(200);
    post(
        r#"{"content":"\uD83D, \ude00 and \ud83d\ude00","pageContext":{"title":"Sho\ud83d"},"\ud83d":1}"#,
    )
    .expect(200);
    post(r#"{"content":"a backslash: \\ud83d"}"#).expect(200);
    post(r#"{"content":"hi"}\ud83d"#).expect_body_error("body");
    let conversation = server.get_conversation(&ann, &id);
    let texts = [0, 2, 4].map(|index| &conversation["messages"][index]["parts"][0]["text"]);
    assert_eq!(
        texts,
        [
            "hi",
            "\u{fffd}, \u{fffd} and \u{1f600}",
            "a backslash: \\ud83d"
        ]
    );
    assert_eq!(conversation["messages"][2]["pageTitle"], "Sho\u{fffd}");
}
