//! API keys: create, list, revoke.

use crate::domain::{
    AssistantId, AssistantSeq, Key, KeyId, KeyKind, KeyName, Origin, ProjectSeq, Timestamp,
};
use crate::store::key::{self, NewKey, StoredKey};
use crate::store::{Batch, Rejection, Store, StoreError, assistant};

/// Why a key could not be created or revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("no key has the id {0}")]
    NoSuchKey(KeyId),
    #[error("no assistant has the id {0}")]
    NoSuchAssistant(AssistantId),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the system returned no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    #[error("the key could not be shown: {0}")]
    Output(#[from] std::io::Error),
}

/// The properties of a new key.
#[derive(Debug)]
pub struct KeySpec<'a> {
    pub kind: KeyKind,
    pub name: KeyName,
    /// The websites that may use the key. Empty: all websites.
    pub origins: &'a [Origin],
    /// The assistant that answers sessions of this key. `None`: the project's
    /// default assistant.
    pub assistant: Option<AssistantId>,
}

/// Creates a key. Only its hash is stored. `show_key` shows the key to the operator before;
/// nothing is stored if it fails.
pub fn create(
    store: &Store,
    project: ProjectSeq,
    spec: &KeySpec,
    show_key: impl FnOnce(&Key) -> std::io::Result<()>,
) -> Result<(), KeyError> {
    let assistant = match spec.assistant {
        Some(id) => Some(find_assistant(store, project, id)?),
        None => None,
    };
    let key = Key::generate(spec.kind)?;
    show_key(&key)?;
    store.write_blocking(insert(project, &key, spec, assistant, Timestamp::now()))?;
    Ok(())
}

fn find_assistant(
    store: &Store,
    project: ProjectSeq,
    id: AssistantId,
) -> Result<AssistantSeq, KeyError> {
    let assistant = store.read_blocking(|snapshot| assistant::find(snapshot, project, id))?;
    Ok(assistant.ok_or(KeyError::NoSuchAssistant(id))?.seq)
}

/// The write that stores a key with a new id.
pub(super) fn insert(
    project: ProjectSeq,
    key: &Key,
    spec: &KeySpec,
    assistant: Option<AssistantSeq>,
    now: Timestamp,
) -> Batch {
    let new = NewKey {
        id: KeyId::generate(),
        project,
        key,
        kind: spec.kind,
        name: spec.name.as_str(),
        origins: spec.origins,
        assistant,
        at: now,
    };
    new.create()
}

/// All keys of the file, oldest first, including revoked ones.
pub fn list(store: &Store) -> Result<Vec<StoredKey>, StoreError> {
    store.read_blocking(key::all)
}

/// Revokes a key. Its sessions end with it.
pub fn revoke(store: &Store, id: KeyId) -> Result<(), KeyError> {
    match store.write_blocking(key::revoke(id, Timestamp::now())) {
        Ok(_) => Ok(()),
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(KeyError::NoSuchKey(id)),
        Err(error) => Err(error.into()),
    }
}
