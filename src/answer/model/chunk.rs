//! The JSON of a chat completion: an event of a stream, or a complete response.
//! Servers differ, so each field is optional, and unknown fields and values of other types
//! are ignored.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::answer::{FinishReason, Usage};

/// The fields of a chat completion that parlor reads.
#[derive(Deserialize)]
pub struct CompletionChunk {
    #[serde(default, deserialize_with = "lenient")]
    pub choices: Option<Vec<Option<Choice>>>,
    pub usage: Option<Value>,
    error: Option<Value>,
    /// `error` in the errors of some servers, with the message in `message`.
    object: Option<Value>,
    r#type: Option<Value>,
    message: Option<Value>,
}

impl CompletionChunk {
    /// Takes the error.
    pub fn take_error(&mut self) -> Option<Value> {
        let is_empty = |error: &Value| *error == Value::Bool(false) || error == "";
        if let Some(error) = self.error.take().filter(|error| !is_empty(error)) {
            return Some(error);
        }
        let mut kinds = [&self.object, &self.r#type].into_iter().flatten();
        let is_error = kinds.any(|kind| kind == "error");
        self.message.take().filter(|_| is_error)
    }
}

/// A value that some servers send with another type.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Valid(T),
    Other(IgnoredAny),
}

/// Reads a value. A value of another type is `None`.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(match Lenient::<Option<T>>::deserialize(deserializer)? {
        Lenient::Valid(value) => value,
        Lenient::Other(_) => None,
    })
}

#[derive(Deserialize)]
pub struct Choice {
    /// In an event of a stream.
    #[serde(default, deserialize_with = "lenient")]
    pub delta: Option<ChoiceMessage>,
    /// In a complete response.
    #[serde(default, deserialize_with = "lenient")]
    pub message: Option<ChoiceMessage>,
    #[serde(default, deserialize_with = "lenient")]
    pub finish_reason: Option<String>,
}

#[derive(Deserialize)]
pub struct ChoiceMessage {
    pub content: Option<Value>,
    /// Reasoning, under the names of different servers.
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
}

impl ChoiceMessage {
    /// Whether the message is a part of the reasoning.
    pub fn is_reasoning(&self) -> bool {
        let parts = [&self.reasoning_content, &self.reasoning];
        let has_text = |part: &Value| part.as_str().is_some_and(|text| !text.is_empty());
        parts.into_iter().flatten().any(has_text)
    }
}

/// Returns the texts of a message: one string, or the items of type `text` of an
/// array.
pub fn content_texts(content: Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text],
        Value::Array(parts) => parts.into_iter().filter_map(part_text).collect(),
        _ => Vec::new(),
    }
}

fn part_text(mut part: Value) -> Option<String> {
    if part["type"] != "text" {
        return None;
    }
    match part["text"].take() {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Whether a finish reason says that the answer failed.
pub fn is_failure(finish_reason: &str) -> bool {
    matches!(finish_reason, "error" | "network_error")
}

/// Maps the finish reasons of common servers.
pub fn parse_finish_reason(reason: &str) -> FinishReason {
    match reason.to_ascii_lowercase().as_str() {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" => FinishReason::Stop,
        "length" | "max_tokens" | "model_length" => FinishReason::Length,
        "content_filter" | "content-filter" | "safety" | "sensitive" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

/// Reads the usage. Missing numbers are 0.
pub fn parse_usage(usage: &Value) -> Usage {
    let number = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        input: number("/prompt_tokens"),
        output: number("/completion_tokens"),
        reasoning: number("/completion_tokens_details/reasoning_tokens"),
        cached_input: number("/prompt_tokens_details/cached_tokens"),
    }
}

/// Returns the message of a server's error object, for the log.
pub fn error_message(error: &Value) -> String {
    let message = error.get("message").unwrap_or(error);
    match message {
        Value::String(text) => log_excerpt(text),
        other => log_excerpt(&other.to_string()),
    }
}

/// The maximum length of foreign text in a log line, in characters.
const MAX_LOG_CHARS: usize = 300;

/// Returns the beginning of a foreign text without control characters, for the
/// log.
pub fn log_excerpt(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.trim()
        .chars()
        .take(MAX_LOG_CHARS)
        .map(visible)
        .collect()
}
