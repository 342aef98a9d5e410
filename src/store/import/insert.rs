//! Inserts records that are new.

use super::super::batch::{Batch, BatchOutput};
use super::super::erasure::next_seq;
use super::super::error::StoreError;
use super::super::export::{
    AccountRecord, AgentRecord, AssistantRecord, ConversationRecord, DocumentRecord, JsonText,
    KeyRecord, MessageRecord, NoteRecord, ProjectRecord, QnaRecord, Record, RefusalRecord,
    SavedReplyRecord, SecretRecord, SessionRecord, SourceRecord, UsageRecord, VisitorRecord,
};
use super::super::rejection::Rejection;
use super::super::sql::{Sql, Value};
use crate::domain::{ConversationId, ProjectId, WaitingReason, title_key};

/// Whether a batch of this module failed because a record contradicts another one.
pub fn is_contradiction(error: &StoreError) -> bool {
    match error {
        StoreError::Rejected(_) => true,
        // The words of SQLite and of PostgreSQL.
        StoreError::Internal(text) => {
            text.contains("constraint failed") || text.contains("violates")
        }
        _ => false,
    }
}

/// Inserts a record that is no part of a conversation. Rejected with `NotFound` if a record that it
/// refers to is not stored.
pub fn insert(record: &Record) -> Batch {
    match record {
        Record::Project(record) => insert_project(record),
        Record::Assistant(record) => expecting_references(insert_assistant(record)),
        Record::Key(record) => expecting_references(insert_key(record)),
        Record::Agent(record) => expecting_references(insert_account(record)),
        Record::Secret(record) => insert_secret(record),
        Record::Usage(record) => expecting_references(insert_usage(record)),
        Record::Qna(record) => insert_qna(record),
        Record::Document(record) => insert_document(record),
        Record::Source(record) => expecting_references(insert_source(record)),
        Record::SavedReply(record) => expecting_references(insert_saved_reply(record)),
        Record::Visitor(record) => expecting_references(insert_visitor(record)),
        Record::Session(record) => expecting_references(insert_session(record)),
        Record::Conversation(record) => expecting_references(insert_conversation(record)),
        Record::Message(_) | Record::Note(_) | Record::Refusal(_) => Batch::new(),
    }
}

/// A statement that inserts no row if a reference is missing.
fn expecting_references(sql: Sql) -> Batch {
    Batch::new().run_expecting_change(sql, Rejection::NotFound)
}

fn insert_project(project: &ProjectRecord) -> Batch {
    Batch::of([Sql::new(
        sql!(concat!(
            "INSERT INTO project (seq, id, name, description, widget_config, plan, created_at, \
                                  message_quota, business_hours, away_message, webhook_url, \
                                  notification_emails) VALUES (",
            next_seq!("project"),
            ", ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )),
        [
            project.id.into(),
            project.name.as_str().into(),
            project.description.as_deref().into(),
            project.widget_config.as_str().into(),
            project.plan.as_deref().into(),
            project.created_at.into(),
            project.message_quota.map(i64::from).into(),
            project.business_hours.as_ref().map(JsonText::as_str).into(),
            project.away_message.as_deref().into(),
            project.webhook_url.as_deref().into(),
            serde_json::json!(project.notification_emails)
                .to_string()
                .into(),
        ],
    )])
}

fn insert_assistant(assistant: &AssistantRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO assistant (project_seq, id, name, mode, prompt, fallback, created_at) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7 FROM project WHERE id = ?1"
        ),
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
        sql!(
            "INSERT INTO api_key (project_seq, id, kind, name, hash, hint, origins, created_at, \
                                  revoked_at, assistant_seq, publishable_key) \
             SELECT p.seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, a.seq, ?11 \
               FROM project AS p LEFT JOIN assistant AS a ON a.id = ?10 AND a.project_seq = p.seq \
              WHERE p.id = ?1 AND (?10 IS NULL) = (a.seq IS NULL)"
        ),
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
            key.publishable_key.as_deref().into(),
        ],
    )
}

fn insert_account(account: &AccountRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO agent (project_seq, id, name, email, avatar_url, role, password_hash, \
                                is_away, created_at) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM project WHERE id = ?1"
        ),
        [
            account.project_id.into(),
            account.id.into(),
            account.name.as_str().into(),
            account.email.as_str().into(),
            account.avatar_url.as_deref().into(),
            account.role.as_str().into(),
            account.password_hash.as_deref().into(),
            account.is_away.into(),
            account.created_at.into(),
        ],
    )
}

