//! The changes of list content and of agents that a transaction makes.

use crate::domain::{
    AgentSeq, ConversationId, ConversationSeq, MessageId, MessageSeq, ProjectSeq, Sort, SortValue,
    Status, VisitorSeq,
};

/// The columns of a conversation that decide in which lists it is, and where, and those
/// that live events report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedConversation {
    pub seq: ConversationSeq,
    pub project: ProjectSeq,
    pub visitor: VisitorSeq,
    pub id: ConversationId,
    pub status: Status,
    pub created_at: i64,
    pub updated_at: i64,
    pub last_interaction_at: i64,
    pub closed_at: Option<i64>,
    pub is_human_handled: bool,
    pub title_key: Option<Box<str>>,
    pub last_message: Option<MessageSeq>,
    pub waiting_since: Option<i64>,
}

impl ListedConversation {
    /// The value that the conversation is sorted by, or `None` if the column is
    /// null.
    pub fn sort_value(&self, sort: Sort) -> Option<SortValue> {
        Some(match sort {
            Sort::Id => SortValue::Null,
            Sort::Status => SortValue::Text(self.status.as_str().into()),
            Sort::CreatedAt => SortValue::Number(self.created_at),
            Sort::UpdatedAt => SortValue::Number(self.updated_at),
            Sort::LastInteractionAt => SortValue::Number(self.last_interaction_at),
            Sort::ClosedAt => SortValue::Number(self.closed_at?),
            Sort::IsHumanHandled => SortValue::Number(self.is_human_handled.into()),
            Sort::Title => SortValue::Text(self.title_key.clone()?),
        })
    }
}

/// A change of one row that changes the content of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListChange {
    Inserted(Box<ListedConversation>),
    Deleted(Box<ListedConversation>),
    Updated(Box<ConversationUpdate>),
    /// Something in the lists of this project and visitor changed. No conversation moves
    /// in a list.
    ContentChanged(ProjectSeq, VisitorSeq, ContentChange),
}

/// A conversation before and after an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationUpdate {
    pub before: ListedConversation,
    pub after: ListedConversation,
}

/// A change in the content of lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentChange {
    /// The visitor was updated.
    Visitor,
    MessageUpdated(Box<MessageUpdate>),
    MessageDeleted(ConversationSeq, ConversationId, MessageId),
}

/// A message that was updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageUpdate {
    pub conversation: ConversationSeq,
    pub chat: ConversationId,
    pub seq: MessageSeq,
    pub old_id: MessageId,
    /// Another id than before if an answer has replaced a failed one.
    pub id: MessageId,
    /// Whether the message is an answer whose streaming has ended.
    pub has_ended: bool,
}

/// An account of an agent that was inserted, updated or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentChange {
    pub project: ProjectSeq,
    pub agent: AgentSeq,
    /// `None` if the account was deleted.
    pub is_away: Option<bool>,
}

/// The changes of a transaction, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub lists: Vec<ListChange>,
    pub agents: Vec<AgentChange>,
}

impl ListChange {
    /// The project and the visitor whose lists the change affects.
    pub fn owners(&self) -> (ProjectSeq, VisitorSeq) {
        match self {
            Self::ContentChanged(project, visitor, _) => (*project, *visitor),
            Self::Inserted(row) | Self::Deleted(row) => (row.project, row.visitor),
            Self::Updated(update) => (update.after.project, update.after.visitor),
        }
    }

    /// The conversation before and after the change. `None` where the
    /// conversation does not exist, and twice for a change of a message or visitor.
    pub fn before_and_after(&self) -> (Option<&ListedConversation>, Option<&ListedConversation>) {
        match self {
            Self::ContentChanged(..) => (None, None),
            Self::Inserted(row) => (None, Some(row)),
            Self::Deleted(row) => (Some(row), None),
            Self::Updated(update) => (Some(&update.before), Some(&update.after)),
        }
    }
}
