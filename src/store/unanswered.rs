//! Questions to which the assistant found no answer (`answer_refusal`).

use super::batch::Batch;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{Limit, MessageId, Offset, ProjectSeq, Timestamp, UnansweredQuestion};

/// The number of questions of a project that are not resolved.
pub fn count(snapshot: &Snapshot, project: ProjectSeq) -> Result<u64, StoreError> {
    let sql = Sql::new(
        sql!("SELECT count(*) FROM answer_refusal WHERE project_seq = ? AND resolved_at IS NULL"),
        [project.into()],
    );
    snapshot.one(&sql, |row| row.get(0))
}

/// A page of the questions of a project that are not resolved, the newest first.
pub fn page(
    snapshot: &Snapshot,
    project: ProjectSeq,
    limit: Limit,
    offset: Offset,
) -> Result<Vec<UnansweredQuestion>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT m.id, q.text, c.id, r.created_at \
               FROM (SELECT message_seq, question_seq, created_at FROM answer_refusal \
                      WHERE project_seq = ? AND resolved_at IS NULL \
                      ORDER BY created_at DESC, message_seq DESC LIMIT ? OFFSET ?) AS r \
                    CROSS JOIN message AS m CROSS JOIN message AS q CROSS JOIN conversation AS c \
              WHERE m.seq = r.message_seq AND q.seq = r.question_seq AND c.seq = m.conversation_seq \
              ORDER BY r.created_at DESC, r.message_seq DESC"
        ),
        [
            project.into(),
            (limit.get() as i64).into(),
            (offset.get() as i64).into(),
        ],
    );
    snapshot.all(&sql, |row| {
        Ok(UnansweredQuestion {
            id: row.get(0)?,
            question: row.get(1)?,
            conversation: row.get(2)?,
            created_at: row.get(3)?,
        })
    })
}

/// Removes a question from the list.
///
/// Rejected with `NotFound` if the list of the project does not have it.
pub fn resolve(project: ProjectSeq, id: MessageId, at: Timestamp) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE answer_refusal SET resolved_at = ?3 \
                  WHERE message_seq = (SELECT seq FROM message WHERE id = ?2) \
                    AND project_seq = ?1 AND resolved_at IS NULL"
            ),
            [project.into(), id.into(), at.into()],
        ),
        Rejection::NotFound,
    )
}
