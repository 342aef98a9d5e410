//! Parses the response of a model's server incrementally: text, finish reason and
//! usage.
//!
//! Servers differ, so the parser accepts server-sent events or one JSON value,
//! whatever the Content-Type, and does not require `[DONE]`, usage, ids or
//! choices. Other input is an error, unless the finish reason came before.

use serde_json::Value;

use super::chunk::{
    ChoiceMessage, CompletionChunk, content_texts, error_message, is_failure, parse_finish_reason,
    parse_usage,
};
use super::sse::{DONE, SseDecoder};
use super::thoughts::{ThoughtFilter, ThoughtMode};
use crate::answer::{AnswerError, FinishDetails, FinishReason, Usage};
use crate::domain::MAX_ANSWER_TEXT_BYTES;
use crate::json_surrogates::replace_unpaired;

/// The maximum length of an answer without its list of sources. A longer answer is
/// truncated.
pub const MAX_ANSWER_BYTES: usize = MAX_ANSWER_TEXT_BYTES / 2;
/// The maximum length of a response that is not a stream.
const MAX_JSON_BYTES: usize = 1024 * 1024;

/// Parses one response. Does no I/O.
#[derive(Default)]
pub struct ResponseParser {
    format: ResponseFormat,
    answer: ParsedAnswer,
}

enum ResponseFormat {
    /// White space and byte order marks were received, and these bytes, the beginning
    /// of a byte order mark.
    Unknown(Vec<u8>),
    Events(SseDecoder),
    /// One JSON value: the server does not stream.
    Json(Vec<u8>),
}

impl Default for ResponseFormat {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Why a server that has accepted a prompt does not answer it. A smaller prompt may get an
/// answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptFault {
    /// The server's content filter withheld the answer.
    Filtered,
    /// The prompt has more text than the model reads.
    TooLong,
}

/// The answer as far as it was received.
#[derive(Default)]
struct ParsedAnswer {
    thoughts: ThoughtFilter,
    /// The text that `take_text` has not returned yet.
    text: String,
    /// The length of the whole text, in bytes. 0 until a character is not blank.
    total_bytes: usize,
    finish_reason: Option<FinishReason>,
    /// The finish reason of a part of the reasoning. The answer can follow.
    reasoning_finish_reason: Option<FinishReason>,
    usage: Usage,
    prompt_fault: Option<PromptFault>,
    /// The result, once nothing more is expected.
    result: Option<Result<(), AnswerError>>,
}

impl ResponseParser {
    /// Returns a parser for a server that sends reasoning in this way.
    pub fn new(mode: ThoughtMode) -> Self {
        let answer = ParsedAnswer {
            thoughts: ThoughtFilter::new(mode),
            ..ParsedAnswer::default()
        };
        Self {
            answer,
            ..Self::default()
        }
    }

