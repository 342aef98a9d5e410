//! The same request twice (section 0, D20).

use parlor::answer::AnswerError;
use serde_json::json;

use crate::helpers::{FakeModel, Request, Response, TestServer, Visitor, run_concurrently, string};

fn once(request: Request, key: &str) -> Response {
    request.header("Idempotency-Key", key).send()
}

fn setup() -> (TestServer, Visitor, String) {
    let server = TestServer::start();
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    (server, ann, id)
}

/// Every unsafe request, made so that it can be told apart from a second one.
fn requests(server: &TestServer, ann: &Visitor, id: &str) -> Vec<Request> {
    let response = server.get_conversation(ann, id)["messages"][1]["id"].clone();
    let of = |path: &str| format!("/v2/conversations/{id}/{path}");
    let visitor = |request: Request| request.bearer(&ann.token);
    let house = |request: Request| request.bearer(&server.project.private_key);
    let question = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    vec![
        visitor(server.post("/v2/conversations")),
        server
            .post("/v2/identity/init")
            .json(json!({ "apiKey": server.project.publishable_key, "saVid": "once" })),
        house(server.post("/v2/conversations")).json(json!({ "visitor": { "saVid": "new" } })),
        server.post_message(ann, id, "Hello"),
        server.post_streaming_message(ann, id, "Hello"),
        visitor(server.post(format!("/v2/messages/{}/feedback", string(&response))))
            .json(json!({ "feedback": "like" })),
        house(server.post("/v2/chat/completions")).json(question),
        house(server.request("PUT", of("agent"))).json(json!({ "name": "Mara" })),
        house(server.post(of("replies"))).json(json!({ "content": "Hi" })),
        server.post_message(ann, id, "To a person"),
        house(server.request("DELETE", of("agent"))),
        visitor(server.post(of("close"))),
        house(server.post(format!("/v2/projects/{}/qnas", server.project.id)))
            .json(json!({ "question": "Why?", "answer": "Because.", "published": false })),
        house(server.request("DELETE", qna(server))),
        house(server.request("PUT", qna(server))).json(json!({ "answer": "No." })),
        house(server.post(format!("/v2/projects/{}/documents", server.project.id)))
            .json(json!({ "url": "https://shop.example/a", "content": "# A\n\nText." })),
    ]
}

#[test]
fn repeated_request_with_same_key_runs_once() {
    let (server, ann, id) = setup();
    server.post_message(&ann, &id, "Hi").send().expect(200);
    for (number, request) in requests(&server, &ann, &id).into_iter().enumerate() {
        let key = format!("key-{number}");
        let first = once(request.clone(), &key);
        assert!(first.status < 300, "{number}: {}", first.text());
        let counts = counts(&server);
        let second = once(request.clone(), &key);
        let told = |response: &Response| (response.status, response.text().to_owned());
        assert_eq!(told(&first), told(&second), "{number}");
        assert_eq!(first.header("content-type"), second.header("content-type"));
        assert_eq!(counts, self::counts(&server), "{number}");
    }
}

/// A Q&A of a test's own, to be removed.
fn qna(server: &TestServer) -> String {
    let qnas = format!("/v2/projects/{}/qnas", server.project.id);
    let post = server.post(&qnas).bearer(&server.project.private_key);
    let made = post
        .json(json!({ "question": "Old?", "answer": "Yes." }))
        .send();
    format!("{qnas}/{}", string(&made.expect(201)["id"]))
}

fn counts(server: &TestServer) -> [i64; 5] {
    let count = |table| {
        let sql = format!("SELECT count(*) FROM {table}");
        server
            .db_connection()
            .query_row(&sql, (), |row| row.get(0))
            .expect("a count")
    };
    ["conversation", "message", "visitor", "qna", "document"].map(count)
}

