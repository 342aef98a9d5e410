//! Answers that are good, in all the forms in which servers give them.

use futures_util::StreamExt;
use parlor::answer::{AnswerChunk, FinishReason, Usage};
use serde_json::json;

use crate::helpers::{USAGE, meanwhile, model, next_text, outcome, pieces, question, run};
use crate::stub::{
    Script, Step, Stub, answer, delta, done, event, finish, head, plain, send, stream, usage,
};

#[test]
fn an_answer_in_good_order_is_told_with_its_usage() {
    let outcome = outcome(answer(&["Two ", "days."]));
    assert_eq!(outcome.text, "Two days.");
    assert_eq!(outcome.finish().reason, FinishReason::Stop);
    assert_eq!(outcome.finish().usage, USAGE);
}

#[test]
fn each_piece_is_handed_on_as_it_comes() {
    let script = vec![
        stream(),
        delta("one"),
        Step::Gate,
        delta("two"),
        Step::Gate,
        finish("stop"),
    ];
    let stub = Stub::start(vec![script]);
    run(async {
        let mut pieces = pieces(&model(&stub, &[]), question("Count.")).await;
        assert_eq!(next_text(&mut pieces).await, "one");
        stub.go();
        assert_eq!(next_text(&mut pieces).await, "two");
        stub.go();
        let end = pieces.next().await.expect("an end").expect("an answer");
        assert!(matches!(end, AnswerChunk::Finish(_)), "{end:?}");
    });
}

/// The script with its stream's bytes cut into single ones, each a network
/// chunk and an HTTP chunk of its own.
fn in_bytes(script: Script) -> Script {
    let steps = script.into_iter().skip(1);
    let bytes = steps.flat_map(|step| match step {
        Step::Send(bytes) => bytes,
        other => panic!("no bytes: {other:?}"),
    });
    let chunks = bytes.map(|byte| send([b"1\r\n", &[byte][..], b"\r\n"].concat()));
    let begin = head("200 OK", "Transfer-Encoding: chunked\r\n");
    let end = send("0\r\n\r\n");
    [begin].into_iter().chain(chunks).chain([end]).collect()
}

#[test]
fn characters_may_be_cut_between_chunks() {
    let outcome = outcome(in_bytes(answer(&["Grüße, ", "日本 🦀"])));
    assert_eq!(outcome.text, "Grüße, 日本 🦀");
    assert_eq!(outcome.finish().usage, USAGE);
}

#[test]
fn crlf_comments_and_other_fields_are_understood() {
    let script = vec![
        stream(),
        send(": OPENROUTER PROCESSING\r\n\r\nretry: 10\r\nevent: message\r\nid: 1\r\n"),
        send("data: {\"choices\":\r\ndata: [{\"delta\":{\"content\":\"Hi\"}}]}\r\n\r\n: x\r\n"),
        send("data:{\"choices\":[{\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n"),
    ];
    let outcome = outcome(script);
    assert_eq!(outcome.text, "Hi");
    assert_eq!(outcome.finish().usage, Usage::default());
}

#[test]
fn the_close_is_an_end_once_the_model_has_finished() {
    let outcome = outcome(vec![stream(), delta("Hi"), finish("length")]);
    assert_eq!(outcome.text, "Hi");
    assert_eq!(outcome.finish().reason, FinishReason::Length);
}

#[test]
fn done_is_an_end_without_a_reason() {
    let outcome = outcome(vec![stream(), delta("Hi"), done()]);
    assert_eq!(outcome.finish().reason, FinishReason::Stop);
}

#[test]
fn a_server_that_stays_silent_after_the_end_is_not_waited_for() {
    let stub = Stub::start(vec![vec![
        stream(),
        delta("Hi"),
        finish("stop"),
        Step::Hold,
    ]]);
    let outcome = crate::helpers::outcome_with(&stub, &[]);
    assert_eq!(outcome.finish().reason, FinishReason::Stop);
    stub.hung_up();
}

#[test]
fn an_answer_in_one_json_is_one_piece() {
    let body = json!({
        "choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 1}
    });
    let script = plain(
        "200 OK",
        "Content-Type: application/json\r\n",
        &body.to_string(),
    );
    let outcome = outcome(script);
    assert_eq!(outcome.text, "Hi");
    assert_eq!(
        (outcome.finish().usage.input, outcome.finish().usage.output),
        (2, 1)
    );
}

#[test]
fn reasoning_and_empty_chunks_are_no_text() {
    let reasoning = event(&json!({"choices": [{"delta": {"reasoning_content": "hm"}}]}));
    let empty = event(&json!({"choices": []}));
    let null = event(&json!({"choices": [{"delta": {"role": "assistant", "content": null}}]}));
    let script = vec![
        stream(),
        send(null),
        send(reasoning),
        send(empty),
        delta(""),
        delta("Hi"),
        finish("content_filter"),
        usage(),
    ];
    let outcome = outcome(script);
    assert_eq!(outcome.text, "Hi");
    assert_eq!(outcome.finish().reason, FinishReason::ContentFilter);
}

#[test]
fn dropping_an_answer_closes_the_connection_at_once() {
    let stub = Stub::start(vec![vec![stream(), delta("Hi"), Step::Hold]]);
    run(async {
        let mut pieces = pieces(&model(&stub, &[]), question("Talk.")).await;
        next_text(&mut pieces).await;
        let dropped = std::time::Instant::now();
        drop(pieces);
        meanwhile(move || stub.hung_up()).await;
        assert!(dropped.elapsed() < crate::helpers::AT_ONCE);
    });
}

#[test]
fn dropping_an_answer_that_has_not_begun_closes_the_connection_too() {
    let stub = Stub::start(vec![vec![Step::Hold]]);
    run(async {
        let mut pieces = pieces(&model(&stub, &[]), question("Talk.")).await;
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), pieces.next());
        assert!(waited.await.is_err());
        drop(pieces);
        meanwhile(move || stub.hung_up()).await;
    });
}

#[test]
fn nothing_is_asked_before_the_first_poll() {
    let stub = Stub::saying(&["Hi"]);
    run(async {
        let model = model(&stub, &[]);
        drop(pieces(&model, question("Never asked.")).await);
        let outcome = crate::helpers::collect(pieces(&model, question("Asked.")).await).await;
        assert_eq!(outcome.text, "Hi");
    });
    let messages = stub.heard().body["messages"].take();
    assert_eq!(messages[1]["content"], "Asked.");
    assert_eq!(stub.unheard(), 0);
}
