//! A conversation of a visitor with a website (sections 4.1 and 4.2).

use serde::Serialize;
use unicase::UniCase;
use utoipa::ToSchema;

use super::validation::{ValidationError, bounded_text, parse_enum};
use super::{ConversationId, Message, Timestamp};

/// Whether a conversation can still go on. `closed` sorts before `open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
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

/// The person of the house who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HumanAgent<'a> {
    #[schema(required)]
    pub name: Option<&'a str>,
    /// The address of a picture.
    #[schema(required)]
    pub image: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConversationObject {
    Conversation,
}

/// What every form of a conversation says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation<'a> {
    pub object: ConversationObject,
    pub id: ConversationId,
    pub created_at: Timestamp,
    /// When anything of the conversation last changed.
    pub updated_at: Timestamp,
    pub status: Status,
    /// Set exactly when `status` is `closed`.
    #[schema(required)]
    pub closed_at: Option<Timestamp>,
    #[schema(required)]
    pub close_reason: Option<&'a str>,
    /// When the last message came. The first spelling of the name, and the
    /// canonical one.
    pub last_interation_at: Timestamp,
    /// The same moment under the name's later spelling.
    pub last_interaction_at: Timestamp,
    /// Whether a person of the house has taken over from the assistant.
    pub is_human_handled: bool,
    #[schema(required)]
    pub human_agent: Option<HumanAgent<'a>>,
    /// Taken from the first message; null until there is one.
    #[schema(required)]
    pub title: Option<&'a str>,
}

impl Conversation<'_> {
    /// One that was just started: open, nothing said yet.
    pub fn started(id: ConversationId, at: Timestamp) -> Self {
        Self {
            object: ConversationObject::Conversation,
            id,
            created_at: at,
            updated_at: at,
            status: Status::Open,
            closed_at: None,
            close_reason: None,
            last_interation_at: at,
            last_interaction_at: at,
            is_human_handled: false,
            human_agent: None,
            title: None,
        }
    }
}

/// A conversation as lists show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationListItem<'a> {
    #[serde(flatten)]
    pub conversation: Conversation<'a>,
    /// Its newest message, whole; null while there is none.
    #[schema(required)]
    pub last_message: Option<Message<'a>>,
}

/// The form of a title that the order by `title` compares, byte by byte:
/// its full Unicode case folding (section 0, D9).
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
    fn titles_that_differ_in_case_alone_have_one_key() {
        assert_eq!(title_key("STRASSE"), title_key("straße"));
        assert_eq!(title_key("ΣΊΣΥΦΟΣ"), title_key("Σίσυφος"));
        assert_ne!(title_key("a"), title_key("á"));
    }
}
