//! What a model's server says, read as it comes: pieces of text, how it ended,
//! what it cost.
//!
//! Servers differ, so this takes what can be understood: events or one JSON
//! value, whatever the Content-Type; no `[DONE]`, no usage, no ids, empty
//! choices. What cannot be understood is a failure. Once the model has said why
//! it ended, nothing that follows makes the answer fail.

use serde::Deserialize;
use serde_json::Value;

use super::sse::Events;
use crate::answer::{AnswerError, FinishDetails, FinishReason, Usage};

/// The longest text that is taken, in bytes.
const TEXT: usize = 256 * 1024;
/// The longest JSON value, for servers that do not stream.
const JSON: usize = 1024 * 1024;

/// A reply under way. It knows nothing of the network.
#[derive(Default)]
pub struct Reply {
    form: Form,
    said: Said,
}

#[derive(Default)]
enum Form {
    /// Nothing but blanks has come.
    #[default]
    Unknown,
    Events(Events),
    /// The server does not stream.
    Json(Vec<u8>),
}

/// What has been understood.
#[derive(Default)]
struct Said {
    /// What was not yet handed on.
    text: String,
    /// Bytes of text in all.
    length: usize,
    finish: Option<FinishReason>,
    usage: Usage,
    over: Option<Result<(), AnswerError>>,
}

impl Reply {
    /// Reads what came from the network.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if matches!(self.form, Form::Unknown) {
            bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
            self.form = form(bytes);
        }
        match &mut self.form {
            Form::Unknown => {}
            Form::Events(events) => {
                events.push(bytes);
                while self.said.over.is_none() {
                    let Some(data) = events.next() else { break };
                    self.said.read_event(data);
                }
                if events.too_long() {
                    self.said.stop_early();
                }
            }
            Form::Json(json) if json.len() + bytes.len() > JSON => {
                self.said.fail(broken("a JSON value over 1 MB"));
            }
            Form::Json(json) => json.extend_from_slice(bytes),
        }
    }

    /// The server has closed the answer.
    pub fn close(&mut self) {
        match &mut self.form {
            Form::Unknown => self.said.fail(broken("nothing at all")),
            Form::Events(events) => {
                if let Some(data) = events.rest() {
                    self.said.read_rest(data);
                }
                self.said.fail(broken("an answer that breaks off"));
            }
            Form::Json(json) => self.said.read_whole(json),
        }
    }

    /// The answer fails, unless it has ended already.
    pub fn fail(&mut self, failure: AnswerError) {
        self.said.fail(failure);
    }

    /// Whether nothing that may still come is wanted.
    pub fn is_over(&self) -> bool {
        self.said.over.is_some()
    }

    /// Whether the model has said why it ended; only the usage may follow.
    pub fn is_finished(&self) -> bool {
        self.said.finish.is_some()
    }

    /// The text that came since the last call; never empty.
    pub fn text(&mut self) -> Option<String> {
        (!self.said.text.is_empty()).then(|| std::mem::take(&mut self.said.text))
    }

    /// How it ended, if it has.
    pub fn finish(&mut self) -> Option<Result<FinishDetails, AnswerError>> {
        let over = self.said.over.clone()?;
        Some(over.map(|()| FinishDetails {
            reason: self.said.finish.unwrap_or_default(),
            usage: self.said.usage,
        }))
    }
}

/// What the first bytes that are not blank make of it.
fn form(bytes: &[u8]) -> Form {
    match bytes.trim_ascii_start().first() {
        None => Form::Unknown,
        Some(b'{' | b'[' | b'<') => Form::Json(Vec::new()),
        Some(_) => Form::Events(Events::default()),
    }
}

impl Said {
    fn read_event(&mut self, data: &[u8]) {
        if data == b"[DONE]" {
            return self.end();
        }
        match serde_json::from_slice(data) {
            Ok(chunk) => self.read(chunk),
            Err(error) => self.fail(broken(format!("an event that is not JSON ({error})"))),
        }
    }

    /// An event without its end may be half of one, which is worth nothing.
    fn read_rest(&mut self, data: &[u8]) {
        if self.over.is_none()
            && (data == b"[DONE]" || serde_json::from_slice::<Chunk>(data).is_ok())
        {
            self.read_event(data);
        }
    }

