//! Tests of the parser with responses as servers send them.

use super::*;

type ParsedResponse = (String, Result<FinishDetails, AnswerError>);

fn parse(chunks: &[&[u8]]) -> ParsedResponse {
    let mut parser = ResponseParser::default();
    for chunk in chunks {
        if !parser.is_done() {
            parser.feed(chunk);
        }
    }
    parser.close();
    let text = parser.take_text().unwrap_or_default();
    (text, parser.result().expect("a result"))
}

fn parse_answer(text: &str) -> (String, FinishReason) {
    let (text, result) = parse(&[text.as_bytes()]);
    (text, result.expect("an answer").reason)
}

fn parse_failure(text: &str) -> (String, String) {
    let (text, result) = parse(&[text.as_bytes()]);
    (text, result.expect_err("a failure").to_string())
}

const HI: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"Hi \"}}]}\n\n\
                  data: {\"choices\":[{\"delta\":{\"content\":\"日本\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\
    \"completion_tokens_details\":{\"reasoning_tokens\":2},\
    \"prompt_tokens_details\":{\"cached_tokens\":5}}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn answer_does_not_depend_on_chunk_boundaries() {
    let all = [HI, STOP, USAGE, DONE].concat();
    let usage = Usage {
        input: 7,
        output: 3,
        reasoning: 2,
        cached_input: 5,
    };
    for at in 0..=all.len() {
        let (one, other) = all.as_bytes().split_at(at);
        let (text, result) = parse(&[one, other]);
        assert_eq!(text, "Hi 日本", "cut at {at}");
        let expected = FinishDetails {
            reason: FinishReason::Stop,
            usage,
            is_refusal: false,
        };
        assert_eq!(result.expect("an answer"), expected, "cut at {at}");
    }
}

#[test]
fn blank_beginning_is_ignored_at_every_chunk_boundary() {
    for blank in ["\u{feff}", " \n", "\r\n\u{feff} \u{feff}"] {
        let all = [blank, HI, DONE].concat();
        for at in 0..=all.len() {
            let (one, other) = all.as_bytes().split_at(at);
            assert_eq!(parse(&[one, other]).0, "Hi 日本", "{blank:?} cut at {at}");
        }
        let (text, _) =
            parse_answer(&[blank, r#"{"choices":[{"message":{"content":"Hi"}}]}"#].concat());
        assert_eq!(text, "Hi", "{blank:?}");
    }
}

#[test]
fn answer_ends_with_finish_reason_or_done() {
    for end in [
        STOP,
        DONE,
        STOP.trim_end(),
        DONE.trim_end(),
        &[STOP, DONE].concat(),
    ] {
        assert_eq!(
            parse_answer(&[HI, end].concat()),
            ("Hi 日本".to_owned(), FinishReason::Stop),
            "{end}"
        );
    }
    let invalid_tail = [HI, STOP, "data: {nonsense\n\n"].concat();
    assert_eq!(parse_answer(&invalid_tail).1, FinishReason::Stop);
}

#[test]
fn finish_reason_is_mapped_to_the_contract() {
    for (reason, finish) in [
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("tool_calls", FinishReason::Other),
        ("end_turn", FinishReason::Stop),
    ] {
        assert_eq!(
            parse_answer(&[HI, &STOP.replace("stop", reason)].concat()).1,
            finish
        );
    }
}

#[test]
fn json_response_is_accepted() {
    let json = "\n {\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"length\"}]}";
    assert_eq!(parse_answer(json), ("Hi".to_owned(), FinishReason::Length));
    let parts = r#"{"choices":[{"message":{"content":[{"type":"thinking","thinking":[]},
        {"type":"text","text":"Hi"}]}}]}"#;
    assert_eq!(parse_answer(parts), ("Hi".to_owned(), FinishReason::Stop));
}

#[test]
fn missing_and_unknown_fields_are_ignored() {
    let odd = "data: {}\n\ndata: {\"choices\":null,\"usage\":null}\n\n\
        data: {\"choices\":[{}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":null,\
        \"reasoning_content\":\"hm\"},\"finish_reason\":\"\"}]}\n\n";
    assert_eq!(parse_answer(&[odd, HI, STOP].concat()).0, "Hi 日本");
}

#[test]
fn invalid_response_fails() {
    for (response, hint) in [
        ("", "nothing at all"),
        (" \n", "nothing at all"),
        ("<!doctype html><p>hi", "a web page"),
        ("Internal Server Error", "breaks off"),
        ("{\"detail\":\"no\"}", "without any text"),
        (
            "{\"error\":{\"message\":\"out of\\nmemory\"}}",
            "out of memory",
        ),
        ("{\"choices\":[{\"mess", "not JSON"),
        (DONE, "without any text"),
        (STOP, "without any text"),
    ] {
        let (text, error) = parse_failure(response);
        assert_eq!(text, "");
        assert!(error.contains(hint), "{response}: {error}");
    }
}

#[test]
fn failure_after_text_keeps_the_text() {
    for (end, hint) in [
        ("", "breaks off"),
        ("data: {\"choi", "breaks off"),
        ("data: {nonsense\n\n", "not JSON"),
        ("data: {\"error\":\"overloaded\"}\n\n", "overloaded"),
        ("error: {\"message\":\"slot\"}\n\n", "slot"),
    ] {
        let (text, error) = parse_failure(&[HI, end].concat());
        assert_eq!(text, "Hi 日本");
        assert!(error.contains(hint), "{end}: {error}");
    }
}

#[test]
fn text_over_the_maximum_length_is_truncated_at_a_character() {
    let long = HI.replace("Hi ", "日").repeat(60_000);
    let (text, finish) = parse_answer(&long);
    assert_eq!(finish, FinishReason::Length);
    assert_eq!(text.len(), MAX_ANSWER_BYTES - MAX_ANSWER_BYTES % 3);
}

#[test]
fn line_over_the_maximum_length_ends_the_answer() {
    let (text, finish) = parse_answer(&[HI, "data: ", &"x".repeat(1_100_000)].concat());
    assert_eq!((text.as_str(), finish), ("Hi 日本", FinishReason::Length));
}
