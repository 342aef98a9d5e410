//! Live events of a project (docs/api-contract.md, section 8.5).

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ConversationListItemJson, MessageJson};
use crate::domain::{AgentId, ConversationId, MessageId, Timestamp, WaitingReason};

/// A live event of a project. Sequence numbers grow, with gaps. Clients ignore events of
/// other types.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ProjectEvent)]
pub enum ProjectEventJson<'a> {
    /// The first event of a WebSocket. To continue later, connect with the parameter
    /// `after`: the stream, a colon, and the sequence number of the last event.
    #[schema(title = "HelloEvent")]
    Hello {
        /// The events up to this number are not sent.
        sequence: u64,
        /// The name of the stream of events.
        stream: String,
    },
    /// Events are missing. Read everything again.
    #[schema(title = "ResyncEvent")]
    Resync {
        /// The events up to this number are not sent.
        sequence: u64,
        /// The name of the stream of events.
        stream: String,
    },
    /// A conversation was started.
    #[schema(title = "ConversationCreatedEvent")]
    ConversationCreated {
        sequence: u64,
        conversation: ConversationListItemJson<'a>,
    },
    /// Something in a conversation or about its visitor has changed. Several changes can be
    /// one event.
    #[schema(title = "ConversationUpdatedEvent")]
    ConversationUpdated {
        sequence: u64,
        conversation: ConversationListItemJson<'a>,
    },
    /// A conversation was deleted.
    #[schema(title = "ConversationDeletedEvent")]
    #[serde(rename_all = "camelCase")]
    ConversationDeleted {
        sequence: u64,
        /// The id of the conversation.
        chat_id: ConversationId,
    },
    /// A message was stored: of a visitor, an agent or the assistant. While its status is
    /// `streaming`, it has no text yet.
    #[schema(title = "MessageCreatedEvent")]
    #[serde(rename_all = "camelCase")]
    NewMessage {
        sequence: u64,
        /// The id of the conversation.
        chat_id: ConversationId,
        message: MessageJson<'a>,
    },
    /// A part of an answer that is being generated, in a conversation that the client
    /// watches. The first part after the beginning of a watch has the text so far.
    #[schema(title = "MessageDeltaEvent")]
    #[serde(rename_all = "camelCase")]
    MessageDelta {
        sequence: u64,
        /// The id of the conversation.
        chat_id: ConversationId,
        message_id: MessageId,
        /// Where the part begins in the text, in code units of UTF-16.
        offset: usize,
        delta: &'a str,
    },
    /// An answer that was streamed has ended.
    #[schema(title = "MessageDoneEvent")]
    #[serde(rename_all = "camelCase")]
    MessageDone {
        sequence: u64,
        /// The id of the conversation.
        chat_id: ConversationId,
        message: MessageJson<'a>,
    },
    /// A message was changed, for example by feedback.
    #[schema(title = "MessageUpdatedEvent")]
    #[serde(rename_all = "camelCase")]
    MessageUpdated {
        sequence: u64,
        /// The id of the conversation.
        chat_id: ConversationId,
        message: MessageJson<'a>,
    },
    /// A message was removed: an answer that was stopped before its first text, or a failed
    /// answer that another one replaces.
    #[schema(title = "MessageDeletedEvent")]
    #[serde(rename_all = "camelCase")]
    MessageDeleted {
        sequence: u64,
        /// The id of the conversation.
        chat_id: ConversationId,
        message_id: MessageId,
    },
    /// A conversation begins to wait for a person, or does not wait any more.
    #[schema(title = "WaitingEvent")]
    #[serde(rename_all = "camelCase")]
    Waiting {
        sequence: u64,
        /// The id of the conversation.
        chat_id: ConversationId,
        /// Null if the conversation does not wait any more.
        #[schema(required)]
        waiting_since: Option<Timestamp>,
        #[schema(required)]
        reason: Option<WaitingReason>,
    },
    /// A visitor or an agent begins or stops typing. A message of the author ends typing
    /// too.
    #[schema(title = "TypingEvent")]
    #[serde(rename_all = "camelCase")]
    Typing {
        sequence: u64,
        /// The id of the conversation.
        chat_id: ConversationId,
        is_typing: bool,
        from: TypingAuthorJson,
        /// The agent; null for a visitor, and for the website's server.
        #[schema(required)]
        agent: Option<TypingAgentJson<'a>>,
    },
    /// The agents of the project, after one of them has come, left or changed.
    #[schema(title = "PresenceEvent")]
    Presence {
        sequence: u64,
        agents: Vec<AgentPresenceJson<'a>>,
    },
}

/// Who is typing.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TypingAuthor)]
pub enum TypingAuthorJson {
    Visitor,
    Agent,
}

/// The account of an agent who is typing.
#[derive(Serialize, ToSchema)]
#[schema(as = TypingAgent)]
pub struct TypingAgentJson<'a> {
    pub id: AgentId,
    #[schema(required)]
    pub name: Option<&'a str>,
}

/// An agent, and whether the agent is there.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AgentPresence)]
pub struct AgentPresenceJson<'a> {
    pub id: AgentId,
    pub name: &'a str,
    #[schema(required)]
    pub avatar_url: Option<&'a str>,
    /// Whether the inbox of the agent is open.
    pub is_online: bool,
    /// Whether the agent does not want to count as available.
    pub is_away: bool,
}

impl ProjectEventJson<'_> {
    /// The event as JSON.
    pub fn encode(&self) -> Bytes {
        // Encoding texts and numbers into memory cannot fail.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}