    /// Reads the answer of a server that does not stream.
    fn read_whole(&mut self, json: &[u8]) {
        match serde_json::from_slice(json) {
            Ok(chunk) => {
                self.read(chunk);
                self.end();
            }
            Err(_) if json.trim_ascii_start().starts_with(b"<") => {
                self.fail(broken("a web page; check --model-url"));
            }
            Err(error) => self.fail(broken(format!("something that is not JSON ({error})"))),
        }
    }

    fn read(&mut self, chunk: Chunk) {
        if let Some(error) = chunk.error {
            return self.fail(broken(format!("an error: {}", told(&error))));
        }
        if let Some(usage) = chunk.usage.filter(Value::is_object) {
            self.usage = read_usage(&usage);
        }
        let Some(choice) = chunk.choices.into_iter().flatten().next() else {
            return;
        };
        let message = choice.delta.or(choice.message);
        self.add(message.and_then(|message| message.content));
        let finish = choice.finish_reason.filter(|reason| !reason.is_empty());
        if self.over.is_none()
            && let Some(reason) = finish
        {
            self.finish = Some(read_finish(&reason));
        }
    }

    /// Adds a piece: a text, or parts of which the texts count.
    fn add(&mut self, content: Option<Value>) {
        match content {
            Some(Value::String(text)) => self.add_text(text),
            Some(Value::Array(parts)) => {
                for mut part in parts {
                    if part["type"] == "text"
                        && let Value::String(text) = part["text"].take()
                    {
                        self.add_text(text);
                    }
                }
            }
            _ => {}
        }
    }

    fn add_text(&mut self, mut text: String) {
        let room = TEXT - self.length;
        let whole = text.len() <= room;
        text.truncate(text.floor_char_boundary(room));
        self.length += text.len();
        match self.text.is_empty() {
            true => self.text = text,
            false => self.text.push_str(&text),
        }
        if !whole {
            self.stop_early();
        }
    }

    /// More comes than is wanted: what there is stays.
    fn stop_early(&mut self) {
        if self.over.is_none() {
            self.finish = Some(FinishReason::Length);
            self.end();
        }
    }

    fn end(&mut self) {
        if self.over.is_none() {
            // A filter's answer is empty by its nature.
            let nothing = self.length == 0 && self.finish != Some(FinishReason::ContentFilter);
            self.over = Some(match nothing {
                true => Err(broken("an answer without any text")),
                false => Ok(()),
            });
        }
    }

    fn fail(&mut self, failure: AnswerError) {
        if self.finish.is_some() {
            self.end();
        } else if self.over.is_none() {
            self.over = Some(Err(failure));
        }
    }
}

fn broken(what: impl std::fmt::Display) -> AnswerError {
    AnswerError::ModelFailed(format!("it gave {what}"))
}

/// The part of an event, or of a whole answer, that is of use.
#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Content>,
    message: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    content: Option<Value>,
}

