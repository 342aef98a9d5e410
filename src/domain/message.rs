//! A message of a conversation (section 4.3).

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::validation::{ValidationError, bounded_text, parse_enum};
use super::{ConversationId, HumanAgent, MessageId, Timestamp};

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    Assistant,
    HumanAgent,
}

impl Role {
    pub const NAMES: [(&'static str, Role); 3] = [
        ("user", Role::User),
        ("assistant", Role::Assistant),
        ("human_agent", Role::HumanAgent),
    ];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("role", text, &Self::NAMES)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::HumanAgent => "human_agent",
        }
    }
}

/// Whether an answer is still being written, is whole, or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    Streaming,
    Complete,
    Error,
}

impl MessageStatus {
    pub const NAMES: [(&'static str, MessageStatus); 3] = [
        ("complete", MessageStatus::Complete),
        ("streaming", MessageStatus::Streaming),
        ("error", MessageStatus::Error),
    ];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("status", text, &Self::NAMES)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            MessageStatus::Streaming => "streaming",
            MessageStatus::Complete => "complete",
            MessageStatus::Error => "error",
        }
    }
}

/// What the visitor thought of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Feedback {
    Like,
    Dislike,
}

impl Feedback {
    pub const NAMES: [(&'static str, Feedback); 2] =
        [("like", Feedback::Like), ("dislike", Feedback::Dislike)];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("feedback", text, &Self::NAMES)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Feedback::Like => "like",
            Feedback::Dislike => "dislike",
        }
    }
}

/// What somebody writes: 1 to 10,000 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageContent(String);

impl MessageContent {
    pub const MAX_CHARS: usize = 10_000;

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        bounded_text("content", text, 1, Self::MAX_CHARS).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The title of a conversation that begins with this: its first words, at
    /// most 80 characters of them (section 0, D10). None where there is no word.
    pub fn title(&self) -> Option<String> {
        let text = self.0.trim();
        let end = text.char_indices().nth(MAX_TITLE_CHARS).map(|(at, _)| at);
        let Some(end) = end else {
            return (!text.is_empty()).then(|| one_line(text));
        };
        let whole = text[end..].starts_with(char::is_whitespace);
        let cut = match text[..end].rfind(char::is_whitespace) {
            Some(space) if !whole => &text[..space],
            _ => &text[..end],
        };
        Some(one_line(cut.trim_end()))
    }
}

/// The most characters of a title.
const MAX_TITLE_CHARS: usize = 80;

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a message is made of: nearly always one text; else the JSON array of
/// its parts as it was stored.
#[derive(Debug, Clone)]
pub enum MessageParts<'a> {
    Text(&'a str),
    Stored(&'a RawValue),
}

impl Serialize for MessageParts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self {
            MessageParts::Text(text) => text,
            MessageParts::Stored(array) => return array.serialize(serializer),
        };
        let mut parts = serializer.serialize_seq(Some(1))?;
        parts.serialize_element(&TextPart { kind: "text", text })?;
        parts.end()
    }
}

/// A part of a message. `text` parts carry Markdown in `text`; other types are
/// those of the AI SDK's UI messages.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MessagePart)]
pub struct TextPart<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    #[schema(required = false)]
    pub text: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageObject {
    Message,
}

/// One message, whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    pub object: MessageObject,
    pub id: MessageId,
    pub created_at: Timestamp,
    /// The id of its conversation.
    pub chat_id: ConversationId,
    pub role: Role,
    #[schema(value_type = Vec<TextPart>)]
    pub parts: MessageParts<'a>,
    #[schema(value_type = Option<MessageStatus>, required)]
    pub status: MessageStatus,
    /// Why the answer failed, where `status` is `error`.
    #[schema(required)]
    pub error: Option<&'a str>,
    #[schema(required)]
    pub feedback: Option<Feedback>,
    #[schema(required)]
    pub feedback_at: Option<Timestamp>,
    #[schema(value_type = Option<Object>, required)]
    pub metadata: Option<&'a RawValue>,
    #[schema(required)]
    pub human_agent: Option<HumanAgent<'a>>,
    /// The page on which the visitor wrote.
    #[schema(required)]
    pub page_url: Option<&'a str>,
    #[schema(required)]
    pub page_title: Option<&'a str>,
    #[schema(required)]
    pub text_selection: Option<&'a str>,
}

impl<'a> Message<'a> {
    /// One that was just said and nothing more is known of.
    pub fn said(
        id: MessageId,
        chat: ConversationId,
        role: Role,
        text: &'a str,
        at: Timestamp,
    ) -> Self {
        Self {
            object: MessageObject::Message,
            id,
            created_at: at,
            chat_id: chat,
            role,
            parts: MessageParts::Text(text),
            status: MessageStatus::Complete,
            error: None,
            feedback: None,
            feedback_at: None,
            metadata: None,
            human_agent: None,
            page_url: None,
            page_title: None,
            text_selection: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str) -> Option<String> {
        MessageContent::parse(text).expect("content").title()
    }

    #[test]
    fn a_title_is_the_first_words_on_one_line() {
        assert_eq!(
            title("  Where is\n my order? "),
            Some("Where is my order?".to_owned())
        );
        assert_eq!(title(" \t "), None);
        let long = title(&"word ".repeat(40)).expect("a title");
        assert_eq!(long.len(), 79);
        assert!(long.ends_with("word"));
        assert_eq!(title(&"é".repeat(200)), Some("é".repeat(80)));
        let exact = format!("{} tail", "x".repeat(80));
        assert_eq!(title(&exact), Some("x".repeat(80)));
    }
}
