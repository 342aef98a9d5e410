//! The same message again while its answer is generated: the repetition gets that
//! answer (docs/api-contract.md, sections 6.3, 6.5 and 11).

use std::thread;

use parlor::answer::AnswerError;
use serde_json::{Value, json};

use crate::helpers::{
    AnswerFixture, EventStream, Request, event_types, run_concurrently, setup_answers, string,
    wait_for_cancellation,
};
use crate::one_node;

/// The text of the deltas of a stream that is complete.
fn text_of(events: &[Value]) -> String {
    let deltas = events.iter().filter_map(|event| event["delta"].as_str());
    deltas.collect()
}

/// The events of the rest of a stream, and the text of its deltas.
fn rest(stream: &mut EventStream) -> (Vec<Value>, String) {
    let events = stream.events();
    let text = text_of(&events);
    (events, text)
}

#[test]
fn repeated_message_gets_the_running_answer_from_its_start() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    let (script, mut first) = fixture.start_answer();
    let mut second = fixture.ask("Hi");
    let opening = second.read_first_delta();
    assert_eq!(opening[3]["delta"], "So far");
    let stored = fixture.server.get_conversation(&fixture.ann, &fixture.id);
    assert_eq!(opening[0]["messageId"], stored["messages"][1]["id"]);
    script.send_text(" and on.");
    for stream in [&mut first, &mut second] {
        assert_eq!(stream.next_event().expect("a delta")["delta"], " and on.");
    }
    script.finish();
    for stream in [&mut first, &mut second] {
        let types = ["text-end", "finish-step", "finish"];
        assert_eq!(event_types(&stream.events()), types);
    }
    assert_eq!(fixture.model.questions.lock().expect("questions").len(), 1);
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far and on."],
    ]);
}

#[test]
fn repeated_message_without_stream_gets_the_whole_answer() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    let (script, mut first) = fixture.start_answer();
    let answer = thread::scope(|scope| {
        let waiting = scope.spawn(|| fixture.ask_without_stream("Hi"));
        fixture.wait_for_readers(2);
        script.send_text(" and on.");
        script.finish();
        waiting.join().expect("a response")
    });
    let content = json!([{ "type": "text", "text": "So far and on." }]);
    assert_eq!(answer.expect(200)["steps"][0]["content"], content);
    first.events();
    assert_eq!(fixture.transcript().len(), 2);
}

#[test]
fn answer_continues_while_one_of_its_clients_is_connected() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    let (script, first) = fixture.start_answer();
    let mut second = fixture.ask("Hi");
    second.read_first_delta();
    drop(first);
    fixture.wait_for_readers(1);
    script.send_text(" and on.");
    assert_eq!(second.next_event().expect("a delta")["delta"], " and on.");
    drop(second);
    wait_for_cancellation(&script);
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far and on."],
    ]);
}

#[test]
fn concurrent_equal_messages_are_one_message() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    for number in 1..=20 {
        // The request that loses uses up its script, too.
        let scripts = [(); 3].map(|()| fixture.model.script_answer());
        scripts.iter().for_each(|script| script.send_text("Yes"));
        let question = format!("Question {number}");
        let mut streams = run_concurrently(3, || {
            let mut stream = fixture.ask(&question);
            assert_eq!(stream.status(), 200);
            let opening = stream.read_first_delta();
            (string(&opening[0]["messageId"]), stream)
        });
        scripts.iter().for_each(|script| script.send_text("."));
        scripts.iter().for_each(|script| script.finish());
        let first_id = streams[0].0.clone();
        for (id, stream) in &mut streams {
            assert_eq!(*id, first_id);
            assert_eq!(rest(stream).1, ".");
        }
        fixture.server.wait_for_answers();
        fixture.model.clear_scripts();
        assert_eq!(fixture.transcript().len(), 2 * number);
    }
}

#[test]
fn repetition_at_the_end_of_the_answer_is_answered() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    for number in 1..=20 {
        let question = format!("Question {number}");
        let script = fixture.model.script_answer();
        script.send_text("Yes.");
        let mut first = fixture.ask(&question);
        let id = first.read_first_delta()[0]["messageId"].clone();
        fixture.model.answer_with("Again.");
        let repeat = fixture
            .server
            .post_streaming_message(&fixture.ann, &fixture.id, &question);
        let repeated = thread::scope(|scope| {
            let repeated = scope.spawn(|| repeat.send());
            script.finish();
            first.events();
            repeated.join().expect("a response")
        });
        assert_eq!(repeated.status, 200);
        fixture.server.wait_for_answers();
        fixture.model.clear_scripts();
        // The repetition either gets the answer or is a new message after its end.
        let is_same = repeated.text().contains(id.as_str().expect("an id"));
        let expected = if is_same { "Yes." } else { "Again." };
        assert!(repeated.text().contains(expected), "{}", repeated.text());
    }
}

