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
    ConversationId, ConversationSeq, Feedback, MessageId, MessageSeq, MessageStatus, ProjectSeq,
    Role, Status, Timestamp, VisitorId, VisitorSeq,
};

/// A visitor to load.
pub struct BulkVisitor<'a> {
    pub seq: VisitorSeq,
    pub id: VisitorId,
    pub sa_vid: &'a str,
    pub external_id: Option<&'a str>,
    pub name: Option<&'a str>,
    pub avatar_url: Option<&'a str>,
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
    pub name: &'a str,
    pub image: Option<&'a str>,
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
    project: ProjectSeq,
    visitors: Statement<'c>,
    conversations: Statement<'c>,
    messages: Statement<'c>,
    /// Conversations of the visitors that are not inserted yet.
    counts: HashMap<VisitorSeq, ConversationCounts>,
    /// Conversations of the visitors that are inserted.
    total: ConversationCounts,
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
    INSERT INTO visitor (seq, id, project_seq, sa_vid, external_id, name, avatar_url, created_at, \
        open_conversations, closed_conversations, open_human_handled, closed_human_handled) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

const INSERT_CONVERSATION: &str = "\
    INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, updated_at, \
        last_interaction_at, closed_at, close_reason, is_human_handled, has_agent, agent_name, \
        agent_image, title, title_key, page_url, last_message_seq) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

const INSERT_MESSAGE: &str = "\
    INSERT INTO message (seq, id, conversation_seq, created_at, role, status, text, error, \
        feedback, feedback_at, has_agent, agent_name, agent_image, page_url, page_title, \
        text_selection) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";

impl<'c> BulkInserter<'c> {
    fn new(connection: &'c Connection, project: ProjectSeq) -> Result<Self, StoreError> {
        Ok(Self {
            project,
            visitors: connection.prepare(INSERT_VISITOR)?,
            conversations: connection.prepare(INSERT_CONVERSATION)?,
            messages: connection.prepare(INSERT_MESSAGE)?,
            counts: HashMap::new(),
            total: ConversationCounts::default(),
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
            visitor.avatar_url,
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
            conversation.agent.and_then(|agent| agent.image),
            conversation.title.map(|title| title.text),
            conversation.title.map(|title| title.key),
            conversation.page_url,
            conversation.last_message.map(|seq| seq.0),
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
            message.agent.and_then(|agent| agent.image),
            message.page.map(|page| page.url),
            message.page.map(|page| page.title),
            message.page.and_then(|page| page.selection),
        ])?;
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
                                open_human_handled = ?4, closed_human_handled = ?5 \
              WHERE seq = ?1",
            params![
                self.project.0,
                self.total.open,
                self.total.closed,
                self.total.open_human_handled,
                self.total.closed_human_handled,
            ],
        )?;
        Ok(())
    }
}
