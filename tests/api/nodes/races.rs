//! An answer of one node and takeovers on the other race.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::stream;
use parlor::answer::{
    Answer, AnswerChunk, AnswerError, AnswerProvider, AnswerRequest, FinishDetails,
};
use parlor::store::Store;

use super::start_second;
use crate::helpers::{TestServer, Visitor, is_postgres};
use crate::one_node;

const RACES: u64 = 1000;
const WORKERS: u64 = 6;
const TEXT: &str = "one two three";

/// Answers each question with three words, with pauses that vary. Every fifth answer fails.
#[derive(Default)]
struct Racer(AtomicU64);

impl AnswerProvider for Racer {
    fn answer<'a>(
        &'a self,
        _: &'a Arc<Store>,
        _: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let steps = stream::unfold(0_usize, move |step| async move {
                tokio::time::sleep(Duration::from_millis(number % 4)).await;
                let text = |word: &str| Ok(AnswerChunk::Text(word.to_owned()));
                let result = match step {
                    0 => text("one"),
                    1 => text(" two"),
                    2 => text(" three"),
                    3 if number.is_multiple_of(5) => Err(AnswerError::ModelFailed(String::new())),
                    3 => Ok(AnswerChunk::Finish(FinishDetails::default())),
                    _ => return None,
                };
                Some((result, step + 1))
            });
            Ok(Answer::Stream(Box::pin(steps)))
        })
    }
}

/// Records assistant messages that are stored while an agent has the conversation.
const RECORD_LATE_MESSAGES: &str = "
    CREATE TABLE late_message (status TEXT, text TEXT);
    CREATE FUNCTION record_late_message() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO late_message SELECT NEW.status, NEW.text FROM conversation
         WHERE seq = NEW.conversation_seq AND is_human_handled = 1;
        RETURN NULL;
    END $$;
    CREATE TRIGGER record_late_message AFTER INSERT OR UPDATE ON message
    FOR EACH ROW WHEN (NEW.role = 'assistant') EXECUTE FUNCTION record_late_message()";

/// How the answers of the races ended.
#[derive(Default)]
struct Results {
    without_text: AtomicUsize,
    partial: AtomicUsize,
    complete: AtomicUsize,
}

/// One race: `a` answers, and `b` takes the conversation over.
fn race(ann: &Visitor, round: u64, (a, b): (&TestServer, &TestServer), results: &Results) {
    let id = a.start_conversation(ann);
    thread::scope(|scope| {
        let request = if round.is_multiple_of(2) {
            a.post_streaming_message(ann, &id, "Hi")
        } else {
            a.post_message(ann, &id, "Hi")
        };
        let sender = scope.spawn(|| request.send_and_drain());
        // The delay varies, so that the takeover hits each step of the answer.
        let (start, delay) = (Instant::now(), Duration::from_micros(round % 50 * 500));
        while start.elapsed() < delay {
            thread::yield_now();
        }
        b.take_over(&id).send().expect(200);
        sender.join().expect("a response");
    });
    let conversation = b.get_conversation(ann, &id);
    assert_eq!(conversation["isHumanHandled"], true);
    let transcript = b.transcript_for(&b.project.private_key, &id);
    let result = match transcript.as_slice() {
        [_] => &results.without_text,
        [_, [_, status, text]] => {
            assert_ne!(status, "streaming", "{transcript:?}");
            assert!(TEXT.starts_with(text.as_str()), "{text}");
            if text == TEXT {
                &results.complete
            } else {
                &results.partial
            }
        }
        _ => panic!("{transcript:?}"),
    };
    result.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn no_assistant_text_is_stored_after_take_over_on_another_node() {
    if !is_postgres() {
        eprintln!("skipped: several nodes need PostgreSQL; set PARLOR_TEST_STORE to its URL");
        return;
    }
    one_node!("the test starts the nodes");
    let a = TestServer::start_with_model(Arc::<Racer>::default(), |_| ());
    let b = start_second(&a);
    let recorder = a.db_connection().execute_batch(RECORD_LATE_MESSAGES);
    recorder.expect("a trigger");
    let ann = a.create_visitor("ann");
    let (next, results) = (AtomicU64::new(0), Results::default());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let round = next.fetch_add(1, Ordering::Relaxed);
                    match round {
                        RACES.. => break,
                        _ if round % 4 < 2 => race(&ann, round, (&a, &b), &results),
                        _ => race(&ann, round, (&b, &a), &results),
                    }
                }
            });
        }
    });
    a.wait_for_answers();
    b.wait_for_answers();
    let late: i64 = a.query_value("SELECT count(*) FROM late_message");
    assert_eq!(late, 0, "messages stored after the takeover");
    let streaming: i64 = a.query_value("SELECT count(*) FROM message WHERE status = 'streaming'");
    assert_eq!(streaming, 0);
    let [without_text, partial, complete] =
        [results.without_text, results.partial, results.complete].map(AtomicUsize::into_inner);
    println!("answers: {without_text} without text, {partial} partial, {complete} complete");
    assert!(
        without_text > 0 && complete > 0,
        "the requests did not race"
    );
}
