//! What notifications say. The texts are read when a notification is sent.

use super::queue::DueNotification;
use crate::domain::{
    Audience, ConversationId, ConversationListItem, ConversationSeq, MessageSeq, ProjectSeq,
    ReplyLink, Timestamp, Visitor,
};
use crate::store::conversation;
use crate::store::error::StoreError;
use crate::store::snapshot::Snapshot;
use crate::store::sql::Sql;
use crate::store::visitor;

/// A conversation that waits for an agent, for an e-mail to agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingConversation {
    pub id: ConversationId,
    pub project_name: String,
    /// None: the conversation does not wait any more.
    pub waiting_since: Option<Timestamp>,
    /// The name of the reason.
    pub reason: Option<String>,
    pub visitor_name: Option<String>,
    pub visitor_email: Option<String>,
    pub visitor_phone: Option<String>,
    pub page_url: Option<String>,
    /// The newest message of the visitor.
    pub last_message: Option<String>,
}

/// Reads a conversation for an e-mail to agents.
pub fn waiting_conversation(
    snapshot: &Snapshot,
    seq: ConversationSeq,
) -> Result<Option<WaitingConversation>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT c.id, p.name, c.waiting_since, c.waiting_reason, v.name, v.email, v.phone, \
                    c.page_url, \
                    (SELECT text FROM message WHERE conversation_seq = c.seq AND role = 'user' \
                      ORDER BY seq DESC LIMIT 1) \
               FROM conversation AS c JOIN project AS p ON p.seq = c.project_seq \
                                      JOIN visitor AS v ON v.seq = c.visitor_seq \
              WHERE c.seq = ?"
        ),
        [seq.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(WaitingConversation {
            id: row.get(0)?,
            project_name: row.get(1)?,
            waiting_since: row.get(2)?,
            reason: row.get(3)?,
            visitor_name: row.get(4)?,
            visitor_email: row.get(5)?,
            visitor_phone: row.get(6)?,
            page_url: row.get(7)?,
            last_message: row.get(8)?,
        })
    })
}

/// Calls `with` with a conversation, its newest message and its visitor. None if the
/// conversation was deleted.
pub fn conversation_with_visitor<T>(
    snapshot: &Snapshot,
    seq: ConversationSeq,
    with: impl Fn(&ConversationListItem<'_>, &Visitor) -> T,
) -> Result<Option<T>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT visitor_seq FROM conversation WHERE seq = ?"),
        [seq.into()],
    );
    let Some(visitor) = snapshot.optional(&sql, |row| row.get(0))? else {
        return Ok(None);
    };
    let visitor = visitor::read(snapshot, visitor, Audience::Staff)?;
    conversation::read_list_item(snapshot, seq, Audience::Staff, |item| with(item, &visitor))
}

/// The replies for an e-mail to a visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnseenReplies {
    pub link: ReplyLink,
    pub project_name: String,
    /// The visitor's e-mail address by now.
    pub email: Option<String>,
    pub is_blocked: bool,
    /// The visitor has written after the first reply.
    pub has_answered: bool,
    /// Oldest first.
    pub replies: Vec<Reply>,
    /// The newest messages of the visitor, newest first.
    pub visitor_texts: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub agent: Option<String>,
    pub text: String,
}

/// Reads the replies of an e-mail: from its first reply to the first reply of the next
/// e-mail of the conversation. None if the conversation was deleted.
pub fn unseen_replies(
    snapshot: &Snapshot,
    notification: &DueNotification,
) -> Result<Option<UnseenReplies>, StoreError> {
    let first = notification.first_reply.unwrap_or(MessageSeq(i64::MAX));
    let sql = Sql::new(
        sql!(
            "SELECT p.id, p.name, c.id, v.id, v.email, CASE WHEN v.blocked_at IS NULL THEN 0 ELSE 1 END, \
                    CASE WHEN EXISTS (SELECT 1 FROM message WHERE conversation_seq = c.seq \
                                         AND role = 'user' AND seq > ?2) THEN 1 ELSE 0 END \
               FROM conversation AS c JOIN project AS p ON p.seq = c.project_seq \
                                      JOIN visitor AS v ON v.seq = c.visitor_seq \
              WHERE c.seq = ?1"
        ),
        [notification.conversation.into(), first.into()],
    );
    let replies = replies(snapshot, notification.conversation, first)?;
    let visitor_texts = visitor_texts(snapshot, notification.conversation)?;
    snapshot.optional(&sql, |row| {
        Ok(UnseenReplies {
            link: ReplyLink {
                project: row.get(0)?,
                conversation: row.get(2)?,
                visitor: row.get(3)?,
            },
            project_name: row.get(1)?,
            email: row.get(4)?,
            is_blocked: row.get(5)?,
            has_answered: row.get(6)?,
            replies,
            visitor_texts,
        })
    })
}

fn visitor_texts(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
) -> Result<Vec<String>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT text FROM message WHERE conversation_seq = ? AND role = 'user' \
              ORDER BY seq DESC LIMIT 10"
        ),
        [conversation.into()],
    );
    snapshot.all(&sql, |row| row.get(0))
}

fn replies(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
    first: MessageSeq,
) -> Result<Vec<Reply>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT agent_name, text FROM message \
              WHERE conversation_seq = ?1 AND role = 'human_agent' AND seq >= ?2 \
                AND seq < coalesce((SELECT min(message_seq) FROM notification \
                                   WHERE conversation_seq = ?1 AND kind = 'reply_email' \
                                     AND message_seq > ?2), 9223372036854775807) \
              ORDER BY seq LIMIT 50"
        ),
        [conversation.into(), first.into()],
    );
    snapshot.all(&sql, |row| {
        Ok(Reply {
            agent: row.get(0)?,
            text: row.get(1)?,
        })
    })
}

/// The name of a project.
pub fn project_name(snapshot: &Snapshot, project: ProjectSeq) -> Result<String, StoreError> {
    let sql = Sql::new(
        sql!("SELECT name FROM project WHERE seq = ?"),
        [project.into()],
    );
    snapshot.one(&sql, |row| row.get(0))
}
