//! Conversations (docs/api-contract.md, sections 5.1 and 5.2).

use serde::Serialize;
use utoipa::ToSchema;

use super::agent::HumanAgentJson;
use super::message::MessageJson;
use super::visitor::VisitorJson;
use crate::domain::{
    AgentId, Conversation, ConversationId, ConversationListItem, Status, Timestamp, WaitingReason,
};

/// The properties that all forms of a conversation have.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Conversation)]
pub struct ConversationJson<'a> {
    pub(super) object: ConversationObject,
    pub(super) id: ConversationId,
    pub(super) created_at: Timestamp,
    /// When a property of the conversation last changed.
    pub(super) updated_at: Timestamp,
    pub(super) status: Status,
    /// Set exactly when `status` is `closed`.
    #[schema(required)]
    pub(super) closed_at: Option<Timestamp>,
    /// Why the conversation was closed.
    #[schema(required)]
    pub(super) close_reason: Option<&'a str>,
    /// When the last message was stored. The original and canonical spelling of
    /// the name.
    pub(super) last_interation_at: Timestamp,
    /// The same timestamp under the later spelling of the name.
    pub(super) last_interaction_at: Timestamp,
    /// Whether an agent has taken over from the assistant.
    pub(super) is_human_handled: bool,
    /// The agent who has taken over.
    #[schema(required)]
    pub(super) human_agent: Option<HumanAgentJson<'a>>,
    /// Derived from the first message; null until there is one.
    #[schema(required)]
    pub(super) title: Option<&'a str>,
    /// With a private key: since when the conversation waits for a person; null if it does
    /// not wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>, required = false)]
    pub(super) waiting_since: StaffOnly<Option<Timestamp>>,
    /// With a private key: why the conversation waits. The visitor asked for a person
    /// (`requested`) or left contact details (`contact`), or two consecutive answers did
    /// not help (`unanswered`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WaitingReason>, required = false)]
    pub(super) waiting_reason: StaffOnly<Option<WaitingReason>>,
    /// With a private key: whether there is a message that no agent has read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub(super) is_unread: StaffOnly<bool>,
    /// With a private key: the account of the agent who has taken over; null for none or a
    /// private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AgentId>, required = false)]
    pub(super) agent_id: StaffOnly<Option<AgentId>>,
}

/// A property that visitors do not get: `None` for a visitor.
pub(super) type StaffOnly<T> = Option<T>;

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ConversationObject {
    Conversation,
}

impl<'a> From<&Conversation<'a>> for ConversationJson<'a> {
    fn from(conversation: &Conversation<'a>) -> Self {
        let inbox = conversation.inbox;
        Self {
            object: ConversationObject::Conversation,
            id: conversation.id,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
            status: conversation.status,
            closed_at: conversation.closed_at,
            close_reason: conversation.close_reason,
            last_interation_at: conversation.last_interaction_at,
            last_interaction_at: conversation.last_interaction_at,
            is_human_handled: conversation.is_human_handled,
            human_agent: conversation.human_agent.map(HumanAgentJson::from),
            title: conversation.title,
            waiting_since: inbox.map(|inbox| inbox.waiting.map(|waiting| waiting.since)),
            waiting_reason: inbox.map(|inbox| inbox.waiting.map(|waiting| waiting.reason)),
            is_unread: inbox.map(|inbox| inbox.is_unread),
            agent_id: inbox.map(|inbox| inbox.agent),
        }
    }
}

/// An entry of the conversation list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConversationListItem)]
pub struct ConversationListItemJson<'a> {
    #[serde(flatten)]
    pub(super) conversation: ConversationJson<'a>,
    /// The newest message; null until there is one.
    #[schema(required)]
    pub(super) last_message: Option<MessageJson<'a>>,
    /// The visitor of the conversation. Only with `include=visitor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) visitor: Option<VisitorJson<'a>>,
}

impl<'a> From<&'a ConversationListItem<'_>> for ConversationListItemJson<'a> {
    fn from(item: &'a ConversationListItem<'_>) -> Self {
        Self {
            conversation: ConversationJson::from(&item.conversation),
            last_message: item.last_message.as_ref().map(MessageJson::from),
            visitor: item.visitor.as_ref().map(VisitorJson::from),
        }
    }
}
