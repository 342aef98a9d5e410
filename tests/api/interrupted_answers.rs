//! Answers whose streaming was interrupted by a restart, a crash or another
//! writer.

use std::thread;

use parlor::domain::Timestamp;
use serde_json::json;

use crate::helpers::{
    AnswerFixture, TestServer, event_types, setup_answers, setup_answers_with,
    setup_model_conversation, string, wait_until,
};
use crate::one_node;

/// A server with a fake model that interrupts answers immediately at a shutdown.
fn setup_without_grace() -> AnswerFixture {
    setup_answers_with(|settings| settings.shutdown_timeout = 0)
}

#[test]
fn shutdown_ends_stream_with_error_and_stores_the_text_so_far() {
    let mut fixture = setup_without_grace();
    let (_script, mut stream) = fixture.start_answer();
    fixture.server.stop();
    let events = stream.events();
    assert_eq!(event_types(&events), ["error"]);
    assert!(string(&events[0]["errorText"]).contains("interrupted"));
    assert_eq!(stream.next_block(), None, "nothing follows [DONE]");
    fixture.server.restart();
    fixture.expect_transcript(&[["user", "complete", "Hi"], ["assistant", "error", "So far"]]);
    // The retry of the client replaces the interrupted answer.
    fixture.model.answer_with("Hello.");
    fixture.ask("Hi").events();
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ]);
}

#[test]
fn shutdown_answers_request_without_first_text_with_503() {
    let mut fixture = setup_without_grace();
    for stream in [true, false] {
        let _script = fixture.model.script_answer();
        let request = if stream {
            fixture
                .server
                .post_streaming_message(&fixture.ann, &fixture.id, "Hi")
        } else {
            fixture.server.post_message(&fixture.ann, &fixture.id, "Hi")
        };
        let waiting = thread::spawn(|| request.send());
        fixture.wait_for_start();
        fixture.server.stop();
        let response = waiting.join().expect("a response");
        response.expect_error(503, "SERVICE_UNAVAILABLE");
        fixture.server.restart();
        fixture.expect_transcript(&[["user", "complete", "Hi"], ["assistant", "error", ""]]);
    }
}

#[test]
fn shutdown_ends_stream_of_chat_completion_with_error() {
    let mut fixture = setup_without_grace();
    let script = fixture.model.script_answer();
    script.send_text("So far");
    let body = json!({ "messages": [{ "role": "user", "content": "Hi" }], "stream": true });
    let request = fixture.server.post("/v2/chat/completions");
    let private_key = fixture.server.project.private_key.clone();
    let mut stream = request.bearer(&private_key).json(body).open_stream();
    stream.read_first_delta();
    fixture.server.stop();
    assert_eq!(event_types(&stream.events()), ["error"]);
}

