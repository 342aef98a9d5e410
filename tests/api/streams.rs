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

use crate::helpers::{Parlor, Visitor, string, until};
use crate::scripted::{Hand, Scripted};
use crate::wire::Stream;

struct Stage {
    model: Arc<Scripted>,
    parlor: Parlor,
    ann: Visitor,
    id: String,
}

fn stage() -> Stage {
    let model = Scripted::new();
    let parlor = Parlor::with_model(model.clone(), |_| ());
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    Stage {
        model,
        parlor,
        ann,
        id,
    }
}

impl Stage {
    fn ask(&self, content: &str) -> Stream {
        self.parlor.ask(&self.ann, &self.id, content).open()
    }

    /// Asks "Hi", and reads the answer up to its words "So far".
    fn begun(&self) -> (Hand, Stream) {
        let hand = self.model.hand();
        hand.text("So far");
        let mut stream = self.ask("Hi");
        for _ in 0..4 {
            stream.event();
        }
        (hand, stream)
    }

    fn said(&self) -> Vec<[String; 3]> {
        self.parlor.said(&self.ann, &self.id)
    }

    fn until_stored(&self, expected: &[[&str; 3]]) {
        self.parlor.until_quiet();
        until("the answer is stored", || {
            self.said()
                .iter()
                .all(|[_, status, _]| status != "streaming")
        });
        assert_eq!(self.said(), expected);
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let kinds = events.iter().map(|event| event["type"].as_str());
    kinds.map(|kind| kind.expect("a type")).collect()
}

#[test]
fn pieces_are_passed_on_as_they_come() {
    let stage = stage();
    let hand = stage.model.hand();
    hand.text("Two");
    let mut stream = stage.ask("How long?");
    assert_eq!(stream.status(), 200);
    let opening: Vec<_> = (0..4).filter_map(|_| stream.event()).collect();
    assert_eq!(
        kinds(&opening),
        ["start", "start-step", "text-start", "text-delta"]
    );
    // Each piece is read before the next is said.
    for word in [" days", " in", " the\n\"EU\" 🦜."] {
        hand.text(word);
        let delta = json!({ "type": "text-delta", "id": "txt-1", "delta": word });
        assert_eq!(stream.event(), Some(delta));
    }
    assert_eq!(stage.said()[1], ["assistant", "streaming", ""]);
    hand.end();
    assert_eq!(
        kinds(&stream.events()),
        ["text-end", "finish-step", "finish"]
    );
    assert_eq!(stream.block(), None, "the connection ends with the stream");
    let whole = "Two days in the\n\"EU\" 🦜.";
    stage.until_stored(&[
        ["user", "complete", "How long?"],
        ["assistant", "complete", whole],
    ]);
    let stored = stage.parlor.conversation(&stage.ann, &stage.id);
    assert_eq!(opening[0]["messageId"], stored["messages"][1]["id"]);
    assert_eq!(stored["title"], "How long?");
}

#[test]
fn without_a_stream_the_answer_comes_when_it_is_whole() {
    let stage = stage();
    let hand = stage.model.hand();
    hand.text("Two ");
    hand.text("days.");
    hand.end();
    let answer = stage.parlor.say(&stage.ann, &stage.id, "How long?").send();
    let content = json!([{ "type": "text", "text": "Two days." }]);
    assert_eq!(answer.expect(200)["steps"][0]["content"], content);
    stage.until_stored(&[
        ["user", "complete", "How long?"],
        ["assistant", "complete", "Two days."],
    ]);
}

#[test]
fn the_model_is_told_what_was_said() {
    let stage = stage();
    for question in ["One?", "Two?"] {
        stage.model.says("Yes.");
        stage.ask(question).events();
    }
    let asked = stage.model.asked.lock().expect("questions");
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
fn who_hangs_up_ends_everything_and_keeps_the_words_so_far() {
    let stage = stage();
    let hand = stage.model.hand();
    hand.text("So far");
    let mut stream = stage.ask("Hi");
    let events: Vec<_> = (0..4).filter_map(|_| stream.event()).collect();
    assert_eq!(events[3]["delta"], "So far");
    assert_eq!(stage.parlor.answers.count(), 1);
    drop(stream);
    // Nothing more is said: it ends because the client is gone, not at a write.
    until("the model is hung up on", || hand.is_hung_up());
    stage.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn who_hangs_up_before_the_first_word_leaves_the_question_alone() {
    let stage = stage();
    let hand = stage.model.hand();
    let request = stage.parlor.ask(&stage.ann, &stage.id, "Hi");
    let address = request.start();
    until("the answer is begun", || stage.said().len() == 2);
    drop(address);
    until("the model is hung up on", || hand.is_hung_up());
    stage.until_stored(&[["user", "complete", "Hi"]]);
    let page = stage.parlor.list(&stage.ann.token, "");
    assert_eq!(page["data"][0]["lastMessage"]["role"], "user");
}

#[test]
fn a_question_that_was_never_answered_is_answered_and_not_doubled() {
    let stage = stage();
    let hand = stage.model.hand();
    let asked = || {
        stage
            .parlor
            .ask(&stage.ann, &stage.id, "Hi")
            .header("Idempotency-Key", "k")
    };
    let gone = asked().start();
    until("the answer is begun", || stage.said().len() == 2);
    drop(gone);
    until("the model is hung up on", || hand.is_hung_up());
    stage.until_stored(&[["user", "complete", "Hi"]]);
    stage.model.says("Hello.");
    asked().open().events();
    stage.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ]);
}

#[test]
fn the_end_of_an_answer_is_stored_later_where_it_cannot_be_now() {
    let stage = stage();
    let (hand, mut stream) = stage.begun();
    let connection = stage.parlor.sql();
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF text ON message
                  BEGIN SELECT RAISE(ABORT, 'not now'); END";
    connection.execute_batch(refuse).expect("a trigger");
    hand.end();
    assert_eq!(kinds(&stream.events()), ["error"]);
    assert_eq!(stage.parlor.answers.count(), 1, "it is not forgotten");
    connection
        .execute_batch("DROP TRIGGER refuse")
        .expect("no trigger");
    stage.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn a_close_ends_the_answer_and_keeps_its_text() {
    let stage = stage();
    let (hand, mut stream) = stage.begun();
    let close = stage
        .parlor
        .post(format!("/v2/conversations/{}/close", stage.id));
    close.bearer(&stage.ann.token).send().expect(200);
    assert_eq!(kinds(&stream.events()), ["abort"]);
    until("the model is hung up on", || hand.is_hung_up());
    stage.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn a_second_message_waits_for_the_answer() {
    let stage = stage();
    let hand = stage.model.hand();
    hand.text("Well");
    let mut stream = stage.ask("Hi");
    for question in ["Hi", "Hello?"] {
        let again = stage.parlor.say(&stage.ann, &stage.id, question).send();
        let error = again.error(409, "CONFLICT");
        let details = json!({ "resource": "message", "conflictingField": "status" });
        assert_eq!(error["details"], details);
    }
    hand.end();
    stream.events();
    stage.model.says("Fine.");
    stage
        .parlor
        .say(&stage.ann, &stage.id, "Hello?")
        .send()
        .expect(200);
    assert_eq!(stage.said().len(), 4);
}

#[test]
fn a_failure_before_the_first_word_is_an_error_and_asking_again_replaces_it() {
    let stage = stage();
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
        stage.model.fails(failure.clone());
        let stream = stage.parlor.ask(&stage.ann, &stage.id, "Hi").send();
        assert_eq!(stream.error(status, code)["details"], details);
        stage.model.fails(failure);
        let whole = stage.parlor.say(&stage.ann, &stage.id, "Hi").send();
        assert_eq!(whole.error(status, code)["details"], details);
        assert!(!whole.text().contains("secret"));
        let stored = stage.parlor.conversation(&stage.ann, &stage.id);
        let messages = stored["messages"].as_array().expect("messages");
        assert_eq!(messages.len(), 2, "the question is not doubled");
        assert_eq!(messages[1]["status"], "error");
        assert!(!string(&messages[1]["error"]).contains("secret"));
        ids.push(messages[1]["id"].clone());
    }
    assert_ne!(ids[0], ids[1], "each try is a message of its own");
    stage.model.says("Hello.");
    let mut stream = stage.ask("Hi");
    let start = stream.event().expect("start");
    stream.events();
    stage.until_stored(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ]);
    let stored = stage.parlor.conversation(&stage.ann, &stage.id);
    assert_eq!(stored["messages"][1]["id"], start["messageId"]);
    assert_eq!(stored["messages"][1]["error"], Value::Null);
    let asked = stage.model.asked.lock().expect("questions");
    assert_eq!(
        asked.last().expect("asked").messages.len(),
        1,
        "the question is told once"
    );
}

#[test]
fn another_question_after_a_failure_is_a_question_of_its_own() {
    let stage = stage();
    stage.model.fails(AnswerError::ModelFailed(String::new()));
    stage
        .parlor
        .say(&stage.ann, &stage.id, "Hi")
        .send()
        .error(502, "BAD_GATEWAY");
    stage.model.says("Hello.");
    stage
        .parlor
        .say(&stage.ann, &stage.id, "Hello?")
        .send()
        .expect(200);
    let said = stage.said();
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
fn a_failure_later_is_an_error_chunk_and_the_text_is_kept() {
    let stage = stage();
    let (hand, mut stream) = stage.begun();
    hand.fail(AnswerError::ModelFailed("secret cause".to_owned()));
    let events = stream.events();
    assert_eq!(kinds(&events), ["error"]);
    let text = string(&events[0]["errorText"]);
    assert!(!text.is_empty() && !text.contains("secret"));
    stage.until_stored(&[["user", "complete", "Hi"], ["assistant", "error", "So far"]]);
    let hand = stage.model.hand();
    hand.text("So far");
    hand.fail(AnswerError::ModelFailed(String::new()));
    let whole = stage.parlor.say(&stage.ann, &stage.id, "Hi").send();
    whole.error(502, "BAD_GATEWAY");
    stage.until_stored(&[["user", "complete", "Hi"], ["assistant", "error", "So far"]]);
}

#[test]
fn a_silent_model_is_bridged_with_comments() {
    let model = Scripted::new();
    let parlor = Parlor::with_model(model.clone(), |settings| {
        settings.pace.first = Duration::from_millis(20);
        settings.pace.ping = Duration::from_millis(20);
    });
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    let hand = model.hand();
    let mut stream = parlor.ask(&ann, &id, "Hi").open();
    for _ in 0..3 {
        stream.event_or_comment("data: ");
    }
    for _ in 0..3 {
        stream.event_or_comment(": ping");
    }
    hand.text("At last");
    let delta = stream.event().expect("a delta");
    assert_eq!(delta["delta"], "At last");
    hand.fail(AnswerError::ModelFailed(String::new()));
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
fn a_reader_who_does_not_read_slows_the_model_down_and_is_dropped() {
    let model = Arc::new(Endless::default());
    let taken = model.0.clone();
    let parlor = Parlor::with_model(model, |settings| {
        settings.pace.stall = Duration::from_secs(1);
    });
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    let stream = parlor.ask(&ann, &id, "Hi").open();
    until("pieces are taken", || taken.load(Ordering::Relaxed) > 0);
    let begun = Instant::now();
    parlor.until_quiet();
    assert!(begun.elapsed() < Duration::from_secs(15));
    // Socket buffers on both sides hold a few megabytes, parlor next to nothing.
    let taken = taken.load(Ordering::Relaxed);
    assert!(taken < 20_000, "{taken} kB were taken");
    assert_eq!(stream.status(), 200);
    let stored = || parlor.said(&ann, &id)[1].clone();
    until("the answer is stored", || stored()[1] == "complete");
    let [_, _, text] = stored();
    assert!(text.len() <= taken * 1024);
}

#[test]
fn what_was_said_when_the_server_stops_is_there_when_it_starts_again() {
    let model = Scripted::new();
    let mut parlor = Parlor::with_model(model.clone(), |settings| settings.shutdown_grace = 0);
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    let hand = model.hand();
    hand.text("So far");
    let mut stream = parlor.ask(&ann, &id, "Hi").open();
    for _ in 0..4 {
        stream.event();
    }
    parlor.restart();
    assert_eq!(
        parlor.said(&ann, &id)[1],
        ["assistant", "complete", "So far"]
    );
}

#[test]
fn an_answer_that_a_crash_left_behind_is_an_error_and_can_be_asked_again() {
    let model = Scripted::new();
    let mut parlor = Parlor::with_model(model.clone(), |_| ());
    let ann = parlor.visitor("ann");
    let id = parlor.started(&ann);
    model.says("Hello.");
    parlor.say(&ann, &id, "Hi").send().expect(200);
    parlor.stop();
    let left = "UPDATE message SET status = 'streaming', text = 'Hel' WHERE role = 'assistant'";
    assert_eq!(parlor.sql().execute(left, ()).expect("an update"), 1);
    let key = "INSERT INTO request VALUES ('visitor 1', 'k', zeroblob(32), 9e15, 200, NULL,
                                           (SELECT id FROM message WHERE role = 'assistant'))";
    assert_eq!(parlor.sql().execute(key, ()).expect("a request"), 1);
    parlor.restart();
    assert_eq!(parlor.said(&ann, &id)[1], ["assistant", "error", "Hel"]);
    let kept = parlor
        .sql()
        .query_row("SELECT count(*) FROM request", (), |row| row.get(0));
    assert_eq!(kept, Ok(0), "asked again with the same key, it is answered");
    model.says("Hello.");
    parlor.say(&ann, &id, "Hi").send().expect(200);
    let expected = [
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ];
    assert_eq!(parlor.said(&ann, &id), expected);
}
