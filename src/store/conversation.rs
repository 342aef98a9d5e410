//! Conversations: list, read, start, close.

use rusqlite::Row;

use super::error::StoreError;
use super::list_composer::{self, Seek};
use super::message;
use super::snapshot::Snapshot;
use super::statement::{Batch, Statement, bind, named, uuid, value};
use super::visitor::{KnownBy, NewVisitor};
use crate::domain::{
    CloseReason, Conversation, ConversationId, ConversationListItem, ConversationSeq, ListQuery,
    ProjectSeq, Scope, SortKey, Status, Timestamp, VisitorSeq,
};

/// Which conversation a request is about, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    pub seq: ConversationSeq,
    pub visitor: VisitorSeq,
}

/// How many conversations there are; one kept row tells, however many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    open: u64,
    closed: u64,
    /// Of a project: grows with every change of its conversations.
    pub(super) version: i64,
}

impl Totals {
    /// How many have this status, or any.
    pub fn matching(&self, status: Option<Status>) -> u64 {
        match status {
            None => self.open + self.closed,
            Some(Status::Open) => self.open,
            Some(Status::Closed) => self.closed,
        }
    }
}

pub fn totals(snapshot: &Snapshot, scope: Scope) -> Result<Totals, StoreError> {
    let (sql, owner) = match scope {
        Scope::Project(ProjectSeq(seq)) => (
            "SELECT open_conversations, closed_conversations, list_version FROM project WHERE seq = ?",
            seq,
        ),
        Scope::Visitor(VisitorSeq(seq)) => (
            "SELECT open_conversations, closed_conversations, list_version FROM visitor WHERE seq = ?",
            seq,
        ),
    };
    let totals = snapshot.prepare(sql)?.query_row([owner], |row| {
        Ok(Totals {
            open: row.get::<_, i64>(0)?.unsigned_abs(),
            closed: row.get::<_, i64>(1)?.unsigned_abs(),
            version: row.get(2)?,
        })
    });
    Ok(totals?)
}

/// Hands the conversations of a page, in order, to `each`. `totals` are those
/// of the same snapshot. Gives the place of the last one where more come after
/// it.
pub fn page<E: From<StoreError>>(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    totals: &Totals,
    mut each: impl FnMut(&ConversationListItem) -> Result<(), E>,
) -> Result<Option<SortKey>, E> {
    let mut rows = snapshot.prepare(ROW)?;
    let (seqs, last) = rows_of(snapshot, scope, query, totals)?;
    for seq in seqs {
        bind(&mut rows, 1, seq).map_err(StoreError::from)?;
        let mut cursor = rows.raw_query();
        let row = cursor.next().map_err(StoreError::from)?;
        let row = row.ok_or_else(|| StoreError::Internal(format!("conversation {seq} is gone")))?;
        each(&list_item(row).map_err(StoreError::from)?)?;
    }
    Ok(last)
}

/// The row numbers of a page in order, and what [`page`] gives.
fn rows_of(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    totals: &Totals,
) -> Result<(Vec<i64>, Option<SortKey>), StoreError> {
    let (limit, offset) = (query.limit.get() as usize, query.offset.get());
    let total = totals.matching(query.status);
    let seek = seek(snapshot, scope, query, totals)?;
    let Some(page) = list_composer::compose(scope, query, total, seek.as_ref()) else {
        return Ok((Vec::new(), None));
    };
    let mut statement = page.statement.prepare(snapshot.connection)?;
    let mut cursor = statement.raw_query();
    let mut rows = Vec::with_capacity(limit + 1);
    let mut last = None;
    let comes_last = if page.is_reversed { 0 } else { limit - 1 };
    while let Some(row) = cursor.next()? {
        if rows.len() == comes_last {
            last = Some(list_composer::sort_key(row, query.sort)?);
        }
        rows.push(row.get(0)?);
    }
    let more = match query.after {
        Some(_) => rows.len() > limit,
        None => offset + (rows.len() as u64) < total,
    };
    rows.truncate(limit);
    if page.is_reversed {
        rows.reverse();
    }
    Ok((rows, last.filter(|_| more)))
}

/// Where the page begins, unless it is best counted from an end of the order.
fn seek(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    totals: &Totals,
) -> Result<Option<Seek>, StoreError> {
    match (&query.after, scope) {
        (Some(place), _) => Ok(Some(Seek {
            key: place.clone(),
            inclusive: false,
            skip: query.offset.get(),
        })),
        (None, Scope::Project(project)) => {
            let connection = snapshot.connection;
            snapshot
                .offset_index
                .seek(connection, project, query, totals)
        }
        (None, Scope::Visitor(_)) => Ok(None),
    }
}

/// Finds a conversation of a project by its id.
pub fn locate(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: ConversationId,
) -> Result<Option<Located>, StoreError> {
    let mut found = snapshot
        .prepare("SELECT seq, visitor_seq FROM conversation WHERE project_seq = ? AND id = ?")?;
    let mut rows = found.query((project.0, id.0))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(Located {
        seq: ConversationSeq(row.get(0)?),
        visitor: VisitorSeq(row.get(1)?),
    }))
}

