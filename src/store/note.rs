//! Notes of agents about conversations.

use super::batch::Batch;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{AgentSeq, ConversationSeq, MAX_NOTES, Note, NoteAuthor, NoteId};

/// The notes of a conversation, oldest first, at most twice [`MAX_NOTES`]: an import may
/// bring more than the API accepts.
pub fn list(snapshot: &Snapshot, conversation: ConversationSeq) -> Result<Vec<Note>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT id, text, created_at, agent_id, agent_name FROM note \
              WHERE conversation_seq = ? ORDER BY seq LIMIT ?"
        ),
        [conversation.into(), i64::from(2 * MAX_NOTES).into()],
    );
    snapshot.all(&sql, |row| {
        let agent: Option<_> = row.get(3)?;
        let name: Option<String> = row.get(4)?;
        Ok(Note {
            id: row.get(0)?,
            text: row.get(1)?,
            created_at: row.get(2)?,
            author: agent.map(|id| NoteAuthor { id, name }),
        })
    })
}

/// The author of the notes of an agent. `None` if the account was deleted.
pub fn author(snapshot: &Snapshot, agent: AgentSeq) -> Result<Option<NoteAuthor>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT id, name FROM agent WHERE seq = ?"),
        [agent.into()],
    );
    snapshot.optional(&sql, |row| {
        Ok(NoteAuthor {
            id: row.get(0)?,
            name: row.get(1)?,
        })
    })
}

/// Adds a note to a conversation.
///
/// Rejected with `LimitReached` if the conversation has [`MAX_NOTES`], and with
/// `ConversationNotFound` if it was deleted.
pub fn add(conversation: ConversationSeq, note: &Note) -> Batch {
    let guard = Sql::new(
        sql!(
            "SELECT CASE WHEN (SELECT count(*) FROM note WHERE conversation_seq = seq_of.seq) >= ?2 \
                         THEN 'limit_reached' END \
               FROM conversation AS seq_of WHERE seq_of.seq = ?1"
        ),
        [conversation.into(), i64::from(MAX_NOTES).into()],
    );
    let author = note.author.as_ref();
    let insert = Sql::new(
        sql!(
            "INSERT INTO note (id, conversation_seq, agent_id, agent_name, text, created_at) \
             VALUES (?, ?, ?, ?, ?, ?)"
        ),
        [
            note.id.into(),
            conversation.into(),
            author.map(|author| author.id).into(),
            author.and_then(|author| author.name.as_deref()).into(),
            note.text.as_str().into(),
            note.created_at.into(),
        ],
    );
    Batch::new()
        .guard(guard, Rejection::ConversationNotFound)
        .run(insert)
}

/// Deletes a note.
///
/// Rejected with `NotFound` if the conversation has no such note.
pub fn delete(conversation: ConversationSeq, id: NoteId) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!("DELETE FROM note WHERE conversation_seq = ? AND id = ?"),
            [conversation.into(), id.into()],
        ),
        Rejection::NotFound,
    )
}
