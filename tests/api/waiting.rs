//! Conversations that wait for a person (docs/api-contract.md, section 6.9).

use std::thread;

use parlor::answer::AnswerError;
use serde_json::{Value, json};

use crate::helpers::{
    AnswerFixture, TestServer, Visitor, ids, run_concurrently, setup_answers, setup_conversation,
    string,
};

/// What a private key reads.
fn read(server: &TestServer, id: &str) -> Value {
    server.get_conversation_for(&server.project.private_key, id)
}

/// Why the conversation waits. Also checks the filter of the list and the stored count.
#[track_caller]
fn reason(server: &TestServer, id: &str) -> Option<String> {
    let conversation = read(server, id);
    let is_waiting = conversation["waitingSince"].is_string();
    assert_eq!(conversation["waitingReason"].is_string(), is_waiting);
    let listed = ids(&server.list(&server.project.private_key, "waiting=true&limit=100"));
    assert_eq!(listed.iter().any(|listed| listed == id), is_waiting);
    let count: i64 = server.query_value("SELECT waiting_conversations FROM project WHERE seq = 1");
    assert_eq!(count, listed.len() as i64);
    conversation["waitingReason"].as_str().map(str::to_owned)
}

fn send(server: &TestServer, visitor: &Visitor, id: &str, text: &str) -> String {
    let answer = server.post_message(visitor, id, text).send().expect(200);
    string(&answer["steps"][0]["content"][0]["text"])
}

fn dislike(server: &TestServer, visitor: &Visitor, message: &Value) {
    rate(server, visitor, message, json!("dislike"));
}

fn rate(server: &TestServer, visitor: &Visitor, message: &Value, feedback: Value) {
    let path = format!("/v2/messages/{}/feedback", string(message));
    let request = server.post(path).json(json!({ "feedback": feedback }));
    request.bearer(&visitor.token).send().expect(200);
}

/// The ids of the assistant's messages.
fn answers(server: &TestServer, id: &str) -> Vec<Value> {
    let conversation = read(server, id);
    let messages = conversation["messages"]
        .as_array()
        .expect("messages")
        .iter();
    let answers = messages.filter(|message| message["role"] == "assistant");
    answers.map(|answer| answer["id"].clone()).collect()
}

#[test]
fn conversation_waits_when_the_visitor_asks_for_a_person() {
    let (server, ann, id) = setup_conversation();
    send(&server, &ann, &id, "Hello");
    assert_eq!(reason(&server, &id), None);
    let answer = send(&server, &ann, &id, "I want to talk to a person");
    assert_eq!(reason(&server, &id).as_deref(), Some("requested"));
    let waiting = read(&server, &id);
    let asked_at = &waiting["messages"][2]["createdAt"];
    assert_eq!(&waiting["waitingSince"], asked_at);
    assert_eq!(waiting["messages"][3]["parts"][0]["text"], answer);
    // A second reason keeps the first time and reason.
    send(&server, &ann, &id, "You can write to eva@home.example");
    assert_eq!(read(&server, &id)["waitingSince"], *asked_at);
    assert_eq!(reason(&server, &id).as_deref(), Some("requested"));
}

#[test]
fn contact_details_in_a_message_are_stored_with_the_visitor() {
    let (server, ann, id) = setup_conversation();
    send(&server, &ann, &id, "Please write to eva@home.example");
    assert_eq!(reason(&server, &id).as_deref(), Some("contact"));
    send(&server, &ann, &id, "or call me: +49 30 1234567");
    let list = server.list(&server.project.private_key, "include=visitor");
    let visitor = &list["data"][0]["visitor"];
    assert_eq!(visitor["email"], "eva@home.example");
    assert_eq!(visitor["phone"], "+49301234567");
    // The visitor does not get them.
    let me = server.get("/v2/identity/me").bearer(&ann.token).send();
    assert!(me.expect(200).get("email").is_none());
}

