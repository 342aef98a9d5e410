//! The state of a conversation that decides what may be written to it, and the
//! guard statements that check the state inside a write batch.

use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{
    AgentId, ConversationId, ConversationSeq, MessageId, MessageSeq, MessageStatus, ProjectSeq,
    Role, Timestamp, VisitorSeq,
};

/// The visitor and the newest message of a conversation.
#[derive(Debug, Clone)]
pub struct ConversationState {
    pub seq: ConversationSeq,
    pub visitor: VisitorSeq,
    pub last_message: Option<LastMessage>,
}

/// The newest message of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct LastMessage {
    pub seq: MessageSeq,
    pub id: MessageId,
    pub role: Role,
    pub status: MessageStatus,
}

impl ConversationState {
    /// Checks that the assistant may answer in the conversation.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] with the reason that a write would be rejected
    /// for: `VisitorBlocked`, `ConversationClosed`, `TakenOver` or `AnswerInProgress`.
    pub fn check_assistant(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let guard = require_assistant(self.seq);
        snapshot.check_guard(&guard, Rejection::ConversationNotFound)
    }

    /// The newest message if it is an answer that failed.
    pub fn failed_answer(&self) -> Option<LastMessage> {
        self.last_message
            .filter(|last| last.role == Role::Assistant && last.status == MessageStatus::Error)
    }
}

/// Reads the state of a conversation of a project.
pub fn read(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: ConversationId,
) -> Result<Option<ConversationState>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT c.seq, c.visitor_seq, m.seq, m.id, m.role, m.status \
               FROM conversation AS c LEFT JOIN message AS m ON m.seq = c.last_message_seq \
              WHERE c.project_seq = ? AND c.id = ?"
        ),
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, |row| {
        let last_message = match row.get(2)? {
            None => None,
            Some(seq) => Some(LastMessage {
                seq,
                id: row.get(3)?,
                role: row.variant(4, &Role::NAMES)?,
                status: row.variant(5, &MessageStatus::NAMES)?,
            }),
        };
        Ok(ConversationState {
            seq: row.get(0)?,
            visitor: row.get(1)?,
            last_message,
        })
    })
}

/// Guard: the conversation is open.
pub(super) fn require_open(conversation: ConversationSeq) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN status = 'closed' THEN 'conversation_closed' END \
               FROM conversation WHERE seq = ?"
        ),
        [conversation.into()],
    )
}

/// Guard: the visitor may write, the conversation is open, the assistant handles it, and no
/// answer is being streamed in it.
pub(super) fn require_assistant(conversation: ConversationSeq) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN v.blocked_at IS NOT NULL THEN 'visitor_blocked' \
                         WHEN c.status = 'closed' THEN 'conversation_closed' \
                         WHEN c.is_human_handled = 1 THEN 'taken_over' \
                         WHEN m.status = 'streaming' THEN 'answer_in_progress' END \
               FROM conversation AS c JOIN visitor AS v ON v.seq = c.visitor_seq \
                                      LEFT JOIN message AS m ON m.seq = c.last_message_seq \
              WHERE c.seq = ?"
        ),
        [conversation.into()],
    )
}

/// Guard: the visitor of the conversation may write.
pub(super) fn require_writing_visitor(conversation: ConversationSeq) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN v.blocked_at IS NOT NULL THEN 'visitor_blocked' END \
               FROM conversation AS c JOIN visitor AS v ON v.seq = c.visitor_seq WHERE c.seq = ?"
        ),
        [conversation.into()],
    )
}

/// Guard: the conversation is open and an agent handles it.
pub(super) fn require_agent(conversation: ConversationSeq) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN status = 'closed' THEN 'conversation_closed' \
                         WHEN is_human_handled = 0 THEN 'not_taken_over' END \
               FROM conversation WHERE seq = ?"
        ),
        [conversation.into()],
    )
}

/// Guard: the conversation is open, and no other account has taken it over. Accounts that
/// were deleted do not count.
pub(super) fn require_no_other_agent(conversation: ConversationSeq, account: AgentId) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN status = 'closed' THEN 'conversation_closed' \
                         WHEN is_human_handled = 1 AND agent_id <> ?2 \
                              AND EXISTS (SELECT 1 FROM agent AS a WHERE a.id = agent_id) \
                         THEN 'other_agent' END \
               FROM conversation WHERE seq = ?1"
        ),
        [conversation.into(), account.into()],
    )
}

/// Checks `require_no_other_agent` before a write.
///
/// # Errors
/// [`StoreError::Rejected`] with `ConversationClosed` or `OtherAgent`.
pub fn check_no_other_agent(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
    account: AgentId,
) -> Result<(), StoreError> {
    let guard = require_no_other_agent(conversation, account);
    snapshot.check_guard(&guard, Rejection::ConversationNotFound)
}

/// Guard: `message` is still the newest message of the conversation.
pub(super) fn require_last_message(conversation: ConversationSeq, message: MessageId) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN m.id = ?2 THEN NULL ELSE 'conversation_changed' END \
               FROM conversation AS c LEFT JOIN message AS m ON m.seq = c.last_message_seq \
              WHERE c.seq = ?1"
        ),
        [conversation.into(), message.into()],
    )
}

/// Makes a message that an earlier statement of the batch stored the newest one
/// of its conversation.
pub(super) fn set_last_message(
    conversation: ConversationSeq,
    message: MessageId,
    at: Timestamp,
) -> Sql {
    Sql::new(
        sql!(
            "UPDATE conversation SET last_message_seq = (SELECT seq FROM message WHERE id = ?2), \
                                     last_interaction_at = ?3, updated_at = ?3 \
              WHERE seq = ?1"
        ),
        [conversation.into(), message.into(), at.into()],
    )
}