    /// Parses bytes of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        let ResponseFormat::Unknown(head) = &self.format else {
            return self.feed_body(bytes);
        };
        let head = [head, bytes].concat();
        let body = skip_blank(&head);
        self.format = detect_format(body);
        self.feed_body(body);
    }

    /// Parses bytes of a body whose format is known.
    fn feed_body(&mut self, bytes: &[u8]) {
        match &mut self.format {
            ResponseFormat::Unknown(_) => {}
            ResponseFormat::Events(decoder) => {
                decoder.push(bytes);
                while self.answer.result.is_none() {
                    let Some(data) = decoder.next() else { break };
                    self.answer.read_event(data);
                }
                if decoder.is_too_long() {
                    self.answer.truncate();
                }
            }
            ResponseFormat::Json(json) if json.len() + bytes.len() > MAX_JSON_BYTES => {
                self.answer.fail(invalid_response("a JSON value over 1 MB"));
            }
            ResponseFormat::Json(json) => json.extend_from_slice(bytes),
        }
    }

    /// Ends the parsing: the server has closed the response.
    pub fn close(&mut self) {
        match &mut self.format {
            ResponseFormat::Unknown(_) => self.answer.fail(invalid_response("nothing at all")),
            ResponseFormat::Events(decoder) => {
                if let Some(data) = decoder.finish() {
                    self.answer.read_unterminated_event(data);
                }
                self.answer
                    .fail(invalid_response("an answer that breaks off"));
            }
            ResponseFormat::Json(json) => self.answer.read_json_response(json),
        }
    }

    /// Sets an error. A finished answer stays successful.
    pub fn fail(&mut self, error: AnswerError) {
        self.answer.fail(error);
    }

    /// Whether the answer has a result. The rest of the response is not needed.
    pub fn is_done(&self) -> bool {
        self.answer.result.is_some()
    }

    /// Whether the finish reason was received. Only the usage can follow.
    pub fn has_finish_reason(&self) -> bool {
        self.answer.finish_reason.is_some()
    }

    /// Returns the text since the last call. Returns `None` if there is none.
    pub fn take_text(&mut self) -> Option<String> {
        (!self.answer.text.is_empty()).then(|| std::mem::take(&mut self.answer.text))
    }

    /// Whether the server sent reasoning without an opening tag.
    pub fn has_unopened_thought(&self) -> bool {
        self.answer.thoughts.has_unopened_thought()
    }

    /// Returns the fault of the prompt for which a failed answer has no text.
    pub fn prompt_fault(&self) -> Option<PromptFault> {
        let has_failed = matches!(self.answer.result, Some(Err(_)));
        self.answer
            .prompt_fault
            .filter(|_| has_failed && self.answer.total_bytes == 0)
    }

    /// Returns the result. Returns `None` if the answer is not done.
    pub fn result(&self) -> Option<Result<FinishDetails, AnswerError>> {
        let result = self.answer.result.clone()?;
        let reason = self.answer.finish_reason.unwrap_or_default();
        Some(result.map(|()| FinishDetails {
            reason,
            usage: self.answer.usage,
            is_refusal: reason == FinishReason::ContentFilter,
        }))
    }
}

/// Removes white space and byte order marks from the beginning.
fn skip_blank(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes.trim_ascii_start();
    while let Some(after) = rest.strip_prefix(BYTE_ORDER_MARK) {
        rest = after.trim_ascii_start();
    }
    rest
}

/// Detects the format of a body from its beginning, which is not blank.
fn detect_format(body: &[u8]) -> ResponseFormat {
    match body.first() {
        _ if BYTE_ORDER_MARK.starts_with(body) => ResponseFormat::Unknown(body.to_vec()),
        Some(b'{' | b'[' | b'<') => ResponseFormat::Json(Vec::new()),
        _ => ResponseFormat::Events(SseDecoder::default()),
    }
}

impl ParsedAnswer {
    fn read_event(&mut self, data: &[u8]) {
        if data.trim_ascii() == DONE {
            return self.end();
        }
        match parse_lossy(data) {
            Ok(chunks) => chunks.into_iter().for_each(|chunk| self.read_chunk(chunk)),
            Err(error) => {
                self.fail(invalid_response(format!(
                    "an event that is not JSON ({error})"
                )));
            }
        }
    }

    /// Reads the last event without its final blank line. Ignores it if it is
    /// incomplete.
    fn read_unterminated_event(&mut self, data: &[u8]) {
        if self.result.is_none() && (data.trim_ascii() == DONE || parse_lossy(data).is_ok()) {
            self.read_event(data);
        }
    }

    /// Reads the response of a server that does not stream, or that streams lines of JSON.
    fn read_json_response(&mut self, json: &[u8]) {
        match parse_lossy(json) {
            Ok(chunks) => {
                chunks.into_iter().for_each(|chunk| self.read_chunk(chunk));
                self.end();
            }
            Err(_) if json.trim_ascii_start().starts_with(b"<") => {
                self.fail(invalid_response("a web page; check --model-url"));
            }
            Err(error) => {
                self.fail(invalid_response(format!(
                    "something that is not JSON ({error})"
                )));
            }
        }
    }

