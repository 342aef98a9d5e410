//! Answers of a model while they are generated: forwarding, disconnects, and
//! errors (docs/api-contract.md, sections 4.8, 6.3, 6.5, 6.6 and 7).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream;
use parlor::answer::{Answer, AnswerChunk, AnswerError, AnswerProvider, AnswerRequest, ChatRole};
use parlor::store::Store;
use serde_json::json;

use crate::helpers::{
    FakeModel, TestServer, event_types, setup_answers, wait_for_cancellation, wait_until,
};

#[test]
fn chunks_are_forwarded_as_they_arrive() {
    let fixture = setup_answers();
    let script = fixture.model.script_answer();
    script.send_text("Two");
    let mut stream = fixture.ask("How long?");
    assert_eq!(stream.status(), 200);
    let opening = stream.read_first_delta();
    assert_eq!(
        event_types(&opening),
        ["start", "start-step", "text-start", "text-delta"]
    );
    // Each chunk is read before the model sends the next one.
    for word in [" days", " in", " the\n\"EU\" 🦜."] {
        script.send_text(word);
        let delta = json!({ "type": "text-delta", "id": "txt-1", "delta": word });
        assert_eq!(stream.next_event(), Some(delta));
    }
    wait_until("the text so far is stored", || {
        fixture.transcript()[1] == ["assistant", "streaming", "Two days in the\n\"EU\" 🦜."]
    });
    script.finish();
    assert_eq!(
        event_types(&stream.events()),
        ["text-end", "finish-step", "finish"]
    );
    assert_eq!(
        stream.next_block(),
        None,
        "the connection closes after the stream"
    );
    let text = "Two days in the\n\"EU\" 🦜.";
    fixture.expect_transcript(&[
        ["user", "complete", "How long?"],
        ["assistant", "complete", text],
    ]);
    let stored = fixture.server.get_conversation(&fixture.ann, &fixture.id);
    assert_eq!(opening[0]["messageId"], stored["messages"][1]["id"]);
    assert_eq!(stored["title"], "How long?");
}

#[test]
fn answer_without_stream_is_one_response() {
    let fixture = setup_answers();
    let script = fixture.model.script_answer();
    script.send_text("Two ");
    script.send_text("days.");
    script.finish();
    let answer = fixture.ask_without_stream("How long?");
    let content = json!([{ "type": "text", "text": "Two days." }]);
    assert_eq!(answer.expect(200)["steps"][0]["content"], content);
    fixture.expect_transcript(&[
        ["user", "complete", "How long?"],
        ["assistant", "complete", "Two days."],
    ]);
}

#[test]
fn model_receives_conversation_history() {
    let fixture = setup_answers();
    for question in ["One?", "Two?"] {
        fixture.model.answer_with("Yes.");
        fixture.ask(question).events();
    }
    let questions = fixture.model.questions.lock().expect("questions");
    let messages = questions[1].messages.iter();
    let history: Vec<_> = messages
        .map(|message| (message.role, message.content.as_str()))
        .collect();
    let expected = [
        (ChatRole::User, "One?"),
        (ChatRole::Assistant, "Yes."),
        (ChatRole::User, "Two?"),
    ];
    assert_eq!(history, expected);
}

#[test]
fn client_disconnect_cancels_model_and_keeps_partial_answer() {
    let fixture = setup_answers();
    let script = fixture.model.script_answer();
    script.send_text("So far");
    let mut stream = fixture.ask("Hi");
    let events = stream.read_first_delta();
    assert_eq!(events[3]["delta"], "So far");
    assert_eq!(fixture.server.answer_count(), 1);
    drop(stream);
    // The model sends nothing more: the server must notice the closed connection
    // without a write.
    wait_for_cancellation(&script);
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
}

#[test]
fn client_disconnect_before_first_token_stores_only_question() {
    let fixture = setup_answers();
    let script = fixture.model.script_answer();
    let request = fixture
        .server
        .post_streaming_message(&fixture.ann, &fixture.id, "Hi");
    let connection = request.send_unread();
    fixture.wait_for_start();
    drop(connection);
    wait_for_cancellation(&script);
    fixture.expect_transcript(&[["user", "complete", "Hi"]]);
    let page = fixture.server.list(&fixture.ann.token, "");
    assert_eq!(page["data"][0]["lastMessage"]["role"], "user");
}

#[test]
fn repeated_question_without_answer_is_answered_and_not_duplicated() {
    let fixture = setup_answers();
    let script = fixture.model.script_answer();
    let request = || {
        fixture
            .server
            .post_streaming_message(&fixture.ann, &fixture.id, "Hi")
            .header("Idempotency-Key", "k")
    };
    let connection = request().send_unread();
    fixture.wait_for_start();
    drop(connection);
    wait_for_cancellation(&script);
    fixture.expect_transcript(&[["user", "complete", "Hi"]]);
    fixture.model.answer_with("Hello.");
    request().open_stream().events();
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "Hello."],
    ]);
}

#[test]
fn close_stops_answer_and_keeps_its_text() {
    let fixture = setup_answers();
    let (script, mut stream) = fixture.start_answer();
    let close = fixture.server.close(&fixture.ann.token, &fixture.id);
    close.send().expect(200);
    assert_eq!(event_types(&stream.events()), ["abort"]);
    wait_for_cancellation(&script);
    fixture.expect_transcript(&[
        ["user", "complete", "Hi"],
        ["assistant", "complete", "So far"],
    ]);
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
    assert_eq!(event_types(&stream.events()), ["error"]);
}

/// A model whose answer never ends. Counts the chunks that the server has read.
#[derive(Default)]
struct EndlessModel(Arc<AtomicUsize>);

impl AnswerProvider for EndlessModel {
    fn answer<'a>(
        &'a self,
        _: &'a Arc<Store>,
        _: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>> {
        let read = self.0.clone();
        let pieces = stream::unfold(read, |read| async {
            read.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Some((Ok(AnswerChunk::Text("x".repeat(1024))), read))
        });
        Box::pin(async { Ok(Answer::Stream(Box::pin(pieces))) })
    }
}

#[test]
fn client_that_does_not_read_slows_model_and_is_disconnected() {
    let model = Arc::new(EndlessModel::default());
    let chunks_read = model.0.clone();
    let server = TestServer::start_with_model(model, |settings| {
        settings.stream_timeouts.stalled_client = Duration::from_secs(1);
    });
    let ann = server.create_visitor("ann");
    let id = server.start_conversation(&ann);
    let stream = server.post_streaming_message(&ann, &id, "Hi").open_stream();
    wait_until("chunks are read", || {
        chunks_read.load(Ordering::Relaxed) > 0
    });
    let start = Instant::now();
    server.wait_for_answers();
    assert!(start.elapsed() < Duration::from_secs(15));
    // Only the socket buffers, a few megabytes, may hold unread chunks.
    let chunks_read = chunks_read.load(Ordering::Relaxed);
    assert!(chunks_read < 20_000, "{chunks_read} kB were read");
    assert_eq!(stream.status(), 200);
    let stored = || server.transcript(&ann, &id)[1].clone();
    wait_until("the answer is stored", || stored()[1] == "complete");
    let [_, _, text] = stored();
    assert!(text.len() <= chunks_read * 1024);
}
