//! Texts that agents use again.

use super::batch::Batch;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{MAX_SAVED_REPLIES, ProjectSeq, SavedReply, SavedReplyId};

/// The saved replies of a project by name, at most twice [`MAX_SAVED_REPLIES`]: an import
/// may bring more than the API accepts.
pub fn list(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<SavedReply>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT id, name, text, created_at, updated_at FROM saved_reply \
              WHERE project_seq = ? ORDER BY lower(name), name LIMIT ?"
        ),
        [project.into(), i64::from(2 * MAX_SAVED_REPLIES).into()],
    );
    snapshot.all(&sql, from_row)
}

/// Finds a saved reply of a project.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: SavedReplyId,
) -> Result<Option<SavedReply>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT id, name, text, created_at, updated_at FROM saved_reply \
              WHERE project_seq = ? AND id = ?"
        ),
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, from_row)
}

fn from_row(row: Row<'_>) -> Result<SavedReply, StoreError> {
    Ok(SavedReply {
        id: row.get(0)?,
        name: row.get(1)?,
        text: row.get(2)?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
    })
}

/// Stores a new saved reply.
///
/// Rejected with `NameExists`, and with `LimitReached` if the project has
/// [`MAX_SAVED_REPLIES`].
pub fn create(project: ProjectSeq, reply: &SavedReply) -> Batch {
    let limit = Sql::new(
        sql!(
            "SELECT CASE WHEN count(*) >= ?2 THEN 'limit_reached' END FROM saved_reply \
              WHERE project_seq = ?1"
        ),
        [project.into(), i64::from(MAX_SAVED_REPLIES).into()],
    );
    let insert = Sql::new(
        sql!(
            "INSERT INTO saved_reply (id, project_seq, name, text, created_at, updated_at) \
             VALUES (?, ?, ?, ?, ?, ?)"
        ),
        [
            reply.id.into(),
            project.into(),
            reply.name.as_str().into(),
            reply.text.as_str().into(),
            reply.created_at.into(),
            reply.updated_at.into(),
        ],
    );
    Batch::new()
        .guard(require_free_name(project, reply), Rejection::NotFound)
        .guard(limit, Rejection::NotFound)
        .run(insert)
}

/// Stores name and text of a saved reply.
///
/// Rejected with `NameExists`, and with `NotFound` if the project has no such reply.
pub fn update(project: ProjectSeq, reply: &SavedReply) -> Batch {
    let update = Sql::new(
        sql!(
            "UPDATE saved_reply SET name = ?3, text = ?4, updated_at = ?5 \
              WHERE project_seq = ?1 AND id = ?2"
        ),
        [
            project.into(),
            reply.id.into(),
            reply.name.as_str().into(),
            reply.text.as_str().into(),
            reply.updated_at.into(),
        ],
    );
    Batch::new()
        .guard(require_free_name(project, reply), Rejection::NotFound)
        .run_expecting_change(update, Rejection::NotFound)
}

/// Guard: no other reply of the project has the name.
fn require_free_name(project: ProjectSeq, reply: &SavedReply) -> Sql {
    Sql::new(
        sql!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM saved_reply \
                                       WHERE project_seq = ?1 AND name = ?2 AND id <> ?3) \
                         THEN 'name_exists' END"
        ),
        [project.into(), reply.name.as_str().into(), reply.id.into()],
    )
}

/// Deletes a saved reply.
///
/// Rejected with `NotFound` if the project has no such reply.
pub fn delete(project: ProjectSeq, id: SavedReplyId) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!("DELETE FROM saved_reply WHERE project_seq = ? AND id = ?"),
            [project.into(), id.into()],
        ),
        Rejection::NotFound,
    )
}
