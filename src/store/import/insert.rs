//! Inserts records that are new.

use super::super::batch::Batch;
use super::super::erasure::next_seq;
use super::super::error::StoreError;
use super::super::export::{
    AgentRecord, AssistantRecord, ConversationRecord, DocumentRecord, JsonText, KeyRecord,
    MessageRecord, ProjectRecord, QnaRecord, Record, SecretRecord, SessionRecord, UsageRecord,
    VisitorRecord,
};
use super::super::rejection::Rejection;
use super::super::sql::{Sql, Value};
use crate::domain::{ConversationId, ProjectId, title_key};

/// Whether a batch of this module failed because a record contradicts another one.
pub fn is_contradiction(error: &StoreError) -> bool {
    match error {
        StoreError::Rejected(_) => true,
        StoreError::Internal(text) => text.contains("constraint failed"),
        _ => false,
    }
}

/// Inserts a record other than a message. Rejected with `NotFound` if a record that it
/// refers to is not stored.
pub fn insert(record: &Record) -> Batch {
    match record {
        Record::Project(record) => insert_project(record),
        Record::Assistant(record) => expecting_references(insert_assistant(record)),
        Record::Key(record) => expecting_references(insert_key(record)),
        Record::Secret(record) => insert_secret(record),
        Record::Usage(record) => expecting_references(insert_usage(record)),
        Record::Qna(record) => insert_qna(record),
        Record::Document(record) => insert_document(record),
        Record::Visitor(record) => expecting_references(insert_visitor(record)),
        Record::Session(record) => expecting_references(insert_session(record)),
        Record::Conversation(record) => expecting_references(insert_conversation(record)),
        Record::Message(_) => Batch::new(),
    }
}

/// A statement that inserts no row if a reference is missing.
fn expecting_references(sql: Sql) -> Batch {
    Batch::new().run_expecting_change(sql, Rejection::NotFound)
}

fn insert_project(project: &ProjectRecord) -> Batch {
    Batch::of([Sql::new(
        concat!(
            "INSERT INTO project (seq, id, name, description, widget_config, plan, created_at, \
                                  message_quota) VALUES (",
            next_seq!("project"),
            ", ?, ?, ?, ?, ?, ?, ?)"
        ),
        [
            project.id.into(),
            project.name.as_str().into(),
            project.description.as_deref().into(),
            project.widget_config.as_str().into(),
            project.plan.as_deref().into(),
            project.created_at.into(),
            project.message_quota.map(i64::from).into(),
        ],
    )])
}

fn insert_assistant(assistant: &AssistantRecord) -> Sql {
    Sql::new(
        "INSERT INTO assistant (project_seq, id, name, mode, prompt, fallback, created_at) \
         SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7 FROM project WHERE id = ?1",
        [
            assistant.project_id.into(),
            assistant.id.into(),
            assistant.name.as_str().into(),
            assistant.mode.as_str().into(),
            assistant.prompt.as_deref().into(),
            assistant.fallback.as_deref().into(),
            assistant.created_at.into(),
        ],
    )
}

fn insert_key(key: &KeyRecord) -> Sql {
    Sql::new(
        "INSERT INTO api_key (project_seq, id, kind, name, hash, hint, origins, created_at, \
                              revoked_at, assistant_seq) \
         SELECT p.seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, a.seq \
           FROM project AS p LEFT JOIN assistant AS a ON a.id = ?10 AND a.project_seq = p.seq \
          WHERE p.id = ?1 AND (?10 IS NULL) = (a.seq IS NULL)",
        [
            key.project_id.into(),
            key.id.into(),
            key.kind.as_str().into(),
            key.name.as_str().into(),
            key.hash.0.into(),
            key.hint.as_str().into(),
            serde_json::json!(key.origins).to_string().into(),
            key.created_at.into(),
            key.revoked_at.into(),
            key.assistant_id.into(),
        ],
    )
}

fn insert_secret(secret: &SecretRecord) -> Batch {
    Batch::of([Sql::new(
        "INSERT INTO secret (name, value) VALUES (?, ?)",
        [secret.name.as_str().into(), secret.value.0.into()],
    )])
}

fn insert_usage(usage: &UsageRecord) -> Sql {
    Sql::new(
        "INSERT INTO usage (project_seq, month, messages) \
         SELECT seq, ?2, ?3 FROM project WHERE id = ?1 \
         ON CONFLICT DO UPDATE SET messages = max(messages, excluded.messages)",
        [
            usage.project_id.into(),
            usage.month.0.into(),
            i64::try_from(usage.messages).unwrap_or(i64::MAX).into(),
        ],
    )
}

/// Inserts a Q&A, and its passage if it is published.
fn insert_qna(qna: &QnaRecord) -> Batch {
    let insert = Sql::new(
        "INSERT INTO qna (project_seq, id, question, answer, is_published, created_at, \
                          updated_at, creator_name, creator_image) \
         SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM project WHERE id = ?1",
        [
            qna.project_id.into(),
            qna.id.into(),
            qna.question.as_str().into(),
            qna.answer.as_str().into(),
            qna.is_published.into(),
            qna.created_at.into(),
            qna.updated_at.into(),
            qna.creator_name.as_deref().into(),
            qna.creator_image.as_deref().into(),
        ],
    );
    expecting_references(insert).run(Sql::new(
        "INSERT INTO passage (project_seq, qna_seq, title, heading, body) \
         SELECT project_seq, seq, question, '', answer FROM qna WHERE id = ? AND is_published",
        [qna.id.into()],
    ))
}

