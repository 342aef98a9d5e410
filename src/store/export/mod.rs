//! Reads everything that belongs to the operator, record by record, from one snapshot.

mod json;
mod record;
mod rows;
mod select;
mod state;
#[cfg(test)]
mod tests;

pub use json::{Hex, JsonText, Month, parse as parse_json};
pub use record::{
    AccountRecord, AgentRecord, AssistantRecord, ConversationRecord, DocumentRecord, InvalidRecord,
    KeyRecord, MessageRecord, NoteRecord, PassageRecord, ProblemRecord, ProjectRecord, QnaRecord,
    Record, RecordCounts, RecordKind, RefusalRecord, SavedReplyRecord, SecretRecord, SessionRecord,
    SourceRecord, UsageRecord, VisitorRecord,
};
pub(super) use select::StoredRecord;
pub use state::state;

use super::error::StoreError;
use super::open::SCHEMA_VERSION;
use super::query::OwnedRows;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{ConversationId, ConversationSeq, ProjectId};

/// The version of the tables that records are read from.
pub const SCHEMA: i64 = SCHEMA_VERSION;

/// Which records an export has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportScope {
    /// Whether the secrets are part of it, and the sessions, which need them.
    pub with_secrets: bool,
}

/// The number of records of an export.
pub fn counts(snapshot: &Snapshot, scope: ExportScope) -> Result<RecordCounts, StoreError> {
    let mut counts = RecordCounts::default();
    for (_, kind) in RecordKind::NAMES {
        if scope.with_secrets || !is_secret(*kind) {
            let sql = Sql::new(select::count(*kind), []);
            counts.add(*kind, snapshot.one(&sql, |row| row.get(0))?);
        }
    }
    Ok(counts)
}

fn is_secret(kind: RecordKind) -> bool {
    matches!(kind, RecordKind::Secret | RecordKind::Session)
}

/// Calls `each` with all records before the first conversation, in the order of
/// [`RecordKind::NAMES`]. Holds few records in memory.
///
/// # Errors
/// The error of `each`, or of the database.
pub fn for_each_before_conversations<E: From<StoreError>>(
    snapshot: &Snapshot,
    scope: ExportScope,
    mut each: impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    all_of::<ProjectRecord, E>(snapshot, &mut each)?;
    all_of::<AssistantRecord, E>(snapshot, &mut each)?;
    all_of::<KeyRecord, E>(snapshot, &mut each)?;
    all_of::<AccountRecord, E>(snapshot, &mut each)?;
    if scope.with_secrets {
        all_of::<SecretRecord, E>(snapshot, &mut each)?;
    }
    all_of::<UsageRecord, E>(snapshot, &mut each)?;
    all_of::<QnaRecord, E>(snapshot, &mut each)?;
    all_of::<DocumentRecord, E>(snapshot, &mut each)?;
    all_of::<SourceRecord, E>(snapshot, &mut each)?;
    all_of::<SavedReplyRecord, E>(snapshot, &mut each)?;
    all_of::<VisitorRecord, E>(snapshot, &mut each)?;
    if scope.with_secrets {
        all_of::<SessionRecord, E>(snapshot, &mut each)?;
    }
    Ok(())
}

/// Calls `each` with all records of a kind.
fn all_of<T: StoredRecord, E: From<StoreError>>(
    snapshot: &Snapshot,
    each: &mut impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    snapshot.for_each_in_parts(&Sql::new(T::ALL, []), |row| {
        each(T::from_row(snapshot, row)?.into())
    })
}

/// Calls `each` with the conversations from `first` on, or all of them. The messages of a
/// conversation follow it, and then its notes and refusals. Holds few records in memory.
///
/// # Errors
/// The error of `each`, or of the database.
pub fn for_each_conversation<E: From<StoreError>>(
    snapshot: &Snapshot,
    first: Option<ConversationSeq>,
    mut each: impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    let first = first.map_or(i64::MIN, |first| first.0);
    let mut messages = OwnedRows::new(snapshot, select::MESSAGES);
    let mut notes = OwnedRows::new(snapshot, select::NOTES);
    let mut refusals = OwnedRows::new(snapshot, select::REFUSALS);
    let conversations = Sql::new(ConversationRecord::ALL, [first.into()]);
    snapshot.for_each_in_parts(&conversations, |row| {
        let seq = row.get(select::CONVERSATION_SEQ)?;
        each(ConversationRecord::from_row(snapshot, row)?.into())?;
        messages.for_each(seq, |row| {
            each(MessageRecord::from_row(snapshot, row)?.into())
        })?;
        notes.for_each(seq, |row| each(NoteRecord::from_row(snapshot, row)?.into()))?;
        refusals.for_each(seq, |row| {
            each(RefusalRecord::from_row(snapshot, row)?.into())
        })
    })
}

/// The row number of a conversation.
pub fn find_conversation(
    snapshot: &Snapshot,
    project: ProjectId,
    id: ConversationId,
) -> Result<Option<ConversationSeq>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT seq FROM conversation \
              WHERE project_seq = (SELECT seq FROM project WHERE id = ?) AND id = ?"
        ),
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, |row| row.get(0))
}
