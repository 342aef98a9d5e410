//! Tests of retries.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::helpers::{answer_stream, ask_server, block_on, collect, model, request};
use crate::stub_server::{Script, StubServer, answer_script, delta, response, stream_head};

/// An error response.
fn error_response(status: &str, headers: &str) -> Script {
    response(status, headers, r#"{"error":{"message":"busy"}}"#)
}

#[test]
fn temporary_failure_is_retried() {
    for status in [
        "500 Oops",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "429 Too Many",
    ] {
        let server = StubServer::start(vec![error_response(status, ""), answer_script(&["Hi"])]);
        let answer = ask_server(&server, &[]);
        assert_eq!(answer.text, "Hi", "{status}");
        assert_eq!(server.take_request_count(), 2, "{status}");
    }
}

#[test]
fn connection_closed_without_response_is_retried() {
    let server = StubServer::start(vec![vec![], answer_script(&["Hi"])]);
    assert_eq!(ask_server(&server, &[]).text, "Hi");
}

#[test]
fn request_fails_after_three_attempts() {
    let server = StubServer::start(vec![error_response("500 Oops", "")]);
    let answer = ask_server(&server, &[]);
    assert!(
        answer.failure().contains("500: busy"),
        "{}",
        answer.failure()
    );
    assert_eq!(server.take_request_count(), 3);
    let server = StubServer::start(vec![error_response("503 Busy", "")]);
    assert_eq!(ask_server(&server, &[]).retry_after_secs(), 30);
    assert_eq!(server.take_request_count(), 3);
}

#[test]
fn short_retry_after_is_honored() {
    let busy = error_response("429 Too Many Requests", "Retry-After: 1\r\n");
    let server = StubServer::start(vec![busy, answer_script(&["Hi"])]);
    let start = Instant::now();
    assert_eq!(ask_server(&server, &[]).text, "Hi");
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn long_retry_after_is_returned() {
    for (retry_after, expected) in [
        ("20", 20),
        ("86400", 3600),
        ("Fri, 31 Dec 2100 23:59:59 GMT", 3600),
    ] {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            let busy = error_response(status, &format!("Retry-After: {retry_after}\r\n"));
            let server = StubServer::start(vec![busy]);
            assert_eq!(
                ask_server(&server, &[]).retry_after_secs(),
                expected,
                "{retry_after}"
            );
            assert_eq!(server.take_request_count(), 1);
        }
    }
}

#[test]
fn permanent_failures_and_started_answers_are_not_retried() {
    let broken_stream = vec![stream_head(), delta("Hi")];
    for script in [
        broken_stream,
        error_response("401 No", ""),
        error_response("404 No", ""),
    ] {
        let server = StubServer::start(vec![script]);
        ask_server(&server, &[]).failure();
        assert_eq!(server.take_request_count(), 1);
    }
}

#[test]
fn rejected_stream_options_are_not_sent_again() {
    let rejection = response(
        "400 Bad Request",
        "",
        r#"{"error":"Unknown field: stream_options"}"#,
    );
    let server = StubServer::start(vec![rejection, answer_script(&["Hi"])]);
    let model = model(&server, &[]);
    block_on(async {
        for _ in 0..2 {
            assert_eq!(
                collect(answer_stream(&model, request("?")).await)
                    .await
                    .text,
                "Hi"
            );
        }
    });
    let sent: Vec<Value> = (0..3)
        .map(|_| server.next_request().body["stream_options"].take())
        .collect();
    assert_eq!(
        sent,
        [json!({"include_usage": true}), Value::Null, Value::Null]
    );
    assert_eq!(server.take_request_count(), 0);
}

#[test]
fn unknown_model_is_permanent() {
    let rejection = response("400 Bad Request", "", r#"{"error":"unknown model"}"#);
    let server = StubServer::start(vec![rejection]);
    let failure = ask_server(&server, &[]).failure();
    assert!(
        failure.contains("check --model: unknown model"),
        "{failure}"
    );
    assert_eq!(server.take_request_count(), 1);
}

#[test]
fn server_that_loads_the_model_is_asked_again() {
    let loading = response(
        "503 Service Unavailable",
        "",
        r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
    );
    let mut scripts = vec![loading; 4];
    scripts.push(answer_script(&["Hi"]));
    let server = StubServer::start(scripts);
    assert_eq!(ask_server(&server, &[]).text, "Hi");
    assert_eq!(server.take_request_count(), 5);
}

#[test]
fn max_completion_tokens_replaces_max_tokens_on_request() {
    let rejection = response(
        "400 Bad Request",
        "",
        r#"{"error":{"message":"Use 'max_completion_tokens' instead."}}"#,
    );
    let server = StubServer::start(vec![rejection, answer_script(&["Hi"])]);
    assert_eq!(
        ask_server(&server, &["--model-max-tokens", "99"]).text,
        "Hi"
    );
    assert_eq!(server.next_request().body["max_tokens"], 99);
    let second = server.next_request().body;
    assert_eq!(second["max_completion_tokens"], 99);
    assert_eq!(second["max_tokens"], Value::Null);
    assert_eq!(second["stream_options"]["include_usage"], true);
}
