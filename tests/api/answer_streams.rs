//! Answers on their way: piece by piece, broken off, failing, too slow (sections
//! 3.8 and 5; section 0, D11, D13 and D14).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream;
use parlor::answer::{Answer, AnswerChunk, AnswerError, AnswerProvider, AnswerRequest, ChatRole};
use parlor::store::Store;
use serde_json::{Value, json};

use crate::helpers::{
    AnswerScript, EventStream, FakeModel, TestServer, Visitor, string, wait_until,
};

struct Fixture {
    model: Arc<FakeModel>,
    server: TestServer,
    ann: Visitor,
    id: String,
}

fn setup() -> Fixture {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |_| ());
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    Fixture {
        model,
        server,
        ann,
        id,
    }
}

impl Fixture {
    fn ask(&self, content: &str) -> EventStream {
        self.server
            .post_streaming_message(&self.ann, &self.id, content)
            .open_stream()
    }

    /// Asks "Hi", and reads the answer up to its words "So far".
    fn begun(&self) -> (AnswerScript, EventStream) {
        let script = self.model.script_answer();
        script.send_text("So far");
        let mut stream = self.ask("Hi");
        for _ in 0..4 {
            stream.next_event();
        }
        (script, stream)
    }

    fn transcript(&self) -> Vec<[String; 3]> {
        self.server.transcript(&self.ann, &self.id)
    }

