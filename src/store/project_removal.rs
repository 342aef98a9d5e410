//! The steps in which a project is deleted. Each batch deletes a limited number of
//! rows, so that other writers wait only a short time.

use super::batch::{Batch, BatchOutput};
use super::sql::Sql;
use crate::domain::ProjectSeq;

/// The rows of one kind that belong to a project. Rows that refer to others come
/// before these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalStep {
    /// With their messages.
    Conversations,
    Sessions,
    /// With the responses that are saved for them.
    Visitors,
    /// With their passages.
    Documents,
    /// With their passages.
    Qnas,
}

impl RemovalStep {
    pub const ALL: [Self; 5] = [
        Self::Conversations,
        Self::Sessions,
        Self::Visitors,
        Self::Documents,
        Self::Qnas,
    ];

    /// Deletes the next rows.
    pub fn batch(self, project: ProjectSeq) -> Batch {
        let values = [project.into()];
        match self {
            Self::Conversations => Batch::of([Sql::new(
                "DELETE FROM conversation WHERE seq IN \
                     (SELECT seq FROM conversation WHERE project_seq = ? LIMIT 100) RETURNING 1",
                values,
            )]),
            Self::Sessions => Batch::of([Sql::new(
                "DELETE FROM session WHERE id IN \
                     (SELECT id FROM session WHERE key_seq IN \
                          (SELECT seq FROM api_key WHERE project_seq = ?) LIMIT 5000) RETURNING 1",
                values,
            )]),
            Self::Visitors => Batch::of([
                Sql::new(
                    "DELETE FROM idempotency_key WHERE caller IN \
                         (SELECT 'visitor ' || seq FROM visitor WHERE project_seq = ? \
                           ORDER BY seq LIMIT 500)",
                    values.clone(),
                ),
                Sql::new(
                    "DELETE FROM visitor WHERE seq IN \
                         (SELECT seq FROM visitor WHERE project_seq = ? \
                           ORDER BY seq LIMIT 500) RETURNING 1",
                    values,
                ),
            ]),
            Self::Documents => Batch::of([Sql::new(
                "DELETE FROM document WHERE seq IN \
                     (SELECT seq FROM document WHERE project_seq = ? LIMIT 50) RETURNING 1",
                values,
            )]),
            Self::Qnas => Batch::of([Sql::new(
                "DELETE FROM qna WHERE seq IN \
                     (SELECT seq FROM qna WHERE project_seq = ? LIMIT 500) RETURNING 1",
                values,
            )]),
        }
    }
}

/// The number of rows that the batch of a [`RemovalStep`] deleted.
pub fn deleted_rows(output: &BatchOutput) -> u64 {
    output.rows.len() as u64
}

/// Deletes the project with its keys, assistants and usage, after all steps.
pub fn delete_project(project: ProjectSeq) -> Batch {
    let statements = [
        "DELETE FROM idempotency_key WHERE caller = 'project ' || ?",
        // The callers that start sessions: 'key SEQ DEVICE'.
        "DELETE FROM idempotency_key WHERE caller GLOB 'key *' \
            AND substr(caller, 5, instr(substr(caller, 5), ' ') - 1) \
                IN (SELECT CAST(seq AS TEXT) FROM api_key WHERE project_seq = ?)",
        "DELETE FROM api_key WHERE project_seq = ?",
        "DELETE FROM assistant WHERE project_seq = ?",
        "DELETE FROM usage WHERE project_seq = ?",
        "DELETE FROM project WHERE seq = ?",
    ];
    Batch::of(statements.map(|text| Sql::new(text, [project.into()])))
}