fn insert_document(document: &DocumentRecord) -> Batch {
    let insert = Sql::new(
        "INSERT INTO document (project_seq, id, url, title, hash, source, learned_at) \
         SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7 FROM project WHERE id = ?1",
        [
            document.project_id.into(),
            document.id.into(),
            document.url.as_str().into(),
            document.title.as_str().into(),
            document.hash.0.into(),
            document.source.as_str().into(),
            document.learned_at.into(),
        ],
    );
    let passages = document.passages.iter().map(|passage| {
        Sql::new(
            "INSERT INTO passage (project_seq, document_seq, title, heading, body) \
             SELECT project_seq, seq, title, ?2, ?3 FROM document WHERE id = ?1",
            [
                document.id.into(),
                passage.heading.as_str().into(),
                passage.body.as_str().into(),
            ],
        )
    });
    passages.fold(expecting_references(insert), Batch::run)
}

fn insert_visitor(visitor: &VisitorRecord) -> Sql {
    Sql::new(
        concat!(
            "INSERT INTO visitor (seq, project_seq, id, sa_vid, external_id, name, avatar_url, \
                                  created_at) \
             SELECT ",
            next_seq!("visitor"),
            ", seq, ?2, ?3, ?4, ?5, ?6, ?7 FROM project WHERE id = ?1"
        ),
        [
            visitor.project_id.into(),
            visitor.id.into(),
            visitor.sa_vid.as_deref().into(),
            visitor.external_id.as_deref().into(),
            visitor.name.as_deref().into(),
            visitor.avatar_url.as_deref().into(),
            visitor.created_at.into(),
        ],
    )
}

fn insert_session(session: &SessionRecord) -> Sql {
    Sql::new(
        "INSERT INTO session (id, visitor_seq, key_seq, created_at, last_used_at) \
         SELECT ?2, v.seq, k.seq, ?5, ?6 \
           FROM project AS p JOIN visitor AS v ON v.project_seq = p.seq AND v.id = ?3 \
                             JOIN api_key AS k ON k.project_seq = p.seq AND k.id = ?4 \
          WHERE p.id = ?1",
        [
            session.project_id.into(),
            session.id.into(),
            session.visitor_id.into(),
            session.key_id.into(),
            session.created_at.into(),
            session.last_used_at.into(),
        ],
    )
}

fn insert_conversation(conversation: &ConversationRecord) -> Sql {
    let (has_agent, agent_name, agent_image) = agent_columns(conversation.human_agent.as_ref());
    let title = conversation.title.as_deref();
    Sql::new(
        concat!(
            "INSERT INTO conversation (seq, project_seq, visitor_seq, id, status, created_at, \
                updated_at, last_interaction_at, closed_at, close_reason, is_human_handled, \
                has_agent, agent_name, agent_image, title, title_key, page_url) \
             SELECT ",
            next_seq!("conversation"),
            ", p.seq, v.seq, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16 \
           FROM project AS p JOIN visitor AS v ON v.project_seq = p.seq AND v.id = ?2 \
          WHERE p.id = ?1"
        ),
        [
            conversation.project_id.into(),
            conversation.visitor_id.into(),
            conversation.id.into(),
            conversation.status.as_str().into(),
            conversation.created_at.into(),
            conversation.updated_at.into(),
            conversation.last_interaction_at.into(),
            conversation.closed_at.into(),
            conversation.close_reason.as_deref().into(),
            conversation.is_human_handled.into(),
            has_agent,
            agent_name,
            agent_image,
            title.into(),
            title.map(title_key).into(),
            conversation.page_url.as_deref().into(),
        ],
    )
}

/// The values of `has_agent`, `agent_name` and `agent_image`.
fn agent_columns(agent: Option<&AgentRecord>) -> (Value, Value, Value) {
    let name = agent.and_then(|agent| agent.name.as_deref());
    let image = agent.and_then(|agent| agent.image.as_deref());
    (agent.is_some().into(), name.into(), image.into())
}

/// Appends a message to its conversation. [`set_last_message`] must follow in the same
/// transaction. Rejected with `NotFound` if the conversation is not stored.
pub fn insert_message(project: ProjectId, message: &MessageRecord) -> Batch {
    let (has_agent, agent_name, agent_image) = agent_columns(message.human_agent.as_ref());
    let json = |json: &Option<JsonText>| Value::from(json.as_ref().map(JsonText::as_str));
    expecting_references(Sql::new(
        "INSERT INTO message (conversation_seq, id, created_at, role, status, text, parts, \
                error, feedback, feedback_at, metadata, has_agent, agent_name, agent_image, \
                page_url, page_title, text_selection) \
         SELECT seq, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18 \
           FROM conversation \
          WHERE project_seq = (SELECT seq FROM project WHERE id = ?1) AND id = ?2",
        [
            project.into(),
            message.conversation_id.into(),
            message.id.into(),
            message.created_at.into(),
            message.role.as_str().into(),
            message.status.as_str().into(),
            message.text.as_str().into(),
            json(&message.parts),
            message.error.as_deref().into(),
            message.feedback.map(|feedback| feedback.as_str()).into(),
            message.feedback_at.into(),
            json(&message.metadata),
            has_agent,
            agent_name,
            agent_image,
            message.page_url.as_deref().into(),
            message.page_title.as_deref().into(),
            message.text_selection.as_deref().into(),
        ],
    ))
}

/// Makes the newest message of a conversation its last message.
pub fn set_last_message(project: ProjectId, conversation: ConversationId) -> Batch {
    Batch::of([Sql::new(
        "UPDATE conversation SET last_message_seq = \
                (SELECT max(seq) FROM message WHERE conversation_seq = conversation.seq) \
          WHERE project_seq = (SELECT seq FROM project WHERE id = ?) AND id = ?",
        [project.into(), conversation.into()],
    )])
}
