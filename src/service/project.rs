//! Projects: find the project that a request or an operator names, change it.

use std::fmt;

use super::Services;
use super::idempotency::Idempotency;
use crate::domain::{
    Availability, Project, ProjectChange, ProjectId, ProjectName, ProjectSeq, ProjectStatistics,
    ProjectSummary, Timestamp,
};
use crate::store::idempotency::SavedResponse;
use crate::store::{Rejection, Snapshot, Store, StoreError, project, usage};

/// Why a project could not be found for a caller, or not be changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProjectError {
    #[error("there is no project {0}")]
    NotFound(ProjectId),
    #[error("the private key belongs to another project")]
    OtherProject,
    #[error("a project has the name {:?} already; choose another name", .0.as_str())]
    NameExists(ProjectName),
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

/// Changes a project and returns the response with the changed project.
///
/// # Errors
/// [`ProjectError::NameExists`] if another project has the new name.
pub async fn change(
    services: &Services,
    project: ProjectSeq,
    change: &ProjectChange,
    idempotency: &Idempotency,
    render: fn(&Project, &Availability) -> SavedResponse,
) -> Result<SavedResponse, ProjectError> {
    let written = services.store.write(project::change(project, change)).await;
    written.map_err(|error| name_error(error, change.name.as_ref()))?;
    let (project, availability) = read(services, project).await?;
    let response = render(&project, &availability);
    // Saved by a write of its own: a change that is repeated changes nothing more.
    idempotency.save_alone(&services.store, &response).await?;
    Ok(response)
}

/// Reads a project and its availability.
pub async fn read(
    services: &Services,
    project: ProjectSeq,
) -> Result<(Project, Availability), StoreError> {
    let availability = services.availability_input(project);
    let read = move |snapshot: &Snapshot| {
        let availability = availability.read(snapshot, project)?;
        Ok((project::read(snapshot, project)?, availability))
    };
    services.store.read(read).await
}

/// The error of a write that stores `name`.
pub(super) fn name_error(error: StoreError, name: Option<&ProjectName>) -> ProjectError {
    match (error, name) {
        (StoreError::Rejected(Rejection::ProjectNameExists), Some(name)) => {
            ProjectError::NameExists(name.clone())
        }
        (error, _) => error.into(),
    }
}

// ── For the command line, which has a store and no server ──

/// Why a project cannot be selected.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    #[error("the database file has no project; `parlor serve` creates one")]
    NoProject,
    #[error("no project has the id or name {name:?}; the projects are:{projects}")]
    Unknown {
        name: String,
        projects: ProjectNames,
    },
    #[error("several projects have the name {name:?}; use the id of one:{projects}")]
    Ambiguous {
        name: String,
        projects: ProjectNames,
    },
    #[error("the file has several projects; choose one with --project ID or NAME:{0}")]
    Several(ProjectNames),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Ids and names of projects, each on a line.
#[derive(Debug)]
pub struct ProjectNames(Vec<(ProjectId, String)>);

impl ProjectNames {
    fn of<'a>(projects: impl IntoIterator<Item = &'a ProjectSummary>) -> Self {
        let names = projects.into_iter();
        Self(names.map(|one| (one.id, one.name.clone())).collect())
    }
}

impl fmt::Display for ProjectNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = self.0.iter();
        names.try_for_each(|(id, name)| write!(f, "\n  {id}  {name}"))
    }
}

/// All projects of the file, the oldest first.
pub fn list(store: &Store) -> Result<Vec<ProjectSummary>, StoreError> {
    store.read_blocking(project::all)
}

/// The project with this id or name; without one, the only project of the file.
pub fn select(store: &Store, name: Option<&str>) -> Result<ProjectSummary, SelectError> {
    let mut projects = list(store)?;
    let Some(name) = name else {
        return match projects.len() {
            0 => Err(SelectError::NoProject),
            1 => Ok(projects.remove(0)),
            _ => Err(SelectError::Several(ProjectNames::of(&projects))),
        };
    };
    let id = ProjectId::parse(name);
    if let Some(index) = projects.iter().position(|one| Some(one.id) == id) {
        return Ok(projects.swap_remove(index));
    }
    let matches: Vec<_> = projects.iter().filter(|one| one.name == name).collect();
    let name = name.to_owned();
    match matches.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(SelectError::Unknown {
            name,
            projects: ProjectNames::of(&projects),
        }),
        several => Err(SelectError::Ambiguous {
            name,
            projects: ProjectNames::of(several.iter().copied()),
        }),
    }
}

/// Changes a project. Errors as for [`change`].
pub fn change_blocking(
    store: &Store,
    project: ProjectSeq,
    change: &ProjectChange,
) -> Result<(), ProjectError> {
    let written = store.write_blocking(project::change(project, change));
    written.map_err(|error| name_error(error, change.name.as_ref()))?;
    Ok(())
}

pub fn read_blocking(store: &Store, project: ProjectSeq) -> Result<Project, StoreError> {
    store.read_blocking(|snapshot| project::read(snapshot, project))
}

pub fn statistics(store: &Store, project: ProjectSeq) -> Result<ProjectStatistics, StoreError> {
    store.read_blocking(|snapshot| project::statistics(snapshot, project))
}

/// The messages that the project's visitors sent in the month of `at` (UTC).
pub fn messages_in_month(
    store: &Store,
    project: ProjectSeq,
    at: Timestamp,
) -> Result<u64, StoreError> {
    store.read_blocking(|snapshot| usage::messages_in_month(snapshot, project, at))
}
