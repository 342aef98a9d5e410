//! Deletes conversations that were closed long ago.

use std::time::Duration;

use super::deletion_steps::{StepSize, delete_in_steps};
use crate::domain::{ProjectSeq, Timestamp};
use crate::store::erasure::{DeletionCounts, count_closed_before};
use crate::store::{DeletedConversation, Deletion, Store, StoreError};

/// The time before which a conversation must be closed to be deleted after `days`.
pub fn closed_before(now: Timestamp, days: u32) -> Timestamp {
    let age = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    now.minus(age)
}

/// Counts what [`delete_closed`] would delete, for each project with matches.
///
/// # Errors
/// Errors of the store.
pub fn count_closed(
    store: &Store,
    project: Option<ProjectSeq>,
    before: Timestamp,
) -> Result<Vec<DeletionCounts>, StoreError> {
    store.read_blocking(|snapshot| count_closed_before(snapshot, project, before))
}

/// Deletes the conversations that were closed before a time, of one project or of all,
/// in steps of some milliseconds. `after_step` gets the conversations that each step has
/// deleted. Returns their number.
///
/// # Errors
/// Errors of the store. A repeated call continues.
pub async fn delete_closed(
    store: &Store,
    project: Option<ProjectSeq>,
    before: Timestamp,
    after_step: impl FnMut(&[DeletedConversation]),
) -> Result<u64, StoreError> {
    let next = |rows| Deletion::of_closed_before(project, before, rows);
    delete_in_steps(store, StepSize::of_conversations(), next, after_step).await
}