#[test]
fn same_key_with_other_request_returns_409() {
    let (server, ann, id) = setup();
    once(server.post_message(&ann, &id, "Hi"), "k").expect(200);
    let other = server.start_conversation(&ann);
    let close = server.post(format!("/v2/conversations/{id}/close"));
    for request in [
        server.post_message(&ann, &id, "Hi!"),
        server.post_streaming_message(&ann, &id, "Hi"),
        server.post_message(&ann, &other, "Hi"),
        close.bearer(&ann.token),
    ] {
        let error = once(request, "k").expect_error(409, "CONFLICT");
        let details = json!({ "resource": "request", "conflictingField": "Idempotency-Key" });
        assert_eq!(error["details"], details);
    }
    assert_eq!(server.transcript(&ann, &id).len(), 2);
}

#[test]
fn same_key_of_two_callers_is_independent() {
    let (server, ann, _) = setup();
    let ben = server.create_visitor("ben");
    let start = |visitor: &Visitor| {
        let post = server.post("/v2/conversations").bearer(&visitor.token);
        string(&once(post, "k").expect(201)["id"])
    };
    let ids = [start(&ann), start(&ben), start(&ann)];
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn invalid_idempotency_key_returns_422() {
    let (server, ann, id) = setup();
    for key in ["", "a b", &"k".repeat(256)] {
        once(server.post_message(&ann, &id, "Hi"), key)
            .expect_validation_error("Idempotency-Key", "1 to 255");
    }
    once(server.post_message(&ann, &id, "Hi"), &"k".repeat(255)).expect(200);
}

#[test]
fn failed_request_can_be_repeated_with_same_key() {
    let (server, ann, id) = setup();
    once(server.post_message(&ann, &id, ""), "k").expect_validation_error("content", "");
    once(server.post_message(&ann, &id, "Hi"), "k").expect(200);
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    model.fail_with(AnswerError::ModelFailed(String::new()));
    once(server.post_message(&ann, &id, "Hi"), "k").expect_error(502, "BAD_GATEWAY");
    model.answer_with("Hello.");
    let responses = [
        once(server.post_message(&ann, &id, "Hi"), "k"),
        once(server.post_message(&ann, &id, "Hi"), "k"),
    ];
    let responses = responses.map(|response| response.expect(200));
    assert_eq!(responses[0], responses[1]);
    assert_eq!(server.transcript(&ann, &id).len(), 2);
}

#[test]
fn repeated_request_returns_409_while_answer_is_streaming() {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let script = model.script_answer();
    script.send_text("So far");
    let first = server
        .post_streaming_message(&ann, &id, "Hi")
        .header("Idempotency-Key", "k");
    let mut stream = first.open_stream();
    stream.next_event();
    let again = || {
        server
            .post_streaming_message(&ann, &id, "Hi")
            .header("Idempotency-Key", "k")
    };
    again().send().expect_error(409, "CONFLICT");
    script.finish();
    stream.events();
    let again = again().send();
    assert_eq!(again.status, 200);
    assert!(again.text().contains(r#""delta":"So far""#));
    assert_eq!(server.transcript(&ann, &id).len(), 2);
}

#[test]
fn concurrent_requests_with_same_key_run_once() {
    let (server, ann, id) = setup();
    let bodies = run_concurrently(8, || {
        once(server.post_message(&ann, &id, "Hi"), "k").expect(200)
    });
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(server.transcript(&ann, &id).len(), 2);
}

#[test]
fn idempotency_key_expires_after_a_day() {
    let (server, ann, _) = setup();
    let start = || {
        let post = server.post("/v2/conversations").bearer(&ann.token);
        string(&once(post, "k").expect(201)["id"])
    };
    let first = start();
    let aged = server.db_connection().execute(
        "UPDATE idempotency_key SET created_at = created_at - 24 * 60 * 60 * 1000",
        (),
    );
    assert_eq!(aged.expect("an update"), 1);
    let (second, third) = (start(), start());
    assert_ne!(first, second);
    assert_eq!(second, third);
}
