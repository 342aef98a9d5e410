//! New projects, with their first keys.

use crate::domain::{
    AssistantId, Key, KeyKind, KeyName, ProjectChange, ProjectId, ProjectName, Timestamp,
};
use crate::service::key::{self, KeySpec};
use crate::service::project::{ProjectError, name_error};
use crate::store::{Store, StoreError, project};

/// Why a project could not be created.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error(
        "the keys of the new project could not be shown, so they were not stored: {0}; start parlor again with an open standard output or standard error"
    )]
    Output(#[from] std::io::Error),
}

/// The keys of a new project. They cannot be read again later.
#[derive(Debug)]
pub struct ProjectKeys {
    pub publishable: Key,
    pub private: Key,
}

/// Creates the first project of a file that has none. See [`create_project`].
pub fn create_first_project(
    store: &Store,
    show_keys: impl FnOnce(&ProjectKeys) -> std::io::Result<()>,
) -> Result<(), SetupError> {
    if store.read_blocking(project::first)?.is_some() {
        return Ok(());
    }
    let (name, change) = (
        ProjectName::from_static("My website"),
        ProjectChange::default(),
    );
    create_project(store, &name, &change, |_, keys| show_keys(keys))
}

/// Creates a project with one key of each kind. One write creates all of them, so
/// that there is never a project without keys. `change` has further properties.
///
/// `show_keys` shows the keys to the operator. Nothing is stored if it fails.
///
/// # Errors
/// [`ProjectError::NameExists`] if a project has the name.
pub fn create_project(
    store: &Store,
    name: &ProjectName,
    change: &ProjectChange,
    show_keys: impl FnOnce(ProjectId, &ProjectKeys) -> std::io::Result<()>,
) -> Result<(), SetupError> {
    // Before keys are shown that would not be stored.
    if store.read_blocking(|snapshot| project::has_name(snapshot, name))? {
        return Err(ProjectError::NameExists(name.clone()).into());
    }
    let seq = store.read_blocking(project::next_seq)?;
    let (id, now) = (ProjectId::generate(), Timestamp::now());
    let keys = ProjectKeys {
        publishable: Key::generate(KeyKind::Publishable)?,
        private: Key::generate(KeyKind::Private)?,
    };
    let insert_key = |key, kind, name| {
        let spec = KeySpec {
            kind,
            name: KeyName::from_static(name),
            origins: &[],
            assistant: None,
        };
        key::insert(seq, key, &spec, None, now)
    };
    let assistant = AssistantId::generate();
    let batch = project::expect_new_name(name)
        .then(project::create(seq, id, assistant, name.as_str(), now))
        .then(project::change(seq, change))
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
    show_keys(id, &keys)?;
    let written = store.write_blocking(batch);
    written.map_err(|error| name_error(error, Some(name)))?;
    Ok(())
}
