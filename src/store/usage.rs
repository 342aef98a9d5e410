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
        sql!("SELECT messages FROM usage WHERE project_seq = ? AND month = ?"),
        [project.into(), at.month().into()],
    );
    Ok(snapshot.optional(&sql, |row| row.get(0))?.unwrap_or(0))
}

/// The messages of the month of `at` (UTC), and the project's own quota of messages in
/// a month, if it has one.
pub fn month_with_quota(
    snapshot: &Snapshot,
    project: ProjectSeq,
    at: Timestamp,
) -> Result<(u64, Option<u32>), StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT coalesce(u.messages, 0), p.message_quota \
               FROM project AS p \
                    LEFT JOIN usage AS u ON u.project_seq = p.seq AND u.month = ?2 \
              WHERE p.seq = ?1"
        ),
        [project.into(), at.month().into()],
    );
    snapshot.one(&sql, |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The months in which the project's visitors sent messages, with the number of the
/// messages, the newest month first.
pub(super) fn messages_by_month(
    snapshot: &Snapshot,
    project: ProjectSeq,
) -> Result<Vec<(i64, u64)>, StoreError> {
    let sql = Sql::new(
        sql!("SELECT month, messages FROM usage WHERE project_seq = ? ORDER BY month DESC"),
        [project.into()],
    );
    snapshot.all(&sql, |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Counts one message in the month of `at` (UTC).
pub(super) fn count_message(project: ProjectSeq, at: Timestamp) -> Sql {
    Sql::new(
        sql!(
            "INSERT INTO usage (project_seq, month, messages) VALUES (?, ?, 1) \
             ON CONFLICT (project_seq, month) DO UPDATE SET messages = usage.messages + 1"
        ),
        [project.into(), at.month().into()],
    )
}
