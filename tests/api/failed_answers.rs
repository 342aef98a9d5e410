//! Answers that failed before their first text: private keys see them, visitors do not
//! (docs/api-contract.md, section 6.5).

use parlor::answer::AnswerError;
use serde_json::Value;

use crate::helpers::{AnswerFixture, setup_answers, string};

/// Roles and statuses of messages.
fn kinds(messages: &Value) -> Vec<[String; 2]> {
    let messages = messages.as_array().expect("messages").iter();
    let kinds = messages.map(|message| [string(&message["role"]), string(&message["status"])]);
    kinds.collect()
}

fn get(fixture: &AnswerFixture, credential: &str, suffix: &str) -> Value {
    let path = format!("/v2/conversations/{}{suffix}", fixture.id);
    fixture
        .server
        .get(path)
        .bearer(credential)
        .send()
        .expect(200)
}

/// A question with an answer, one whose answer failed without text, and one whose answer
/// failed later.
fn setup() -> AnswerFixture {
    let fixture = setup_answers();
    fixture.model.answer_with("One.");
    fixture.ask_without_stream("One?").expect(200);
    let failure = || AnswerError::ModelFailed(String::new());
    fixture.model.fail_with(failure());
    let failed = fixture.ask_without_stream("Two?");
    failed.expect_error(502, "BAD_GATEWAY");
    let script = fixture.model.script_answer();
    script.send_text("Three");
    script.fail(failure());
    fixture.ask("Three?").events();
    fixture.server.wait_for_answers();
    fixture
}

#[test]
fn visitor_does_not_see_a_failed_answer_without_text() {
    let fixture = setup();
    let visible = [
        ["user", "complete"],
        ["assistant", "complete"],
        ["user", "complete"],
        ["user", "complete"],
        ["assistant", "error"],
    ];
    let token = &fixture.ann.token;
    assert_eq!(kinds(&get(&fixture, token, "")["messages"]), visible);
    let list = |query: &str| get(&fixture, token, &format!("/messages{query}"))["data"].clone();
    assert_eq!(kinds(&list("")), visible);
    assert_eq!(kinds(&list("?limit=2&offset=2")), visible[2..4]);
    assert_eq!(kinds(&list("?limit=5&offset=3")), visible[3..]);
    assert_eq!(kinds(&list("?status=error")), visible[4..]);
    assert_eq!(kinds(&list("?role=assistant")), [visible[1], visible[4]]);
}

#[test]
fn private_key_sees_failed_answers() {
    let fixture = setup();
    let key = &fixture.server.project.private_key;
    let all = kinds(&get(&fixture, key, "")["messages"]);
    assert_eq!(all.len(), 6);
    assert_eq!(all[3], ["assistant", "error"]);
    assert_eq!(kinds(&get(&fixture, key, "/messages")["data"]), all);
    let offset = get(&fixture, key, "/messages?limit=1&offset=3");
    assert_eq!(kinds(&offset["data"]), [["assistant", "error"]]);
}

#[test]
fn last_message_of_a_visitors_list_is_the_question_of_a_failed_answer() {
    let fixture = setup_answers();
    let last = |credential: &str| {
        let list = fixture.server.list(credential, "");
        list["data"][0]["lastMessage"].clone()
    };
    fixture
        .model
        .fail_with(AnswerError::ModelFailed(String::new()));
    let failed = fixture.ask_without_stream("Hi");
    failed.expect_error(502, "BAD_GATEWAY");
    fixture.server.wait_for_answers();
    let seen = last(&fixture.ann.token);
    assert_eq!(
        (&seen["role"], &seen["status"]),
        (&"user".into(), &"complete".into())
    );
    let seen = last(&fixture.server.project.private_key);
    assert_eq!(
        (&seen["role"], &seen["status"]),
        (&"assistant".into(), &"error".into())
    );
    // A filter by visitor does not change what a private key sees.
    let query = format!("visitorId={}", fixture.ann.id);
    let list = fixture
        .server
        .list(&fixture.server.project.private_key, &query);
    assert_eq!(list["data"][0]["lastMessage"]["role"], "assistant");
}
