//! Removes a project with all its data.

use std::time::Duration;

use crate::domain::{ProjectSummary, Timestamp};
use crate::store::project_removal::{self, RemovalStep};
use crate::store::{Store, StoreError, key, project};

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
/// The keys are revoked first. Rows are deleted only when no server uses the keys,
/// because the row numbers of deleted rows are used again.
pub fn remove(
    store: &Store,
    project: &ProjectSummary,
    progress: impl Fn(u64),
) -> Result<(), RemoveError> {
    if store.read_blocking(project::all)?.len() == 1 {
        return Err(RemoveError::OnlyProject(project.name.clone()));
    }
    store.write_blocking(key::revoke_all(project.seq, Timestamp::now()))?;
    std::thread::sleep(REVOCATION_TIME);
    let mut conversations = 0;
    for step in RemovalStep::ALL {
        loop {
            let output = store.write_blocking(step.batch(project.seq))?;
            let deleted = project_removal::deleted_rows(&output);
            if step == RemovalStep::Conversations {
                conversations += deleted;
                progress(conversations);
            }
            if deleted == 0 {
                break;
            }
        }
    }
    store.write_blocking(project_removal::delete_project(project.seq))?;
    Ok(())
}