    fn until_stored(&self, expected: &[[&str; 3]]) {
        self.server.wait_for_answers();
        wait_until("the answer is stored", || {
            self.transcript()
                .iter()
                .all(|[_, status, _]| status != "streaming")
        });
        assert_eq!(self.transcript(), expected);
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let kinds = events.iter().map(|event| event["type"].as_str());
    kinds.map(|kind| kind.expect("a type")).collect()
}

#[test]
fn chunks_are_forwarded_as_they_arrive() {
    let fixture = setup();
    let script = fixture.model.script_answer();
    script.send_text("Two");
    let mut stream = fixture.ask("How long?");
    assert_eq!(stream.status(), 200);
    let opening: Vec<_> = (0..4).filter_map(|_| stream.next_event()).collect();
    assert_eq!(
        kinds(&opening),
        ["start", "start-step", "text-start", "text-delta"]
    );
    // Each piece is read before the next is said.
    for word in [" days", " in", " the\n\"EU\" 🦜."] {
        script.send_text(word);
        let delta = json!({ "type": "text-delta", "id": "txt-1", "delta": word });
        assert_eq!(stream.next_event(), Some(delta));
    }
    assert_eq!(fixture.transcript()[1], ["assistant", "streaming", ""]);
    script.finish();
    assert_eq!(
        kinds(&stream.events()),
        ["text-end", "finish-step", "finish"]
    );
    assert_eq!(
        stream.next_block(),
        None,
        "the connection ends with the stream"
    );
    let whole = "Two days in the\n\"EU\" 🦜.";
    fixture.until_stored(&[
        ["user", "complete", "How long?"],
        ["assistant", "complete", whole],
    ]);
    let stored = fixture.server.get_conversation(&fixture.ann, &fixture.id);
    assert_eq!(opening[0]["messageId"], stored["messages"][1]["id"]);
    assert_eq!(stored["title"], "How long?");
}

#[test]
fn answer_without_stream_is_one_response() {
    let fixture = setup();
    let script = fixture.model.script_answer();
    script.send_text("Two ");
    script.send_text("days.");
    script.finish();
    let answer = fixture
        .server
        .post_message(&fixture.ann, &fixture.id, "How long?")
        .send();
    let content = json!([{ "type": "text", "text": "Two days." }]);
    assert_eq!(answer.expect(200)["steps"][0]["content"], content);
    fixture.until_stored(&[
        ["user", "complete", "How long?"],
        ["assistant", "complete", "Two days."],
    ]);
}

#[test]
fn model_receives_conversation_history() {
    let fixture = setup();
    for question in ["One?", "Two?"] {
        fixture.model.answer_with("Yes.");
        fixture.ask(question).events();
    }
    let asked = fixture.model.questions.lock().expect("questions");
    let turns = asked[1].messages.iter();
    let turns: Vec<_> = turns
        .map(|turn| (turn.role, turn.content.as_str()))
        .collect();
    let expected = [
        (ChatRole::User, "One?"),
        (ChatRole::Assistant, "Yes."),
        (ChatRole::User, "Two?"),
    ];
    assert_eq!(turns, expected);
}

#[test]
fn client_disconnect_cancels_model_and_keeps_partial_answer() {
    let fixture = setup();
    let script = fixture.model.script_answer();
    script.send_text("So far");
    let mut stream = fixture.ask("Hi");
    let events: Vec<_> = (0..4).filter_map(|_| stream.next_event()).collect();
    assert_eq!(events[3]["delta"], "So far");
    assert_eq!(fixture.server.active_answers.count(), 1);
    drop(stream);
    // Nothing more is said: it ends because the client is gone, not at a write.
    wait_until("the model is hung up on", || script.is_cancelled());
    fixture.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn client_disconnect_before_first_token_stores_only_question() {
    let fixture = setup();
    let script = fixture.model.script_answer();
    let request = fixture
        .server
        .post_streaming_message(&fixture.ann, &fixture.id, "Hi");
    let address = request.send_unread();
    wait_until("the answer is begun", || fixture.transcript().len() == 2);
    drop(address);
    wait_until("the model is hung up on", || script.is_cancelled());
    fixture.until_stored(&[["user", "complete", "Hi"]]);
    let page = fixture.server.list(&fixture.ann.token, "");
    assert_eq!(page["data"][0]["lastMessage"]["role"], "user");
}

#[test]
fn repeated_question_without_answer_is_answered_and_not_duplicated() {
    let fixture = setup();
    let script = fixture.model.script_answer();
    let asked = || {
        fixture
            .server
            .post_streaming_message(&fixture.ann, &fixture.id, "Hi")
            .header("Idempotency-Key", "k")
    };
    let gone = asked().send_unread();
    wait_until("the answer is begun", || fixture.transcript().len() == 2);
    drop(gone);
    wait_until("the model is hung up on", || script.is_cancelled());
    fixture.until_stored(&[["user", "complete", "Hi"]]);
    fixture.model.answer_with("Hello.");
    asked().open_stream().events();
    fixture.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ]);
}

