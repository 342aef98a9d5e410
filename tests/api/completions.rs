//! POST /v2/chat/completions: answers that are not stored (docs/api-contract.md,
//! sections 4.11 and 6.8).

use parlor::answer::ChatRole;
use serde_json::{Value, json};

use crate::helpers::{Request, Response, TestServer, UNKNOWN_ID, setup_model};

fn request(server: &TestServer, credential: &str, body: Value) -> Request {
    let post = server.post("/v2/chat/completions").bearer(credential);
    post.json(body)
}

fn ask(server: &TestServer, body: Value) -> Response {
    request(server, &server.project.private_key, body).send()
}

fn messages() -> Value {
    json!([{ "role": "user", "content": "Hi" }])
}

#[test]
fn completion_is_answered_and_not_stored() {
    let (model, server) = setup_model();
    model.answer_with("Hello.");
    let messages = json!([
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": "One?", "more": 1 },
        { "role": "assistant", "content": "" },
    ]);
    let response = ask(&server, json!({ "messages": messages })).expect(200);
    let content = json!([{ "type": "text", "text": "Hello." }]);
    assert_eq!(response["steps"][0]["content"], content);
    let questions = model.questions.lock().expect("questions");
    let roles: Vec<_> = questions[0]
        .messages
        .iter()
        .map(|message| message.role)
        .collect();
    assert_eq!(
        roles,
        [ChatRole::System, ChatRole::User, ChatRole::Assistant]
    );
    let stored: i64 = server.query_value("SELECT count(*) FROM message");
    assert_eq!(stored, 0);
}

#[test]
fn streamed_completion_has_no_message_id() {
    let (model, server) = setup_model();
    let script = model.script_answer();
    script.send_text("Hel");
    let body = json!({ "messages": messages(), "stream": true });
    let mut stream = request(&server, &server.project.private_key, body.clone()).open_stream();
    assert_eq!(stream.next_event(), Some(json!({ "type": "start" })));
    script.send_text("lo.");
    script.finish();
    let events = stream.events();
    let deltas = events.iter().filter_map(|event| event["delta"].as_str());
    assert_eq!(deltas.collect::<String>(), "Hello.");
    model.answer_with("Hello.");
    let repeated = request(&server, &server.project.private_key, body);
    let repeated = repeated.header("Idempotency-Key", "k");
    let responses = [repeated.clone().send(), repeated.send()];
    assert_eq!(responses[0].text(), responses[1].text());
    assert!(responses[0].text().contains(r#""delta":"Hello.""#));
}

#[test]
fn completion_requires_private_key() {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    for credential in [&ann.token, &server.project.publishable_key, "nobody"] {
        let body = json!({ "messages": messages() });
        request(&server, credential, body)
            .send()
            .expect_error(401, "UNAUTHORIZED");
    }
    let anonymous = server
        .post("/v2/chat/completions")
        .json(json!({ "messages": messages() }));
    anonymous.send().expect_error(401, "UNAUTHORIZED");
}

#[test]
fn invalid_completion_request_is_refused() {
    let server = TestServer::start();
    ask(&server, json!({})).expect_body_error("messages");
    ask(&server, json!({ "messages": "Hi" })).expect_body_error("messages");
    ask(&server, json!({ "messages": ["Hi"] })).expect_body_error("messages");
    ask(&server, json!({ "messages": [] }))
        .expect_validation_error("messages", "must have 1 to 1000 messages");
    ask(&server, json!({ "messages": [{ "role": "user" }] })).expect_body_error("messages.content");
    ask(&server, json!({ "messages": [{ "content": "Hi" }] })).expect_body_error("messages.role");
    let robot = json!([{ "role": "robot", "content": "Hi" }]);
    ask(&server, json!({ "messages": robot }))
        .expect_validation_error("messages.role", "system, user, assistant");
    ask(&server, json!({ "messages": messages(), "stream": 1 })).expect_body_error("stream");
    let wrong = json!({ "messages": messages(), "assistantId": "x" });
    ask(&server, wrong).expect_validation_error("assistantId", "UUID");
    let unknown = json!({ "messages": messages(), "assistantId": UNKNOWN_ID });
    let error = ask(&server, unknown).expect_error(404, "ASSISTANT_NOT_FOUND");
    assert_eq!(error["details"], json!({ "assistantId": UNKNOWN_ID }));
}
