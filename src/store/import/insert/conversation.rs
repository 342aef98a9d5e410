//! Inserts visitors and their conversations.

use super::expecting_references;
use crate::domain::{ConversationId, ProjectId, WaitingReason, title_key};
use crate::store::batch::Batch;
use crate::store::erasure::next_seq;
use crate::store::export::{
    AgentRecord, ConversationRecord, JsonText, MessageRecord, NoteRecord, RefusalRecord,
    SessionRecord, VisitorRecord,
};
use crate::store::sql::{Sql, Value};

pub(super) fn insert_visitor(visitor: &VisitorRecord) -> Sql {
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

pub(super) fn insert_session(session: &SessionRecord) -> Sql {
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

pub(super) fn insert_conversation(conversation: &ConversationRecord) -> Sql {
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
