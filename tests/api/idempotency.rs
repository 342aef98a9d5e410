//! Requests with an Idempotency-Key (docs/api-contract.md, section 11).

use parlor::answer::AnswerError;
use serde_json::json;

use crate::helpers::{
    Request, Response, TestServer, Visitor, run_concurrently, setup_conversation,
    setup_model_conversation, string,
};

fn send_with_key(request: Request, key: &str) -> Response {
    request.header("Idempotency-Key", key).send()
}

/// Every kind of request that changes data, each with a visible effect.
fn requests(server: &TestServer, ann: &Visitor, id: &str) -> Vec<Request> {
    let answer_id = string(&server.get_conversation(ann, id)["messages"][1]["id"]);
    let as_visitor = |request: Request| request.bearer(&ann.token);
    let as_server = |request: Request| request.bearer(&server.project.private_key);
    let question = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    let project = format!("/v2/projects/{}", server.project.id);
    vec![
        as_visitor(server.post("/v2/conversations")),
        server
            .post("/v2/identity/init")
            .json(json!({ "apiKey": server.project.publishable_key, "saVid": "once" })),
        as_server(server.post("/v2/conversations")).json(json!({ "visitor": { "saVid": "new" } })),
        server.post_message(ann, id, "Hello"),
        server.post_streaming_message(ann, id, "Hello"),
        as_visitor(server.post(format!("/v2/messages/{answer_id}/feedback")))
            .json(json!({ "feedback": "like" })),
        as_server(server.post("/v2/chat/completions")).json(question),
        server.take_over(id),
        server.reply(id, "Hi"),
        server.post_message(ann, id, "To an agent"),
        server.hand_back(id),
        server.close(&ann.token, id),
        as_server(server.post(format!("{project}/qnas")))
            .json(json!({ "question": "Why?", "answer": "Because.", "published": false })),
        as_server(server.request("DELETE", create_qna(server))),
        as_server(server.request("PUT", create_qna(server))).json(json!({ "answer": "No." })),
        as_server(server.post(format!("{project}/documents")))
            .json(json!({ "url": "https://shop.example/a", "content": "# A\n\nText." })),
    ]
}

#[test]
fn repeated_request_with_same_key_runs_once() {
    let (server, ann, id) = setup_conversation();
    server.post_message(&ann, &id, "Hi").send().expect(200);
    for (number, request) in requests(&server, &ann, &id).into_iter().enumerate() {
        let key = format!("key-{number}");
        let first = send_with_key(request.clone(), &key);
        assert!(first.status < 300, "{number}: {}", first.text());
        let counts = row_counts(&server);
        let second = send_with_key(request.clone(), &key);
        let content = |response: &Response| (response.status, response.text().to_owned());
        assert_eq!(content(&first), content(&second), "{number}");
        assert_eq!(first.header("content-type"), second.header("content-type"));
        assert_eq!(counts, row_counts(&server), "{number}");
    }
}

/// Creates a Q&A and returns its path.
fn create_qna(server: &TestServer) -> String {
    let qnas = format!("/v2/projects/{}/qnas", server.project.id);
    let post = server.post(&qnas).bearer(&server.project.private_key);
    let body = json!({ "question": "Old?", "answer": "Yes." });
    let qna = post.json(body).send().expect(201);
    format!("{qnas}/{}", string(&qna["id"]))
}

/// The numbers of rows of the tables that the requests write to.
fn row_counts(server: &TestServer) -> [i64; 5] {
    let tables = ["conversation", "message", "visitor", "qna", "document"];
    tables.map(|table| server.query_value(&format!("SELECT count(*) FROM {table}")))
}

#[test]
fn same_key_with_other_request_returns_409() {
    let (server, ann, id) = setup_conversation();
    send_with_key(server.post_message(&ann, &id, "Hi"), "k").expect(200);
    let other = server.start_conversation(&ann);
    for request in [
        server.post_message(&ann, &id, "Hi!"),
        server.post_streaming_message(&ann, &id, "Hi"),
        server.post_message(&ann, &other, "Hi"),
        server.close(&ann.token, &id),
    ] {
        let error = send_with_key(request, "k").expect_error(409, "CONFLICT");
        let details = json!({ "resource": "request", "conflictingField": "Idempotency-Key" });
        assert_eq!(error["details"], details);
    }
    assert_eq!(server.transcript(&ann, &id).len(), 2);
}

#[test]
fn same_key_of_two_callers_is_independent() {
    let (server, ann, _) = setup_conversation();
    let ben = server.create_visitor("ben");
    let start = |visitor: &Visitor| {
        let post = server.post("/v2/conversations").bearer(&visitor.token);
        string(&send_with_key(post, "k").expect(201)["id"])
    };
    let ids = [start(&ann), start(&ben), start(&ann)];
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn invalid_idempotency_key_returns_422() {
    let (server, ann, id) = setup_conversation();
    for key in ["", "a b", &"k".repeat(256)] {
        send_with_key(server.post_message(&ann, &id, "Hi"), key)
            .expect_validation_error("Idempotency-Key", "1 to 255");
    }
    send_with_key(server.post_message(&ann, &id, "Hi"), &"k".repeat(255)).expect(200);
}

#[test]
fn failed_request_can_be_repeated_with_same_key() {
    let (server, ann, id) = setup_conversation();
    send_with_key(server.post_message(&ann, &id, ""), "k").expect_validation_error("content", "");
    send_with_key(server.post_message(&ann, &id, "Hi"), "k").expect(200);
    let (model, server, ann, id) = setup_model_conversation();
    model.fail_with(AnswerError::ModelFailed(String::new()));
    send_with_key(server.post_message(&ann, &id, "Hi"), "k").expect_error(502, "BAD_GATEWAY");
    model.answer_with("Hello.");
    let responses = [
        send_with_key(server.post_message(&ann, &id, "Hi"), "k"),
        send_with_key(server.post_message(&ann, &id, "Hi"), "k"),
    ];
    let responses = responses.map(|response| response.expect(200));
    assert_eq!(responses[0], responses[1]);
    assert_eq!(server.transcript(&ann, &id).len(), 2);
}

#[test]
fn concurrent_requests_with_same_key_run_once() {
    let (server, ann, id) = setup_conversation();
    let bodies = run_concurrently(8, || {
        send_with_key(server.post_message(&ann, &id, "Hi"), "k").expect(200)
    });
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(server.transcript(&ann, &id).len(), 2);
}

#[test]
fn idempotency_key_expires_after_a_day() {
    let (server, ann, _) = setup_conversation();
    let start = || {
        let post = server.post("/v2/conversations").bearer(&ann.token);
        string(&send_with_key(post, "k").expect(201)["id"])
    };
    let first = start();
    let updated = server.db_connection().execute(
        "UPDATE idempotency_key SET created_at = created_at - 24 * 60 * 60 * 1000",
        (),
    );
    assert_eq!(updated.expect("an update"), 1);
    let (second, third) = (start(), start());
    assert_ne!(first, second);
    assert_eq!(second, third);
}

#[test]
fn bodies_are_compared_as_they_were_sent() {
    let (server, ann, id) = setup_conversation();
    let post = |body: &str| {
        let post = server.post(format!("/v2/conversations/{id}/messages"));
        send_with_key(post.bearer(&ann.token).json(body), "key")
    };
    post(r#"{"content":"\ud83d"}"#).expect(200);
    post(r#"{"content":"\ud83d"}"#).expect(200);
    // Both bodies have the same content after the replacement of the surrogate.
    post(r#"{"content":"\ufffd"}"#).expect_error(409, "CONFLICT");
}
