//! Agents: people who take a conversation over from the assistant, reply in it
//! and hand it back (docs/api-contract.md, section 9).

use super::answer::keep_streamed_text;
use super::batch::Batch;
use super::conversation_state::{require_agent, require_no_other_agent, require_open};
use super::idempotency::{self, SavedResponse};
use super::rejection::Rejection;
use super::sql::Sql;
use crate::domain::{AgentId, Assignee, ConversationSeq, MessageContent, MessageId, Timestamp};

/// Assigns a conversation to an agent. The answer that is being streamed ends:
/// `partial` is that answer with its text so far, which is kept. After the
/// batch, no text of the assistant is stored in the conversation. The request
/// for an answer without text gets the response `to_agent`, also when it is
/// repeated.
///
/// Rejected with `ConversationClosed`.
pub fn take_over(
    conversation: ConversationSeq,
    agent: &Assignee,
    partial: Option<(MessageId, String)>,
    to_agent: &SavedResponse,
    at: Timestamp,
) -> Batch {
    let partial = partial.filter(|(_, text)| !text.is_empty());
    let has_partial = partial.is_some();
    let mut batch = Batch::new().guard(require_open(conversation), Rejection::ConversationNotFound);
    if let Some((answer, text)) = partial {
        batch = batch.run(Sql::new(
            sql!(
                "UPDATE message SET status = 'complete', text = ?3, owner = NULL \
                  WHERE conversation_seq = ?1 AND id = ?2 AND status = 'streaming'"
            ),
            [conversation.into(), answer.into(), text.into()],
        ));
    }
    batch
        // The answer of another process.
        .run(keep_streamed_text(conversation))
        .run(idempotency::replace_for_streaming_answer(
            conversation,
            to_agent,
        ))
        .run(Sql::new(
            sql!("DELETE FROM message WHERE conversation_seq = ? AND status = 'streaming'"),
            [conversation.into()],
        ))
        .run(Sql::new(
            sql!(
                "UPDATE conversation SET is_human_handled = 1, has_agent = 1, agent_name = ?2, \
                        agent_image = ?3, updated_at = ?4, \
                        last_interaction_at = CASE WHEN ?5 = 1 THEN ?4 ELSE last_interaction_at END, \
                        last_message_seq = (SELECT max(seq) FROM message WHERE conversation_seq = ?1), \
                        read_message_seq = (SELECT max(seq) FROM message WHERE conversation_seq = ?1), \
                        agent_id = ?6, waiting_since = NULL, waiting_reason = NULL, \
                        waited_ms = CASE WHEN waiting_since IS NULL THEN waited_ms \
                                         WHEN waiting_since < ?4 THEN ?4 - waiting_since ELSE 0 END \
                  WHERE seq = ?1"
            ),
            [
                conversation.into(),
                agent.profile.name.clone().into(),
                agent.profile.image.clone().into(),
                at.into(),
                has_partial.into(),
                agent.account.into(),
            ],
        ))
}

/// Rejected with `ConversationClosed` or `OtherAgent`: another account has the conversation.
pub fn expect_no_other_agent(conversation: ConversationSeq, account: AgentId) -> Batch {
    let guard = require_no_other_agent(conversation, account);
    Batch::new().guard(guard, Rejection::ConversationNotFound)
}

/// Returns a conversation to the assistant.
///
/// Rejected with `ConversationClosed` or `NotTakenOver`.
pub fn hand_back(conversation: ConversationSeq, at: Timestamp) -> Batch {
    Batch::new()
        .guard(require_agent(conversation), Rejection::ConversationNotFound)
        .run(Sql::new(
            sql!(
                "UPDATE conversation SET is_human_handled = 0, has_agent = 0, agent_name = NULL, \
                        agent_image = NULL, agent_id = NULL, updated_at = ?2 \
                  WHERE seq = ?1"
            ),
            [conversation.into(), at.into()],
        ))
}

/// Stores a message of the agent who handles the conversation.
///
/// Rejected with `ConversationClosed` or `NotTakenOver`.
pub fn reply(
    conversation: ConversationSeq,
    message: MessageId,
    content: &MessageContent,
    at: Timestamp,
) -> Batch {
    Batch::new()
        .guard(require_agent(conversation), Rejection::ConversationNotFound)
        .run(Sql::new(
            sql!(
                "INSERT INTO message (id, conversation_seq, created_at, role, status, text, \
                                      has_agent, agent_name, agent_image) \
                 SELECT ?1, seq, ?3, 'human_agent', 'complete', ?4, has_agent, agent_name, agent_image \
                   FROM conversation WHERE seq = ?2"
            ),
            [
                message.into(),
                conversation.into(),
                at.into(),
                content.as_str().into(),
            ],
        ))
        .run(Sql::new(
            sql!(
                "UPDATE conversation SET (last_message_seq, read_message_seq) = \
                            (SELECT seq, seq FROM message WHERE id = ?2), \
                        last_interaction_at = ?3, updated_at = ?3 \
                  WHERE seq = ?1"
            ),
            [conversation.into(), message.into(), at.into()],
        ))
}
