//! Reads records from the rows of their tables.

use serde::Serialize;

use super::json::{Hex, JsonText, Month};
use super::record::{
    AccountRecord, AgentRecord, AssistantRecord, ConversationRecord, DocumentRecord, KeyRecord,
    MessageRecord, NoteRecord, PassageRecord, ProjectRecord, QnaRecord, Record, RecordKind,
    RefusalRecord, SavedReplyRecord, SecretRecord, SessionRecord, SourceRecord, UsageRecord,
    VisitorRecord,
};
use crate::domain::{
    AgentName, AgentRole, AssistantMode, Feedback, HumanAgent, KeyKind, Label,
    MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, MAX_PAGE_TITLE_CHARS, MAX_PLAN_CHARS,
    MAX_TEXT_SELECTION_CHARS, MessageStatus, Role, SourceKind, Status, WaitingReason, page_address,
    text_prefix,
};
use crate::store::error::StoreError;
use crate::store::lease::INTERRUPTED;
use crate::store::message::human_agent;
use crate::store::snapshot::Snapshot;
use crate::store::sql::{Row, Sql};
use crate::store::statement_text::StatementText;
use crate::store::widget_config;

/// A record that is read from a row.
pub(in crate::store) trait StoredRecord:
    Into<Record> + PartialEq + Serialize
{
    /// The SELECT of all rows, in the order of an export. The parameters of that of
    /// conversations are the first row number and the number of rows.
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
        "WHERE id = ?", "ORDER BY seq", |_, row| project(row);
    AssistantRecord:
        "SELECT a.id, p.id, a.name, a.mode, a.prompt, a.fallback, a.created_at \
           FROM assistant AS a JOIN project AS p ON p.seq = a.project_seq",
        "WHERE a.id = ?", "ORDER BY a.seq", |_, row| assistant(row);
    KeyRecord:
        "SELECT k.id, p.id, k.kind, k.name, k.hash, k.hint, k.origins, a.id, k.created_at, \
                k.revoked_at, k.publishable_key \
           FROM api_key AS k JOIN project AS p ON p.seq = k.project_seq \
                             LEFT JOIN assistant AS a ON a.seq = k.assistant_seq",
        "WHERE k.id = ?", "ORDER BY k.seq", |_, row| key(row);
    AccountRecord:
        "SELECT a.id, p.id, a.name, a.email, a.avatar_url, a.role, a.password_hash, a.is_away, \
                a.created_at \
           FROM agent AS a JOIN project AS p ON p.seq = a.project_seq",
        "WHERE a.id = ?", "ORDER BY a.seq", |_, row| account(row);
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
        "WHERE q.id = ?", "ORDER BY q.seq", |_, row| qna(row);
    DocumentRecord:
        "SELECT d.id, p.id, d.url, d.title, d.hash, d.source, d.learned_at, d.seq, \
                d.description \
           FROM document AS d JOIN project AS p ON p.seq = d.project_seq",
        "WHERE d.id = ?", "ORDER BY d.seq", document;
    SourceRecord:
        "SELECT s.id, p.id, s.location, s.kind, s.started_at, s.finished_at, s.documents, s.error, \
                s.problems, s.skipped, s.removed, s.interval_s \
           FROM source AS s JOIN project AS p ON p.seq = s.project_seq",
        "WHERE s.id = ?", "ORDER BY s.seq", |_, row| source(row);
    SavedReplyRecord:
        "SELECT r.id, p.id, r.name, r.text, r.created_at, r.updated_at \
           FROM saved_reply AS r JOIN project AS p ON p.seq = r.project_seq",
        "WHERE r.id = ?", "ORDER BY r.seq", |_, row| saved_reply(row);
    VisitorRecord:
        "SELECT v.id, p.id, v.sa_vid, v.external_id, v.name, v.avatar_url, v.created_at, v.email, \
                v.phone, v.is_verified, v.blocked_at, v.is_email_verified \
           FROM visitor AS v JOIN project AS p ON p.seq = v.project_seq",
        "WHERE p.id = ? AND v.id = ?", "ORDER BY v.seq", |_, row| visitor(row);
    SessionRecord:
        "SELECT s.id, p.id, v.id, k.id, s.created_at, s.last_used_at \
           FROM session AS s JOIN visitor AS v ON v.seq = s.visitor_seq \
                             JOIN project AS p ON p.seq = v.project_seq \
                             JOIN api_key AS k ON k.seq = s.key_seq",
        "WHERE s.id = ?", "ORDER BY s.id", |_, row| session(row);
    ConversationRecord:
        "SELECT c.id, p.id, v.id, c.status, c.created_at, c.updated_at, c.last_interaction_at, \
                c.closed_at, c.close_reason, c.is_human_handled, c.has_agent, c.agent_name, \
                c.agent_image, c.title, c.page_url, c.seq, c.agent_id, c.waiting_since, \
                c.waiting_reason, c.waited_ms, c.read_message_seq, c.last_message_seq \
           FROM conversation AS c JOIN project AS p ON p.seq = c.project_seq \
                                  JOIN visitor AS v ON v.seq = c.visitor_seq",
        "WHERE p.id = ? AND c.id = ?", "WHERE c.seq >= ? ORDER BY c.seq LIMIT ?",
        |_, row| conversation(row);
    MessageRecord:
        "SELECT m.id, c.id, m.created_at, m.role, m.status, m.text, m.parts, m.error, \
                m.feedback, m.feedback_at, m.metadata, m.has_agent, m.agent_name, \
                m.agent_image, m.page_url, m.page_title, m.text_selection \
           FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq",
        "WHERE m.id = ?", "ORDER BY m.seq", |_, row| message(row);
    NoteRecord:
        "SELECT n.id, c.id, n.agent_id, n.agent_name, n.text, n.created_at \
           FROM note AS n JOIN conversation AS c ON c.seq = n.conversation_seq",
        "WHERE n.id = ?", "ORDER BY n.seq", |_, row| note(row);
    RefusalRecord:
        "SELECT c.id, m.id, q.id, r.created_at, r.resolved_at \
           FROM answer_refusal AS r JOIN message AS m ON m.seq = r.message_seq \
                                    JOIN message AS q ON q.seq = r.question_seq \
                                    JOIN conversation AS c ON c.seq = m.conversation_seq",
        "WHERE m.id = ?", "ORDER BY m.seq", |_, row| refusal(row);
}

