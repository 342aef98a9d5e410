//! The steps in which a project is deleted after its conversations
//! (`super::erasure`). Each batch deletes a limited number of rows, so that other
//! writers wait only a short time.

use super::batch::{Batch, BatchOutput};
use super::sql::Sql;
use crate::domain::ProjectSeq;

/// The rows of one kind that belong to a project. Triggers delete what belongs to
/// these rows (`schema.sql`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalStep {
    Visitors,
    Documents,
    Qnas,
}

impl RemovalStep {
    pub const ALL: [Self; 3] = [Self::Visitors, Self::Documents, Self::Qnas];

    /// The maximum number of rows that are deleted at once. A document has many passages.
    pub fn max_rows(self) -> u32 {
        match self {
            Self::Visitors | Self::Qnas => 200,
            Self::Documents => 20,
        }
    }

    /// Deletes the next rows, at most `limit`.
    pub fn batch(self, project: ProjectSeq, limit: u32) -> Batch {
        let text = match self {
            Self::Visitors => {
                sql!(
                    "DELETE FROM visitor WHERE seq IN \
                         (SELECT seq FROM visitor WHERE project_seq = ? LIMIT ?) RETURNING 1"
                )
            }
            Self::Documents => {
                sql!(
                    "DELETE FROM document WHERE seq IN \
                         (SELECT seq FROM document WHERE project_seq = ? LIMIT ?) RETURNING 1"
                )
            }
            Self::Qnas => {
                sql!(
                    "DELETE FROM qna WHERE seq IN \
                         (SELECT seq FROM qna WHERE project_seq = ? LIMIT ?) RETURNING 1"
                )
            }
        };
        Batch::of([Sql::new(text, [project.into(), i64::from(limit).into()])])
    }
}

/// Whether the batch of a [`RemovalStep`] deleted rows.
pub fn has_deleted(output: &BatchOutput) -> bool {
    !output.rows.is_empty()
}

/// Deletes the project with its keys, assistants and usage, after all steps.
pub fn delete_project(project: ProjectSeq) -> Batch {
    let text = sql!("DELETE FROM project WHERE seq = ?");
    Batch::of([Sql::new(text, [project.into()])])
}
