//! The first project of a database file, with its keys.

use crate::domain::{AssistantId, Key, KeyKind, ProjectId, ProjectSeq, Timestamp};
use crate::service::key::{self, KeySpec};
use crate::store::{Store, StoreError, project};

/// Why a database file has no usable project.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the database file has no project; `parlor serve` creates one")]
    NoProject,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// The keys of a new project. They cannot be read again later.
#[derive(Debug)]
pub struct FirstKeys {
    pub publishable: Key,
    pub private: Key,
}

/// The first project of the file, which commands use by default.
///
/// # Errors
/// [`SetupError::NoProject`] if the file has no project.
pub fn first_project(store: &Store) -> Result<ProjectSeq, SetupError> {
    let project = store.read_blocking(project::first)?;
    project.ok_or(SetupError::NoProject)
}

/// Creates a project with one key of each kind, if the file has no project. One
/// write creates all of them, so that there is never a project without keys.
///
/// Returns `None` if the file has a project.
pub fn create_first_project(store: &Store) -> Result<Option<FirstKeys>, SetupError> {
    if store.read_blocking(project::first)?.is_some() {
        return Ok(None);
    }
    let (project, now) = (ProjectSeq::FIRST, Timestamp::now());
    let keys = FirstKeys {
        publishable: Key::generate(KeyKind::Publishable)?,
        private: Key::generate(KeyKind::Private)?,
    };
    let insert_key = |key, kind, name| {
        let spec = KeySpec {
            kind,
            name,
            origins: &[],
            assistant: None,
        };
        key::insert(project, key, &spec, None, now)
    };
    let batch = project::create(
        project,
        ProjectId::generate(),
        AssistantId::generate(),
        "My website",
        now,
    )
    .then(insert_key(
        &keys.publishable,
        KeyKind::Publishable,
        "first publishable key",
    ))
    .then(insert_key(
        &keys.private,
        KeyKind::Private,
        "first private key",
    ));
    store.write_blocking(batch)?;
    Ok(Some(keys))
}