/// The column with the row number of a conversation.
pub(super) const CONVERSATION_SEQ: usize = 15;

/// The SELECT of the messages of a conversation, oldest first.
pub(super) const MESSAGES_OF_CONVERSATION: StatementText = sql!(
    "\
SELECT m.id, c.id, m.created_at, m.role, m.status, m.text, m.parts, m.error, m.feedback, \
m.feedback_at, m.metadata, m.has_agent, m.agent_name, m.agent_image, m.page_url, \
m.page_title, m.text_selection \
FROM message AS m JOIN conversation AS c ON c.seq = m.conversation_seq \
WHERE m.conversation_seq = ? ORDER BY m.seq"
);

/// The same of its notes.
pub(super) const NOTES_OF_CONVERSATION: StatementText = sql!(
    "\
SELECT n.id, c.id, n.agent_id, n.agent_name, n.text, n.created_at \
FROM note AS n JOIN conversation AS c ON c.seq = n.conversation_seq \
WHERE n.conversation_seq = ? ORDER BY n.seq"
);

/// The same of its refusals. Few answers are refusals, so the rows are found by the messages.
pub(super) const REFUSALS_OF_CONVERSATION: StatementText = sql!(
    "\
SELECT c.id, m.id, q.id, r.created_at, r.resolved_at \
FROM conversation AS c CROSS JOIN message AS m CROSS JOIN answer_refusal AS r \
CROSS JOIN message AS q \
WHERE c.seq = ? AND m.conversation_seq = c.seq AND r.message_seq = m.seq \
AND q.seq = r.question_seq ORDER BY m.seq"
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

fn project(row: Row<'_>) -> Result<ProjectRecord, StoreError> {
    Ok(ProjectRecord {
        id: row.get(0)?,
        name: name(row, 1)?,
        description: optional_label::<MAX_DESCRIPTION_CHARS>(row, 2)?,
        widget_config: JsonText::from_stored(&widget_config::valid_settings(row.get(3)?)),
        plan: optional_label::<MAX_PLAN_CHARS>(row, 4)?,
        message_quota: row.get(6)?,
        business_hours: row.get::<Option<&str>>(7)?.map(JsonText::from_stored),
        away_message: row.get(8)?,
        webhook_url: row.get(9)?,
        notification_emails: serde_json::from_str(row.get(10)?).unwrap_or_default(),
        created_at: row.get(5)?,
    })
}

fn assistant(row: Row<'_>) -> Result<AssistantRecord, StoreError> {
    Ok(AssistantRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        name: name(row, 2)?,
        mode: row.variant(3, &AssistantMode::NAMES)?,
        prompt: row.get(4)?,
        fallback: row.get(5)?,
        created_at: row.get(6)?,
    })
}

