//! Tests of servers that deviate from the protocol: fields of other types, other
//! envelopes, compressed streams, errors in successful responses.

use std::time::{Duration, Instant};

use parlor::answer::FinishReason;
use serde_json::{Value, json};

use crate::helpers::{CollectedAnswer, PROMPT_TIMEOUT, USAGE, ask_script, ask_server};
use crate::stub_server::{
    Script, Step, StubServer, answer_script, delta, done, event, finish, response, response_head,
    send, stream_head, usage,
};

/// A stream with this event before or instead of the text.
fn stream_with(events: &[Value]) -> Script {
    let events = events.iter().map(|data| send(event(data)));
    [stream_head()].into_iter().chain(events).collect()
}

fn ask_events(events: &[Value]) -> CollectedAnswer {
    ask_script(stream_with(events))
}

fn choice(choice: Value) -> Value {
    json!({ "choices": [choice] })
}

#[test]
fn content_can_be_an_array_of_parts() {
    let parts = json!([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi "},
        {"type": "text", "text": "you"}, {"type": "image_url"}]);
    let answer = ask_events(&[
        choice(json!({"delta": {"content": parts}})),
        choice(json!({"delta": {"content": []}, "finish_reason": "stop"})),
    ]);
    assert_eq!(answer.text, "Hi you");
}

#[test]
fn reasoning_and_text_can_share_an_event() {
    let delta = json!({"reasoning_content": "hm", "content": "Hi"});
    let answer = ask_events(&[choice(json!({"delta": delta, "finish_reason": "stop"}))]);
    assert_eq!(answer.text, "Hi");
    assert_eq!(answer.finish().reason, FinishReason::Stop);
}

#[test]
fn usage_can_come_first() {
    let script = vec![stream_head(), usage(), delta("Hi"), finish("stop"), done()];
    let answer = ask_script(script);
    assert_eq!(answer.text, "Hi");
    assert_eq!(answer.finish().usage, USAGE);
}

#[test]
fn fields_of_other_types_are_ignored() {
    let answer = ask_events(&[
        choice(json!({"delta": [], "finish_reason": 0})),
        choice(json!({"delta": "", "finish_reason": false})),
        json!({"choices": {}, "usage": "none", "error": null}),
        json!({"choices": [null]}),
        choice(json!({"delta": {"content": {"a": 1}, "role": 7}})),
        choice(json!({"delta": {"content": "Hi"}, "message": null, "logprobs": []})),
        choice(json!({"delta": [], "finish_reason": "stop"})),
    ]);
    assert_eq!(answer.text, "Hi");
}

#[test]
fn answer_without_text_is_a_failure_for_each_finish_reason() {
    let call = json!({"tool_calls": [{"id": "a", "function": {"name": "search"}}]});
    for (delta, reason) in [
        (call, "tool_calls"),
        (json!({}), "length"),
        (json!({"content": null}), "stop"),
        (json!({"refusal": "No."}), "stop"),
    ] {
        let end = choice(json!({"delta": {}, "finish_reason": reason}));
        let answer = ask_events(&[choice(json!({ "delta": delta })), end]);
        assert_eq!(answer.text, "");
        assert!(answer.failure().contains("without any text"), "{reason}");
    }
}

#[test]
fn error_in_a_successful_response_fails() {
    for error in [
        json!({"error": {"message": "out of memory", "code": 500}}),
        json!({"object": "error", "message": "out of memory", "code": 400}),
        json!({"type": "error", "message": "out of memory"}),
        json!([{"error": {"code": 503, "message": "out of memory"}}]),
    ] {
        let in_stream = ask_script(vec![
            stream_head(),
            delta("Hi"),
            send(event(&error)),
            done(),
        ]);
        assert_eq!(in_stream.text, "Hi");
        assert!(in_stream.failure().contains("out of memory"), "{error}");
        let alone = ask_script(response("200 OK", "", &error.to_string()));
        assert!(alone.failure().contains("out of memory"), "{error}");
    }
}

#[test]
fn finish_reason_can_be_an_error() {
    for reason in ["error", "network_error"] {
        let answer = ask_script(vec![stream_head(), delta("Hi"), finish(reason), done()]);
        assert_eq!(answer.text, "Hi");
        assert!(answer.failure().contains(reason), "{reason}");
    }
}

