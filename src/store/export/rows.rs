//! Reads records from the columns of the SELECTs in [`super::select`].

use super::json::{Hex, JsonText};
use super::record::{
    AccountRecord, AgentRecord, AssistantRecord, ConversationRecord, DocumentRecord, KeyRecord,
    MessageRecord, NoteRecord, PassageRecord, ProjectRecord, QnaRecord, RefusalRecord,
    SavedReplyRecord, SessionRecord, SourceRecord, VisitorRecord,
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
use crate::store::widget_config;

pub(super) fn project(row: Row<'_>) -> Result<ProjectRecord, StoreError> {
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

pub(super) fn assistant(row: Row<'_>) -> Result<AssistantRecord, StoreError> {
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

pub(super) fn key(row: Row<'_>) -> Result<KeyRecord, StoreError> {
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

pub(super) fn account(row: Row<'_>) -> Result<AccountRecord, StoreError> {
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

pub(super) fn source(row: Row<'_>) -> Result<SourceRecord, StoreError> {
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

pub(super) fn saved_reply(row: Row<'_>) -> Result<SavedReplyRecord, StoreError> {
    Ok(SavedReplyRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        name: row.get(2)?,
        text: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

pub(super) fn note(row: Row<'_>) -> Result<NoteRecord, StoreError> {
    Ok(NoteRecord {
        id: row.get(0)?,
        conversation_id: row.get(1)?,
        agent_id: row.get(2)?,
        agent_name: row.get(3)?,
        text: row.get(4)?,
        created_at: row.get(5)?,
    })
}

pub(super) fn refusal(row: Row<'_>) -> Result<RefusalRecord, StoreError> {
    Ok(RefusalRecord {
        conversation_id: row.get(0)?,
        message_id: row.get(1)?,
        question_id: row.get(2)?,
        created_at: row.get(3)?,
        resolved_at: row.get(4)?,
    })
}

pub(super) fn qna(row: Row<'_>) -> Result<QnaRecord, StoreError> {
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

pub(super) fn document(snapshot: &Snapshot, row: Row<'_>) -> Result<DocumentRecord, StoreError> {
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

pub(super) fn visitor(row: Row<'_>) -> Result<VisitorRecord, StoreError> {
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

pub(super) fn session(row: Row<'_>) -> Result<SessionRecord, StoreError> {
    Ok(SessionRecord {
        id: row.get(0)?,
        project_id: row.get(1)?,
        visitor_id: row.get(2)?,
        key_id: row.get(3)?,
        created_at: row.get(4)?,
        last_used_at: row.get(5)?,
    })
}

pub(super) fn conversation(row: Row<'_>) -> Result<ConversationRecord, StoreError> {
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
pub(super) fn message(row: Row<'_>) -> Result<MessageRecord, StoreError> {
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