#[test]
fn answer_that_ends_within_the_shutdown_timeout_is_complete() {
    let fixture = setup_answers();
    let (script, mut stream) = fixture.start_answer();
    let stopping = fixture.stop_in_background();
    script.finish();
    let events = stream.events();
    assert_eq!(event_types(&events), ["text-end", "finish-step", "finish"]);
    let mut fixture = stopping.join().expect("a stopped server");
    fixture.server.restart();
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn text_so_far_is_stored_and_returned_while_lists_stay_unchanged() {
    one_node!("each node has a list cache of its own");
    let fixture = setup_answers();
    let script = fixture.model.script_answer();
    script.send_text("So");
    let mut stream = fixture.ask("Hi");
    stream.read_first_delta();
    let list = || fixture.server.get_list(&fixture.ann.token, "");
    let etag = list().header("etag").expect("a tag").to_owned();
    script.send_text(" far");
    stream.next_event();
    // A crash keeps what the file has.
    wait_until("the text is stored", || {
        let text: String = fixture
            .server
            .query_value("SELECT text FROM message WHERE status = 'streaming'");
        text == "So far"
    });
    assert_eq!(
        fixture.transcript()[1],
        ["assistant", "streaming", "So far"]
    );
    let messages = fixture
        .server
        .get(format!("/v2/conversations/{}/messages", fixture.id))
        .bearer(&fixture.ann.token);
    let messages = messages.send().expect(200);
    assert_eq!(messages["data"][1]["parts"][0]["text"], "So far");
    assert_eq!(list().header("etag"), Some(etag.as_str()));
    script.finish();
    stream.events();
    fixture.server.wait_for_answers();
    wait_until("the list has the answer", || {
        list().json()["data"][0]["lastMessage"]["status"] == "complete"
    });
}

#[test]
fn answer_interrupted_by_crash_is_failed_and_can_be_repeated() {
    let (model, mut server, ann, id) = setup_model_conversation();
    model.answer_with("Hello.");
    server.post_message(&ann, &id, "Hi").send().expect(200);
    server.stop();
    let interrupt =
        "UPDATE message SET status = 'streaming', text = 'Hel' WHERE role = 'assistant'";
    assert_eq!(
        server
            .db_connection()
            .execute(interrupt, ())
            .expect("an update"),
        1
    );
    let key =
        "INSERT INTO idempotency_key (caller, key, request_hash, created_at, status, message_id)
               SELECT 'visitor 1', 'k', zeroblob(32), 9e15, 200, id FROM message
                WHERE role = 'assistant'";
    assert_eq!(
        server.db_connection().execute(key, ()).expect("a request"),
        1
    );
    server.restart();
    assert_eq!(
        server.transcript(&ann, &id)[1],
        ["assistant", "error", "Hel"]
    );
    let stored_keys =
        server
            .db_connection()
            .query_row("SELECT count(*) FROM idempotency_key", (), |row| row.get(0));
    assert_eq!(
        stored_keys,
        Ok(0),
        "the stored key of the interrupted answer is removed"
    );
    model.answer_with("Hello.");
    server.post_message(&ann, &id, "Hi").send().expect(200);
    let expected = [
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ];
    assert_eq!(server.transcript(&ann, &id), expected);
}

#[test]
fn restart_keeps_answer_of_other_process_until_its_lease_expires() {
    let (model, mut server, ann, id) = setup_model_conversation();
    model.answer_with("Hello.");
    server.post_message(&ann, &id, "Hi").send().expect(200);
    server.stop();
    let execute = |server: &TestServer, sql: &str| {
        let changed = server.db_connection().execute(sql, ());
        assert!(changed.expect("an update") > 0, "{sql}");
    };
    let other_process = std::os::unix::process::parent_id();
    let expires_at = Timestamp::now().0 + 40_000;
    let lease =
        format!("INSERT INTO process VALUES (zeroblob(16), {other_process}, NULL, {expires_at})");
    execute(&server, &lease);
    let stream = "UPDATE message SET status = 'streaming', owner = zeroblob(16) \
                   WHERE role = 'assistant'";
    execute(&server, stream);
    server.restart();
    assert_eq!(server.transcript(&ann, &id)[1][1], "streaming");
    server.stop();
    execute(&server, "UPDATE process SET lease_expires_at = 1");
    server.restart();
    assert_eq!(server.transcript(&ann, &id)[1][1], "error");
}

#[test]
fn answer_that_something_else_ended_is_not_reported_as_complete() {
    let (model, server, ann, id) = setup_model_conversation();
    let script = model.script_answer();
    script.send_text("Hel");
    let mut stream = server.post_streaming_message(&ann, &id, "Hi").open_stream();
    stream.read_first_delta();
    let end = "UPDATE message SET status = 'error', error = 'x' WHERE status = 'streaming'";
    let changed = server.db_connection().execute(end, ());
    assert_eq!(changed.expect("an update"), 1);
    script.send_text("lo.");
    script.finish();
    let events = stream.events();
    let types = event_types(&events);
    assert_eq!(types.last(), Some(&"abort"), "{types:?}");
    let stored = server.transcript_for(&server.project.private_key, &id);
    assert_eq!(stored[1][1], "error");
}
