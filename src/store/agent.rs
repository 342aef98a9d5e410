//! The person of the house: takes a conversation over, answers, hands it back
//! (section 0, D16).

use super::statement::{Batch, Statement, uuid, value};
use super::turn::touched;
use crate::domain::{ConversationSeq, MessageContent, MessageId, Timestamp};

/// A person of the house, as visitors see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub name: String,
    /// The address of a picture.
    pub image: Option<String>,
}

/// The write that gives an open conversation to a person of the house, and ends
/// the answer that is being written: `cut` is that answer with the text it has
/// so far. Its last statement changes a row where the conversation is open.
///
/// The answer's end comes first: once the conversation is theirs, nothing of the
/// assistant is stored in it.
pub fn take_over(
    conversation: ConversationSeq,
    agent: &Agent,
    cut: Option<(MessageId, String)>,
    at: Timestamp,
) -> Batch {
    let cut = cut.filter(|(_, text)| !text.is_empty());
    let kept = cut.as_ref().map(|(id, _)| id.0.as_bytes().to_vec());
    let said = kept.is_some();
    Batch::of([
        Statement::new(
            "UPDATE message SET status = 'complete', text = ?3 \
              WHERE conversation_seq = ?1 AND id = ?2 AND status = 'streaming' \
                AND (SELECT status FROM conversation WHERE seq = ?1) = 'open'",
            [
                value(conversation.0),
                value(kept),
                value(cut.map(|(_, text)| text)),
            ],
        ),
        Statement::new(
            "DELETE FROM message WHERE conversation_seq = ?1 AND status = 'streaming' \
                AND (SELECT status FROM conversation WHERE seq = ?1) = 'open'",
            [value(conversation.0)],
        ),
        Statement::new(
            "UPDATE conversation SET is_human_handled = 1, has_agent = 1, agent_name = ?2, \
                    agent_image = ?3, updated_at = ?4, \
                    last_interaction_at = CASE WHEN ?5 THEN ?4 ELSE last_interaction_at END, \
                    last_message_seq = (SELECT max(seq) FROM message WHERE conversation_seq = ?1) \
              WHERE seq = ?1 AND status = 'open'",
            [
                value(conversation.0),
                value(agent.name.clone()),
                value(agent.image.clone()),
                value(at.0),
                value(said),
            ],
        ),
    ])
}

/// The write that gives a conversation back to the assistant. It changes a row
/// where a person of the house had it and it is open.
pub fn hand_back(conversation: ConversationSeq, at: Timestamp) -> Batch {
    Batch::of([Statement::new(
        "UPDATE conversation SET is_human_handled = 0, has_agent = 0, agent_name = NULL, \
                agent_image = NULL, updated_at = ?2 \
          WHERE seq = ?1 AND is_human_handled = 1 AND status = 'open'",
        [value(conversation.0), value(at.0)],
    )])
}

/// The write that stores what a person of the house says. Its last statement
/// changes a row where the conversation is theirs and open.
pub fn reply(
    conversation: ConversationSeq,
    id: MessageId,
    content: &MessageContent,
    at: Timestamp,
) -> Batch {
    Batch::of([
        Statement::new(
            "INSERT INTO message (id, conversation_seq, created_at, role, status, text, \
                                  has_agent, agent_name, agent_image) \
             SELECT ?1, seq, ?3, 'human_agent', 'complete', ?4, has_agent, agent_name, agent_image \
               FROM conversation WHERE seq = ?2 AND status = 'open' AND is_human_handled = 1",
            [
                uuid(id.0),
                value(conversation.0),
                value(at.0),
                value(content.as_str().to_owned()),
            ],
        ),
        touched(conversation, id, at),
    ])
}