#[test]
fn contact_details_that_an_agent_receives_are_stored_and_nothing_waits() {
    let (server, ann, id) = setup_conversation();
    server.take_over(&id).send().expect(200);
    let message = "My address is eva@home.example";
    assert_eq!(server.post_message(&ann, &id, message).send().status, 202);
    assert_eq!(reason(&server, &id), None);
    let email: String = server.query_value("SELECT email FROM visitor");
    assert_eq!(email, "eva@home.example");
}

#[test]
fn takeover_and_close_end_the_wait() {
    let (server, ann, id) = setup_conversation();
    let other = server.start_conversation(&ann);
    for id in [&id, &other] {
        send(&server, &ann, id, "human please");
        assert_eq!(reason(&server, id).as_deref(), Some("requested"));
    }
    let taken_over = server.take_over(&id).send().expect(200);
    assert_eq!(taken_over["waitingSince"], Value::Null);
    assert_eq!(reason(&server, &id), None);
    assert_eq!(
        server.post_message(&ann, &id, "human please").send().status,
        202
    );
    assert_eq!(reason(&server, &id), None);
    server.hand_back(&id).send().expect(200);
    assert_eq!(reason(&server, &id), None);
    send(&server, &ann, &id, "human please");
    assert_eq!(reason(&server, &id).as_deref(), Some("requested"));
    server.close(&ann.token, &other).send().expect(200);
    assert_eq!(reason(&server, &other), None);
    let waited: bool = server.query_value("SELECT sum(waited_ms) >= 0 FROM conversation");
    assert!(waited);
}

#[test]
fn two_refused_answers_in_a_row_make_the_conversation_wait() {
    let (server, ann, id) = setup_conversation();
    send(&server, &ann, &id, "How heavy is the moon?");
    send(&server, &ann, &id, "Hello");
    send(&server, &ann, &id, "What colour is the sun?");
    assert_eq!(reason(&server, &id), None);
    send(&server, &ann, &id, "And what about Saturn's rings?");
    assert_eq!(reason(&server, &id).as_deref(), Some("unanswered"));
    let refusals: i64 = server.query_value(
        "SELECT count(*) FROM answer_refusal AS r \
           JOIN message AS a ON a.seq = r.message_seq AND a.role = 'assistant' \
           JOIN message AS q ON q.seq = r.question_seq AND q.role = 'user' AND q.seq = a.seq - 1 \
          WHERE r.project_seq = 1 AND r.resolved_at IS NULL",
    );
    assert_eq!(refusals, 3);
}

#[test]
fn an_agent_between_two_refused_answers_separates_them() {
    let (server, ann, id) = setup_conversation();
    send(&server, &ann, &id, "How heavy is the moon?");
    server.take_over(&id).send().expect(200);
    server.reply(&id, "Very.").send().expect(201);
    server.hand_back(&id).send().expect(200);
    send(&server, &ann, &id, "How heavy is the sun?");
    assert_eq!(reason(&server, &id), None);
    // Nor does feedback about what was before the agent.
    for answer in answers(&server, &id).iter().take(1) {
        dislike(&server, &ann, answer);
    }
    assert_eq!(reason(&server, &id), None);
    send(&server, &ann, &id, "How heavy is Saturn?");
    assert_eq!(reason(&server, &id).as_deref(), Some("unanswered"));
}

#[test]
fn disliked_answers_count_whenever_they_are_rated() {
    let (server, ann, id) = setup_conversation();
    for _ in 0..4 {
        send(&server, &ann, &id, "Hello");
    }
    let answers = answers(&server, &id);
    dislike(&server, &ann, &answers[2]);
    dislike(&server, &ann, &answers[0]);
    rate(&server, &ann, &answers[1], json!("like"));
    assert_eq!(reason(&server, &id), None);
    dislike(&server, &ann, &answers[1]);
    assert_eq!(reason(&server, &id).as_deref(), Some("unanswered"));
    // Clearing the feedback does not end the wait.
    for answer in &answers {
        rate(&server, &ann, answer, Value::Null);
    }
    assert_eq!(reason(&server, &id).as_deref(), Some("unanswered"));
}

