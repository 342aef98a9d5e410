//! The events of a conversation.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::domain::{AgentProfile, ConversationId, MessageId, SentMessage};

/// A live event (`docs/api-contract.md`, section 8.3).
#[derive(Debug, Clone)]
pub enum Event {
    /// A visitor or an agent sent a message.
    NewMessage(SentMessage),
    /// The agent of the conversation changed: an agent took the conversation over or
    /// handed it back, or it was closed.
    HumanAssigned,
    /// An agent handed the conversation back to the assistant.
    HandedBack,
    /// The conversation was closed.
    Closed,
    /// An agent begins or stops typing.
    Typing {
        is_typing: bool,
        agent: AgentProfile,
    },
}

/// An event of a conversation, shared by the subscribers.
#[derive(Debug)]
pub struct PublishedEvent {
    pub conversation: ConversationId,
    pub event: Event,
    encoded: OnceLock<Bytes>,
}

impl PublishedEvent {
    /// The id of the message that the event reports.
    pub fn message_id(&self) -> Option<MessageId> {
        match &self.event {
            Event::NewMessage(message) => Some(message.id),
            Event::HumanAssigned | Event::HandedBack | Event::Closed | Event::Typing { .. } => None,
        }
    }

    pub fn new(conversation: ConversationId, event: Event) -> Self {
        Self {
            conversation,
            event,
            encoded: OnceLock::new(),
        }
    }

    /// Returns the event in the form that clients receive. The first call encodes
    /// it; all calls return the same bytes.
    pub fn encoded(&self, encode: fn(&Self) -> Bytes) -> Bytes {
        self.encoded.get_or_init(|| encode(self)).clone()
    }
}
