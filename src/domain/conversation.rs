//! Conversations between visitors and a website (docs/api-contract.md, sections
//! 5.1 and 5.2).

use unicase::UniCase;

use super::agent::HumanAgent;
use super::message::Message;
use super::validation::{ValidationError, bounded_text, parse_enum};
use super::{AgentId, ConversationId, Timestamp, Visitor};

/// Whether a conversation accepts messages. `closed` sorts before `open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    Closed,
    Open,
}

impl Status {
    pub const NAMES: [(&'static str, Status); 2] =
        [("open", Status::Open), ("closed", Status::Closed)];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("status", text, &Self::NAMES)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Closed => "closed",
        }
    }
}

/// A conversation without its messages. Texts borrow from the row that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation<'a> {
    pub id: ConversationId,
    pub created_at: Timestamp,
    /// When any stored property of the conversation last changed.
    pub updated_at: Timestamp,
    pub status: Status,
    /// Set exactly when `status` is `closed`.
    pub closed_at: Option<Timestamp>,
    pub close_reason: Option<&'a str>,
    /// When the last message was stored.
    pub last_interaction_at: Timestamp,
    /// Whether an agent has taken over from the assistant.
    pub is_human_handled: bool,
    pub human_agent: Option<HumanAgent<'a>>,
    /// Derived from the first message; `None` until there is one.
    pub title: Option<&'a str>,
    /// `None` if a visitor reads the conversation.
    pub inbox: Option<InboxState>,
}

/// What private keys and agents see of a conversation, and visitors do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxState {
    /// Set while the conversation waits for a person.
    pub waiting: Option<Waiting>,
    /// Whether there is a message that no agent has read.
    pub is_unread: bool,
    /// The account that has taken over; `None` for a private key.
    pub agent: Option<AgentId>,
}

/// A conversation waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub since: Timestamp,
    pub reason: WaitingReason,
}

/// Why a conversation waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingReason {
    /// The visitor asked for a person.
    Requested,
    /// The visitor left contact details.
    Contact,
    /// Two consecutive answers did not help.
    Unanswered,
}

impl WaitingReason {
    pub const NAMES: [(&'static str, WaitingReason); 3] = [
        ("requested", WaitingReason::Requested),
        ("contact", WaitingReason::Contact),
        ("unanswered", WaitingReason::Unanswered),
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            WaitingReason::Requested => "requested",
            WaitingReason::Contact => "contact",
            WaitingReason::Unanswered => "unanswered",
        }
    }
}

impl Conversation<'_> {
    /// Returns an open conversation without messages, created at `at`.
    pub fn new(id: ConversationId, at: Timestamp) -> Self {
        Self {
            id,
            created_at: at,
            updated_at: at,
            status: Status::Open,
            closed_at: None,
            close_reason: None,
            last_interaction_at: at,
            is_human_handled: false,
            human_agent: None,
            title: None,
            inbox: None,
        }
    }
}

/// An entry of the conversation list.
#[derive(Debug, Clone)]
pub struct ConversationListItem<'a> {
    pub conversation: Conversation<'a>,
    /// The newest message; `None` if the conversation has no message.
    pub last_message: Option<Message<'a>>,
    /// Only in lists that include visitors.
    pub visitor: Option<Visitor>,
}

/// Returns the key that the order by `title` compares byte by byte: the full
/// Unicode case folding of the title (docs/api-contract.md, section 6.1).
pub fn title_key(title: &str) -> String {
    UniCase::new(title).to_folded_case()
}

/// Why a conversation was closed: at most 256 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseReason(String);

impl CloseReason {
    pub const MAX_CHARS: usize = 256;

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        bounded_text("closeReason", text, 0, Self::MAX_CHARS).map(Self)
    }

    pub fn into_inner(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_key_is_equal_for_titles_that_differ_only_in_case() {
        assert_eq!(title_key("STRASSE"), title_key("straße"));
        assert_eq!(title_key("ΣΊΣΥΦΟΣ"), title_key("Σίσυφος"));
        assert_ne!(title_key("a"), title_key("á"));
    }
}
