//! Answers that continue without a client, and the request that stops an answer
//! (docs/api-contract.md, sections 4.8 and 6.5).

use std::thread;
use std::time::Duration;

use parlor::answer::detached::MAX_DETACHED_ANSWERS;
use serde_json::{Value, json};

use crate::helpers::{
    AnswerFixture, AnswerScript, EventStream, Request, TestServer, Visitor, event_types,
    setup_answers, setup_answers_with, string, wait_for_cancellation, wait_until,
};
use crate::one_node;

fn post_detached(server: &TestServer, visitor: &Visitor, id: &str, content: &str) -> Request {
    server
        .post(format!("/v2/conversations/{id}/messages"))
        .bearer(&visitor.token)
        .json(json!({ "content": content, "stream": true, "detached": true }))
}

/// Asks "Hi" for a detached answer and reads the stream up to the text "So far".
fn start_detached(fixture: &AnswerFixture) -> (AnswerScript, EventStream) {
    let request = post_detached(&fixture.server, &fixture.ann, &fixture.id, "Hi");
    fixture.start_answer_to(request)
}

/// The same, of a client that has disconnected.
fn leave_detached(fixture: &AnswerFixture) -> AnswerScript {
    let (script, stream) = start_detached(fixture);
    drop(stream);
    fixture.wait_for_readers(0);
    script
}

fn stop(fixture: &AnswerFixture, credential: &str) -> Value {
    let stop = fixture
        .server
        .post(format!("/v2/conversations/{}/stop", fixture.id));
    stop.bearer(credential).send().expect(200)
}

fn last_text(conversation: &Value) -> &Value {
    &conversation["lastMessage"]["parts"][0]["text"]
}

#[test]
fn detached_answer_continues_after_its_client_has_disconnected() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    let script = leave_detached(&fixture);
    script.send_text(" and on");
    let mut again = fixture.ask("Hi");
    assert_eq!(again.read_first_delta()[3]["delta"], "So far and on");
    drop(again);
    fixture.wait_for_readers(0);
    script.send_text(".");
    script.finish();
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far and on."],
    ]);
    assert_eq!(fixture.server.memory_used(), 0);
}

#[test]
fn long_detached_answer_is_not_slowed_by_the_missing_client() {
    let fixture = setup_answers();
    let script = leave_detached(&fixture);
    let text = "x".repeat(1000);
    (0..200).for_each(|_| script.send_text(&text));
    script.finish();
    let long = "So far".to_owned() + &text.repeat(200);
    fixture.expect_transcript(&[["user", "complete", "Hi"], ["assistant", "complete", &long]]);
}

#[test]
fn stop_ends_the_answer_and_keeps_its_text() {
    let fixture = setup_answers();
    let private_key = fixture.server.project.private_key.clone();
    for (number, credential) in [fixture.ann.token.clone(), private_key]
        .into_iter()
        .enumerate()
    {
        let (script, mut stream) = start_detached(&fixture);
        fixture.wait_for_stored_text();
        let stopped = stop(&fixture, &credential);
        assert_eq!(stopped["lastMessage"]["status"], "complete");
        assert_eq!(last_text(&stopped), "So far");
        assert_eq!(event_types(&stream.events()), ["abort"]);
        wait_for_cancellation(&script);
        assert_eq!(fixture.transcript().len(), 2 * (number + 1));
        // A second stop changes nothing.
        assert_eq!(stop(&fixture, &credential), stopped);
    }
}

#[test]
fn stop_ends_an_answer_that_is_not_detached() {
    let fixture = setup_answers();
    let (script, mut stream) = fixture.start_answer();
    fixture.wait_for_stored_text();
    let stopped = stop(&fixture, &fixture.ann.token);
    assert_eq!(last_text(&stopped), "So far");
    assert_eq!(event_types(&stream.events()), ["abort"]);
    wait_for_cancellation(&script);
}

#[test]
fn stop_before_the_first_text_removes_the_answer() {
    let fixture = setup_answers();
    let script = fixture.model.script_answer();
    let request = post_detached(&fixture.server, &fixture.ann, &fixture.id, "Hi");
    let waiting = thread::spawn(|| request.send());
    fixture.wait_for_start();
    let stopped = stop(&fixture, &fixture.ann.token);
    assert_eq!(stopped["lastMessage"]["role"], "user");
    let response = waiting.join().expect("a response");
    assert_eq!((response.status, response.text()), (202, "Message sent"));
    wait_for_cancellation(&script);
    fixture.expect_transcript(&[["user", "complete", "Hi"]]);
}

