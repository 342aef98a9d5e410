//! Loads a project's visitors, conversations and messages into a new file, fast.
//!
//! The load runs without a journal and without the indexes and triggers of these
//! tables. At the end it creates them again from the SQL that the file holds, so
//! `schema.sql` stays the only description. No other connection may use the
//! file. A load that fails leaves a broken file: the caller deletes the file.

use std::collections::HashMap;
use std::ops::AddAssign;
use std::path::Path;

use rusqlite::{Connection, Statement, params};

use super::error::StoreError;
use crate::domain::{
    AgentId, ConversationId, ConversationSeq, Feedback, MessageId, MessageSeq, MessageStatus,
    NoteId, ProjectSeq, Role, SavedReplyId, SourceId, SourceKind, Status, Timestamp, VisitorId,
    VisitorSeq, WaitingReason,
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

/// Loads into the project what `insert_rows` inserts. The file must have the
/// current tables and the project's row, and nothing else of the project.
///
/// `index_progress` is called with the number of indexes and triggers created so
/// far and the number of all.
///
/// # Errors
/// The error of `insert_rows`, or that of SQLite.
pub fn bulk_load(
    path: &Path,
    project: ProjectSeq,
    insert_rows: impl FnOnce(&mut BulkInserter<'_>) -> Result<(), StoreError>,
    index_progress: impl Fn(u64, u64),
) -> Result<(), StoreError> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA foreign_keys = OFF;
         PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         PRAGMA cache_size = -262144;
         PRAGMA temp_store = MEMORY;
         PRAGMA threads = 2;",
    )?;
    let dropped = DroppedObjects::drop_from(&connection)?;
    let transaction = connection.transaction()?;
    let mut inserter = BulkInserter::new(&transaction, project)?;
    insert_rows(&mut inserter)?;
    inserter.finish(&transaction)?;
    transaction.commit()?;
    dropped.create_in(&connection, index_progress)
}

/// Indexes and triggers whose maintenance row by row would be slow.
struct DroppedObjects {
    sql: Vec<String>,
}

impl DroppedObjects {
    fn drop_from(connection: &Connection) -> Result<Self, StoreError> {
        let mut statement = connection.prepare(
            "SELECT sql, 'DROP ' || type || ' \"' || name || '\"' FROM sqlite_schema \
              WHERE type IN ('index', 'trigger') AND sql IS NOT NULL \
                AND tbl_name IN ('conversation', 'message', 'visitor') \
              ORDER BY rowid",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
        let mut sql = Vec::with_capacity(rows.len());
        for (create, drop) in rows {
            connection.execute_batch(&drop)?;
            sql.push(create);
        }
        Ok(Self { sql })
    }

    fn create_in(
        self,
        connection: &Connection,
        progress: impl Fn(u64, u64),
    ) -> Result<(), StoreError> {
        let total = self.sql.len() as u64;
        for (done, sql) in (0..).zip(&self.sql) {
            progress(done, total);
            connection.execute_batch(sql)?;
        }
        progress(total, total);
        Ok(())
    }
}

/// Inserts rows in the transaction of a load.
pub struct BulkInserter<'c> {
    connection: &'c Connection,
    project: ProjectSeq,
    visitors: Statement<'c>,
    conversations: Statement<'c>,
    messages: Statement<'c>,
    /// Conversations of the visitors that are not inserted yet.
    counts: HashMap<VisitorSeq, ConversationCounts>,
    /// Conversations of the visitors that are inserted.
    total: ConversationCounts,
    waiting: i64,
}

#[derive(Clone, Copy, Default)]
struct ConversationCounts {
    open: i64,
    closed: i64,
    open_human_handled: i64,
    closed_human_handled: i64,
}

impl ConversationCounts {
    fn add(&mut self, status: Status, is_human_handled: bool) {
        let (all, human_handled) = match status {
            Status::Open => (&mut self.open, &mut self.open_human_handled),
            Status::Closed => (&mut self.closed, &mut self.closed_human_handled),
        };
        *all += 1;
        *human_handled += i64::from(is_human_handled);
    }
}

impl AddAssign for ConversationCounts {
    fn add_assign(&mut self, other: Self) {
        self.open += other.open;
        self.closed += other.closed;
        self.open_human_handled += other.open_human_handled;
        self.closed_human_handled += other.closed_human_handled;
    }
}

const INSERT_VISITOR: &str = "\
    INSERT INTO visitor (seq, id, project_seq, sa_vid, external_id, name, email, phone, \
        is_verified, created_at, open_conversations, closed_conversations, open_human_handled, \
        closed_human_handled) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

const INSERT_CONVERSATION: &str = "\
    INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, updated_at, \
        last_interaction_at, closed_at, close_reason, is_human_handled, has_agent, agent_name, \
        agent_id, title, title_key, page_url, last_message_seq, waiting_since, waiting_reason, \
        waited_ms, read_message_seq) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
        ?18, ?19, ?20, ?21)";

const INSERT_MESSAGE: &str = "\
    INSERT INTO message (seq, id, conversation_seq, created_at, role, status, text, error, \
        feedback, feedback_at, has_agent, agent_name, page_url, page_title, text_selection) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const INSERT_REFUSAL: &str = "\
    INSERT INTO answer_refusal (message_seq, question_seq, project_seq, created_at) \
    VALUES (?1, ?2, ?3, ?4)";

const INSERT_NOTE: &str = "\
    INSERT INTO note (id, conversation_seq, agent_id, agent_name, text, created_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const INSERT_SAVED_REPLY: &str = "\
    INSERT INTO saved_reply (id, project_seq, name, text, created_at, updated_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?5)";

