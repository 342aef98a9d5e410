//! Messages: read, and what visitors think of them.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, Rows, types::FromSqlError};
use serde_json::value::RawValue;

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::statement::{Batch, Statement, named, uuid, value};
use crate::domain::{
    ConversationId, ConversationSeq, Feedback, HumanAgent, Message, MessageId, MessageParts,
    MessageStatus, ProjectSeq, Role, Timestamp, VisitorSeq,
};

/// The most messages that a conversation shows at once: its newest (section 0, D19).
const MOST: u32 = 1000;

/// Selects the columns that [`from_row`] reads, of the messages that are so.
macro_rules! messages {
    ($so:literal) => {
        concat!(
            "SELECT id, created_at, role, status, text, parts, error, feedback, feedback_at, \
                    metadata, has_agent, agent_name, agent_image, page_url, page_title, \
                    text_selection \
               FROM message WHERE ",
            $so
        )
    };
}

/// Hands the messages of a conversation to `each`, oldest first.
pub fn of_conversation<E: From<StoreError>>(
    snapshot: &Snapshot,
    seq: ConversationSeq,
    chat: ConversationId,
    each: impl FnMut(&Message) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = snapshot.prepare(messages!(
        "seq IN (SELECT seq FROM message WHERE conversation_seq = ? ORDER BY seq DESC LIMIT ?) \
         ORDER BY seq"
    ))?;
    let rows = statement.query((seq.0, MOST)).map_err(StoreError::from)?;
    hand_over(rows, chat, each)
}

/// Hands the messages of rows that [`messages!`] gave to `each`.
fn hand_over<E: From<StoreError>>(
    mut rows: Rows<'_>,
    chat: ConversationId,
    mut each: impl FnMut(&Message) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(row) = rows.next().map_err(StoreError::from)? {
        each(&from_row(row, 0, chat).map_err(StoreError::from)?)?;
    }
    Ok(())
}

/// Which messages of a conversation are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub limit: u32,
    pub offset: u64,
    pub role: Option<Role>,
    pub status: Option<MessageStatus>,
}

/// Hands the wanted messages of a conversation to `each`, oldest first.
pub fn wanted<E: From<StoreError>>(
    snapshot: &Snapshot,
    seq: ConversationSeq,
    chat: ConversationId,
    wanted: Wanted,
    each: impl FnMut(&Message) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = snapshot.prepare(messages!(
        "conversation_seq = ?1 AND role = coalesce(?2, role) AND status = coalesce(?3, status) \
         ORDER BY seq LIMIT ?4 OFFSET ?5"
    ))?;
    let values = (
        seq.0,
        wanted.role.map(Role::as_str),
        wanted.status.map(MessageStatus::as_str),
        wanted.limit,
        i64::try_from(wanted.offset).unwrap_or(i64::MAX),
    );
    let rows = statement.query(values).map_err(StoreError::from)?;
    hand_over(rows, chat, each)
}

/// A message that a request names, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Located {
    pub visitor: VisitorSeq,
    pub role: Role,
}

/// Finds a message of a project by its id.
pub fn locate(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: MessageId,
) -> Result<Option<Located>, StoreError> {
    let mut statement = snapshot.prepare(
        "SELECT c.visitor_seq, m.role \
           FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq \
          WHERE m.id = ? AND c.project_seq = ?",
    )?;
    let found = statement.query_row((id.0, project.0), |row| {
        Ok(Located {
            visitor: VisitorSeq(row.get(0)?),
            role: named(row, 1, &Role::NAMES)?,
        })
    });
    Ok(found.optional()?)
}

/// An answer as it was given: how it stands, its text, its metadata as JSON.
pub type Given = (MessageStatus, String, Option<String>);

/// Reads an answer again.
pub fn given(snapshot: &Snapshot, id: MessageId) -> Result<Option<Given>, StoreError> {
    let mut statement =
        snapshot.prepare("SELECT status, text, metadata FROM message WHERE id = ?")?;
    let found = statement.query_row([id.0], |row| {
        let status = named(row, 0, &MessageStatus::NAMES)?;
        Ok((status, row.get(1)?, row.get(2)?))
    });
    Ok(found.optional()?)
}

/// The write that keeps what a visitor thinks of a message; none: nothing any
/// more.
pub fn rate(id: MessageId, feedback: Option<Feedback>, at: Timestamp) -> Batch {
    Batch::of([Statement::new(
        "UPDATE message SET feedback = ?2, feedback_at = ?3 WHERE id = ?1",
        [
            uuid(id.0),
            value(feedback.map(|feedback| feedback.as_str().to_owned())),
            value(feedback.map(|_| at.0)),
        ],
    )])
}

/// A message from sixteen columns of a row, the first of them at `at`.
pub(super) fn from_row<'r>(
    row: &'r Row<'_>,
    at: usize,
    chat: ConversationId,
) -> rusqlite::Result<Message<'r>> {
    let text = |column: usize| -> rusqlite::Result<Option<&'r str>> {
        Ok(row.get_ref(at + column)?.as_str_or_null()?)
    };
    let parts = match json(row, at + 5)? {
        Some(stored) => MessageParts::Json(stored),
        None => MessageParts::Text(row.get_ref(at + 4)?.as_str()?),
    };
    Ok(Message {
        id: MessageId(row.get(at)?),
        created_at: Timestamp(row.get(at + 1)?),
        conversation_id: chat,
        role: named(row, at + 2, &Role::NAMES)?,
        parts,
        status: named(row, at + 3, &MessageStatus::NAMES)?,
        error: text(6)?,
        feedback: feedback(row, at + 7)?,
        feedback_at: row.get::<_, Option<i64>>(at + 8)?.map(Timestamp),
        metadata: json(row, at + 9)?,
        human_agent: agent(row, at + 10)?,
        page_url: text(13)?,
        page_title: text(14)?,
        text_selection: text(15)?,
    })
}

fn feedback(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Feedback>> {
    if row.get_ref(column)? == ValueRef::Null {
        return Ok(None);
    }
    named(row, column, &Feedback::NAMES).map(Some)
}

fn json<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<Option<&'r str>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else {
        return Ok(None);
    };
    let json: &RawValue =
        serde_json::from_str(text).map_err(|error| FromSqlError::Other(Box::new(error)))?;
    Ok(Some(json.get()))
}

/// The person of the house in three columns: whether there is one, name, picture.
pub(super) fn agent<'r>(row: &'r Row<'_>, at: usize) -> rusqlite::Result<Option<HumanAgent<'r>>> {
    if !row.get::<_, bool>(at)? {
        return Ok(None);
    }
    Ok(Some(HumanAgent {
        name: row.get_ref(at + 1)?.as_str_or_null()?,
        image: row.get_ref(at + 2)?.as_str_or_null()?,
    }))
}
