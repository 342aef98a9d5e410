//! What the model is sent: the messages, within the budget, in the order that
//! every server takes.
//!
//! Many chat templates refuse a second system message, two messages of one role
//! in a row, or a conversation that the assistant begins. None of these is sent.

use serde::Serialize;

use super::context::Passage;
use super::prompt;
use crate::answer::{AnswerRequest, ChatMessage, ChatRole};
use crate::config::ModelSettings;

/// Stands where a conversation would otherwise begin with the assistant.
const OPENED: &str = "(The visitor opened the chat.)";

/// The messages of a question.
pub fn messages(
    question: &AnswerRequest,
    passages: &[Passage],
    settings: &ModelSettings,
) -> Vec<ChatMessage> {
    let page = question
        .page
        .as_ref()
        .filter(|page| prompt::says_something(page));
    let mut system = prompt::instructions(
        &question.assistant,
        settings.prompt.as_deref(),
        !passages.is_empty(),
        page.is_some(),
    );
    let (told, turns): (Vec<_>, Vec<_>) = question
        .messages
        .iter()
        .partition(|turn| turn.role == ChatRole::System);
    for turn in told {
        system.push_str("\n\n");
        system.push_str(&turn.content);
    }
    let mut messages = vec![ChatMessage {
        role: ChatRole::System,
        content: system,
    }];
    said(&mut messages, &turns, settings.history);
    place(&mut messages, &prompt::material(passages, page));
    messages
}

/// Adds the newest turns that fit into `budget` characters. The last is there in
/// any case; alone too long, it is cut.
fn said(messages: &mut Vec<ChatMessage>, history: &[&ChatMessage], budget: usize) {
    let kept = newest_within(history, budget);
    let first = kept.first().map(|turn| turn.role);
    if first == Some(ChatRole::Assistant) {
        messages.push(ChatMessage {
            role: ChatRole::User,
            content: OPENED.to_owned(),
        });
    }
    for turn in kept {
        let role = turn.role;
        let text = turn.content.char_indices().nth(budget);
        let text = text.map_or(turn.content.as_str(), |(at, _)| &turn.content[..at]);
        match messages.last_mut().filter(|last| last.role == role) {
            Some(last) => {
                last.content.push_str("\n\n");
                last.content.push_str(text);
            }
            None => messages.push(ChatMessage {
                role,
                content: text.to_owned(),
            }),
        }
    }
}

fn newest_within<'a>(history: &'a [&'a ChatMessage], budget: usize) -> &'a [&'a ChatMessage] {
    let mut left = budget;
    let mut kept = 0;
    for turn in history.iter().rev() {
        let length = turn.content.chars().count();
        if length > left && kept > 0 {
            break;
        }
        left = left.saturating_sub(length);
        kept += 1;
    }
    &history[history.len() - kept..]
}

/// Puts the material before the visitor's last words.
fn place(messages: &mut [ChatMessage], material: &str) {
    if material.is_empty() {
        return;
    }
    let last = messages
        .iter_mut()
        .rfind(|message| message.role == ChatRole::User);
    match last {
        Some(last) => {
            last.content.insert_str(0, "The visitor's message:\n");
            last.content.insert_str(0, material);
        }
        None => {
            // Nobody but the system has spoken.
            if let Some(system) = messages.first_mut() {
                system.content.push_str("\n\n");
                system.content.push_str(material.trim_end());
            }
        }
    }
}

/// What a server may not know; it is left out once a server has refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// `stream_options`, which asks for the usage.
    pub usage: bool,
    /// OpenAI's newer models refuse `max_tokens`; other servers know only that.
    pub completion_tokens: bool,
}

#[derive(Serialize)]
struct Body<'a> {
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

/// The request's body.
pub fn body(messages: &[ChatMessage], settings: &ModelSettings, dialect: Dialect) -> Vec<u8> {
    let body = Body {
        model: settings.name.as_deref().unwrap_or_default(),
        messages,
        stream: true,
        stream_options: dialect.usage.then_some(StreamOptions {
            include_usage: true,
        }),
        temperature: settings.temperature,
        max_tokens: settings.max_tokens.filter(|_| !dialect.completion_tokens),
        max_completion_tokens: settings.max_tokens.filter(|_| dialect.completion_tokens),
    };
    // Strings and finite numbers have no way to fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(role: ChatRole, content: &str) -> ChatMessage {
        ChatMessage {
            role,
            content: content.to_owned(),
        }
    }

    fn sent(messages: &[ChatMessage], budget: usize) -> Vec<(ChatRole, String)> {
        let history: Vec<_> = messages.iter().collect();
        let mut messages = Vec::new();
        said(&mut messages, &history, budget);
        messages
            .into_iter()
            .map(|one| (one.role, one.content))
            .collect()
    }

    #[test]
    fn turns_of_one_role_become_one_message() {
        let turns = [
            turn(ChatRole::User, "a"),
            turn(ChatRole::User, "b"),
            turn(ChatRole::Assistant, "c"),
            turn(ChatRole::Assistant, "d"),
            turn(ChatRole::User, "e"),
        ];
        let expected = [
            (ChatRole::User, "a\n\nb"),
            (ChatRole::Assistant, "c\n\nd"),
            (ChatRole::User, "e"),
        ];
        assert_eq!(
            sent(&turns, 100),
            expected.map(|(role, text)| (role, text.to_owned()))
        );
    }

    #[test]
    fn the_newest_turns_within_the_budget_are_kept() {
        let turns = [
            turn(ChatRole::User, "ä".repeat(5).as_str()),
            turn(ChatRole::Assistant, "日本語"),
            turn(ChatRole::User, "ça"),
        ];
        assert_eq!(sent(&turns, 10).len(), 3);
        let two = [
            (ChatRole::User, OPENED),
            (ChatRole::Assistant, "日本語"),
            (ChatRole::User, "ça"),
        ];
        assert_eq!(
            sent(&turns, 9),
            two.map(|(role, text)| (role, text.to_owned()))
        );
        assert_eq!(sent(&turns, 4), [(ChatRole::User, "ça".to_owned())]);
    }

    #[test]
    fn the_last_turn_is_cut_at_a_character_rather_than_dropped() {
        let turns = [
            turn(ChatRole::User, "x"),
            turn(ChatRole::User, "日本語です"),
        ];
        assert_eq!(sent(&turns, 3), [(ChatRole::User, "日本語".to_owned())]);
    }
}
