//! Messages (docs/api-contract.md, section 5.3).

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::agent::HumanAgentJson;
use crate::domain::{
    ConversationId, Feedback, Message, MessageId, MessageParts, MessageStatus, Role, Timestamp,
};

/// A message.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Message)]
pub struct MessageJson<'a> {
    pub(super) object: MessageObject,
    pub(super) id: MessageId,
    pub(super) created_at: Timestamp,
    /// The id of the conversation.
    pub(super) chat_id: ConversationId,
    pub(super) role: Role,
    /// The content.
    #[schema(value_type = Vec<TextPartJson>)]
    pub(super) parts: PartsJson<'a>,
    pub(super) status: MessageStatus,
    /// Why the answer failed, if `status` is `error`.
    #[schema(required)]
    pub(super) error: Option<&'a str>,
    /// The feedback of the visitor.
    #[schema(required)]
    pub(super) feedback: Option<Feedback>,
    /// When the visitor gave the feedback.
    #[schema(required)]
    pub(super) feedback_at: Option<Timestamp>,
    /// Further properties, such as the usage of tokens.
    #[schema(value_type = Option<Object>, required)]
    pub(super) metadata: Option<RawJson<'a>>,
    /// The agent who wrote the message.
    #[schema(required)]
    pub(super) human_agent: Option<HumanAgentJson<'a>>,
    /// The URL of the page on which the visitor wrote.
    #[schema(required)]
    pub(super) page_url: Option<&'a str>,
    /// The title of that page.
    #[schema(required)]
    pub(super) page_title: Option<&'a str>,
    /// The text that the visitor had selected on that page.
    #[schema(required)]
    pub(super) text_selection: Option<&'a str>,
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum MessageObject {
    Message,
}

impl<'a> From<&Message<'a>> for MessageJson<'a> {
    fn from(message: &Message<'a>) -> Self {
        Self {
            object: MessageObject::Message,
            id: message.id,
            created_at: message.created_at,
            chat_id: message.conversation_id,
            role: message.role,
            parts: PartsJson(message.parts),
            status: message.status,
            error: message.error,
            feedback: message.feedback,
            feedback_at: message.feedback_at,
            metadata: message.metadata.map(RawJson),
            human_agent: message.human_agent.map(HumanAgentJson::from),
            page_url: message.page_url,
            page_title: message.page_title,
            text_selection: message.text_selection,
        }
    }
}

/// The array of a message's parts.
pub(super) struct PartsJson<'a>(pub(super) MessageParts<'a>);

impl Serialize for PartsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self.0 {
            MessageParts::Text(text) => text,
            MessageParts::Json(array) => return RawJson(array).serialize(serializer),
        };
        let mut parts = serializer.serialize_seq(Some(1))?;
        parts.serialize_element(&TextPartJson { kind: "text", text })?;
        parts.end()
    }
}

/// A part of a message. Parts of type `text` contain Markdown in `text`. Other
/// types are those of UI messages of the AI SDK.
#[derive(Serialize, ToSchema)]
#[schema(as = MessagePart)]
pub(super) struct TextPartJson<'a> {
    /// The type of the part, such as `text`.
    #[serde(rename = "type")]
    kind: &'a str,
    /// The text of a part of type `text`.
    #[schema(required = false)]
    text: &'a str,
}

/// JSON text that is sent as it was stored.
pub(super) struct RawJson<'a>(pub(super) &'a str);

impl Serialize for RawJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}
