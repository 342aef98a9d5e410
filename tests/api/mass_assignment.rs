//! Fields that a caller may not set have no effect (OWASP API3): each request below has
//! fields of the stored object that its body does not have.

use serde_json::{Value, json};

use crate::helpers::{TestServer, UNKNOWN_ID, setup_conversation, string};

/// Fields of objects that only the server sets.
fn with_server_fields(mut body: Value) -> Value {
    let fields = json!({
        "id": UNKNOWN_ID, "object": "admin", "seq": 1, "project": UNKNOWN_ID,
        "projectId": UNKNOWN_ID, "project_seq": 99, "visitorId": UNKNOWN_ID,
        "visitor": { "externalId": "admin" }, "type": "identified", "externalId": "admin",
        "status": "closed", "role": "human_agent", "createdAt": "2001-01-01T00:00:00.000Z",
        "updatedAt": "2001-01-01T00:00:00.000Z", "closedAt": "2001-01-01T00:00:00.000Z",
        "isHumanHandled": true, "humanAgent": { "name": "Eve" }, "title": "set",
        "feedbackAt": "2001-01-01T00:00:00.000Z", "metadata": { "a": 1 }, "parts": [],
        "plan": "pro", "isPublished": true, "score": 1,
    });
    for (name, value) in fields.as_object().expect("fields") {
        if body.get(name).is_none() {
            body[name] = value.clone();
        }
    }
    body
}

/// Asserts that the object has none of the values above.
#[track_caller]
fn expect_own_values(object: &Value) {
    let text = object.to_string();
    for value in [UNKNOWN_ID, "admin", "2001-01-01", "Eve", "identified"] {
        assert!(!text.contains(value), "{value}: {object:#}");
    }
}

#[test]
fn visitor_cannot_set_fields_of_a_new_session() {
    let server = TestServer::start();
    let key = &server.project.publishable_key;
    let body = with_server_fields(json!({ "apiKey": key, "saVid": "device" }));
    let session = server
        .post("/v2/identity/init")
        .json(body)
        .send()
        .expect(201);
    expect_own_values(&session["visitor"]);
    assert_eq!(session["visitor"]["type"], "anonymous");
    let token = string(&session["sessionToken"]);
    expect_own_values(
        &server
            .get("/v2/identity/me")
            .bearer(&token)
            .send()
            .expect(200),
    );
}

#[test]
fn visitor_cannot_set_fields_of_a_conversation() {
    let server = TestServer::start();
    let visitor = server.create_visitor("device");
    let start = server.post("/v2/conversations").bearer(&visitor.token);
    let started = start.json(with_server_fields(json!({}))).send().expect(201);
    expect_own_values(&started);
    let fields =
        ["status", "isHumanHandled", "title", "closedAt"].map(|name| started[name].clone());
    assert_eq!(json!(fields), json!(["open", false, null, null]));
    let id = string(&started["id"]);
    let close = server.close(&visitor.token, &id);
    close
        .json(with_server_fields(json!({ "closeReason": "done" })))
        .send()
        .expect(200);
    let closed = server.get_conversation(&visitor, &id);
    expect_own_values(&closed);
    assert_eq!(closed["closeReason"], "done");
    assert_eq!(closed["title"], Value::Null);
}

#[test]
fn visitor_cannot_set_fields_of_a_message() {
    let (server, visitor, conversation) = setup_conversation();
    let body = with_server_fields(json!({ "content": "Hello" }));
    let send = server.post(format!("/v2/conversations/{conversation}/messages"));
    send.bearer(&visitor.token).json(body).send().expect(200);
    let stored = server.get_conversation(&visitor, &conversation);
    expect_own_values(&stored);
    let [question, answer] = [0, 1].map(|index| stored["messages"][index].clone());
    assert_eq!([&question["role"], &answer["role"]], ["user", "assistant"]);
    assert_eq!(question["parts"][0]["text"], "Hello");
    let rate = format!("/v2/messages/{}/feedback", string(&answer["id"]));
    let rate = server.post(rate).bearer(&visitor.token);
    rate.json(with_server_fields(json!({ "feedback": "like" })))
        .send()
        .expect(200);
    let rated = &server.get_conversation(&visitor, &conversation)["messages"][1];
    expect_own_values(rated);
    assert_eq!(rated["parts"], answer["parts"]);
    assert_eq!(rated["role"], "assistant");
}

#[test]
fn private_key_cannot_set_fields_of_replies_and_knowledge() {
    let (server, visitor, conversation) = setup_conversation();
    server.take_over(&conversation).send().expect(200);
    let reply = server.reply(&conversation, "");
    reply
        .json(with_server_fields(json!({ "content": "Hi" })))
        .send()
        .expect(201);
    let message = &server.get_conversation(&visitor, &conversation)["messages"][0];
    expect_own_values(message);
    assert_eq!(message["humanAgent"]["name"], "Mara");
    let key = &server.project.private_key;
    let qna = json!({ "question": "Where?", "answer": "Here.", "isPublished": false });
    let document = json!({ "url": "https://shop.example/", "content": "Text", "title": "Own" });
    for (noun, body) in [("qnas", qna), ("documents", document)] {
        let all = format!("/v2/projects/{}/{noun}", server.project.id);
        let created = server.post(&all).bearer(key).json(with_server_fields(body));
        expect_own_values(&created.send().expect(201));
    }
}