/// Gives each webhook without a secret a new one. An export without secrets has only the URLs,
/// and requests cannot be sent without a signature. The result has a row for each.
pub fn create_webhook_secrets() -> Batch {
    macro_rules! set_secrets {
        ($random_bytes:literal) => {
            concat!(
                "UPDATE project SET webhook_secret = ",
                $random_bytes,
                " WHERE webhook_url IS NOT NULL AND webhook_secret IS NULL RETURNING seq"
            )
        };
    }
    Batch::of([Sql::new(
        sql!(
            sqlite: set_secrets!("randomblob(32)"),
            postgres: set_secrets!(
                "sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) \
                        || uuid_send(gen_random_uuid()))"
            ),
        ),
        [],
    )])
}

/// The number of secrets that [`create_webhook_secrets`] created.
pub fn count_created_secrets(output: &BatchOutput) -> usize {
    output.rows.len()
}

/// The secret of a project or key is a column of its row.
fn insert_secret(secret: &SecretRecord) -> Batch {
    let value = secret.value.0.into();
    match (secret.project_id, secret.key_id) {
        (Some(project), _) => expecting_references(Sql::new(
            sql!("UPDATE project SET webhook_secret = ?2 WHERE id = ?1"),
            [project.into(), value],
        )),
        (None, Some(key)) => expecting_references(Sql::new(
            sql!("UPDATE api_key SET identity_secret = ?2 WHERE id = ?1"),
            [key.into(), value],
        )),
        (None, None) => Batch::of([Sql::new(
            sql!("INSERT INTO secret (name, value) VALUES (?, ?)"),
            [secret.name.as_str().into(), value],
        )]),
    }
}

fn insert_source(source: &SourceRecord) -> Sql {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let problems = serde_json::to_string(&source.problems).unwrap_or_else(|_| "[]".to_owned());
    Sql::new(
        sql!(
            "INSERT INTO source (project_seq, id, location, kind, started_at, finished_at, documents, \
                                 error, problems, skipped, removed, interval_s) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM project WHERE id = ?1"
        ),
        [
            source.project_id.into(),
            source.id.into(),
            source.location.as_str().into(),
            source.kind.as_str().into(),
            source.started_at.into(),
            source.finished_at.into(),
            count(source.documents).into(),
            source.error.as_deref().into(),
            problems.into(),
            count(source.skipped).into(),
            count(source.removed).into(),
            source.interval_seconds.map(i64::from).into(),
        ],
    )
}

fn insert_saved_reply(reply: &SavedReplyRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO saved_reply (project_seq, id, name, text, created_at, updated_at) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6 FROM project WHERE id = ?1"
        ),
        [
            reply.project_id.into(),
            reply.id.into(),
            reply.name.as_str().into(),
            reply.text.as_str().into(),
            reply.created_at.into(),
            reply.updated_at.into(),
        ],
    )
}

fn insert_usage(usage: &UsageRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO usage (project_seq, month, messages) \
             SELECT seq, ?2, ?3 FROM project WHERE id = ?1 \
             ON CONFLICT (project_seq, month) DO UPDATE \
                SET messages = CASE WHEN excluded.messages > usage.messages THEN excluded.messages \
                                    ELSE usage.messages END"
        ),
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
        sql!(
            "INSERT INTO qna (project_seq, id, question, answer, is_published, created_at, \
                              updated_at, creator_name, creator_image) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM project WHERE id = ?1"
        ),
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
        sql!(
            "INSERT INTO passage (project_seq, qna_seq, title, heading, body) \
             SELECT project_seq, seq, question, '', answer FROM qna WHERE id = ? AND is_published = 1"
        ),
        [qna.id.into()],
    ))
}