#[test]
fn finish_reasons_of_other_servers_are_mapped() {
    for (reason, expected) in [
        ("model_length", FinishReason::Length),
        ("MAX_TOKENS", FinishReason::Length),
        ("sensitive", FinishReason::ContentFilter),
        ("SAFETY", FinishReason::ContentFilter),
        ("STOP", FinishReason::Stop),
    ] {
        let answer = ask_script(vec![stream_head(), delta("Hi"), finish(reason), done()]);
        assert_eq!(answer.finish().reason, expected, "{reason}");
    }
}

#[test]
fn json_lines_and_arrays_of_events_are_accepted() {
    let events = [
        choice(json!({"delta": {"content": "Hi "}})),
        choice(json!({"delta": {"content": "you"}, "finish_reason": "stop"})),
    ];
    let lines = format!("{}\n{}\n", events[0], events[1]);
    let array = json!(events).to_string();
    for body in [lines, array] {
        let answer = ask_script(response("200 OK", "", &body));
        assert_eq!(answer.text, "Hi you", "{body}");
        assert_eq!(answer.finish().reason, FinishReason::Stop);
    }
}

#[test]
fn compressed_response_names_the_encoding() {
    for encoding in ["gzip", "br", "deflate"] {
        let headers = format!("Content-Encoding: {encoding}\r\n");
        let head = response_head("200 OK", &headers);
        let server = StubServer::start(vec![vec![head, send(b"\x1f\x8b\x08\x00".to_vec())]]);
        let failure = ask_server(&server, &[]).failure();
        assert!(failure.contains(encoding), "{failure}");
        assert_eq!(server.take_request_count(), 1);
    }
    let mut script = answer_script(&["Hi"]);
    script[0] = response_head("200 OK", "Content-Encoding: identity\r\n");
    assert_eq!(ask_script(script).text, "Hi");
}

#[test]
fn byte_order_mark_and_split_line_ends_are_accepted() {
    let script = vec![
        stream_head(),
        send("\u{feff}data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\r"),
        Step::WaitForGate,
        send("\n\r"),
        Step::WaitForGate,
        send("\ndata: [DONE]\r"),
    ];
    let server = StubServer::start(vec![script]);
    server.open_gate();
    server.open_gate();
    assert_eq!(ask_server(&server, &[]).text, "Hi");
}

#[test]
fn comments_alone_do_not_extend_the_timeout() {
    let comments = Step::Repeat(": still here\n\n".repeat(1000).into_bytes(), usize::MAX);
    let server = StubServer::start(vec![vec![stream_head(), comments]]);
    let start = Instant::now();
    let answer = ask_server(&server, &["--model-first-token-timeout", "1"]);
    assert_eq!(answer.retry_after_secs(), 30);
    let duration = start.elapsed();
    assert!(
        (Duration::from_secs(1)..PROMPT_TIMEOUT).contains(&duration),
        "{duration:?}"
    );
    server.wait_for_disconnect();
}

#[test]
fn empty_responses_fail() {
    for script in [
        response("204 No Content", "", ""),
        response("200 OK", "Content-Length: 0\r\n", ""),
        response("200 OK", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ] {
        assert!(ask_script(script).failure().contains("nothing at all"));
    }
}

#[test]
fn reasoning_in_other_tags_is_left_out() {
    for text in [
        "<THINK>Secret.</THINK>Hi",
        "<seed:think>Secret.</seed:think>Hi",
        "<|begin_of_thought|>Secret.<|end_of_thought|>Hi",
        "◁think▷Secret.◁/think▷Hi",
        "<|channel|>analysis<|message|>Secret.<|end|><|start|>assistant<|channel|>final<|message|>Hi",
    ] {
        let characters: Vec<_> = text.chars().map(String::from).collect();
        let characters: Vec<_> = characters.iter().map(String::as_str).collect();
        assert_eq!(ask_script(answer_script(&[text])).text, "Hi", "{text}");
        assert_eq!(ask_script(answer_script(&characters)).text, "Hi", "{text}");
    }
}
