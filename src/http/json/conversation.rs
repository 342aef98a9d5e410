//! Conversations (section 4.1 and 4.2).

use serde::Serialize;
use utoipa::ToSchema;

use super::MessageJson;
use crate::domain::{
    Conversation, ConversationId, ConversationListItem, HumanAgent, Status, Timestamp,
};

/// What every form of a conversation says.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Conversation)]
pub struct ConversationJson<'a> {
    pub(super) object: ConversationObject,
    pub(super) id: ConversationId,
    pub(super) created_at: Timestamp,
    /// When anything of the conversation last changed.
    pub(super) updated_at: Timestamp,
    pub(super) status: Status,
    /// Set exactly when `status` is `closed`.
    #[schema(required)]
    pub(super) closed_at: Option<Timestamp>,
    #[schema(required)]
    pub(super) close_reason: Option<&'a str>,
    /// When the last message came. The first spelling of the name, and the
    /// canonical one.
    pub(super) last_interation_at: Timestamp,
    /// The same moment under the name's later spelling.
    pub(super) last_interaction_at: Timestamp,
    /// Whether a person of the house has taken over from the assistant.
    pub(super) is_human_handled: bool,
    #[schema(required)]
    pub(super) human_agent: Option<HumanAgentJson<'a>>,
    /// Taken from the first message; null until there is one.
    #[schema(required)]
    pub(super) title: Option<&'a str>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ConversationObject {
    Conversation,
}

impl<'a> From<&Conversation<'a>> for ConversationJson<'a> {
    fn from(conversation: &Conversation<'a>) -> Self {
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
        }
    }
}

/// The person of the house who answers.
#[derive(Serialize, ToSchema)]
#[schema(as = HumanAgent)]
pub struct HumanAgentJson<'a> {
    #[schema(required)]
    pub(super) name: Option<&'a str>,
    /// The address of a picture.
    #[schema(required)]
    pub(super) image: Option<&'a str>,
}

impl<'a> From<HumanAgent<'a>> for HumanAgentJson<'a> {
    fn from(agent: HumanAgent<'a>) -> Self {
        Self {
            name: agent.name,
            image: agent.image,
        }
    }
}

/// A conversation as lists show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConversationListItem)]
pub struct ConversationListItemJson<'a> {
    #[serde(flatten)]
    pub(super) conversation: ConversationJson<'a>,
    /// Its newest message, whole; null while there is none.
    #[schema(required)]
    pub(super) last_message: Option<MessageJson<'a>>,
}

impl<'a> From<&ConversationListItem<'a>> for ConversationListItemJson<'a> {
    fn from(item: &ConversationListItem<'a>) -> Self {
        Self {
            conversation: ConversationJson::from(&item.conversation),
            last_message: item.last_message.as_ref().map(MessageJson::from),
        }
    }
}
