//! Messages of a conversation (docs/api-contract.md, section 5.3).

use super::agent::{AgentProfile, HumanAgent};
use super::validation::{ValidationError, bounded_text, parse_enum};
use super::{ConversationId, MessageId, Timestamp};

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// The state of a message. Only answers can be other than `complete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// A visitor's rating of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// The text that a visitor or an agent sends: 1 to 10,000 characters.
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

    /// Returns the title of a conversation whose first message this is: the first
    /// words on one line, at most 80 characters (docs/api-contract.md, section
    /// 6.2). `None` if the text is blank.
    pub fn title(&self) -> Option<String> {
        let text = self.0.trim();
        let end = text.char_indices().nth(MAX_TITLE_CHARS).map(|(at, _)| at);
        let Some(end) = end else {
            return (!text.is_empty()).then(|| one_line(text));
        };
        let ends_with_word = text[end..].starts_with(char::is_whitespace);
        let cut = match text[..end].rfind(char::is_whitespace) {
            Some(space) if !ends_with_word => &text[..space],
            _ => &text[..end],
        };
        Some(one_line(cut.trim_end()))
    }
}

/// The maximum length of a title in characters.
pub const MAX_TITLE_CHARS: usize = 80;

/// The maximum length of the text of an answer in bytes, with its list of sources.
pub const MAX_ANSWER_TEXT_BYTES: usize = 512 << 10;

/// The maximum length of the reason why an answer failed, in characters.
pub const MAX_MESSAGE_ERROR_CHARS: usize = 1000;

/// The maximum length of the title of the visitor's page in characters. A longer title is
/// cut.
pub const MAX_PAGE_TITLE_CHARS: usize = 1000;

/// The maximum length of the text that the visitor had selected, in characters. A longer
/// text is cut.
pub const MAX_TEXT_SELECTION_CHARS: usize = 10_000;

/// The maximum size of the parts of a message, and of its metadata, in bytes of JSON.
pub const MAX_MESSAGE_JSON_BYTES: usize = 1 << 20;

/// Replaces every run of white space by one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The content of a message.
#[derive(Debug, Clone, Copy)]
pub enum MessageParts<'a> {
    /// One part with Markdown, the usual case.
    Text(&'a str),
    /// A JSON array of parts, as it was stored.
    Json(&'a str),
}

/// A message. Texts borrow from the row that was read.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    pub id: MessageId,
    pub created_at: Timestamp,
    pub conversation_id: ConversationId,
    pub role: Role,
    pub parts: MessageParts<'a>,
    pub status: MessageStatus,
    /// Why the answer failed, if `status` is `error`.
    pub error: Option<&'a str>,
    pub feedback: Option<Feedback>,
    pub feedback_at: Option<Timestamp>,
    /// A JSON object, as it was stored.
    pub metadata: Option<&'a str>,
    /// The agent, if `role` is `human_agent`.
    pub human_agent: Option<HumanAgent<'a>>,
    /// The URL of the page on which the visitor wrote.
    pub page_url: Option<&'a str>,
    pub page_title: Option<&'a str>,
    pub text_selection: Option<&'a str>,
}

impl<'a> Message<'a> {
    /// Whether this is an answer that failed before its first text. Visitors do not see
    /// such answers (docs/api-contract.md, section 6.5).
    pub fn is_failure_without_text(&self) -> bool {
        self.status == MessageStatus::Error && matches!(self.parts, MessageParts::Text(""))
    }

    /// Returns a complete message with a text and nothing else.
    pub fn new(
        id: MessageId,
        conversation_id: ConversationId,
        role: Role,
        text: &'a str,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            created_at,
            conversation_id,
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

/// A message that a visitor or an agent has just sent. Owns its texts.
#[derive(Debug, Clone)]
pub struct SentMessage {
    pub id: MessageId,
    pub created_at: Timestamp,
    pub conversation_id: ConversationId,
    pub role: Role,
    pub text: String,
    /// The agent, if `role` is `human_agent`.
    pub human_agent: Option<AgentProfile>,
    pub page_url: Option<String>,
    pub page_title: Option<String>,
    pub text_selection: Option<String>,
}

impl SentMessage {
    /// Returns a message with a text and nothing else.
    pub fn new(
        id: MessageId,
        conversation_id: ConversationId,
        role: Role,
        text: impl Into<String>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            created_at,
            conversation_id,
            role,
            text: text.into(),
            human_agent: None,
            page_url: None,
            page_title: None,
            text_selection: None,
        }
    }

    /// Returns the message as it would be read from the store.
    pub fn as_message(&self) -> Message<'_> {
        let human_agent = self.human_agent.as_ref();
        Message {
            human_agent: human_agent.map(AgentProfile::as_human_agent),
            page_url: self.page_url.as_deref(),
            page_title: self.page_title.as_deref(),
            text_selection: self.text_selection.as_deref(),
            ..Message::new(
                self.id,
                self.conversation_id,
                self.role,
                &self.text,
                self.created_at,
            )
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
    fn title_is_the_first_words_on_one_line() {
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