fn read_finish(reason: &str) -> FinishReason {
    match reason {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" => FinishReason::Stop,
        "length" | "max_tokens" => FinishReason::Length,
        "content_filter" | "content-filter" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

fn read_usage(usage: &Value) -> Usage {
    let number = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        input: number("/prompt_tokens"),
        output: number("/completion_tokens"),
        reasoning: number("/completion_tokens_details/reasoning_tokens"),
        cached_input: number("/prompt_tokens_details/cached_tokens"),
    }
}

/// What a server's error object says.
pub fn told(error: &Value) -> String {
    let text = error.get("message").unwrap_or(error);
    match text {
        Value::String(text) => excerpt(text),
        other => excerpt(&other.to_string()),
    }
}

/// The most characters of others' words in the log.
const EXCERPT: usize = 300;

/// Others' words as they can stand on a line of the log.
pub fn excerpt(text: &str) -> String {
    let visible = |one: char| if one.is_control() { ' ' } else { one };
    text.trim().chars().take(EXCERPT).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = (String, Result<FinishDetails, AnswerError>);

    fn read(chunks: &[&[u8]]) -> Outcome {
        let mut reply = Reply::default();
        for chunk in chunks {
            if !reply.is_over() {
                reply.feed(chunk);
            }
        }
        reply.close();
        let text = reply.text().unwrap_or_default();
        (text, reply.finish().expect("it is over"))
    }

    fn ended(text: &str) -> (String, FinishReason) {
        let (text, ending) = read(&[text.as_bytes()]);
        (text, ending.expect("an answer").reason)
    }

    fn failed(text: &str) -> (String, String) {
        let (text, ending) = read(&[text.as_bytes()]);
        (text, ending.expect_err("a failure").to_string())
    }

    const HI: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"Hi \"}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{\"content\":\"日本\"}}]}\n\n";
    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\
        \"completion_tokens_details\":{\"reasoning_tokens\":2},\
        \"prompt_tokens_details\":{\"cached_tokens\":5}}}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    #[test]
    fn an_answer_is_the_same_wherever_its_bytes_are_cut() {
        let all = [HI, STOP, USAGE, DONE].concat();
        let usage = Usage {
            input: 7,
            output: 3,
            reasoning: 2,
            cached_input: 5,
        };
        for at in 0..=all.len() {
            let (one, other) = all.as_bytes().split_at(at);
            let (text, ending) = read(&[one, other]);
            assert_eq!(text, "Hi 日本", "cut at {at}");
            let expected = FinishDetails {
                reason: FinishReason::Stop,
                usage,
            };
            assert_eq!(ending.expect("an answer"), expected, "cut at {at}");
        }
    }

    #[test]
    fn the_end_may_be_said_in_several_ways() {
        for end in [
            STOP,
            DONE,
            STOP.trim_end(),
            DONE.trim_end(),
            &[STOP, DONE].concat(),
        ] {
            assert_eq!(
                ended(&[HI, end].concat()),
                ("Hi 日本".to_owned(), FinishReason::Stop),
                "{end}"
            );
        }
        let wrong = [HI, STOP, "data: {nonsense\n\n"].concat();
        assert_eq!(ended(&wrong).1, FinishReason::Stop);
    }

    #[test]
    fn why_it_ended_is_told_in_the_contract_s_words() {
        for (reason, finish) in [
            ("length", FinishReason::Length),
            ("content_filter", FinishReason::ContentFilter),
            ("tool_calls", FinishReason::Other),
            ("end_turn", FinishReason::Stop),
        ] {
            assert_eq!(
                ended(&[HI, &STOP.replace("stop", reason)].concat()).1,
                finish
            );
        }
    }

    #[test]
    fn a_server_that_does_not_stream_is_understood() {
        let json =
            "\n {\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"length\"}]}";
        assert_eq!(ended(json), ("Hi".to_owned(), FinishReason::Length));
        let parts = r#"{"choices":[{"message":{"content":[{"type":"thinking","thinking":[]},
            {"type":"text","text":"Hi"}]}}]}"#;
        assert_eq!(ended(parts), ("Hi".to_owned(), FinishReason::Stop));
    }

    #[test]
    fn what_is_missing_or_unknown_is_passed_over() {
        let odd = "data: {}\n\ndata: {\"choices\":null,\"usage\":null}\n\n\
            data: {\"choices\":[{}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":null,\
            \"reasoning_content\":\"hm\"},\"finish_reason\":\"\"}]}\n\n";
        assert_eq!(ended(&[odd, HI, STOP].concat()).0, "Hi 日本");
    }

    #[test]
    fn what_is_no_answer_is_a_failure() {
        for (text, hint) in [
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
            let (came, said) = failed(text);
            assert_eq!(came, "");
            assert!(said.contains(hint), "{text}: {said}");
        }
    }

    #[test]
    fn a_failure_amid_the_text_keeps_the_text() {
        for (end, hint) in [
            ("", "breaks off"),
            ("data: {\"choi", "breaks off"),
            ("data: {nonsense\n\n", "not JSON"),
            ("data: {\"error\":\"overloaded\"}\n\n", "overloaded"),
            ("error: {\"message\":\"slot\"}\n\n", "slot"),
        ] {
            let (came, said) = failed(&[HI, end].concat());
            assert_eq!(came, "Hi 日本");
            assert!(said.contains(hint), "{end}: {said}");
        }
    }

    #[test]
    fn a_text_without_end_is_cut_at_a_character() {
        let piece = HI.replace("Hi ", "日").repeat(60_000);
        let (text, finish) = ended(&piece);
        assert_eq!(finish, FinishReason::Length);
        assert_eq!(text.len(), TEXT - TEXT % 3);
    }

    #[test]
    fn a_line_without_end_ends_the_answer() {
        let (text, finish) = ended(&[HI, "data: ", &"x".repeat(1_100_000)].concat());
        assert_eq!((text.as_str(), finish), ("Hi 日本", FinishReason::Length));
    }
}