/// Hands one conversation to `with`.
pub fn read<T>(
    snapshot: &Snapshot,
    seq: ConversationSeq,
    with: impl FnOnce(&Conversation) -> T,
) -> Result<T, StoreError> {
    let mut statement = snapshot.prepare(ROW)?;
    let found = statement.query_row([seq.0], |row| Ok(with(&conversation(row)?)))?;
    Ok(found)
}

/// A conversation with its newest message: the first thirteen columns are the
/// conversation's, the rest [`message::from_row`]'s.
const ROW: &str = "\
    SELECT c.id, c.created_at, c.updated_at, c.status, c.closed_at, c.close_reason, \
           c.last_interaction_at, c.is_human_handled, c.has_agent, c.agent_name, \
           c.agent_image, c.title, c.last_message_seq, \
           m.id, m.created_at, m.role, m.status, m.text, m.parts, m.error, m.feedback, \
           m.feedback_at, m.metadata, m.has_agent, m.agent_name, m.agent_image, \
           m.page_url, m.page_title, m.text_selection \
      FROM conversation AS c LEFT JOIN message AS m ON m.seq = c.last_message_seq \
     WHERE c.seq = ?";

/// Where the message's columns begin in [`ROW`].
const MESSAGE: usize = 13;

fn list_item<'r>(row: &'r Row<'_>) -> rusqlite::Result<ConversationListItem<'r>> {
    let conversation = conversation(row)?;
    let has_message = row.get_ref(MESSAGE)? != rusqlite::types::ValueRef::Null;
    let last_message = has_message.then(|| message::from_row(row, MESSAGE, conversation.id));
    Ok(ConversationListItem {
        last_message: last_message.transpose()?,
        conversation,
    })
}

fn conversation<'r>(row: &'r Row<'_>) -> rusqlite::Result<Conversation<'r>> {
    Ok(Conversation {
        id: ConversationId(row.get(0)?),
        created_at: Timestamp(row.get(1)?),
        updated_at: Timestamp(row.get(2)?),
        status: named(row, 3, &Status::NAMES)?,
        closed_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
        close_reason: row.get_ref(5)?.as_str_or_null()?,
        last_interaction_at: Timestamp(row.get(6)?),
        is_human_handled: row.get(7)?,
        human_agent: message::agent(row, 8)?,
        title: row.get_ref(11)?.as_str_or_null()?,
    })
}

/// A conversation to be stored: open, without messages.
#[derive(Debug, Clone)]
pub struct NewConversation {
    pub id: ConversationId,
    pub project: ProjectSeq,
    pub page_url: Option<String>,
    pub at: Timestamp,
}

impl NewConversation {
    /// The write that starts it for a visitor who is here.
    pub fn start(&self, visitor: VisitorSeq) -> Batch {
        Batch::of([Statement::new(
            "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, \
                                       updated_at, last_interaction_at, page_url) \
             VALUES (?1, ?2, ?3, 'open', ?4, ?4, ?4, ?5)",
            [
                uuid(self.id.0),
                value(self.project.0),
                value(visitor.0),
                value(self.at.0),
                value(self.page_url.clone()),
            ],
        )])
    }

    /// The write that brings it in from outside, with its visitor where that
    /// one is new. Fails with [`super::Taken::ConversationId`].
    pub fn import(&self, visitor: &NewVisitor) -> Batch {
        let (insert, name) = match &visitor.known_by {
            KnownBy::Device(id) => (IMPORT_BY_DEVICE, id.as_str().to_owned()),
            KnownBy::ExternalId(id) => (IMPORT_BY_EXTERNAL_ID, id.as_str().to_owned()),
        };
        Batch::of([
            visitor.insert(),
            Statement::new(
                insert,
                [
                    uuid(self.id.0),
                    value(self.project.0),
                    value(name),
                    value(self.at.0),
                    value(self.page_url.clone()),
                ],
            ),
        ])
    }
}

const IMPORT_BY_DEVICE: &str = "\
    INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, updated_at, \
                              last_interaction_at, page_url) \
    SELECT ?1, ?2, seq, 'open', ?4, ?4, ?4, ?5 FROM visitor WHERE project_seq = ?2 AND sa_vid = ?3";

const IMPORT_BY_EXTERNAL_ID: &str = "\
    INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, updated_at, \
                              last_interaction_at, page_url) \
    SELECT ?1, ?2, seq, 'open', ?4, ?4, ?4, ?5 FROM visitor WHERE project_seq = ?2 AND external_id = ?3";

/// The write that closes a conversation. A closed one stays as it is, and no
/// row is changed.
pub fn close(seq: ConversationSeq, reason: Option<CloseReason>, at: Timestamp) -> Batch {
    Batch::of([Statement::new(
        "UPDATE conversation SET status = 'closed', closed_at = ?2, updated_at = ?2, \
                                 close_reason = ?3 \
          WHERE seq = ?1 AND status = 'open'",
        [
            value(seq.0),
            value(at.0),
            value(reason.map(CloseReason::into_inner)),
        ],
    )])
}
