//! The number of messages that a project's visitors send in a calendar month.

use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::{ProjectSeq, Timestamp};

/// Messages that the project's visitors sent in the month of `at` (UTC).
pub fn messages_in_month(
    snapshot: &Snapshot,
    project: ProjectSeq,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let sql = Sql::new(
        "SELECT messages FROM usage WHERE project_seq = ? AND month = ?",
        [project.into(), at.month().into()],
    );
    Ok(snapshot.optional(&sql, |row| row.get(0))?.unwrap_or(0))
}

/// Counts one message in the month of `at` (UTC).
pub(super) fn count_message(project: ProjectSeq, at: Timestamp) -> Sql {
    Sql::new(
        "INSERT INTO usage (project_seq, month, messages) VALUES (?, ?, 1) \
         ON CONFLICT DO UPDATE SET messages = messages + 1",
        [project.into(), at.month().into()],
    )
}