#[test]
fn failed_store_of_finished_answer_is_retried() {
    let fixture = setup();
    let (script, mut stream) = fixture.begun();
    let connection = fixture.server.db_connection();
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF text ON message
                  BEGIN SELECT RAISE(ABORT, 'not now'); END";
    connection.execute_batch(refuse).expect("a trigger");
    script.finish();
    assert_eq!(kinds(&stream.events()), ["error"]);
    assert_eq!(
        fixture.server.active_answers.count(),
        1,
        "it is not forgotten"
    );
    connection
        .execute_batch("DROP TRIGGER refuse")
        .expect("no trigger");
    fixture.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn close_stops_answer_and_keeps_its_text() {
    let fixture = setup();
    let (script, mut stream) = fixture.begun();
    let close = fixture
        .server
        .post(format!("/v2/conversations/{}/close", fixture.id));
    close.bearer(&fixture.ann.token).send().expect(200);
    assert_eq!(kinds(&stream.events()), ["abort"]);
    wait_until("the model is hung up on", || script.is_cancelled());
    fixture.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn message_during_running_answer_returns_409() {
    let fixture = setup();
    let script = fixture.model.script_answer();
    script.send_text("Well");
    let mut stream = fixture.ask("Hi");
    for question in ["Hi", "Hello?"] {
        let again = fixture
            .server
            .post_message(&fixture.ann, &fixture.id, question)
            .send();
        let error = again.expect_error(409, "CONFLICT");
        let details = json!({ "resource": "message", "conflictingField": "status" });
        assert_eq!(error["details"], details);
    }
    script.finish();
    stream.events();
    fixture.model.answer_with("Fine.");
    fixture
        .server
        .post_message(&fixture.ann, &fixture.id, "Hello?")
        .send()
        .expect(200);
    assert_eq!(fixture.transcript().len(), 4);
}

#[test]
fn failure_before_first_token_returns_error_and_retry_replaces_it() {
    let fixture = setup();
    let slow = || AnswerError::Unavailable {
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
            slow(),
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
        let whole = fixture
            .server
            .post_message(&fixture.ann, &fixture.id, "Hi")
            .send();
        assert_eq!(whole.expect_error(status, code)["details"], details);
        assert!(!whole.text().contains("secret"));
        let stored = fixture.server.get_conversation(&fixture.ann, &fixture.id);
        let messages = stored["messages"].as_array().expect("messages");
        assert_eq!(messages.len(), 2, "the question is not doubled");
        assert_eq!(messages[1]["status"], "error");
        assert!(!string(&messages[1]["error"]).contains("secret"));
        ids.push(messages[1]["id"].clone());
    }
    assert_ne!(ids[0], ids[1], "each try is a message of its own");
    fixture.model.answer_with("Hello.");
    let mut stream = fixture.ask("Hi");
    let start = stream.next_event().expect("start");
    stream.events();
    fixture.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ]);
    let stored = fixture.server.get_conversation(&fixture.ann, &fixture.id);
    assert_eq!(stored["messages"][1]["id"], start["messageId"]);
    assert_eq!(stored["messages"][1]["error"], Value::Null);
    let asked = fixture.model.questions.lock().expect("questions");
    assert_eq!(
        asked.last().expect("asked").messages.len(),
        1,
        "the question is told once"
    );
}

#[test]
fn different_question_after_failure_is_appended() {
    let fixture = setup();
    fixture
        .model
        .fail_with(AnswerError::ModelFailed(String::new()));
    fixture
        .server
        .post_message(&fixture.ann, &fixture.id, "Hi")
        .send()
        .expect_error(502, "BAD_GATEWAY");
    fixture.model.answer_with("Hello.");
    fixture
        .server
        .post_message(&fixture.ann, &fixture.id, "Hello?")
        .send()
        .expect(200);
    let said = fixture.transcript();
    let roles: Vec<_> = said
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
    let fixture = setup();
    let (script, mut stream) = fixture.begun();
    script.fail(AnswerError::ModelFailed("secret cause".to_owned()));
    let events = stream.events();
    assert_eq!(kinds(&events), ["error"]);
    let text = string(&events[0]["errorText"]);
    assert!(!text.is_empty() && !text.contains("secret"));
    fixture.until_stored(&[["user", "complete", "Hi"], ["assistant", "error", "So far"]]);
    let script = fixture.model.script_answer();
    script.send_text("So far");
    script.fail(AnswerError::ModelFailed(String::new()));
    let whole = fixture
        .server
        .post_message(&fixture.ann, &fixture.id, "Hi")
        .send();
    whole.expect_error(502, "BAD_GATEWAY");
    fixture.until_stored(&[["user", "complete", "Hi"], ["assistant", "error", "So far"]]);
}

#[test]
fn silent_model_causes_ping_comments() {
    let model = FakeModel::new();
    let server = TestServer::start_with_model(model.clone(), |settings| {
        settings.stream_timeouts.first_chunk = Duration::from_millis(20);
        settings.stream_timeouts.ping_interval = Duration::from_millis(20);
    });
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let script = model.script_answer();
    let mut stream = server.post_streaming_message(&ann, &id, "Hi").open_stream();
    for _ in 0..3 {
        stream.expect_block("data: ");
    }
    for _ in 0..3 {
        stream.expect_block(": ping");
    }
    script.send_text("At last");
    let delta = stream.next_event().expect("a delta");
    assert_eq!(delta["delta"], "At last");
    script.fail(AnswerError::ModelFailed(String::new()));
    assert_eq!(kinds(&stream.events()), ["error"]);
}

