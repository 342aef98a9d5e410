//! Answers that fail or are interrupted (docs/api-contract.md, sections 4.8, 6.3
//! and 7.5).

use parlor::answer::AnswerError;
use serde_json::{Value, json};

use crate::helpers::{event_types, setup_answers, string};
use crate::sqlite_only;

#[test]
fn failed_store_of_finished_answer_is_retried() {
    sqlite_only!("the trigger is one of SQLite");
    let fixture = setup_answers();
    let (script, mut stream) = fixture.start_answer();
    let db = fixture.server.db_connection();
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF text ON message
                  BEGIN SELECT RAISE(ABORT, 'not now'); END";
    db.execute_batch(refuse).expect("a trigger");
    script.finish();
    assert_eq!(event_types(&stream.events()), ["error"]);
    assert_eq!(
        fixture.server.answer_count(),
        1,
        "the answer is still tracked"
    );
    db.execute_batch("DROP TRIGGER refuse").expect("no trigger");
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn failure_before_first_token_returns_error_and_retry_replaces_it() {
    let fixture = setup_answers();
    let unavailable = || AnswerError::Unavailable {
        retry_after_secs: 30,
        cause: "secret cause".to_owned(),
    };
    let broken = || AnswerError::ModelFailed("secret cause".to_owned());
    let mut ids = Vec::new();
    for (failure, status, code, details) in [
        (
            broken(),
            502,
            "BAD_GATEWAY",
            json!({ "service": "ai_model_service" }),
        ),
        (
            unavailable(),
            503,
            "SERVICE_UNAVAILABLE",
            json!({ "retryAfter": 30 }),
        ),
    ] {
        fixture.model.fail_with(failure.clone());
        let stream = fixture
            .server
            .post_streaming_message(&fixture.ann, &fixture.id, "Hi")
            .send();
        assert_eq!(stream.expect_error(status, code)["details"], details);
        fixture.model.fail_with(failure);
        let response = fixture.ask_without_stream("Hi");
        assert_eq!(response.expect_error(status, code)["details"], details);
        assert!(!response.text().contains("secret"));
        let private_key = &fixture.server.project.private_key;
        let stored = fixture
            .server
            .get_conversation_for(private_key, &fixture.id);
        let messages = stored["messages"].as_array().expect("messages");
        assert_eq!(messages.len(), 2, "the question is stored once");
        assert_eq!(messages[1]["status"], "error");
        assert!(!string(&messages[1]["error"]).contains("secret"));
        ids.push(messages[1]["id"].clone());
    }
    assert_ne!(ids[0], ids[1], "each attempt has its own message id");
    fixture.model.answer_with("Hello.");
    let mut stream = fixture.ask("Hi");
    let start = stream.next_event().expect("start");
    stream.events();
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ]);
    let stored = fixture.server.get_conversation(&fixture.ann, &fixture.id);
    assert_eq!(stored["messages"][1]["id"], start["messageId"]);
    assert_eq!(stored["messages"][1]["error"], Value::Null);
    let questions = fixture.model.questions.lock().expect("questions");
    assert_eq!(
        questions.last().expect("a question").messages.len(),
        1,
        "the history has the question once"
    );
}

#[test]
fn different_question_after_failure_is_appended() {
    let fixture = setup_answers();
    fixture
        .model
        .fail_with(AnswerError::ModelFailed(String::new()));
    fixture
        .ask_without_stream("Hi")
        .expect_error(502, "BAD_GATEWAY");
    fixture.model.answer_with("Hello.");
    fixture.ask_without_stream("Hello?").expect(200);
    let transcript = fixture.transcript();
    let roles: Vec<_> = transcript
        .iter()
        .map(|[role, status, _]| [role.as_str(), status])
        .collect();
    let expected = [
        ["user", "complete"],
        ["assistant", "error"],
        ["user", "complete"],
        ["assistant", "complete"],
    ];
    assert_eq!(roles, expected);
}

#[test]
fn failure_after_first_token_sends_error_chunk_and_keeps_text() {
    let fixture = setup_answers();
    let (script, mut stream) = fixture.start_answer();
    script.fail(AnswerError::ModelFailed("secret cause".to_owned()));
    let events = stream.events();
    assert_eq!(event_types(&events), ["error"]);
    let text = string(&events[0]["errorText"]);
    assert!(!text.is_empty() && !text.contains("secret"));
    fixture.expect_transcript(&[["user", "complete", "Hi"], ["assistant", "error", "So far"]]);
    let script = fixture.model.script_answer();
    script.send_text("So far");
    script.fail(AnswerError::ModelFailed(String::new()));
    let response = fixture.ask_without_stream("Hi");
    response.expect_error(502, "BAD_GATEWAY");
    fixture.expect_transcript(&[["user", "complete", "Hi"], ["assistant", "error", "So far"]]);
}
