//! Limits of time and size.

use std::thread;
use std::time::{Duration, Instant};

use parlor::answer::FinishReason;

use crate::helpers::{AT_ONCE, outcome_with};
use crate::stub::{Step, Stub, answer, delta, head, plain, send, stream};

/// A model that is given up after a second.
struct Late {
    case: &'static str,
    flag: &'static str,
    script: Vec<Step>,
    /// What it has said by then.
    text: &'static str,
}

impl Late {
    fn check(self) {
        let stub = Stub::start(vec![self.script]);
        let begun = Instant::now();
        let outcome = outcome_with(&stub, &[self.flag, "1"]);
        let took = begun.elapsed();
        assert_eq!(outcome.unavailable(), 30, "{}", self.case);
        assert_eq!(outcome.text, self.text, "{}", self.case);
        let in_time = took >= Duration::from_secs(1) && took < AT_ONCE;
        assert!(in_time, "{}: {took:?}", self.case);
        stub.hung_up();
    }
}

#[test]
fn what_does_not_come_in_time_is_a_timeout() {
    let role = send("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n");
    let comments = Step::Flood(": still here\n".repeat(1000).into_bytes(), usize::MAX);
    let cases = [
        Late {
            case: "no first byte",
            flag: "--model-first-token-timeout",
            script: vec![Step::Hold],
            text: "",
        },
        Late {
            case: "no first words",
            flag: "--model-first-token-timeout",
            script: vec![stream(), role, Step::Hold],
            text: "",
        },
        Late {
            case: "a pause without an end",
            flag: "--model-idle-timeout",
            script: vec![stream(), delta("Hi"), Step::Hold],
            text: "Hi",
        },
        Late {
            case: "a pause that is filled with comments",
            flag: "--model-idle-timeout",
            script: vec![stream(), delta("Hi"), comments],
            text: "Hi",
        },
        Late {
            case: "an answer without an end",
            flag: "--model-timeout",
            script: vec![stream(), delta("Hi"), Step::Hold],
            text: "Hi",
        },
    ];
    // Side by side, because each of them waits.
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| case.check());
        }
    });
}

#[test]
fn tries_end_with_the_time_for_the_first_words() {
    let busy = plain("503 Busy", "Retry-After: 2\r\n", "");
    let stub = Stub::start(vec![busy, answer(&["Hi"])]);
    let outcome = outcome_with(&stub, &["--model-first-token-timeout", "1"]);
    assert_eq!(outcome.unavailable(), 2);
    assert_eq!(stub.unheard(), 1);
}

/// 50 MB of what `block` is.
fn flood(block: String) -> Step {
    let block = block.into_bytes();
    let times = 50_000_000 / block.len();
    Step::Flood(block, times)
}

#[test]
fn a_text_without_end_is_taken_up_to_its_bound() {
    let Step::Send(event) = delta(&"word ".repeat(200)) else {
        panic!("an event");
    };
    let event = String::from_utf8(event).expect("UTF-8");
    let stub = Stub::start(vec![vec![stream(), flood(event)]]);
    let outcome = outcome_with(&stub, &[]);
    assert_eq!(outcome.text.len(), 256 * 1024);
    assert_eq!(outcome.finish().reason, FinishReason::Length);
    let sent = stub.hung_up();
    assert!(sent < 20_000_000, "{sent} bytes were taken");
}

#[test]
fn a_line_without_end_is_not_kept() {
    let stub = Stub::start(vec![vec![stream(), delta("Hi"), flood("x".repeat(65_536))]]);
    let outcome = outcome_with(&stub, &[]);
    assert_eq!(outcome.text, "Hi");
    assert_eq!(outcome.finish().reason, FinishReason::Length);
    stub.hung_up();
}

#[test]
fn a_json_without_end_is_not_kept() {
    let json = "{\"choices\":[{\"message\":{\"content\":\"";
    let script = vec![head("200 OK", ""), send(json), flood("x".repeat(65_536))];
    let stub = Stub::start(vec![script]);
    assert!(outcome_with(&stub, &[]).broken().contains("over 1 MB"));
    stub.hung_up();
}

#[test]
fn the_body_of_a_refusal_is_not_waited_for() {
    let script = vec![head("418 Teapot", ""), send("short and stout"), Step::Hold];
    let stub = Stub::start(vec![script]);
    assert!(
        outcome_with(&stub, &[])
            .broken()
            .contains("418: short and stout")
    );
    stub.hung_up();
}