fn key(row: Row<'_>) -> Result<KeyRecord, StoreError> {
    Ok(KeyRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        kind: row.variant(2, &KeyKind::NAMES)?,
        name: name(row, 3)?,
        hash: Hex(row.get(4)?),
        hint: row.get(5)?,
        origins: crate::store::key::origins(row.get(6)?),
        assistant_id: row.get(7)?,
        created_at: row.get(8)?,
        revoked_at: row.get(9)?,
        publishable_key: row.get(10)?,
    })
}

fn account(row: Row<'_>) -> Result<AccountRecord, StoreError> {
    Ok(AccountRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        name: row.get(2)?,
        email: row.get(3)?,
        avatar_url: row.get(4)?,
        role: row.variant(5, &AgentRole::NAMES)?,
        password_hash: row.get(6)?,
        is_away: row.get(7)?,
        created_at: row.get(8)?,
    })
}

fn source(row: Row<'_>) -> Result<SourceRecord, StoreError> {
    Ok(SourceRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        location: row.get(2)?,
        kind: row.variant(3, &SourceKind::NAMES)?,
        started_at: row.get(4)?,
        finished_at: row.get(5)?,
        documents: row.get(6)?,
        error: row.get(7)?,
        problems: serde_json::from_str(row.get(8)?).unwrap_or_default(),
        skipped: row.get(9)?,
        removed: row.get(10)?,
        interval_seconds: row.get(11)?,
    })
}

fn saved_reply(row: Row<'_>) -> Result<SavedReplyRecord, StoreError> {
    Ok(SavedReplyRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        name: row.get(2)?,
        text: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

fn note(row: Row<'_>) -> Result<NoteRecord, StoreError> {
    Ok(NoteRecord {
        id: row.get(0)?,
        conversation_id: row.get(1)?,
        agent_id: row.get(2)?,
        agent_name: row.get(3)?,
        text: row.get(4)?,
        created_at: row.get(5)?,
    })
}

fn refusal(row: Row<'_>) -> Result<RefusalRecord, StoreError> {
    Ok(RefusalRecord {
        conversation_id: row.get(0)?,
        message_id: row.get(1)?,
        question_id: row.get(2)?,
        created_at: row.get(3)?,
        resolved_at: row.get(4)?,
    })
}

fn qna(row: Row<'_>) -> Result<QnaRecord, StoreError> {
    Ok(QnaRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        question: row.get(2)?,
        answer: row.get(3)?,
        is_published: row.get(4)?,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
        creator_name: row.get(7)?,
        creator_image: row.get(8)?,
    })
}

fn document(snapshot: &Snapshot, row: Row<'_>) -> Result<DocumentRecord, StoreError> {
    let seq: i64 = row.get(7)?;
    let passages = Sql::new(
        sql!("SELECT heading, body FROM passage WHERE document_seq = ? ORDER BY seq"),
        [seq.into()],
    );
    let passages = snapshot.all(&passages, |row| {
        Ok(PassageRecord {
            heading: row.get(0)?,
            body: row.get(1)?,
        })
    });
    Ok(DocumentRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        url: row.get(2)?,
        title: row.get(3)?,
        hash: Hex(row.get(4)?),
        source: row.get(5)?,
        learned_at: row.get(6)?,
        description: row.get(8)?,
        passages: passages?,
    })
}

fn visitor(row: Row<'_>) -> Result<VisitorRecord, StoreError> {
    let is_verified: bool = row.get(9)?;
    let is_identified = !row.is_null(3)?;
    Ok(VisitorRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        sa_vid: row.get(2)?,
        external_id: row.get(3)?,
        name: row.get(4)?,
        avatar_url: row.get(5)?,
        email: row.get(7)?,
        phone: row.get(8)?,
        is_verified: (is_verified != is_identified).then_some(is_verified),
        blocked_at: row.get(10)?,
        is_email_verified: row.get(11)?,
        created_at: row.get(6)?,
    })
}

