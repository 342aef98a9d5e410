//! Loads a project's visitors, conversations and messages into a new database, fast.

mod counts;
mod postgres;
mod rows;
mod sqlite;
mod table;

use std::collections::HashMap;

use super::batch::Batch;
use super::error::StoreError;
use super::sql::{ColumnValue, Sql};
use super::{OpenError, StoreLocation};
use crate::domain::{MessageStatus, ProjectSeq, SourceKind, Status, VisitorSeq};

pub use rows::{
    BulkAgent, BulkConversation, BulkMessage, BulkNote, BulkPage, BulkRefusal, BulkSavedReply,
    BulkSource, BulkTitle, BulkVisitor,
};

use counts::ConversationCounts;
use table::Table;

/// Why a load failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is stored besides the rows.
pub struct BulkLoad {
    pub project: ProjectSeq,
    /// Stored before the rows, such as the project.
    pub first: Batch,
    /// Stored after the rows.
    pub last: Batch,
}

/// Loads into the project what `insert_rows` inserts. The database must have the current
/// tables, and the project must have nothing but its own row, which `load.first` may store.
/// On PostgreSQL the load is one transaction, and other writers wait for its end. A load
/// into a file that fails leaves a broken file: the caller deletes the file.
///
/// `index_progress` is called with the number of indexes and triggers created so
/// far and the number of all.
///
/// # Errors
/// The error of `insert_rows`, or that of the database.
pub fn bulk_load(
    location: &StoreLocation,
    load: BulkLoad,
    insert_rows: impl FnOnce(&mut BulkInserter<'_>) -> Result<(), StoreError>,
    index_progress: impl Fn(u64, u64),
) -> Result<(), LoadError> {
    match location {
        StoreLocation::File(path) => sqlite::load(path, load, insert_rows, index_progress),
        StoreLocation::Postgres(address) => {
            postgres::load(address, load, insert_rows, index_progress)
        }
    }
}

/// Where the rows go.
trait RowTarget {
    fn insert(&mut self, table: Table, row: &[ColumnValue<'_>]) -> Result<(), StoreError>;

    /// Runs a statement after all rows are inserted.
    fn run(&mut self, sql: Sql) -> Result<(), StoreError>;
}

/// Inserts rows in the transaction of a load.
pub struct BulkInserter<'c> {
    target: &'c mut dyn RowTarget,
    project: ProjectSeq,
    /// Conversations of the visitors that are not inserted yet.
    counts: HashMap<VisitorSeq, ConversationCounts>,
    /// Conversations of the visitors that are inserted.
    total: ConversationCounts,
    waiting: i64,
}

impl<'c> BulkInserter<'c> {
    fn new(target: &'c mut dyn RowTarget, project: ProjectSeq) -> Self {
        Self {
            target,
            project,
            counts: HashMap::new(),
            total: ConversationCounts::default(),
            waiting: 0,
        }
    }

    /// Inserts a visitor, after all of the visitor's conversations: the row holds
    /// the counts that the triggers would set.
    pub fn insert_visitor(&mut self, visitor: &BulkVisitor<'_>) -> Result<(), StoreError> {
        let counts = self.counts.remove(&visitor.seq).unwrap_or_default();
        self.total += counts;
        let row = [
            visitor.seq.0.into(),
            (&visitor.id.0).into(),
            self.project.0.into(),
            visitor.sa_vid.into(),
            visitor.external_id.into(),
            visitor.name.into(),
            visitor.email.into(),
            visitor.phone.into(),
            visitor.is_verified.into(),
            visitor.created_at.0.into(),
            counts.open.into(),
            counts.closed.into(),
            counts.open_human_handled.into(),
            counts.closed_human_handled.into(),
        ];
        self.target.insert(Table::Visitor, &row)
    }

    /// Inserts a conversation without its messages.
    pub fn insert_conversation(
        &mut self,
        conversation: &BulkConversation<'_>,
    ) -> Result<(), StoreError> {
        let counts = self.counts.entry(conversation.visitor).or_default();
        let status = if conversation.closed_at.is_some() {
            Status::Closed
        } else {
            Status::Open
        };
        let agent = conversation.agent.as_ref();
        counts.add(status, agent.is_some());
        self.waiting += i64::from(conversation.waiting.is_some());
        let row = [
            conversation.seq.0.into(),
            (&conversation.id.0).into(),
            self.project.0.into(),
            conversation.visitor.0.into(),
            status.as_str().into(),
            conversation.created_at.0.into(),
            conversation.updated_at.0.into(),
            conversation.last_interaction_at.0.into(),
            conversation.closed_at.map(|at| at.0).into(),
            conversation.close_reason.into(),
            agent.is_some().into(),
            agent.is_some().into(),
            agent.map(|agent| agent.name).into(),
            agent
                .and_then(|agent| agent.id.as_ref())
                .map(|id| &id.0)
                .into(),
            conversation.title.map(|title| title.text).into(),
            conversation.title.map(|title| title.key).into(),
            conversation.page_url.into(),
            conversation.last_message.map(|seq| seq.0).into(),
            conversation.waiting.map(|(since, _)| since.0).into(),
            conversation
                .waiting
                .map(|(_, reason)| reason.as_str())
                .into(),
            conversation.waited_ms.into(),
            conversation.read_message.map(|seq| seq.0).into(),
        ];
        self.target.insert(Table::Conversation, &row)
    }

    /// Inserts a message.
    pub fn insert_message(&mut self, message: &BulkMessage<'_>) -> Result<(), StoreError> {
        let status = if message.error.is_some() {
            MessageStatus::Error
        } else {
            MessageStatus::Complete
        };
        let row = [
            message.seq.0.into(),
            (&message.id.0).into(),
            message.conversation.0.into(),
            message.created_at.0.into(),
            message.role.as_str().into(),
            status.as_str().into(),
            message.text.into(),
            message.error.into(),
            message
                .feedback
                .map(|(feedback, _)| feedback.as_str())
                .into(),
            message.feedback.map(|(_, at)| at.0).into(),
            message.agent.is_some().into(),
            message.agent.map(|agent| agent.name).into(),
            message.page.map(|page| page.url).into(),
            message.page.map(|page| page.title).into(),
            message.page.and_then(|page| page.selection).into(),
        ];
        self.target.insert(Table::Message, &row)
    }

    /// Inserts the refusal of an answer.
    pub fn insert_refusal(&mut self, refusal: &BulkRefusal) -> Result<(), StoreError> {
        let row = [
            refusal.answer.0.into(),
            refusal.question.0.into(),
            self.project.0.into(),
            refusal.at.0.into(),
        ];
        self.target.insert(Table::Refusal, &row)
    }

    /// Inserts a note.
    pub fn insert_note(&mut self, note: &BulkNote<'_>) -> Result<(), StoreError> {
        let row = [
            (&note.id.0).into(),
            note.conversation.0.into(),
            (&note.author.0).into(),
            note.author_name.into(),
            note.text.into(),
            note.at.0.into(),
        ];
        self.target.insert(Table::Note, &row)
    }

    /// Inserts a saved reply.
    pub fn insert_saved_reply(&mut self, reply: &BulkSavedReply<'_>) -> Result<(), StoreError> {
        let row = [
            (&reply.id.0).into(),
            self.project.0.into(),
            reply.name.into(),
            reply.text.into(),
            reply.at.0.into(),
            reply.at.0.into(),
        ];
        self.target.insert(Table::SavedReply, &row)
    }

    /// Inserts a source.
    pub fn insert_source(&mut self, source: &BulkSource<'_>) -> Result<(), StoreError> {
        let row = [
            (&source.id.0).into(),
            self.project.0.into(),
            source.location.into(),
            SourceKind::Website.as_str().into(),
            source.started_at.0.into(),
            source.finished_at.0.into(),
            source.documents.into(),
        ];
        self.target.insert(Table::Source, &row)
    }

    /// Stores the project's counts of conversations.
    fn finish(self) -> Result<(), StoreError> {
        if let Some(VisitorSeq(seq)) = self.counts.into_keys().next() {
            return Err(StoreError::Internal(format!(
                "visitor {seq} was not inserted after the visitor's conversations"
            )));
        }
        self.target.run(Sql::new(
            sql!(
                "UPDATE project SET open_conversations = ?2, closed_conversations = ?3, \
                                    open_human_handled = ?4, closed_human_handled = ?5, \
                                    waiting_conversations = ?6 \
                  WHERE seq = ?1"
            ),
            [
                self.project.into(),
                self.total.open.into(),
                self.total.closed.into(),
                self.total.open_human_handled.into(),
                self.total.closed_human_handled.into(),
                self.waiting.into(),
            ],
        ))
    }
}
