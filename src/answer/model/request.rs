//! Builds the body of a chat completion request.
//!
//! Many chat templates reject a second system message, two consecutive messages
//! of one role, and a conversation that begins with the assistant. The request
//! contains none of these.

use serde::Serialize;

use super::dialect::{Dialect, TokenLimit};
use super::excerpts::Excerpt;
use super::{citations, prompt};
use crate::answer::{AnswerRequest, ChatMessage, ChatRole, VisitorPage};
use crate::config::ModelSettings;

/// The first user message if a conversation begins with the assistant.
const PLACEHOLDER_USER_MESSAGE: &str = "(The visitor opened the chat.)";

/// How much a request contains. A server that refuses a request gets the next smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PromptSize {
    Full,
    /// Without earlier messages that have no answer, because the server may have refused
    /// them.
    OnlyAnswered,
    /// With a quarter of the history.
    ShortHistory,
    /// Only the message to answer.
    NoHistory,
    /// Only the beginning of that message, and of the best excerpts.
    Minimal,
}

/// The limits of [`PromptSize::Minimal`].
const MINIMAL_EXCERPTS: usize = 2;
const MINIMAL_CHARS: usize = 800;

/// What the messages of a request are made from.
pub struct Prompt {
    system: String,
    /// The messages of the visitor, the assistant and agents, oldest first.
    history: Vec<ChatMessage>,
    max_history_chars: usize,
    /// The same for [`PromptSize::Minimal`].
    minimal_history_chars: usize,
    excerpts: Vec<Excerpt>,
    page: Option<VisitorPage>,
    /// The maximum number of tokens of the answer.
    max_tokens: Option<u32>,
}

impl Prompt {
    pub fn new(request: &AnswerRequest, excerpts: &[Excerpt], settings: &ModelSettings) -> Self {
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
            .cloned()
            .partition(|message| message.role == ChatRole::System);
        for message in instructions {
            system.push_str("\n\n");
            system.push_str(&message.content);
        }
        Self {
            system,
            history: history.into_iter().map(without_sources).collect(),
            max_history_chars: settings.history,
            minimal_history_chars: settings.history.min(MINIMAL_CHARS),
            excerpts: excerpts.to_vec(),
            page: page.cloned(),
            max_tokens: settings.max_tokens,
        }
    }

    /// A request of one message, which is never shortened. Its answer has at most
    /// `max_tokens` tokens.
    pub fn of_task(instructions: &str, task: String, max_tokens: u32) -> Self {
        Self {
            system: instructions.to_owned(),
            max_history_chars: usize::MAX,
            minimal_history_chars: usize::MAX,
            history: vec![ChatMessage {
                role: ChatRole::User,
                content: task,
            }],
            excerpts: Vec::new(),
            page: None,
            max_tokens: Some(max_tokens),
        }
    }

    /// The maximum number of tokens of the answer.
    pub fn max_tokens(&self) -> Option<u32> {
        self.max_tokens
    }

    /// The message of the visitor that is to be answered.
    pub fn newest(&self) -> &str {
        let newest = self.history.last();
        newest.map_or("", |message| message.content.as_str())
    }

    /// Whether there are earlier messages.
    pub fn has_history(&self) -> bool {
        self.history.len() > 1
    }

    /// Earlier messages of the visitor that have no answer.
    pub fn unanswered(&self) -> impl Iterator<Item = &str> {
        let pairs = self.history.windows(2);
        let is_unanswered =
            |pair: &&[ChatMessage]| pair.iter().all(|message| message.role == ChatRole::User);
        pairs
            .filter(is_unanswered)
            .map(|pair| pair[0].content.as_str())
    }

    /// Returns the messages of a request: the system message, and the newest messages of
    /// the conversation with the material before the last one. `is_refused`: whether the
    /// server is known to refuse a message of the visitor.
    ///
    /// Without `has_system_role`, the text of the system message begins the first message
    /// of the visitor.
    pub fn messages(
        &self,
        size: PromptSize,
        has_system_role: bool,
        is_refused: impl Fn(&str) -> bool,
    ) -> Vec<ChatMessage> {
        let mut messages = vec![ChatMessage {
            role: ChatRole::System,
            content: self.system.clone(),
        }];
        let history = self.history_of(size, is_refused);
        let max_chars = match size {
            PromptSize::Full | PromptSize::OnlyAnswered | PromptSize::NoHistory => {
                self.max_history_chars
            }
            PromptSize::ShortHistory => self.max_history_chars / 4,
            PromptSize::Minimal => self.minimal_history_chars,
        };
        push_history(&mut messages, &history, max_chars);
        let material = match size {
            PromptSize::Minimal => {
                let excerpts = &self.excerpts[..self.excerpts.len().min(MINIMAL_EXCERPTS)];
                prompt::material(excerpts, None, MINIMAL_CHARS)
            }
            _ => prompt::material(
                &self.excerpts,
                self.page.as_ref(),
                prompt::MAX_EXCERPT_CHARS,
            ),
        };
        insert_material(&mut messages, &material);
        if !has_system_role {
            merge_system_message(&mut messages);
        }
        messages
    }

    fn history_of(&self, size: PromptSize, is_refused: impl Fn(&str) -> bool) -> Vec<&ChatMessage> {
        let Some((newest, earlier)) = self.history.split_last() else {
            return Vec::new();
        };
        let unanswered: Vec<_> = self.unanswered().collect();
        let is_kept = |message: &&ChatMessage| match message.role {
            ChatRole::User => {
                let is_unanswered = unanswered.contains(&message.content.as_str());
                let is_dropped = is_unanswered && size > PromptSize::Full;
                !is_dropped && !is_refused(&message.content)
            }
            _ => true,
        };
        let earlier = if size < PromptSize::NoHistory {
            earlier
        } else {
            &[]
        };
        earlier.iter().filter(is_kept).chain([newest]).collect()
    }
}

/// Removes the list of sources and the markers from an earlier answer. Its numbers are
/// others than those of the excerpts in the prompt.
fn without_sources(mut message: ChatMessage) -> ChatMessage {
    if message.role == ChatRole::Assistant {
        message.content = citations::without_sources(&message.content);
    }
    message
}

/// Moves the text of the system message into the first message of the visitor.
fn merge_system_message(messages: &mut Vec<ChatMessage>) {
    let system = messages.remove(0);
    match messages
        .first_mut()
        .filter(|first| first.role == ChatRole::User)
    {
        Some(first) => first
            .content
            .insert_str(0, &format!("{}\n\n", system.content)),
        None => messages.insert(
            0,
            ChatMessage {
                role: ChatRole::User,
                content: system.content,
            },
        ),
    }
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

/// Returns the JSON of a request. `max_tokens` limits the answer.
pub fn body(
    messages: &[ChatMessage],
    max_tokens: Option<u32>,
    settings: &ModelSettings,
    dialect: Dialect,
) -> Vec<u8> {
    let limit = |name| max_tokens.filter(|_| dialect.token_limit == name);
    let body = RequestBody {
        model: settings.name.as_deref().unwrap_or_default(),
        messages,
        stream: dialect.stream,
        stream_options: (dialect.stream && dialect.stream_options).then_some(StreamOptions {
            include_usage: true,
        }),
        temperature: settings.temperature.filter(|_| dialect.temperature),
        max_tokens: limit(TokenLimit::MaxTokens),
        max_completion_tokens: limit(TokenLimit::MaxCompletionTokens),
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
