//! Projects: find the project that a request names.

use crate::domain::{ProjectId, ProjectSeq};
use crate::store::{Snapshot, StoreError, project};

/// Why a project could not be found for a caller.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProjectError {
    #[error("there is no project {0}")]
    NotFound(ProjectId),
    #[error("the private key belongs to another project")]
    OtherProject,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds a project by its id.
///
/// # Errors
/// [`ProjectError::NotFound`] if it does not exist.
pub fn find(snapshot: &Snapshot, id: ProjectId) -> Result<ProjectSeq, ProjectError> {
    project::find(snapshot, id)?.ok_or(ProjectError::NotFound(id))
}

/// Checks that a project id names the caller's own project.
///
/// # Errors
/// [`ProjectError::NotFound`] if there is no such project,
/// [`ProjectError::OtherProject`] if it is not the caller's.
pub fn check_own(snapshot: &Snapshot, own: ProjectSeq, id: ProjectId) -> Result<(), ProjectError> {
    if find(snapshot, id)? == own {
        Ok(())
    } else {
        Err(ProjectError::OtherProject)
    }
}
