//! Answers of which nothing is stored (section 3.11; section 0, D19).

use parlor::answer::ChatRole;
use serde_json::{Value, json};

use crate::helpers::{FakeModel, Request, Response, TestServer, UNKNOWN_ID};

fn request(server: &TestServer, credential: &str, body: Value) -> Request {
    let post = server.post("/v2/chat/completions").bearer(credential);
    post.json(body)
}

fn ask(server: &TestServer, body: Value) -> Response {
    request(server, &server.project.private_key, body).send()
}

fn hi() -> Value {
    json!([{ "role": "user", "content": "Hi" }])
}

#[test]
fn completion_is_answered_and_not_stored() {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    model.answer_with("Hello.");
    let messages = json!([
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": "One?", "more": 1 },
        { "role": "assistant", "content": "" },
    ]);
    let response = ask(&server, json!({ "messages": messages })).expect(200);
    let content = json!([{ "type": "text", "text": "Hello." }]);
    assert_eq!(response["steps"][0]["content"], content);
    let asked = model.questions.lock().expect("questions");
    let speakers: Vec<_> = asked[0]
        .messages
        .iter()
        .map(|message| message.role)
        .collect();
    assert_eq!(
        speakers,
        [ChatRole::System, ChatRole::User, ChatRole::Assistant]
    );
    let stored: i64 = server
        .db_connection()
        .query_row("SELECT count(*) FROM message", (), |row| row.get(0))
        .expect("a count");
    assert_eq!(stored, 0);
}

#[test]
fn streamed_completion_has_no_message_id() {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    let script = model.script_answer();
    script.send_text("Hel");
    let body = json!({ "messages": hi(), "stream": true });
    let mut stream = request(&server, &server.project.private_key, body.clone()).open_stream();
    assert_eq!(stream.next_event(), Some(json!({ "type": "start" })));
    script.send_text("lo.");
    script.finish();
    let events = stream.events();
    let deltas = events.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(deltas.collect::<String>(), "Hello.");
    model.answer_with("Hello.");
    let kept = request(&server, &server.project.private_key, body);
    let kept = kept.header("Idempotency-Key", "k");
    let responses = [kept.clone().send(), kept.send()];
    assert_eq!(responses[0].text(), responses[1].text());
    assert!(responses[0].text().contains(r#""delta":"Hello.""#));
}

#[test]
fn completion_requires_private_key() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    for credential in [&ann.token, &server.project.publishable_key, "nobody"] {
        let body = json!({ "messages": hi() });
        request(&server, credential, body)
            .send()
            .expect_error(401, "UNAUTHORIZED");
    }
    let none = server
        .post("/v2/chat/completions")
        .json(json!({ "messages": hi() }));
    none.send().expect_error(401, "UNAUTHORIZED");
}

#[test]
fn invalid_completion_request_is_refused() {
    let server = TestServer::start();
    ask(&server, json!({})).expect_body_error("messages");
    ask(&server, json!({ "messages": "Hi" })).expect_body_error("messages");
    ask(&server, json!({ "messages": ["Hi"] })).expect_body_error("messages");
    ask(&server, json!({ "messages": [] })).expect_validation_error("messages", "1 to 1000");
    ask(&server, json!({ "messages": [{ "role": "user" }] })).expect_body_error("messages.content");
    ask(&server, json!({ "messages": [{ "content": "Hi" }] })).expect_body_error("messages.role");
    let robot = json!([{ "role": "robot", "content": "Hi" }]);
    ask(&server, json!({ "messages": robot }))
        .expect_validation_error("messages.role", "system, user, assistant");
    ask(&server, json!({ "messages": hi(), "stream": 1 })).expect_body_error("stream");
    let wrong = json!({ "messages": hi(), "assistantId": "x" });
    ask(&server, wrong).expect_validation_error("assistantId", "UUID");
    let nobody = json!({ "messages": hi(), "assistantId": UNKNOWN_ID });
    let error = ask(&server, nobody).expect_error(404, "ASSISTANT_NOT_FOUND");
    assert_eq!(error["details"], json!({ "assistantId": UNKNOWN_ID }));
}
