//! Builds the body of a chat completion request.
//!
//! Many chat templates reject a second system message, two consecutive messages
//! of one role, and a conversation that begins with the assistant. The request
//! contains none of these.

use serde::Serialize;

use super::excerpts::Excerpt;
use super::prompt;
use crate::answer::{AnswerRequest, ChatMessage, ChatRole};
use crate::config::ModelSettings;

/// The first user message if a conversation begins with the assistant.
const PLACEHOLDER_USER_MESSAGE: &str = "(The visitor opened the chat.)";

/// Returns the messages of a request: the system message, and the newest messages
/// of the conversation with the material before the last one.
pub fn messages(
    request: &AnswerRequest,
    excerpts: &[Excerpt],
    settings: &ModelSettings,
) -> Vec<ChatMessage> {
    let page = request.page.as_ref();
    let page = page.filter(|page| prompt::has_content(page));
    let mut system = prompt::system_message(
        &request.assistant,
        settings.prompt.as_deref(),
        !excerpts.is_empty(),
        page.is_some(),
    );
    let (instructions, history): (Vec<_>, Vec<_>) = request
        .messages
        .iter()
        .partition(|message| message.role == ChatRole::System);
    for message in instructions {
        system.push_str("\n\n");
        system.push_str(&message.content);
    }
    let mut messages = vec![ChatMessage {
        role: ChatRole::System,
        content: system,
    }];
    push_history(&mut messages, &history, settings.history);
    insert_material(&mut messages, &prompt::material(excerpts, page));
    messages
}

/// Adds the newest messages that fit into `max_chars` characters, and merges
/// consecutive messages of one role. The last message is always added, and
/// truncated if it is too long.
fn push_history(messages: &mut Vec<ChatMessage>, history: &[&ChatMessage], max_chars: usize) {
    let newest = newest_within(history, max_chars);
    let first = newest.first().map(|message| message.role);
    if first == Some(ChatRole::Assistant) {
        messages.push(ChatMessage {
            role: ChatRole::User,
            content: PLACEHOLDER_USER_MESSAGE.to_owned(),
        });
    }
    for message in newest {
        let text = truncated(&message.content, max_chars);
        let last = messages.last_mut();
        match last.filter(|last| last.role == message.role) {
            Some(last) => {
                last.content.push_str("\n\n");
                last.content.push_str(text);
            }
            None => messages.push(ChatMessage {
                role: message.role,
                content: text.to_owned(),
            }),
        }
    }
}

fn newest_within<'a>(history: &'a [&'a ChatMessage], max_chars: usize) -> &'a [&'a ChatMessage] {
    let mut remaining = max_chars;
    let mut count = 0;
    for message in history.iter().rev() {
        let length = message.content.chars().count();
        if length > remaining && count > 0 {
            break;
        }
        remaining = remaining.saturating_sub(length);
        count += 1;
    }
    &history[history.len() - count..]
}

fn truncated(text: &str, max_chars: usize) -> &str {
    let end = text.char_indices().nth(max_chars);
    end.map_or(text, |(end, _)| &text[..end])
}

/// Inserts the material before the last message of the visitor. If there is none,
/// appends it to the system message.
fn insert_material(messages: &mut [ChatMessage], material: &str) {
    if material.is_empty() {
        return;
    }
    let last_user = messages
        .iter_mut()
        .rfind(|message| message.role == ChatRole::User);
    if let Some(message) = last_user {
        message.content.insert_str(0, "The visitor's message:\n");
        message.content.insert_str(0, material);
    } else if let Some(system) = messages.first_mut() {
        system.content.push_str("\n\n");
        system.content.push_str(material.trim_end());
    }
}

/// Request parameters that not all servers know. [`super::upstream::Upstream`]
/// changes them when a server rejects them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Whether to send `stream_options`, which requests the usage.
    pub stream_options: bool,
    /// Whether to send `max_completion_tokens` instead of `max_tokens`. Newer
    /// models of OpenAI reject `max_tokens`. Other servers know only `max_tokens`.
    pub max_completion_tokens: bool,
}

#[derive(Serialize)]
struct RequestBody<'a> {
    model: &'a str,
    messages: &'a [ChatMessage],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// Returns the JSON of a request.
pub fn body(messages: &[ChatMessage], settings: &ModelSettings, dialect: Dialect) -> Vec<u8> {
    let has_new_name = dialect.max_completion_tokens;
    let body = RequestBody {
        model: settings.name.as_deref().unwrap_or_default(),
        messages,
        stream: true,
        stream_options: dialect.stream_options.then_some(StreamOptions {
            include_usage: true,
        }),
        temperature: settings.temperature,
        max_tokens: settings.max_tokens.filter(|_| !has_new_name),
        max_completion_tokens: settings.max_tokens.filter(|_| has_new_name),
    };
    // The serialization of strings and finite numbers cannot fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: ChatRole, content: &str) -> ChatMessage {
        ChatMessage {
            role,
            content: content.to_owned(),
        }
    }

    fn pushed(history: &[ChatMessage], max_chars: usize) -> Vec<(ChatRole, String)> {
        let history: Vec<_> = history.iter().collect();
        let mut messages = Vec::new();
        push_history(&mut messages, &history, max_chars);
        messages
            .into_iter()
            .map(|message| (message.role, message.content))
            .collect()
    }

    #[test]
    fn consecutive_messages_of_one_role_are_merged() {
        let history = [
            message(ChatRole::User, "a"),
            message(ChatRole::User, "b"),
            message(ChatRole::Assistant, "c"),
            message(ChatRole::Assistant, "d"),
            message(ChatRole::User, "e"),
        ];
        let expected = [
            (ChatRole::User, "a\n\nb"),
            (ChatRole::Assistant, "c\n\nd"),
            (ChatRole::User, "e"),
        ];
        assert_eq!(
            pushed(&history, 100),
            expected.map(|(role, text)| (role, text.to_owned()))
        );
    }

    #[test]
    fn newest_messages_within_the_limit_are_kept() {
        let history = [
            message(ChatRole::User, "ä".repeat(5).as_str()),
            message(ChatRole::Assistant, "日本語"),
            message(ChatRole::User, "ça"),
        ];
        assert_eq!(pushed(&history, 10).len(), 3);
        let newest_two = [
            (ChatRole::User, PLACEHOLDER_USER_MESSAGE),
            (ChatRole::Assistant, "日本語"),
            (ChatRole::User, "ça"),
        ];
        assert_eq!(
            pushed(&history, 9),
            newest_two.map(|(role, text)| (role, text.to_owned()))
        );
        assert_eq!(pushed(&history, 4), [(ChatRole::User, "ça".to_owned())]);
    }

    #[test]
    fn last_message_is_truncated_at_a_character() {
        let history = [
            message(ChatRole::User, "x"),
            message(ChatRole::User, "日本語です"),
        ];
        assert_eq!(pushed(&history, 3), [(ChatRole::User, "日本語".to_owned())]);
    }
}