const INSERT_SOURCE: &str = "\
    INSERT INTO source (id, project_seq, location, kind, started_at, finished_at, documents) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

impl<'c> BulkInserter<'c> {
    fn new(connection: &'c Connection, project: ProjectSeq) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            project,
            visitors: connection.prepare(INSERT_VISITOR)?,
            conversations: connection.prepare(INSERT_CONVERSATION)?,
            messages: connection.prepare(INSERT_MESSAGE)?,
            counts: HashMap::new(),
            total: ConversationCounts::default(),
            waiting: 0,
        })
    }

    /// Inserts a visitor, after all of the visitor's conversations: the row holds
    /// the counts that the triggers would set.
    pub fn insert_visitor(&mut self, visitor: &BulkVisitor<'_>) -> Result<(), StoreError> {
        let counts = self.counts.remove(&visitor.seq).unwrap_or_default();
        self.total += counts;
        self.visitors.execute(params![
            visitor.seq.0,
            visitor.id.0,
            self.project.0,
            visitor.sa_vid,
            visitor.external_id,
            visitor.name,
            visitor.email,
            visitor.phone,
            visitor.is_verified,
            visitor.created_at.0,
            counts.open,
            counts.closed,
            counts.open_human_handled,
            counts.closed_human_handled,
        ])?;
        Ok(())
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
        counts.add(status, conversation.agent.is_some());
        self.waiting += i64::from(conversation.waiting.is_some());
        self.conversations.execute(params![
            conversation.seq.0,
            conversation.id.0,
            self.project.0,
            conversation.visitor.0,
            status.as_str(),
            conversation.created_at.0,
            conversation.updated_at.0,
            conversation.last_interaction_at.0,
            conversation.closed_at.map(|at| at.0),
            conversation.close_reason,
            conversation.agent.is_some(),
            conversation.agent.map(|agent| agent.name),
            conversation.agent.and_then(|agent| agent.id).map(|id| id.0),
            conversation.title.map(|title| title.text),
            conversation.title.map(|title| title.key),
            conversation.page_url,
            conversation.last_message.map(|seq| seq.0),
            conversation.waiting.map(|(since, _)| since.0),
            conversation.waiting.map(|(_, reason)| reason.as_str()),
            conversation.waited_ms,
            conversation.read_message.map(|seq| seq.0),
        ])?;
        Ok(())
    }

    /// Inserts a message.
    pub fn insert_message(&mut self, message: &BulkMessage<'_>) -> Result<(), StoreError> {
        let status = if message.error.is_some() {
            MessageStatus::Error
        } else {
            MessageStatus::Complete
        };
        self.messages.execute(params![
            message.seq.0,
            message.id.0,
            message.conversation.0,
            message.created_at.0,
            message.role.as_str(),
            status.as_str(),
            message.text,
            message.error,
            message.feedback.map(|(feedback, _)| feedback.as_str()),
            message.feedback.map(|(_, at)| at.0),
            message.agent.is_some(),
            message.agent.map(|agent| agent.name),
            message.page.map(|page| page.url),
            message.page.map(|page| page.title),
            message.page.and_then(|page| page.selection),
        ])?;
        Ok(())
    }

    /// Inserts the refusal of an answer.
    pub fn insert_refusal(&mut self, refusal: &BulkRefusal) -> Result<(), StoreError> {
        let BulkRefusal {
            answer,
            question,
            at,
        } = refusal;
        self.connection.execute(
            INSERT_REFUSAL,
            params![answer.0, question.0, self.project.0, at.0],
        )?;
        Ok(())
    }

    /// Inserts a note.
    pub fn insert_note(&mut self, note: &BulkNote<'_>) -> Result<(), StoreError> {
        let row = params![
            note.id.0,
            note.conversation.0,
            note.author.0,
            note.author_name,
            note.text,
            note.at.0,
        ];
        self.connection.execute(INSERT_NOTE, row)?;
        Ok(())
    }

    /// Inserts a saved reply.
    pub fn insert_saved_reply(&mut self, reply: &BulkSavedReply<'_>) -> Result<(), StoreError> {
        let row = params![
            reply.id.0,
            self.project.0,
            reply.name,
            reply.text,
            reply.at.0
        ];
        self.connection.execute(INSERT_SAVED_REPLY, row)?;
        Ok(())
    }

    /// Inserts a source.
    pub fn insert_source(&mut self, source: &BulkSource<'_>) -> Result<(), StoreError> {
        let row = params![
            source.id.0,
            self.project.0,
            source.location,
            SourceKind::Website.as_str(),
            source.started_at.0,
            source.finished_at.0,
            source.documents,
        ];
        self.connection.execute(INSERT_SOURCE, row)?;
        Ok(())
    }

    /// Stores the project's counts of conversations.
    fn finish(self, connection: &Connection) -> Result<(), StoreError> {
        if let Some(VisitorSeq(seq)) = self.counts.into_keys().next() {
            return Err(StoreError::Internal(format!(
                "visitor {seq} was not inserted after the visitor's conversations"
            )));
        }
        connection.execute(
            "UPDATE project SET open_conversations = ?2, closed_conversations = ?3, \
                                open_human_handled = ?4, closed_human_handled = ?5, \
                                waiting_conversations = ?6 \
              WHERE seq = ?1",
            params![
                self.project.0,
                self.total.open,
                self.total.closed,
                self.total.open_human_handled,
                self.total.closed_human_handled,
                self.waiting,
            ],
        )?;
        Ok(())
    }
}
