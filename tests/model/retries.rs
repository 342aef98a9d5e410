//! What is tried again, and what never is.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::helpers::{collect, model, outcome_with, pieces, question, run};
use crate::stub::{Script, Stub, answer, delta, plain, stream};

fn refusal(status: &str, more: &str) -> Script {
    plain(status, more, r#"{"error":{"message":"busy"}}"#)
}

#[test]
fn one_failure_is_made_good_by_another_try() {
    for status in [
        "500 Oops",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "429 Too Many",
    ] {
        let stub = Stub::start(vec![refusal(status, ""), answer(&["Hi"])]);
        let outcome = outcome_with(&stub, &[]);
        assert_eq!(outcome.text, "Hi", "{status}");
        assert_eq!(stub.unheard(), 2, "{status}");
    }
}

#[test]
fn a_connection_that_is_closed_without_a_word_is_tried_again() {
    let stub = Stub::start(vec![vec![], answer(&["Hi"])]);
    assert_eq!(outcome_with(&stub, &[]).text, "Hi");
}

#[test]
fn after_three_tries_it_is_a_failure() {
    let stub = Stub::start(vec![refusal("500 Oops", "")]);
    let outcome = outcome_with(&stub, &[]);
    assert!(
        outcome.broken().contains("500: busy"),
        "{}",
        outcome.broken()
    );
    assert_eq!(stub.unheard(), 3);
    let stub = Stub::start(vec![refusal("503 Busy", "")]);
    assert_eq!(outcome_with(&stub, &[]).unavailable(), 30);
    assert_eq!(stub.unheard(), 3);
}

#[test]
fn a_short_wait_that_the_server_asks_for_is_kept() {
    let busy = refusal("429 Too Many Requests", "Retry-After: 1\r\n");
    let stub = Stub::start(vec![busy, answer(&["Hi"])]);
    let begun = Instant::now();
    assert_eq!(outcome_with(&stub, &[]).text, "Hi");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_long_wait_is_handed_on() {
    for (asked, told) in [
        ("20", 20),
        ("86400", 3600),
        ("Fri, 31 Dec 2100 23:59:59 GMT", 3600),
    ] {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            let busy = refusal(status, &format!("Retry-After: {asked}\r\n"));
            let stub = Stub::start(vec![busy]);
            assert_eq!(outcome_with(&stub, &[]).unavailable(), told, "{asked}");
            assert_eq!(stub.unheard(), 1);
        }
    }
}

#[test]
fn nothing_is_tried_again_after_the_first_piece_or_a_refusal_for_good() {
    let cut = vec![stream(), delta("Hi")];
    for script in [
        cut,
        refusal("401 No", ""),
        refusal("404 No", ""),
        refusal("400 No", ""),
    ] {
        let stub = Stub::start(vec![script]);
        outcome_with(&stub, &[]).broken();
        assert_eq!(stub.unheard(), 1);
    }
}

#[test]
fn a_server_without_stream_options_is_asked_without_them_from_then_on() {
    let refusal = plain(
        "400 Bad Request",
        "",
        r#"{"error":"Unknown field: stream_options"}"#,
    );
    let stub = Stub::start(vec![refusal, answer(&["Hi"])]);
    let model = model(&stub, &[]);
    run(async {
        for _ in 0..2 {
            assert_eq!(
                collect(pieces(&model, question("?")).await).await.text,
                "Hi"
            );
        }
    });
    let asked: Vec<Value> = (0..3)
        .map(|_| stub.heard().body["stream_options"].take())
        .collect();
    assert_eq!(
        asked,
        [json!({"include_usage": true}), Value::Null, Value::Null]
    );
    assert_eq!(stub.unheard(), 0);
}

#[test]
fn a_server_that_refuses_all_words_is_asked_no_further() {
    let refusal = plain("400 Bad Request", "", r#"{"error":"unknown model"}"#);
    let stub = Stub::start(vec![refusal]);
    assert!(outcome_with(&stub, &[]).broken().contains("unknown model"));
    assert_eq!(stub.unheard(), 2);
}

#[test]
fn a_model_that_wants_max_completion_tokens_gets_them() {
    let refusal = plain(
        "400 Bad Request",
        "",
        r#"{"error":{"message":"Use 'max_completion_tokens' instead."}}"#,
    );
    let stub = Stub::start(vec![refusal, answer(&["Hi"])]);
    assert_eq!(
        outcome_with(&stub, &["--model-max-tokens", "99"]).text,
        "Hi"
    );
    assert_eq!(stub.heard().body["max_tokens"], 99);
    let second = stub.heard().body;
    assert_eq!(second["max_completion_tokens"], 99);
    assert_eq!(second["max_tokens"], Value::Null);
    assert_eq!(second["stream_options"]["include_usage"], true);
}
