//! What live events report, read when they are sent.

use std::ops::ControlFlow;

use super::conversation::{self, PageRows};
use super::error::StoreError;
use super::message::{self, MessageRange};
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{
    ConversationId, ConversationListItem, ConversationSeq, Message, MessageId, MessageSeq,
    ProjectSeq, VisitorSeq,
};

/// Calls `with` with a conversation, its newest message and its visitor. Does nothing if
/// the conversation was deleted.
pub fn conversation(
    snapshot: &Snapshot,
    seq: ConversationSeq,
    mut with: impl FnMut(&ConversationListItem),
) -> Result<(), StoreError> {
    let mut rows = PageRows::for_staff(seq);
    rows.read(snapshot, |item| {
        with(item);
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// The conversations of a visitor with the newest messages, oldest first.
pub fn conversations_of(
    snapshot: &Snapshot,
    visitor: VisitorSeq,
    limit: u64,
) -> Result<Vec<ConversationSeq>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT seq FROM conversation WHERE visitor_seq = ? \
              ORDER BY last_interaction_at DESC, id DESC LIMIT ?"
        ),
        [
            visitor.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    );
    let mut seqs = snapshot.all(&sql, |row| row.get(0))?;
    seqs.reverse();
    Ok(seqs)
}

/// Calls `each` with the messages of a conversation after the first of two, up to the
/// second, at most `limit` of the newest, oldest first. The number of messages that follow
/// is the other argument.
pub fn messages(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
    (after, last): (MessageSeq, MessageSeq),
    limit: u64,
    mut each: impl FnMut(u64, &Message),
) -> Result<(), StoreError> {
    let Some(chat) = chat_id(snapshot, conversation)? else {
        return Ok(());
    };
    let range = MessageRange {
        conversation,
        chat,
        after,
        last,
    };
    let mut remaining = message::count_in(snapshot, range)?.min(limit);
    message::newest_in(snapshot, range, limit, |message| {
        remaining = remaining.saturating_sub(1);
        each(remaining, message);
    })
}

fn chat_id(
    snapshot: &Snapshot,
    conversation: ConversationSeq,
) -> Result<Option<ConversationId>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT id FROM conversation WHERE seq = ?"),
        [conversation.into()],
    );
    snapshot.optional(&sql, |row| row.get(0))
}

/// The conversation with this id, and the answer that is being written in it.
#[derive(Debug)]
pub struct WatchedConversation {
    pub seq: ConversationSeq,
    pub answer: Option<MessageId>,
}

/// Finds a conversation of a project and the answer that is being written in it.
pub fn watched(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: ConversationId,
) -> Result<Option<WatchedConversation>, StoreError> {
    let Some(found) = conversation::find(snapshot, project, id)? else {
        return Ok(None);
    };
    let sql = Sql::new(
        sql!("SELECT id FROM message WHERE conversation_seq = ? AND status = 'streaming'"),
        [found.seq.into()],
    );
    Ok(Some(WatchedConversation {
        seq: found.seq,
        answer: snapshot.optional(&sql, |row| row.get(0))?,
    }))
}