#[test]
fn disliked_answers_of_closed_and_human_handled_conversations_do_not_count() {
    let (server, ann, id) = setup_conversation();
    let closed = server.start_conversation(&ann);
    for id in [&id, &closed] {
        send(&server, &ann, id, "Hello");
        send(&server, &ann, id, "Hello");
    }
    server.take_over(&id).send().expect(200);
    server.close(&ann.token, &closed).send().expect(200);
    for id in [&id, &closed] {
        for answer in answers(&server, id) {
            dislike(&server, &ann, &answer);
        }
        assert_eq!(reason(&server, id), None);
    }
}

/// Lets the model fail before its first text.
fn fail(fixture: &AnswerFixture, question: &str) {
    let failure = AnswerError::ModelFailed(String::new());
    fixture.model.fail_with(failure);
    let failed = fixture.ask_without_stream(question);
    failed.expect_error(502, "BAD_GATEWAY");
}

#[test]
fn two_failed_answers_make_the_conversation_wait() {
    let fixture = setup_answers();
    fail(&fixture, "One?");
    assert_eq!(reason(&fixture.server, &fixture.id), None);
    fail(&fixture, "Two?");
    let expected = Some("unanswered");
    assert_eq!(reason(&fixture.server, &fixture.id).as_deref(), expected);
}

#[test]
fn an_answer_that_fails_again_counts_twice() {
    let fixture = setup_answers();
    fail(&fixture, "One?");
    fail(&fixture, "One?");
    let expected = Some("unanswered");
    assert_eq!(reason(&fixture.server, &fixture.id).as_deref(), expected);
    assert_eq!(answers(&fixture.server, &fixture.id).len(), 1);
}

#[test]
fn handover_messages_reach_neither_the_model_nor_the_search() {
    let fixture = setup_answers();
    let AnswerFixture {
        server, ann, id, ..
    } = &fixture;
    fixture.model.answer_with("Two days.");
    fixture.ask("How long does delivery take?").events();
    send(server, ann, id, "human please");
    send(server, ann, id, "eva@home.example");
    fixture.model.answer_with("It is free.");
    assert_eq!(
        send(server, ann, id, "And what does it cost?"),
        "It is free."
    );
    let questions = fixture.model.questions.lock().expect("questions");
    let texts: Vec<Vec<_>> = questions
        .iter()
        .map(|question| {
            let messages = question.messages.iter();
            messages.map(|message| message.content.clone()).collect()
        })
        .collect();
    assert_eq!(texts.len(), 2);
    let last = [
        "How long does delivery take?",
        "Two days.",
        "And what does it cost?",
    ];
    assert_eq!(texts[1], last);
    drop(questions);
    assert_eq!(reason(server, id).as_deref(), Some("requested"));
}

#[test]
fn handover_answer_is_in_the_language_of_the_visitor_and_streamed_on_demand() {
    let (server, ann, id) = setup_conversation();
    let german = send(&server, &ann, &id, "Kann ich mit jemandem sprechen?");
    let english = send(&server, &ann, &id, "Can I talk to a human?");
    assert_ne!(german, english);
    let request = server.post_streaming_message(&ann, &id, "Kann ich mit jemandem sprechen?");
    let stream = request.send();
    let events = stream.text().lines().filter_map(|line| {
        let data = line.strip_prefix("data: ")?;
        serde_json::from_str::<Value>(data).ok()
    });
    let deltas = events.filter_map(|event| event["delta"].as_str().map(str::to_owned));
    assert_eq!(deltas.collect::<String>(), german);
    assert_eq!(answers(&server, &id).len(), 3);
}

