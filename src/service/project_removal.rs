//! Removes a project with all its data.

use std::time::Duration;

use super::erasure;
use crate::domain::{ProjectSummary, Timestamp};
use crate::store::project_removal::{self, RemovalStep};
use crate::store::{Deletion, Store, StoreError, key, project};

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

/// The conversations that are deleted in one step.
const CONVERSATIONS_PER_STEP: u32 = 200;

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
    store.write(revoke).await?;
    tokio::time::sleep(REVOCATION_TIME).await;
    delete_conversations(store, project, progress).await?;
    for step in RemovalStep::ALL {
        while project_removal::has_deleted(&store.write(step.batch(project.seq)).await?) {}
    }
    let delete = project_removal::delete_project(project.seq);
    store.write(delete).await?;
    erasure::finish(store).await?;
    Ok(())
}

async fn delete_conversations(
    store: &Store,
    project: &ProjectSummary,
    progress: impl Fn(u64),
) -> Result<(), StoreError> {
    let mut count = 0;
    loop {
        let deletion = Deletion::of_project_conversations(project.seq, CONVERSATIONS_PER_STEP);
        let deleted = store.delete(deletion).await?;
        count += deleted.conversations.len() as u64;
        progress(count);
        erasure::purge(store).await?;
        if !deleted.has_more {
            return Ok(());
        }
    }
}
