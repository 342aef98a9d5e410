//! Live events: what happens in a conversation, told to whoever listens.

use crate::domain::{ConversationId, ProjectSeq};

/// Something that happened (section 6 of the contract).
#[derive(Debug, Clone)]
pub enum Event {
    /// A visitor or a person of the house wrote: the message as JSON.
    NewMessage(Vec<u8>),
    /// A person of the house took the conversation over.
    HumanAssigned,
}

/// Who listens to what.
#[derive(Debug, Default)]
pub struct Hub {}

impl Hub {
    /// Tells everyone who listens to the conversation. Called after the commit.
    pub fn publish(&self, _project: ProjectSeq, _conversation: ConversationId, _event: &Event) {}
}