/// Texts that would promise that somebody comes or writes.
fn promises(answer: &str) -> bool {
    let answer = answer.to_lowercase();
    [
        "will join",
        "get back",
        "will answer",
        "will reply",
        "e-mail address",
        "in touch",
    ]
    .iter()
    .any(|promise| answer.contains(promise))
}

#[test]
fn a_person_is_promised_only_if_the_team_can_be_notified() {
    let (server, ann, id) = setup_conversation();
    let nobody = send(&server, &ann, &id, "human please");
    assert!(!promises(&nobody), "{nobody}");
    let connection = server.db_connection();
    connection
        .execute(
            "UPDATE project SET webhook_url = 'https://hooks.example/', \
                 webhook_secret = zeroblob(32), away_message = 'We are closed until Monday.'",
            (),
        )
        .expect("settings");
    let notified = send(&server, &ann, &id, "human please");
    assert!(
        notified.starts_with("We are closed until Monday.\n\n"),
        "{notified}"
    );
    assert!(promises(&notified), "{notified}");
    let confirmed = send(&server, &ann, &id, "eva@home.example");
    assert!(confirmed.contains("eva@home.example"), "{confirmed}");
}

#[test]
fn a_wait_is_notified_once() {
    let (server, ann, id) = setup_conversation();
    let sql = "UPDATE project SET webhook_url = 'https://hooks.example/', \
               webhook_secret = zeroblob(32)";
    server.db_connection().execute(sql, ()).expect("a webhook");
    for text in ["human please", "human please", "eva@home.example"] {
        send(&server, &ann, &id, text);
    }
    let count: i64 = server.query_value("SELECT count(*) FROM notification");
    assert_eq!(count, 1);
    server.take_over(&id).send().expect(200);
    server.hand_back(&id).send().expect(200);
    send(&server, &ann, &id, "human please");
    let count: i64 = server.query_value("SELECT count(*) FROM notification");
    assert_eq!(count, 2);
}

#[test]
fn a_repeated_request_gets_the_same_handover() {
    let (server, ann, id) = setup_conversation();
    let responses = run_concurrently(4, || {
        let request = server.post_message(&ann, &id, "human please");
        request.header("Idempotency-Key", "once").send().expect(200)
    });
    assert!(responses.iter().all(|response| *response == responses[0]));
    assert_eq!(server.transcript(&ann, &id).len(), 2);
    assert_eq!(reason(&server, &id).as_deref(), Some("requested"));
}

#[test]
fn takeover_at_the_same_moment_leaves_nothing_waiting() {
    let (server, ann, _) = setup_conversation();
    for _ in 0..20 {
        let id = server.start_conversation(&ann);
        thread::scope(|scope| {
            scope.spawn(|| server.take_over(&id).send().expect(200));
            let sent = server.post_message(&ann, &id, "human please").send();
            assert!([200, 202].contains(&sent.status), "{}", sent.text());
        });
        assert_eq!(reason(&server, &id), None);
        assert_eq!(read(&server, &id)["isHumanHandled"], true);
    }
}

#[test]
fn conversations_of_blocked_visitors_do_not_wait() {
    let (server, ann, id) = setup_conversation();
    for _ in 0..2 {
        send(&server, &ann, &id, "Hello");
    }
    let other = server.start_conversation(&ann);
    send(&server, &ann, &other, "human please");
    let block = server.request("PUT", format!("/v2/visitors/{}/block", ann.id));
    let block = block.bearer(&server.project.private_key).send();
    assert_eq!(block.status, 204);
    assert_eq!(reason(&server, &other), None);
    for answer in answers(&server, &id) {
        dislike(&server, &ann, &answer);
    }
    assert_eq!(reason(&server, &id), None);
}

#[test]
fn conversations_wait_after_a_restart() {
    let (mut server, ann, id) = setup_conversation();
    send(&server, &ann, &id, "human please");
    let before = read(&server, &id);
    server.restart();
    assert_eq!(read(&server, &id), before);
    assert_eq!(reason(&server, &id).as_deref(), Some("requested"));
}
