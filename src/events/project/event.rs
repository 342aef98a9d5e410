//! The events of a project.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use crate::domain::{ConversationId, ConversationSeq, MessageId, MessageSeq, VisitorSeq};
use crate::events::Typing;
use crate::store::{ContentChange, ConversationUpdate, ListChange};

/// An event of a project (`docs/api-contract.md`, section 8.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectEvent {
    ConversationCreated(ConversationSeq),
    ConversationUpdated(ConversationSeq),
    /// The visitor was updated, and so were the conversations of the visitor.
    VisitorUpdated(VisitorSeq),
    ConversationDeleted(ConversationId),
    /// The messages of a conversation after the first of the two, up to the second.
    NewMessages(ConversationSeq, MessageSeq, MessageSeq),
    /// The streaming of an answer has ended.
    MessageDone(ConversationSeq, MessageSeq),
    MessageUpdated(ConversationSeq, MessageSeq),
    MessageDeleted(ConversationId, MessageId),
    /// The conversation begins to wait for an agent, or does not wait any more.
    WaitingChanged(ConversationSeq),
    /// Someone begins or stops typing, and when.
    Typing(Arc<Typing>, Instant),
    /// An agent came or left, or an account was changed.
    PresenceChanged,
    /// Events are missing.
    Resync,
}

/// The number of new messages of one commit that have sequence numbers of their own.
const MAX_NEW_MESSAGES: u64 = 8;

/// The number of conversations of an updated visitor that are reported: those with the
/// newest messages.
pub const MAX_VISITOR_CONVERSATIONS: u64 = 50;

impl ProjectEvent {
    /// How many frames the event has at most. Each has a sequence number of its own.
    pub fn max_frames(&self) -> u64 {
        match self {
            Self::NewMessages(_, after, last) => {
                let count = last.0.saturating_sub(after.0);
                u64::try_from(count).unwrap_or(1).clamp(1, MAX_NEW_MESSAGES)
            }
            Self::VisitorUpdated(_) => MAX_VISITOR_CONVERSATIONS,
            _ => 1,
        }
    }

    /// Calls `each` with the events of a change.
    pub(super) fn for_each_of(change: &ListChange, mut each: impl FnMut(Self)) {
        match change {
            ListChange::Inserted(row) => {
                each(Self::ConversationCreated(row.seq));
                if row.waiting_since.is_some() {
                    each(Self::WaitingChanged(row.seq));
                }
            }
            ListChange::Deleted(row) => each(Self::ConversationDeleted(row.id)),
            ListChange::Updated(update) => Self::for_each_of_update(update, each),
            ListChange::ContentChanged(_, visitor, ContentChange::Visitor) => {
                each(Self::VisitorUpdated(*visitor));
            }
            ListChange::ContentChanged(_, _, ContentChange::MessageUpdated(update)) => {
                let (conversation, message) = (update.conversation, update.seq);
                if update.id != update.old_id {
                    each(Self::MessageDeleted(update.chat, update.old_id));
                    let before = MessageSeq(message.0 - 1);
                    each(Self::NewMessages(conversation, before, message));
                } else if update.has_ended {
                    each(Self::MessageDone(conversation, message));
                } else {
                    each(Self::MessageUpdated(conversation, message));
                }
                each(Self::ConversationUpdated(conversation));
            }
            ListChange::ContentChanged(_, _, ContentChange::MessageDeleted(seq, chat, id)) => {
                each(Self::MessageDeleted(*chat, *id));
                each(Self::ConversationUpdated(*seq));
            }
        }
    }

    fn for_each_of_update(update: &ConversationUpdate, mut each: impl FnMut(Self)) {
        let ConversationUpdate { before, after } = update;
        let first = before.last_message.unwrap_or(MessageSeq(0));
        if let Some(last) = after.last_message
            && last.0 > first.0
        {
            each(Self::NewMessages(after.seq, first, last));
        }
        if before.waiting_since != after.waiting_since {
            each(Self::WaitingChanged(after.seq));
        }
        each(Self::ConversationUpdated(after.seq));
    }
}

/// Removes events that a later one makes superfluous: what they report is read when it is
/// sent, so the last of several equal events suffices. After the last
/// [`ProjectEvent::Resync`], the events before it are superfluous too.
pub fn combine(events: Vec<(u64, ProjectEvent)>) -> Vec<(u64, ProjectEvent)> {
    let mut seen = HashSet::new();
    let mut combined = Vec::with_capacity(events.len());
    for (sequence, event) in events.into_iter().rev() {
        let key = match &event {
            ProjectEvent::ConversationUpdated(conversation) => Some((0, conversation.0)),
            ProjectEvent::WaitingChanged(conversation) => Some((1, conversation.0)),
            ProjectEvent::VisitorUpdated(visitor) => Some((2, visitor.0)),
            ProjectEvent::PresenceChanged => Some((3, 0)),
            _ => None,
        };
        let is_resync = event == ProjectEvent::Resync;
        if key.is_none_or(|key| seen.insert(key)) {
            combined.push((sequence, event));
        }
        if is_resync {
            break;
        }
    }
    combined.reverse();
    combined
}
