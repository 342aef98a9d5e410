//! Tests of successful responses in the formats of different servers, and of
//! disconnects.

use futures_util::StreamExt;
use parlor::answer::{AnswerChunk, FinishReason, Usage};
use serde_json::json;

use crate::helpers::{
    USAGE, answer_stream, ask_script, block_on, model, next_text, request, wait_for,
};
use crate::stub_server::{
    Script, Step, StubServer, answer_script, delta, done, event, finish, response, response_head,
    send, stream_head, usage,
};

#[test]
fn stream_returns_text_finish_reason_and_usage() {
    let answer = ask_script(answer_script(&["Two ", "days."]));
    assert_eq!(answer.text, "Two days.");
    assert_eq!(answer.finish().reason, FinishReason::Stop);
    assert_eq!(answer.finish().usage, USAGE);
}

#[test]
fn each_delta_is_returned_as_soon_as_it_arrives() {
    let script = vec![
        stream_head(),
        delta("one"),
        Step::WaitForGate,
        delta("two"),
        Step::WaitForGate,
        finish("stop"),
    ];
    let server = StubServer::start(vec![script]);
    block_on(async {
        let mut stream = answer_stream(&model(&server, &[]), request("Count.")).await;
        assert_eq!(next_text(&mut stream).await, "one");
        server.open_gate();
        assert_eq!(next_text(&mut stream).await, "two");
        server.open_gate();
        let end = stream.next().await.expect("an end").expect("an answer");
        assert!(matches!(end, AnswerChunk::Finish(_)), "{end:?}");
    });
}

/// Sends each byte of a stream as a network chunk and an HTTP chunk of its own.
fn split_into_bytes(script: Script) -> Script {
    let steps = script.into_iter().skip(1);
    let bytes = steps.flat_map(|step| match step {
        Step::Send(bytes) => bytes,
        other => panic!("no bytes: {other:?}"),
    });
    let chunks = bytes.map(|byte| send([b"1\r\n", &[byte][..], b"\r\n"].concat()));
    let head = response_head("200 OK", "Transfer-Encoding: chunked\r\n");
    let end = send("0\r\n\r\n");
    [head].into_iter().chain(chunks).chain([end]).collect()
}

#[test]
fn characters_can_be_split_across_network_chunks() {
    let answer = ask_script(split_into_bytes(answer_script(&["Grüße, ", "日本 🦀"])));
    assert_eq!(answer.text, "Grüße, 日本 🦀");
    assert_eq!(answer.finish().usage, USAGE);
}

#[test]
fn crlf_comments_and_other_fields_are_accepted() {
    let script = vec![
        stream_head(),
        send(": OPENROUTER PROCESSING\r\n\r\nretry: 10\r\nevent: message\r\nid: 1\r\n"),
        send("data: {\"choices\":\r\ndata: [{\"delta\":{\"content\":\"Hi\"}}]}\r\n\r\n: x\r\n"),
        send("data:{\"choices\":[{\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n"),
    ];
    let answer = ask_script(script);
    assert_eq!(answer.text, "Hi");
    assert_eq!(answer.finish().usage, Usage::default());
}

#[test]
fn connection_can_close_after_finish_reason() {
    let answer = ask_script(vec![stream_head(), delta("Hi"), finish("length")]);
    assert_eq!(answer.text, "Hi");
    assert_eq!(answer.finish().reason, FinishReason::Length);
}

#[test]
fn done_without_finish_reason_ends_the_answer() {
    let answer = ask_script(vec![stream_head(), delta("Hi"), done()]);
    assert_eq!(answer.finish().reason, FinishReason::Stop);
}

#[test]
fn answer_ends_if_server_stays_silent_after_finish_reason() {
    let server = StubServer::start(vec![vec![
        stream_head(),
        delta("Hi"),
        finish("stop"),
        Step::WaitForDisconnect,
    ]]);
    let answer = crate::helpers::ask_server(&server, &[]);
    assert_eq!(answer.finish().reason, FinishReason::Stop);
    server.wait_for_disconnect();
}

#[test]
fn json_response_returns_one_text() {
    let body = json!({
        "choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 1}
    });
    let script = response(
        "200 OK",
        "Content-Type: application/json\r\n",
        &body.to_string(),
    );
    let answer = ask_script(script);
    assert_eq!(answer.text, "Hi");
    assert_eq!(
        (answer.finish().usage.input, answer.finish().usage.output),
        (2, 1)
    );
}

#[test]
fn reasoning_and_empty_chunks_are_ignored() {
    let reasoning = event(&json!({"choices": [{"delta": {"reasoning_content": "hm"}}]}));
    let empty = event(&json!({"choices": []}));
    let null = event(&json!({"choices": [{"delta": {"role": "assistant", "content": null}}]}));
    let script = vec![
        stream_head(),
        send(null),
        send(reasoning),
        send(empty),
        delta(""),
        delta("Hi"),
        finish("content_filter"),
        usage(),
    ];
    let answer = ask_script(script);
    assert_eq!(answer.text, "Hi");
    assert_eq!(answer.finish().reason, FinishReason::ContentFilter);
}

#[test]
fn dropping_a_started_stream_closes_the_connection() {
    let server = StubServer::start(vec![vec![
        stream_head(),
        delta("Hi"),
        Step::WaitForDisconnect,
    ]]);
    block_on(async {
        let mut stream = answer_stream(&model(&server, &[]), request("Talk.")).await;
        next_text(&mut stream).await;
        let drop_time = std::time::Instant::now();
        drop(stream);
        wait_for(move || server.wait_for_disconnect()).await;
        assert!(drop_time.elapsed() < crate::helpers::PROMPT_TIMEOUT);
    });
}

#[test]
fn dropping_a_waiting_stream_closes_the_connection() {
    let server = StubServer::start(vec![vec![Step::WaitForDisconnect]]);
    block_on(async {
        let mut stream = answer_stream(&model(&server, &[]), request("Talk.")).await;
        let first = tokio::time::timeout(std::time::Duration::from_millis(50), stream.next());
        assert!(first.await.is_err());
        drop(stream);
        wait_for(move || server.wait_for_disconnect()).await;
    });
}

#[test]
fn request_is_sent_at_the_first_poll() {
    let server = StubServer::answering(&["Hi"]);
    block_on(async {
        let model = model(&server, &[]);
        drop(answer_stream(&model, request("Never sent.")).await);
        let answer = crate::helpers::collect(answer_stream(&model, request("Sent.")).await).await;
        assert_eq!(answer.text, "Hi");
    });
    let messages = server.next_request().body["messages"].take();
    assert_eq!(messages[1]["content"], "Sent.");
    assert_eq!(server.take_request_count(), 0);
}
