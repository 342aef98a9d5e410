//! The SELECTs of records.

use serde::Serialize;

use super::json::{Hex, Month};
use super::record::{
    AccountRecord, AssistantRecord, ConversationRecord, DocumentRecord, KeyRecord, MessageRecord,
    NoteRecord, ProjectRecord, QnaRecord, Record, RecordKind, RefusalRecord, SavedReplyRecord,
    SecretRecord, SessionRecord, SourceRecord, UsageRecord, VisitorRecord,
};
use super::rows;
use crate::store::error::StoreError;
use crate::store::query::select_owned;
use crate::store::snapshot::Snapshot;
use crate::store::sql::Row;
use crate::store::statement_text::StatementText;

/// A record that is read from a row.
pub(in crate::store) trait StoredRecord:
    Into<Record> + PartialEq + Serialize
{
    /// The SELECT of all rows, in the order of an export. The parameter of that of
    /// conversations is the first row number.
    const ALL: StatementText;
    /// The SELECT of one row by its identity, which are the parameters.
    const BY_ID: StatementText;

    /// Reads the columns of the SELECT.
    fn from_row(snapshot: &Snapshot, row: Row<'_>) -> Result<Self, StoreError>;
}

/// Declares how a record is read. The parameters of the condition are the identity of a
/// record: the id of a project comes first if the id of the record is not unique alone.
macro_rules! stored {
    ($($record:ident: $select:literal, $condition:literal, $order:literal, $from_row:expr;)*) => {$(
        impl StoredRecord for $record {
            const ALL: StatementText = sql!(concat!($select, " ", $order));
            const BY_ID: StatementText = sql!(concat!($select, " ", $condition));

            fn from_row(snapshot: &Snapshot, row: Row<'_>) -> Result<Self, StoreError> {
                let from_row: fn(&Snapshot, Row<'_>) -> Result<Self, StoreError> = $from_row;
                from_row(snapshot, row)
            }
        }
    )*};
}

stored! {
    ProjectRecord:
        "SELECT id, name, description, widget_config, plan, created_at, message_quota, \
                business_hours, away_message, webhook_url, notification_emails FROM project",
        "WHERE id = ?", "ORDER BY seq", |_, row| rows::project(row);
    AssistantRecord:
        "SELECT a.id, p.id, a.name, a.mode, a.prompt, a.fallback, a.created_at \
           FROM assistant AS a JOIN project AS p ON p.seq = a.project_seq",
        "WHERE a.id = ?", "ORDER BY a.seq", |_, row| rows::assistant(row);
    KeyRecord:
        "SELECT k.id, p.id, k.kind, k.name, k.hash, k.hint, k.origins, a.id, k.created_at, \
                k.revoked_at, k.publishable_key \
           FROM api_key AS k JOIN project AS p ON p.seq = k.project_seq \
                             LEFT JOIN assistant AS a ON a.seq = k.assistant_seq",
        "WHERE k.id = ?", "ORDER BY k.seq", |_, row| rows::key(row);
    AccountRecord:
        "SELECT a.id, p.id, a.name, a.email, a.avatar_url, a.role, a.password_hash, a.is_away, \
                a.created_at \
           FROM agent AS a JOIN project AS p ON p.seq = a.project_seq",
        "WHERE a.id = ?", "ORDER BY a.seq", |_, row| rows::account(row);
    SecretRecord:
        "SELECT name, value, project_id, key_id FROM ( \
             SELECT 1 AS kind, seq, 'webhook' AS name, webhook_secret AS value, \
                    id AS project_id, NULL AS key_id \
               FROM project WHERE webhook_secret IS NOT NULL \
             UNION ALL SELECT 2, seq, 'identity', identity_secret, NULL, id FROM api_key \
                        WHERE identity_secret IS NOT NULL \
             UNION ALL SELECT 0, 0, name, value, NULL, NULL FROM secret) AS every",
        "WHERE name = ? AND project_id IS NOT DISTINCT FROM ? AND key_id IS NOT DISTINCT FROM ?",
        "ORDER BY kind, seq, name",
        |_, row| Ok(SecretRecord {
            name: row.get(0)?,
            value: Hex(row.get(1)?),
            project_id: row.get(2)?,
            key_id: row.get(3)?,
        });
    UsageRecord:
        "SELECT p.id, u.month, u.messages \
           FROM usage AS u JOIN project AS p ON p.seq = u.project_seq",
        "WHERE p.id = ? AND u.month = ?", "ORDER BY u.project_seq, u.month",
        |_, row| Ok(UsageRecord {
            project_id: row.get(0)?,
            month: Month(row.get(1)?),
            messages: row.get(2)?,
        });
    QnaRecord:
        "SELECT q.id, p.id, q.question, q.answer, q.is_published, q.created_at, q.updated_at, \
                q.creator_name, q.creator_image \
           FROM qna AS q JOIN project AS p ON p.seq = q.project_seq",
        "WHERE q.id = ?", "ORDER BY q.seq", |_, row| rows::qna(row);
    DocumentRecord:
        "SELECT d.id, p.id, d.url, d.title, d.hash, d.source, d.learned_at, d.seq, \
                d.description \
           FROM document AS d JOIN project AS p ON p.seq = d.project_seq",
        "WHERE d.id = ?", "ORDER BY d.seq", rows::document;
    SourceRecord:
        "SELECT s.id, p.id, s.location, s.kind, s.started_at, s.finished_at, s.documents, s.error, \
                s.problems, s.skipped, s.removed, s.interval_s \
           FROM source AS s JOIN project AS p ON p.seq = s.project_seq",
        "WHERE s.id = ?", "ORDER BY s.seq", |_, row| rows::source(row);
    SavedReplyRecord:
        "SELECT r.id, p.id, r.name, r.text, r.created_at, r.updated_at \
           FROM saved_reply AS r JOIN project AS p ON p.seq = r.project_seq",
        "WHERE r.id = ?", "ORDER BY r.seq", |_, row| rows::saved_reply(row);
    VisitorRecord:
        "SELECT v.id, p.id, v.sa_vid, v.external_id, v.name, v.avatar_url, v.created_at, v.email, \
                v.phone, v.is_verified, v.blocked_at, v.is_email_verified \
           FROM visitor AS v JOIN project AS p ON p.seq = v.project_seq",
        "WHERE p.id = ? AND v.id = ?", "ORDER BY v.seq", |_, row| rows::visitor(row);
    SessionRecord:
        "SELECT s.id, p.id, v.id, k.id, s.created_at, s.last_used_at \
           FROM session AS s JOIN visitor AS v ON v.seq = s.visitor_seq \
                             JOIN project AS p ON p.seq = v.project_seq \
                             JOIN api_key AS k ON k.seq = s.key_seq",
        "WHERE s.id = ?", "ORDER BY s.id", |_, row| rows::session(row);
    ConversationRecord:
        "SELECT c.id, p.id, v.id, c.status, c.created_at, c.updated_at, c.last_interaction_at, \
                c.closed_at, c.close_reason, c.is_human_handled, c.has_agent, c.agent_name, \
                c.agent_image, c.title, c.page_url, c.seq, c.agent_id, c.waiting_since, \
                c.waiting_reason, c.waited_ms, c.read_message_seq, c.last_message_seq \
           FROM conversation AS c JOIN project AS p ON p.seq = c.project_seq \
                                  JOIN visitor AS v ON v.seq = c.visitor_seq",
        "WHERE p.id = ? AND c.id = ?", "WHERE c.seq >= ? ORDER BY c.seq",
        |_, row| rows::conversation(row);
    MessageRecord:
        "SELECT m.id, c.id, m.created_at, m.role, m.status, m.text, m.parts, m.error, \
                m.feedback, m.feedback_at, m.metadata, m.has_agent, m.agent_name, \
                m.agent_image, m.page_url, m.page_title, m.text_selection \
           FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq",
        "WHERE m.id = ?", "ORDER BY m.seq", |_, row| rows::message(row);
    NoteRecord:
        "SELECT n.id, c.id, n.agent_id, n.agent_name, n.text, n.created_at \
           FROM note AS n JOIN conversation AS c ON c.seq = n.conversation_seq",
        "WHERE n.id = ?", "ORDER BY n.seq", |_, row| rows::note(row);
    RefusalRecord:
        "SELECT c.id, m.id, q.id, r.created_at, r.resolved_at \
           FROM answer_refusal AS r JOIN message AS m ON m.seq = r.message_seq \
                                    JOIN message AS q ON q.seq = r.question_seq \
                                    JOIN conversation AS c ON c.seq = m.conversation_seq",
        "WHERE m.id = ?", "ORDER BY m.seq", |_, row| rows::refusal(row);
}

/// The column with the row number of a conversation.
pub(super) const CONVERSATION_SEQ: usize = 15;

/// The messages of conversations, oldest first.
pub(super) const MESSAGES: StatementText = select_owned!(
    "SELECT m.id, c.id, m.created_at, m.role, m.status, m.text, m.parts, m.error, m.feedback, \
            m.feedback_at, m.metadata, m.has_agent, m.agent_name, m.agent_image, m.page_url, \
            m.page_title, m.text_selection, m.conversation_seq \
       FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq",
    "m.conversation_seq",
    "m.seq"
);

/// The same of their notes.
pub(super) const NOTES: StatementText = select_owned!(
    "SELECT n.id, c.id, n.agent_id, n.agent_name, n.text, n.created_at, n.conversation_seq \
       FROM note AS n JOIN conversation AS c ON c.seq = n.conversation_seq",
    "n.conversation_seq",
    "n.seq"
);

/// The same of their refusals, with the last columns of [`select_owned`]. Few answers are
/// refusals, so SQLite finds those of a conversation by its messages.
pub(super) const REFUSALS: StatementText = sql!(
    sqlite: "SELECT c.id, m.id, q.id, r.created_at, r.resolved_at, c.seq \
               FROM conversation AS c CROSS JOIN message AS m CROSS JOIN answer_refusal AS r \
                                      CROSS JOIN message AS q \
              WHERE c.seq = ?1 AND m.conversation_seq = c.seq AND r.message_seq = m.seq \
                AND q.seq = r.question_seq ORDER BY m.seq",
    postgres: "SELECT c.id, m.id, q.id, r.created_at, r.resolved_at, c.seq \
                 FROM answer_refusal AS r JOIN message AS m ON m.seq = r.message_seq \
                                          JOIN message AS q ON q.seq = r.question_seq \
                                          JOIN conversation AS c ON c.seq = m.conversation_seq \
                WHERE c.seq >= ?1 ORDER BY c.seq, m.seq",
);

/// The SELECT of the number of records of a kind.
pub(super) fn count(kind: RecordKind) -> StatementText {
    match kind {
        RecordKind::Project => sql!("SELECT count(*) FROM project"),
        RecordKind::Assistant => sql!("SELECT count(*) FROM assistant"),
        RecordKind::Key => sql!("SELECT count(*) FROM api_key"),
        RecordKind::Agent => sql!("SELECT count(*) FROM agent"),
        RecordKind::Secret => {
            sql!(
                "SELECT (SELECT count(*) FROM secret) \
                      + (SELECT count(webhook_secret) FROM project) \
                      + (SELECT count(identity_secret) FROM api_key)"
            )
        }
        RecordKind::Usage => sql!("SELECT count(*) FROM usage"),
        RecordKind::Qna => sql!("SELECT count(*) FROM qna"),
        RecordKind::Document => sql!("SELECT count(*) FROM document"),
        RecordKind::Source => sql!("SELECT count(*) FROM source"),
        RecordKind::SavedReply => sql!("SELECT count(*) FROM saved_reply"),
        RecordKind::Visitor => sql!("SELECT count(*) FROM visitor"),
        RecordKind::Session => sql!("SELECT count(*) FROM session"),
        RecordKind::Conversation => sql!("SELECT count(*) FROM conversation"),
        RecordKind::Message => {
            // The messages of deleted conversations are deleted later.
            sql!(
                "SELECT count(*) FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq"
            )
        }
        RecordKind::Note => {
            sql!(
                "SELECT count(*) FROM note AS n JOIN conversation AS c ON c.seq = n.conversation_seq"
            )
        }
        RecordKind::Refusal => {
            sql!(
                "SELECT count(*) FROM answer_refusal AS r JOIN message AS m ON m.seq = r.message_seq \
                                                          JOIN message AS q ON q.seq = r.question_seq \
                                                          JOIN conversation AS c ON c.seq = m.conversation_seq"
            )
        }
    }
}