    fn read_chunk(&mut self, mut chunk: CompletionChunk) {
        if let Some(error) = chunk.take_error() {
            let message = error_message(&error);
            self.prompt_fault = prompt_fault(&error);
            return self.fail(invalid_response(format!("an error: {message}")));
        }
        if let Some(usage) = chunk.usage.filter(Value::is_object) {
            self.usage = parse_usage(&usage);
        }
        let Some(choice) = chunk.choices.into_iter().flatten().flatten().next() else {
            return;
        };
        let message = choice.delta.or(choice.message);
        let is_reasoning = message.as_ref().is_some_and(ChoiceMessage::is_reasoning);
        let content = message.and_then(|message| message.content);
        let texts = content.map(content_texts).unwrap_or_default();
        let is_only_reasoning = is_reasoning && texts.iter().all(String::is_empty);
        for text in texts {
            let text = self.thoughts.push(&text);
            self.add_text(text);
        }
        let reason = choice.finish_reason.filter(|reason| !reason.is_empty());
        if let Some(reason) = reason.as_deref().filter(|reason| is_failure(reason)) {
            return self.fail(invalid_response(format!("the finish reason {reason}")));
        }
        let reason = reason.as_deref().map(parse_finish_reason);
        if is_only_reasoning {
            self.reasoning_finish_reason = reason.or(self.reasoning_finish_reason);
        } else if self.result.is_none() {
            self.finish_reason = reason.or(self.finish_reason);
        }
    }

    /// Adds text of the answer, without blanks at the beginning.
    fn add_text(&mut self, mut text: String) {
        if self.total_bytes == 0 {
            text.drain(..text.len() - text.trim_start().len());
        }
        let remaining = MAX_ANSWER_BYTES - self.total_bytes;
        let is_too_long = text.len() > remaining;
        text.truncate(text.floor_char_boundary(remaining));
        self.total_bytes += text.len();
        if self.text.is_empty() {
            self.text = text;
        } else {
            self.text.push_str(&text);
        }
        if is_too_long {
            self.truncate();
        }
    }

    /// Ends an answer that exceeds a limit. The text so far is kept.
    fn truncate(&mut self) {
        if self.result.is_none() {
            self.finish_reason = Some(FinishReason::Length);
            self.end();
        }
    }

    fn end(&mut self) {
        if self.result.is_some() {
            return;
        }
        // The result prevents that a text over the limit ends the answer again.
        self.result = Some(Ok(()));
        let is_cut = self.finish_reason == Some(FinishReason::Length);
        let rest = self.thoughts.finish(is_cut);
        self.add_text(rest);
        self.finish_reason = self.finish_reason.or(self.reasoning_finish_reason);
        if self.total_bytes == 0 {
            let is_withheld = self.finish_reason == Some(FinishReason::ContentFilter);
            self.prompt_fault = is_withheld.then_some(PromptFault::Filtered);
            self.result = Some(Err(invalid_response(if is_withheld {
                "no text, because its content filter withheld the answer"
            } else {
                "an answer without any text"
            })));
        }
    }

    fn fail(&mut self, error: AnswerError) {
        let has_ended = self.reasoning_finish_reason.is_some() && self.total_bytes > 0;
        if self.finish_reason.is_some() || has_ended {
            self.end();
        } else if self.result.is_none() {
            self.result = Some(Err(error));
        }
    }
}

/// Words in the errors of servers for prompts that are too long, and for those that their
/// content filter refuses.
const TOO_LONG: [&str; 4] = ["context", "too long", "too many tokens", "maximum length"];
const FILTERED: [&str; 4] = [
    "content_filter",
    "content filter",
    "content policy",
    "safety",
];

/// Returns the fault of the prompt that an error names.
fn prompt_fault(error: &Value) -> Option<PromptFault> {
    let error = error.to_string().to_lowercase();
    let names = |words: &[&str]| words.iter().any(|words| error.contains(words));
    if names(&FILTERED) {
        Some(PromptFault::Filtered)
    } else {
        names(&TOO_LONG).then_some(PromptFault::TooLong)
    }
}

/// Parses JSON. U+FFFD replaces invalid UTF-8 and unpaired surrogates.
fn parse_lossy(json: &[u8]) -> serde_json::Result<Vec<CompletionChunk>> {
    parse_chunks(json).or_else(|_| {
        let text = String::from_utf8_lossy(json);
        parse_chunks(&replace_unpaired(text.as_bytes()))
    })
}

/// Parses one object, several, or an array of objects.
fn parse_chunks(json: &[u8]) -> serde_json::Result<Vec<CompletionChunk>> {
    if json.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice(json);
    }
    serde_json::Deserializer::from_slice(json)
        .into_iter()
        .collect()
}

fn invalid_response(what: impl std::fmt::Display) -> AnswerError {
    AnswerError::ModelFailed(format!("it gave {what}"))
}

#[cfg(test)]
mod tests;
