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
    #[error(
        "the keys of the new file could not be shown, so they were not stored: {0}; start parlor again with an open standard output or standard error"
    )]
    Output(#[from] std::io::Error),
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
/// `show_keys` shows the keys to the operator. Nothing is stored if it fails.
pub fn create_first_project(
    store: &Store,
    show_keys: impl FnOnce(&FirstKeys) -> std::io::Result<()>,
) -> Result<(), SetupError> {
    if store.read_blocking(project::first)?.is_some() {
        return Ok(());
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
    show_keys(&keys)?;
    store.write_blocking(batch)?;
    Ok(())
}