fn insert_document(document: &DocumentRecord) -> Batch {
    let insert = Sql::new(
        sql!(
            "INSERT INTO document (project_seq, id, url, title, hash, source, learned_at, description) \
             SELECT seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM project WHERE id = ?1"
        ),
        [
            document.project_id.into(),
            document.id.into(),
            document.url.as_str().into(),
            document.title.as_str().into(),
            document.hash.0.into(),
            document.source.as_str().into(),
            document.learned_at.into(),
            document.description.as_str().into(),
        ],
    );
    let passages = document.passages.iter().map(|passage| {
        Sql::new(
            sql!(
                "INSERT INTO passage (project_seq, document_seq, title, heading, body) \
                 SELECT project_seq, seq, title, ?2, ?3 FROM document WHERE id = ?1"
            ),
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
        sql!(concat!(
            "INSERT INTO visitor (seq, project_seq, id, sa_vid, external_id, name, avatar_url, \
                                  created_at, email, phone, is_verified, blocked_at, \
                                  is_email_verified) \
             SELECT ",
            next_seq!("visitor"),
            ", seq, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM project WHERE id = ?1"
        )),
        [
            visitor.project_id.into(),
            visitor.id.into(),
            visitor.sa_vid.as_deref().into(),
            visitor.external_id.as_deref().into(),
            visitor.name.as_deref().into(),
            visitor.avatar_url.as_deref().into(),
            visitor.created_at.into(),
            visitor.email.as_deref().into(),
            visitor.phone.as_deref().into(),
            visitor
                .is_verified
                .unwrap_or(visitor.external_id.is_some())
                .into(),
            visitor.blocked_at.into(),
            visitor.is_email_verified.into(),
        ],
    )
}

fn insert_session(session: &SessionRecord) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO session (id, visitor_seq, key_seq, created_at, last_used_at) \
             SELECT ?2, v.seq, k.seq, ?5, ?6 \
               FROM project AS p JOIN visitor AS v ON v.project_seq = p.seq AND v.id = ?3 \
                                 JOIN api_key AS k ON k.project_seq = p.seq AND k.id = ?4 \
              WHERE p.id = ?1"
        ),
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
        sql!(concat!(
            "INSERT INTO conversation (seq, project_seq, visitor_seq, id, status, created_at, \
                updated_at, last_interaction_at, closed_at, close_reason, is_human_handled, \
                has_agent, agent_name, agent_image, title, title_key, page_url, agent_id, \
                waiting_since, waiting_reason, waited_ms, read_message_seq) \
             SELECT ",
            next_seq!("conversation"),
            ", p.seq, v.seq, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
             ?17, ?18, ?19, ?20, ?21 \
           FROM project AS p JOIN visitor AS v ON v.project_seq = p.seq AND v.id = ?2 \
          WHERE p.id = ?1"
        )),
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
            conversation.agent_id.into(),
            conversation.waiting_since.into(),
            conversation
                .waiting_reason
                .map(WaitingReason::as_str)
                .into(),
            conversation
                .waited_ms
                .map(|ms| i64::try_from(ms).unwrap_or(i64::MAX))
                .into(),
            // Until its messages are stored.
            conversation.is_read.then_some(0).into(),
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
        sql!(
            "INSERT INTO message (conversation_seq, id, created_at, role, status, text, parts, \
                    error, feedback, feedback_at, metadata, has_agent, agent_name, agent_image, \
                    page_url, page_title, text_selection) \
             SELECT seq, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18 \
               FROM conversation \
              WHERE project_seq = (SELECT seq FROM project WHERE id = ?1) AND id = ?2"
        ),
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

/// Makes the newest message of a conversation its last message. If agents have read the
/// conversation, it is also the newest message that they have read.
pub fn set_last_message(project: ProjectId, conversation: ConversationId) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "UPDATE conversation SET (last_message_seq, read_message_seq) = \
                    (SELECT max(seq), CASE WHEN read_message_seq IS NOT NULL THEN max(seq) END \
                       FROM message WHERE conversation_seq = conversation.seq) \
              WHERE project_seq = (SELECT seq FROM project WHERE id = ?) AND id = ?"
        ),
        [project.into(), conversation.into()],
    )])
}

/// Adds a note to its conversation. Rejected with `NotFound` if the conversation is not
/// stored.
pub fn insert_note(project: ProjectId, note: &NoteRecord) -> Batch {
    expecting_references(Sql::new(
        sql!(
            "INSERT INTO note (conversation_seq, id, agent_id, agent_name, text, created_at) \
             SELECT seq, ?3, ?4, ?5, ?6, ?7 FROM conversation \
              WHERE project_seq = (SELECT seq FROM project WHERE id = ?1) AND id = ?2"
        ),
        [
            project.into(),
            note.conversation_id.into(),
            note.id.into(),
            note.agent_id.into(),
            note.agent_name.as_deref().into(),
            note.text.as_str().into(),
            note.created_at.into(),
        ],
    ))
}

/// Marks an answer as a refusal. Rejected with `NotFound` if its conversation does not have
/// the answer and the question.
pub fn insert_refusal(project: ProjectId, refusal: &RefusalRecord) -> Batch {
    expecting_references(Sql::new(
        sql!(
            "INSERT INTO answer_refusal (message_seq, question_seq, project_seq, created_at, \
                                         resolved_at) \
             SELECT m.seq, q.seq, c.project_seq, ?5, ?6 \
               FROM conversation AS c JOIN message AS m ON m.conversation_seq = c.seq AND m.id = ?3 \
                                      JOIN message AS q ON q.conversation_seq = c.seq AND q.id = ?4 \
              WHERE c.project_seq = (SELECT seq FROM project WHERE id = ?1) AND c.id = ?2"
        ),
        [
            project.into(),
            refusal.conversation_id.into(),
            refusal.message_id.into(),
            refusal.question_id.into(),
            refusal.created_at.into(),
            refusal.resolved_at.into(),
        ],
    ))
}
