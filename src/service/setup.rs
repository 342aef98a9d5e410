//! New projects, with their first keys.

use crate::domain::{AssistantId, Key, KeyKind, ProjectChange, ProjectId, Timestamp};
use crate::service::key::{self, KeySpec};
use crate::store::{Store, StoreError, project};

/// Why a project could not be created.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
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
    let change = ProjectChange::default();
    create_project(store, "My website", &change, |_, keys| show_keys(keys))
}

/// Creates a project with one key of each kind. One write creates all of them, so
/// that there is never a project without keys. `change` has further properties.
///
/// `show_keys` shows the keys to the operator. Nothing is stored if it fails.
pub fn create_project(
    store: &Store,
    name: &str,
    change: &ProjectChange,
    show_keys: impl FnOnce(ProjectId, &ProjectKeys) -> std::io::Result<()>,
) -> Result<(), SetupError> {
    let seq = store.read_blocking(project::next_seq)?;
    let (id, now) = (ProjectId::generate(), Timestamp::now());
    let keys = ProjectKeys {
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
        key::insert(seq, key, &spec, None, now)
    };
    let batch = project::create(seq, id, AssistantId::generate(), name, now)
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
    store.write_blocking(batch)?;
    Ok(())
}