fn session(row: Row<'_>) -> Result<SessionRecord, StoreError> {
    Ok(SessionRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        visitor_id: row.get(2)?,
        key_id: row.get(3)?,
        created_at: row.get(4)?,
        last_used_at: row.get(5)?,
    })
}

fn conversation(row: Row<'_>) -> Result<ConversationRecord, StoreError> {
    let (read, last): (Option<i64>, Option<i64>) = (row.get(20)?, row.get(21)?);
    Ok(ConversationRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        visitor_id: row.get(2)?,
        status: row.variant(3, &Status::NAMES)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        last_interaction_at: row.get(6)?,
        closed_at: row.get(7)?,
        close_reason: row.get(8)?,
        is_human_handled: row.get(9)?,
        human_agent: human_agent(row, 10)?.map(AgentRecord::from),
        title: row.get(13)?,
        page_url: page_url(row, 14)?,
        agent_id: row.get(16)?,
        waiting_since: row.get(17)?,
        waiting_reason: row.optional_variant(18, &WaitingReason::NAMES)?,
        waited_ms: row.get(19)?,
        is_read: read.is_some_and(|read| read >= last.unwrap_or(0)),
    })
}

/// The name of a project, an assistant or a key. Earlier versions had other rules for
/// names.
fn name(row: Row<'_>, column: usize) -> Result<String, StoreError> {
    let name = optional_label::<MAX_NAME_CHARS>(row, column)?;
    Ok(name.unwrap_or_else(|| "unnamed".to_owned()))
}

/// As [`name`], for a value that may be absent.
fn optional_label<const MAX: usize>(
    row: Row<'_>,
    column: usize,
) -> Result<Option<String>, StoreError> {
    let text: Option<&str> = row.get(column)?;
    let label = text.and_then(Label::<MAX>::repair);
    Ok(label.map(Label::into_string))
}

/// The address of a page. Earlier versions stored addresses of other kinds, and those
/// with a password.
fn page_url(row: Row<'_>, column: usize) -> Result<Option<String>, StoreError> {
    let url: Option<&str> = row.get(column)?;
    Ok(url.and_then(page_address))
}

/// A text of a page. Earlier versions stored longer ones.
fn page_text(row: Row<'_>, column: usize, max: usize) -> Result<Option<String>, StoreError> {
    let text: Option<&str> = row.get(column)?;
    Ok(text.map(|text| text_prefix(text, max)))
}

/// An answer that is being streamed is exported as it would be after a crash: another
/// process cannot finish it.
fn message(row: Row<'_>) -> Result<MessageRecord, StoreError> {
    let status = row.variant(4, &MessageStatus::NAMES)?;
    let is_streaming = status == MessageStatus::Streaming;
    let json = |column| {
        let text: Option<&str> = row.get(column)?;
        Ok::<_, StoreError>(text.map(JsonText::from_stored))
    };
    Ok(MessageRecord {
        id: row.get(0)?,
        conversation_id: row.get(1)?,
        created_at: row.get(2)?,
        role: row.variant(3, &Role::NAMES)?,
        status: if is_streaming {
            MessageStatus::Error
        } else {
            status
        },
        text: row.get(5)?,
        parts: json(6)?,
        error: if is_streaming {
            Some(INTERRUPTED.to_owned())
        } else {
            row.get(7)?
        },
        feedback: row.optional_variant(8, &Feedback::NAMES)?,
        feedback_at: row.get(9)?,
        metadata: json(10)?,
        human_agent: human_agent(row, 11)?.map(AgentRecord::from),
        page_url: page_url(row, 14)?,
        page_title: page_text(row, 15, MAX_PAGE_TITLE_CHARS)?,
        text_selection: page_text(row, 16, MAX_TEXT_SELECTION_CHARS)?,
    })
}

impl From<HumanAgent<'_>> for AgentRecord {
    fn from(agent: HumanAgent<'_>) -> Self {
        Self {
            name: agent
                .name
                .and_then(AgentName::repair)
                .map(AgentName::into_string),
            image: agent.image.map(str::to_owned),
        }
    }
}
