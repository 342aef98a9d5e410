//! Removes a project with all its data.

use std::time::Duration;

use super::deletion_steps::{StepSize, delete_in_steps, retry_busy, run_steps};
use super::{erasure, search_merge};
use crate::domain::{ProjectSummary, Timestamp};
use crate::store::project_removal::{self, RemovalStep};
use crate::store::{DeletedConversation, Deletion, Store, StoreError, key, project};

/// Why a project was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    #[error(
        "{0:?} is the only project of the file, and parlor needs one; create another project first, or delete the file"
    )]
    OnlyProject(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The time after which no server accepts a revoked key. Servers cache a key for a
/// second.
const REVOCATION_TIME: Duration = Duration::from_secs(2);

/// Removes a project in steps, so that a running server can write in between. An
/// interrupted removal is continued by another call. `progress` receives the number
/// of the deleted conversations after each step.
///
/// The keys are revoked first. Rows are deleted only when no server uses the keys any
/// more.
pub async fn remove(
    store: &Store,
    project: &ProjectSummary,
    progress: impl Fn(u64),
) -> Result<(), RemoveError> {
    if store.read_blocking(project::all)?.len() == 1 {
        return Err(RemoveError::OnlyProject(project.name.clone()));
    }
    let revoke = key::revoke_all(project.seq, Timestamp::now());
    retry_busy(|| store.write(revoke.clone())).await?;
    tokio::time::sleep(REVOCATION_TIME).await;
    delete_conversations(store, project, progress).await?;
    for step in RemovalStep::ALL {
        let run = async |rows| {
            let output = store.write(step.batch(project.seq, rows)).await?;
            Ok(project_removal::has_deleted(&output))
        };
        run_steps(StepSize::new(10, step.max_rows()), run).await?;
    }
    search_merge::merge(store).await?;
    let delete = project_removal::delete_project(project.seq);
    retry_busy(|| store.write(delete.clone())).await?;
    erasure::finish(store).await?;
    Ok(())
}

async fn delete_conversations(
    store: &Store,
    project: &ProjectSummary,
    progress: impl Fn(u64),
) -> Result<(), StoreError> {
    let mut count = 0;
    let next = |rows| Deletion::of_project_conversations(project.seq, rows);
    let after_step = |deleted: &[DeletedConversation]| {
        count += deleted.len() as u64;
        progress(count);
    };
    delete_in_steps(store, StepSize::of_conversations(), next, after_step).await?;
    Ok(())
}