#[test]
fn other_message_during_running_answer_returns_409() {
    let fixture = setup_answers();
    let (script, mut first) = fixture.start_answer();
    for question in ["Hi!", "hi"] {
        let error = fixture
            .ask_without_stream(question)
            .expect_error(409, "CONFLICT");
        let details = json!({ "resource": "message", "conflictingField": "status" });
        assert_eq!(error["details"], details);
    }
    script.finish();
    first.events();
    assert_eq!(fixture.transcript().len(), 2);
    fixture.model.answer_with("Fine.");
    fixture.ask_without_stream("Hi!").expect(200);
    assert_eq!(fixture.transcript().len(), 4);
}

#[test]
fn stopped_answer_ends_for_all_clients() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    let (script, mut first) = fixture.start_answer();
    let mut second = fixture.ask("Hi");
    second.read_first_delta();
    fixture.server.take_over(&fixture.id).send().expect(200);
    for stream in [&mut first, &mut second] {
        assert_eq!(event_types(&stream.events()), ["abort"]);
    }
    wait_for_cancellation(&script);
}

#[test]
fn failed_answer_fails_for_all_clients_and_can_be_repeated() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    let (script, mut first) = fixture.start_answer();
    let mut second = fixture.ask("Hi");
    second.read_first_delta();
    script.fail(AnswerError::ModelFailed(String::new()));
    for stream in [&mut first, &mut second] {
        assert_eq!(event_types(&stream.events()), ["error"]);
    }
    fixture.model.answer_with("Hello.");
    fixture.ask("Hi").events();
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ]);
}

fn with_key(fixture: &AnswerFixture, key: &str) -> Request {
    let request = fixture
        .server
        .post_streaming_message(&fixture.ann, &fixture.id, "Hi");
    request.header("Idempotency-Key", key)
}

fn ask_with_key(fixture: &AnswerFixture, key: &str) -> EventStream {
    with_key(fixture, key).open_stream()
}

/// Asserts that a repetition gets a stored answer and stores nothing.
fn expect_stored_answer(fixture: &AnswerFixture, key: &str, text: &str) {
    fixture.server.wait_for_answers();
    let repeated = with_key(fixture, key).send();
    assert_eq!(repeated.status, 200);
    let delta = json!({ "type": "text-delta", "id": "txt-1", "delta": text });
    assert!(
        repeated.text().contains(&delta.to_string()),
        "{}",
        repeated.text()
    );
    assert_eq!(fixture.transcript().len(), 2);
}

#[test]
fn request_with_same_idempotency_key_gets_the_running_answer() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    let (script, first) = fixture.start_answer_to(with_key(&fixture, "k"));
    let mut second = ask_with_key(&fixture, "k");
    assert_eq!(second.read_first_delta()[3]["delta"], "So far");
    drop(first);
    fixture.wait_for_readers(1);
    script.send_text(" and on.");
    script.finish();
    assert_eq!(rest(&mut second).1, " and on.");
    expect_stored_answer(&fixture, "k", "So far and on.");
}

#[test]
fn repetition_with_another_idempotency_key_stores_the_answer_under_it() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    let (script, mut first) = fixture.start_answer_to(with_key(&fixture, "first"));
    let mut second = ask_with_key(&fixture, "second");
    script.finish();
    assert_eq!(rest(&mut second).1, "So far");
    first.events();
    expect_stored_answer(&fixture, "second", "So far");
}

#[test]
fn failed_answer_is_stored_under_no_idempotency_key() {
    one_node!("an answer is followed on the node that streams it");
    let fixture = setup_answers();
    let (script, mut first) = fixture.start_answer_to(with_key(&fixture, "first"));
    let mut second = ask_with_key(&fixture, "second");
    second.read_first_delta();
    script.fail(AnswerError::ModelFailed(String::new()));
    for stream in [&mut first, &mut second] {
        assert_eq!(event_types(&stream.events()), ["error"]);
    }
    fixture.model.answer_with("Hello.");
    let (_, text) = rest(&mut ask_with_key(&fixture, "second"));
    assert_eq!(text, "Hello.");
    assert_eq!(fixture.transcript().len(), 2);
}
