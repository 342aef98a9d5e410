//! Answers that another node ends.

use std::time::Instant;

use serde_json::json;

use super::{MAX_DELAY, Nodes, expect_soon};
use crate::helpers::{
    AnswerScript, EventStream, Request, TestServer, Visitor, event_types, wait_for_cancellation,
};

/// Checks that the stream of `a` ends at once after a request to `b`, and that nothing of
/// the answer is stored afterwards.
#[track_caller]
fn expect_end(
    nodes: &Nodes,
    (script, stream): &mut (AnswerScript, EventStream),
    request: Request,
) -> u16 {
    let response = request.send();
    let start = Instant::now();
    wait_for_cancellation(script);
    let events = stream.events();
    let delay = start.elapsed();
    assert_eq!(event_types(&events), ["abort"]);
    assert!(delay < MAX_DELAY, "{delay:?}");
    nodes.a.wait_for_answers();
    response.status
}

#[test]
fn take_over_on_one_node_ends_the_answer_of_another() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    let mut answer = nodes.start_answer(&ann, &id);
    assert_eq!(expect_end(&nodes, &mut answer, nodes.b.take_over(&id)), 200);
    let (late, _) = answer;
    late.send_text(" and too late");
    late.finish();
    let expected = [
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ];
    for node in [&nodes.a, &nodes.b] {
        assert_eq!(node.transcript(&ann, &id), expected);
    }
    for node in [&nodes.a, &nodes.b] {
        let sent = node.post_message(&ann, &id, "Hello?").send();
        assert_eq!(sent.status, 202);
    }
}

#[test]
fn take_over_on_one_node_before_the_first_text_of_another_stores_no_answer() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    let script = nodes.model.script_answer();
    let send = |node: &TestServer| {
        let request = node.post_streaming_message(&ann, &id, "Hi");
        request.header("Idempotency-Key", "k")
    };
    let response = std::thread::scope(|scope| {
        let sender = scope.spawn(|| send(&nodes.a).send());
        crate::helpers::wait_until("the answer has started", || {
            nodes.b.transcript(&ann, &id).len() == 2
        });
        nodes.b.take_over(&id).send().expect(200);
        sender.join().expect("a response")
    });
    assert_eq!((response.status, response.text()), (202, "Message sent"));
    wait_for_cancellation(&script);
    nodes.a.wait_for_answers();
    assert_eq!(nodes.b.transcript(&ann, &id), [["user", "complete", "Hi"]]);
    for node in [&nodes.a, &nodes.b] {
        let repeated = send(node).send();
        assert_eq!((repeated.status, repeated.text()), (202, "Message sent"));
    }
}

#[test]
fn stop_and_close_on_one_node_end_the_answer_of_another() {
    let Some(nodes) = Nodes::start() else { return };
    let key = &nodes.b.project.private_key;
    let stop = |ann: &Visitor, id: &str| {
        let stop = nodes.b.post(format!("/v2/conversations/{id}/stop"));
        stop.bearer(&ann.token)
    };
    let close = |ann: &Visitor, id: &str| nodes.b.close(&ann.token, id);
    let close_by_key = |_: &Visitor, id: &str| nodes.b.close(key, id).json(json!({}));
    type EndRequest<'a> = &'a dyn Fn(&Visitor, &str) -> Request;
    let requests: [EndRequest<'_>; 3] = [&stop, &close, &close_by_key];
    for request in requests {
        let (ann, id) = nodes.start_conversation();
        let mut answer = nodes.start_answer(&ann, &id);
        assert_eq!(expect_end(&nodes, &mut answer, request(&ann, &id)), 200);
        let expected = [
            ["user", "complete", "Hi"],
            ["assistant", "complete", "So far"],
        ];
        assert_eq!(nodes.a.transcript(&ann, &id), expected);
    }
}

#[test]
fn stopped_answer_can_be_followed_by_a_message_on_the_other_node() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    let mut answer = nodes.start_answer(&ann, &id);
    let stop = nodes.b.post(format!("/v2/conversations/{id}/stop"));
    assert_eq!(
        expect_end(&nodes, &mut answer, stop.bearer(&ann.token)),
        200
    );
    nodes.model.answer_with("Hello.");
    nodes
        .b
        .post_message(&ann, &id, "And now?")
        .send()
        .expect(200);
    assert_eq!(nodes.a.transcript(&ann, &id).len(), 4);
}

#[test]
fn conversation_that_is_deleted_on_one_node_ends_the_answer_of_another() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    let mut answer = nodes.start_answer(&ann, &id);
    let delete = nodes.b.request("DELETE", format!("/v2/conversations/{id}"));
    let delete = delete.bearer(&nodes.b.project.private_key);
    assert_eq!(expect_end(&nodes, &mut answer, delete), 204);
    for node in [&nodes.a, &nodes.b] {
        let get = node
            .get(format!("/v2/conversations/{id}"))
            .bearer(&ann.token);
        get.send().expect_error(404, "CONVERSATION_NOT_FOUND");
    }
    let left: i64 = nodes.a.query_value("SELECT count(*) FROM message");
    assert_eq!(left, 0);
}

#[test]
fn erased_visitor_ends_the_answer_of_another_node() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    let mut answer = nodes.start_answer(&ann, &id);
    let erase = nodes
        .b
        .request("DELETE", format!("/v2/visitors/{}", ann.id));
    let erase = erase.bearer(&nodes.b.project.private_key);
    assert_eq!(expect_end(&nodes, &mut answer, erase), 204);
    expect_soon("the session has ended", || {
        nodes.a.get_list(&ann.token, "").status == 401
    });
}

#[test]
fn message_during_the_answer_of_another_node_returns_409() {
    let Some(nodes) = Nodes::start() else { return };
    let (ann, id) = nodes.start_conversation();
    let (script, mut stream) = nodes.start_answer(&ann, &id);
    let details = json!({ "resource": "message", "conflictingField": "status" });
    for content in ["Hi", "Something else"] {
        let refused = nodes.b.post_message(&ann, &id, content).send();
        assert_eq!(refused.expect_error(409, "CONFLICT")["details"], details);
    }
    script.finish();
    stream.events();
    nodes.a.wait_for_answers();
    nodes.model.answer_with("Hello.");
    nodes.b.post_message(&ann, &id, "Hi").send().expect(200);
    assert_eq!(nodes.a.transcript(&ann, &id).len(), 4);
}

/// While a node shuts down, the others can still end its answers.
#[test]
fn take_over_ends_the_answer_of_a_node_that_is_shutting_down() {
    let Some(mut nodes) = Nodes::start() else {
        return;
    };
    let (ann, id) = nodes.start_conversation();
    let (script, mut stream) = nodes.start_answer(&ann, &id);
    std::thread::scope(|scope| {
        let (a, b) = (&mut nodes.a, &nodes.b);
        let client = **a;
        let stopping = scope.spawn(move || a.stop());
        crate::helpers::wait_until("the node refuses connections", || {
            std::net::TcpStream::connect(client.0).is_err()
        });
        b.take_over(&id).send().expect(200);
        wait_for_cancellation(&script);
        assert_eq!(event_types(&stream.events()), ["abort"]);
        stopping.join().expect("a stopped node");
    });
    let transcript = nodes.b.transcript(&ann, &id);
    assert_eq!(transcript[1], ["assistant", "complete", "So far"]);
}