#[test]
fn take_over_and_close_end_a_detached_answer() {
    let fixture = setup_answers();
    let script = leave_detached(&fixture);
    fixture.wait_for_stored_text();
    fixture.server.take_over(&fixture.id).send().expect(200);
    wait_for_cancellation(&script);
    fixture.server.hand_back(&fixture.id).send().expect(200);
    let script = leave_detached(&fixture);
    fixture.wait_for_stored_text();
    let close = fixture.server.close(&fixture.ann.token, &fixture.id);
    close.send().expect(200);
    wait_for_cancellation(&script);
    let so_far = ["assistant", "complete", "So far"];
    let question = ["user", "complete", "Hi"];
    fixture.expect_transcript(&[question, so_far, question, so_far]);
}

#[test]
fn erasure_ends_a_detached_answer() {
    let fixture = setup_answers();
    let script = leave_detached(&fixture);
    let path = format!("/v2/conversations/{}", fixture.id);
    let delete = fixture.server.request("DELETE", path);
    let response = delete.bearer(&fixture.server.project.private_key).send();
    assert_eq!(response.status, 204);
    wait_for_cancellation(&script);
    fixture.server.wait_for_answers();
    let messages = "SELECT count(*) FROM message";
    assert_eq!(fixture.server.query_value::<i64>(messages), 0);
}

#[test]
fn detached_answer_without_clients_ends_when_its_time_is_over() {
    let fixture = setup_answers_with(|settings| {
        settings.stream_timeouts.detached = Duration::from_millis(300);
    });
    let script = leave_detached(&fixture);
    wait_for_cancellation(&script);
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn shutdown_waits_for_a_detached_answer() {
    let fixture = setup_answers();
    let script = leave_detached(&fixture);
    let stopping = fixture.stop_in_background();
    // The server ends only after the answer, which its timeout would interrupt.
    script.send_text(" and on.");
    script.finish();
    let mut fixture = stopping.join().expect("a stopped server");
    fixture.server.restart();
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far and on."],
    ]);
}

#[test]
fn shutdown_interrupts_a_detached_answer_after_its_timeout() {
    let mut fixture = setup_answers_with(|settings| settings.shutdown_timeout = 0);
    let _script = leave_detached(&fixture);
    fixture.server.stop();
    fixture.server.restart();
    fixture.expect_transcript(&[["user", "complete", "Hi"], ["assistant", "error", "So far"]]);
}

#[test]
fn detached_answers_of_a_visitor_are_limited() {
    one_node!("each node has a memory budget of its own");
    let fixture = setup_answers();
    let server = &fixture.server;
    let start = |visitor: &Visitor| {
        let script = fixture.model.script_answer();
        script.send_text("So far");
        let id = server.start_conversation(visitor);
        let stream = post_detached(server, visitor, &id, "Hi").open_stream();
        assert_eq!(stream.status(), 200);
        script
    };
    let scripts: Vec<_> = (0..MAX_DETACHED_ANSWERS)
        .map(|_| start(&fixture.ann))
        .collect();
    wait_until("each answer is charged", || {
        server.memory_used() >= MAX_DETACHED_ANSWERS * (256 << 10)
    });
    let _unused = fixture.model.script_answer();
    let another = || post_detached(server, &fixture.ann, &fixture.id, "Hi").send();
    let error = another().expect_error(429, "RATE_LIMIT_EXCEEDED");
    assert!(string(&error["message"]).contains("detached"), "{error}");
    assert_eq!(fixture.transcript().len(), 0, "nothing is stored");
    // Other visitors and answers with a client are not affected.
    start(&server.create_visitor("ben")).finish();
    fixture.model.answer_with("Hello.");
    fixture.ask_without_stream("Hi").expect(200);
    scripts.iter().for_each(AnswerScript::finish);
    server.wait_for_answers();
    fixture.model.answer_with("Hello.");
    assert_eq!(another().status, 200);
    wait_until("nothing is charged", || server.memory_used() == 0);
}
