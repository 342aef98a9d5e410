//! The events of a conversation.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::domain::{ConversationId, SentMessage};

/// A live event (`docs/api-contract.md`, section 8.3).
#[derive(Debug, Clone)]
pub enum Event {
    /// A visitor or an agent sent a message.
    NewMessage(SentMessage),
    /// An agent took the conversation over.
    HumanAssigned,
}

/// An event of a conversation, shared by the subscribers.
#[derive(Debug)]
pub struct PublishedEvent {
    pub conversation: ConversationId,
    pub event: Event,
    encoded: OnceLock<Bytes>,
}

impl PublishedEvent {
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