/// Never ends, and counts what was taken from it.
#[derive(Default)]
struct Endless(Arc<AtomicUsize>);

impl AnswerProvider for Endless {
    fn answer<'a>(
        &'a self,
        _: &'a Store,
        _: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>> {
        let taken = self.0.clone();
        let pieces = stream::unfold(taken, |taken| async {
            taken.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Some((Ok(AnswerChunk::Text("x".repeat(1024))), taken))
        });
        Box::pin(async { Ok(Answer::Stream(Box::pin(pieces))) })
    }
}

#[test]
fn client_that_does_not_read_slows_model_and_is_disconnected() {
    let model = Arc::new(Endless::default());
    let taken = model.0.clone();
    let server = TestServer::start_with_model(model, |settings| {
        settings.stream_timeouts.stalled_client = Duration::from_secs(1);
    });
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let stream = server.post_streaming_message(&ann, &id, "Hi").open_stream();
    wait_until("pieces are taken", || taken.load(Ordering::Relaxed) > 0);
    let begun = Instant::now();
    server.wait_for_answers();
    assert!(begun.elapsed() < Duration::from_secs(15));
    // Socket buffers on both sides hold a few megabytes, parlor next to nothing.
    let taken = taken.load(Ordering::Relaxed);
    assert!(taken < 20_000, "{taken} kB were taken");
    assert_eq!(stream.status(), 200);
    let stored = || server.transcript(&ann, &id)[1].clone();
    wait_until("the answer is stored", || stored()[1] == "complete");
    let [_, _, text] = stored();
    assert!(text.len() <= taken * 1024);
}

#[test]
fn partial_answer_survives_restart() {
    let model = FakeModel::new();
    let mut server =
        TestServer::start_with_model(model.clone(), |settings| settings.shutdown_timeout = 0);
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let script = model.script_answer();
    script.send_text("So far");
    let mut stream = server.post_streaming_message(&ann, &id, "Hi").open_stream();
    for _ in 0..4 {
        stream.next_event();
    }
    server.restart();
    assert_eq!(
        server.transcript(&ann, &id)[1],
        ["assistant", "complete", "So far"]
    );
}

#[test]
fn answer_interrupted_by_crash_is_failed_and_can_be_repeated() {
    let model = FakeModel::new();
    let mut server = TestServer::start_with_model(model.clone(), |_| ());
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    model.answer_with("Hello.");
    server.post_message(&ann, &id, "Hi").send().expect(200);
    server.stop();
    let left = "UPDATE message SET status = 'streaming', text = 'Hel' WHERE role = 'assistant'";
    assert_eq!(
        server.db_connection().execute(left, ()).expect("an update"),
        1
    );
    let key = "INSERT INTO request VALUES ('visitor 1', 'k', zeroblob(32), 9e15, 200, NULL,
                                           (SELECT id FROM message WHERE role = 'assistant'))";
    assert_eq!(
        server.db_connection().execute(key, ()).expect("a request"),
        1
    );
    server.restart();
    assert_eq!(
        server.transcript(&ann, &id)[1],
        ["assistant", "error", "Hel"]
    );
    let kept = server
        .db_connection()
        .query_row("SELECT count(*) FROM request", (), |row| row.get(0));
    assert_eq!(kept, Ok(0), "asked again with the same key, it is answered");
    model.answer_with("Hello.");
    server.post_message(&ann, &id, "Hi").send().expect(200);
    let expected = [
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ];
    assert_eq!(server.transcript(&ann, &id), expected);
}
