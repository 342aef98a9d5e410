//! The rows that a load inserts.

use crate::domain::{
    AgentId, ConversationId, ConversationSeq, Feedback, MessageId, MessageSeq, NoteId, Role,
    SavedReplyId, SourceId, Timestamp, VisitorId, VisitorSeq, WaitingReason,
};

/// A visitor to load.
pub struct BulkVisitor<'a> {
    pub seq: VisitorSeq,
    pub id: VisitorId,
    pub sa_vid: &'a str,
    pub external_id: Option<&'a str>,
    pub name: Option<&'a str>,
    pub email: Option<&'a str>,
    pub phone: Option<&'a str>,
    pub is_verified: bool,
    pub created_at: Timestamp,
}

/// A conversation to load. It is closed if `closed_at` is set, and handled by an
/// agent if `agent` is set.
pub struct BulkConversation<'a> {
    pub seq: ConversationSeq,
    pub id: ConversationId,
    pub visitor: VisitorSeq,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_interaction_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub close_reason: Option<&'a str>,
    pub agent: Option<BulkAgent<'a>>,
    pub title: Option<BulkTitle<'a>>,
    pub page_url: Option<&'a str>,
    pub last_message: Option<MessageSeq>,
    /// Since when and why it waits for an agent.
    pub waiting: Option<(Timestamp, WaitingReason)>,
    pub waited_ms: Option<i64>,
    pub read_message: Option<MessageSeq>,
}

/// A title and its sort key, [`crate::domain::title_key`].
#[derive(Clone, Copy)]
pub struct BulkTitle<'a> {
    pub text: &'a str,
    pub key: &'a str,
}

/// The agent of a conversation or message.
#[derive(Clone, Copy)]
pub struct BulkAgent<'a> {
    /// The account, which need not exist.
    pub id: Option<AgentId>,
    pub name: &'a str,
}

/// A message to load. It has failed if `error` is set.
pub struct BulkMessage<'a> {
    pub seq: MessageSeq,
    pub id: MessageId,
    pub conversation: ConversationSeq,
    pub created_at: Timestamp,
    pub role: Role,
    pub text: &'a str,
    pub error: Option<&'a str>,
    pub feedback: Option<(Feedback, Timestamp)>,
    pub agent: Option<BulkAgent<'a>>,
    pub page: Option<BulkPage<'a>>,
}

/// The page on which a message was written.
#[derive(Clone, Copy)]
pub struct BulkPage<'a> {
    pub url: &'a str,
    pub title: &'a str,
    pub selection: Option<&'a str>,
}

/// An answer that found nothing to say, with its question.
pub struct BulkRefusal {
    pub answer: MessageSeq,
    pub question: MessageSeq,
    pub at: Timestamp,
}

/// A note of an agent about a conversation.
pub struct BulkNote<'a> {
    pub id: NoteId,
    pub conversation: ConversationSeq,
    pub author: AgentId,
    pub author_name: &'a str,
    pub text: &'a str,
    pub at: Timestamp,
}

/// A text that agents use again.
pub struct BulkSavedReply<'a> {
    pub id: SavedReplyId,
    pub name: &'a str,
    pub text: &'a str,
    pub at: Timestamp,
}

/// A website that was learned without an error.
pub struct BulkSource<'a> {
    pub id: SourceId,
    pub location: &'a str,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    pub documents: i64,
}
