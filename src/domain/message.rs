//! A message of a conversation (section 4.3).

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

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
}

/// What a message is made of: nearly always one text; else the JSON array of
/// its parts as it was stored.
#[derive(Debug, Clone)]
pub enum Parts<'a> {
    Text(&'a str),
    Stored(&'a RawValue),
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self {
            Parts::Text(text) => text,
            Parts::Stored(array) => return array.serialize(serializer),
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
    pub parts: Parts<'a>,
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
