//! Recognises whether conversations and messages have changed between two exports.

use sha2::{Digest, Sha256};

use super::json::Hex;
use crate::domain::{ConversationId, MessageId, ProjectId};
use crate::store::error::StoreError;
use crate::store::snapshot::Snapshot;
use crate::store::sql::Sql;

/// A hash that differs if the conversations or messages have changed, also by another
/// program. It is made from what triggers of the file count (`project.list_version`), from
/// the newest rows, because a restored file may have the same counts, from the length
/// of the answers that are being streamed, whose growth is not counted, and from the numbers
/// of notes and refusals, which are not part of lists.
pub fn state(snapshot: &Snapshot) -> Result<String, StoreError> {
    let sql = Sql::new(
        sql!("SELECT id, list_version FROM project ORDER BY seq"),
        [],
    );
    let versions: Vec<(ProjectId, i64)> =
        snapshot.all(&sql, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = Sql::new(
        sql!("SELECT id FROM conversation ORDER BY seq DESC LIMIT 1"),
        [],
    );
    let conversation: Option<ConversationId> = snapshot.optional(&sql, |row| row.get(0))?;
    let sql = Sql::new(sql!("SELECT id FROM message ORDER BY seq DESC LIMIT 1"), []);
    let message: Option<MessageId> = snapshot.optional(&sql, |row| row.get(0))?;
    let sql = Sql::new(
        sql!(
            "SELECT count(*), coalesce(sum(length(text)), 0) FROM message WHERE status = 'streaming'"
        ),
        [],
    );
    let streaming: (i64, i64) = snapshot.one(&sql, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sql = Sql::new(
        sql!(
            "SELECT (SELECT count(*) FROM note), (SELECT coalesce(max(seq), 0) FROM note), \
                    (SELECT count(*) FROM answer_refusal), \
                    (SELECT count(resolved_at) FROM answer_refusal)"
        ),
        [],
    );
    let notes: [i64; 4] = snapshot.one(&sql, |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
    })?;
    let text = format!("{versions:?} {conversation:?} {message:?} {streaming:?} {notes:?}");
    Ok(Hex(Sha256::digest(text).into()).to_string())
}
