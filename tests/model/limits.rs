//! Tests of timeouts and maximum sizes.

use std::thread;
use std::time::{Duration, Instant};

use parlor::answer::FinishReason;

use crate::helpers::{PROMPT_TIMEOUT, ask_server};
use crate::stub_server::{
    Step, StubServer, answer_script, delta, response, response_head, send, stream_head,
};

/// A response that exceeds a timeout of one second.
struct LateResponse {
    case: &'static str,
    flag: &'static str,
    script: Vec<Step>,
    /// The text before the timeout.
    text: &'static str,
}

impl LateResponse {
    fn check(self) {
        let server = StubServer::start(vec![self.script]);
        let start = Instant::now();
        let answer = ask_server(&server, &[self.flag, "1"]);
        let duration = start.elapsed();
        assert_eq!(answer.retry_after_secs(), 30, "{}", self.case);
        assert_eq!(answer.text, self.text, "{}", self.case);
        let is_in_time = duration >= Duration::from_secs(1) && duration < PROMPT_TIMEOUT;
        assert!(is_in_time, "{}: {duration:?}", self.case);
        server.wait_for_disconnect();
    }
}

#[test]
fn late_response_is_a_timeout() {
    let role = send("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n");
    let comments = Step::Repeat(": still here\n".repeat(1000).into_bytes(), usize::MAX);
    let cases = [
        LateResponse {
            case: "no first byte",
            flag: "--model-first-token-timeout",
            script: vec![Step::WaitForDisconnect],
            text: "",
        },
        LateResponse {
            case: "no first words",
            flag: "--model-first-token-timeout",
            script: vec![stream_head(), role, Step::WaitForDisconnect],
            text: "",
        },
        LateResponse {
            case: "a pause without an end",
            flag: "--model-idle-timeout",
            script: vec![stream_head(), delta("Hi"), Step::WaitForDisconnect],
            text: "Hi",
        },
        LateResponse {
            case: "a pause that is filled with comments",
            flag: "--model-idle-timeout",
            script: vec![stream_head(), delta("Hi"), comments],
            text: "Hi",
        },
        LateResponse {
            case: "an answer without an end",
            flag: "--model-timeout",
            script: vec![stream_head(), delta("Hi"), Step::WaitForDisconnect],
            text: "Hi",
        },
    ];
    // In parallel, because each case takes a second.
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| case.check());
        }
    });
}

#[test]
fn retries_end_at_the_first_token_timeout() {
    let busy = response("503 Busy", "Retry-After: 2\r\n", "");
    let server = StubServer::start(vec![busy, answer_script(&["Hi"])]);
    let answer = ask_server(&server, &["--model-first-token-timeout", "1"]);
    assert_eq!(answer.retry_after_secs(), 2);
    assert_eq!(server.take_request_count(), 1);
}

/// Sends 50 MB of repetitions of `block`.
fn send_50_mb(block: String) -> Step {
    let block = block.into_bytes();
    let times = 50_000_000 / block.len();
    Step::Repeat(block, times)
}

#[test]
fn endless_text_is_truncated() {
    let Step::Send(event) = delta(&"word ".repeat(200)) else {
        panic!("an event");
    };
    let event = String::from_utf8(event).expect("UTF-8");
    let server = StubServer::start(vec![vec![stream_head(), send_50_mb(event)]]);
    let answer = ask_server(&server, &[]);
    assert_eq!(answer.text.len(), 256 * 1024);
    assert_eq!(answer.finish().reason, FinishReason::Length);
    let sent = server.wait_for_disconnect();
    assert!(sent < 20_000_000, "{sent} bytes were read");
}

#[test]
fn endless_line_ends_the_answer() {
    let server = StubServer::start(vec![vec![
        stream_head(),
        delta("Hi"),
        send_50_mb("x".repeat(65_536)),
    ]]);
    let answer = ask_server(&server, &[]);
    assert_eq!(answer.text, "Hi");
    assert_eq!(answer.finish().reason, FinishReason::Length);
    server.wait_for_disconnect();
}

#[test]
fn endless_json_fails() {
    let json = "{\"choices\":[{\"message\":{\"content\":\"";
    let script = vec![
        response_head("200 OK", ""),
        send(json),
        send_50_mb("x".repeat(65_536)),
    ];
    let server = StubServer::start(vec![script]);
    assert!(ask_server(&server, &[]).failure().contains("over 1 MB"));
    server.wait_for_disconnect();
}

#[test]
fn body_of_an_error_response_has_a_timeout() {
    let script = vec![
        response_head("418 Teapot", ""),
        send("short and stout"),
        Step::WaitForDisconnect,
    ];
    let server = StubServer::start(vec![script]);
    assert!(
        ask_server(&server, &[])
            .failure()
            .contains("418: short and stout")
    );
    server.wait_for_disconnect();
}
