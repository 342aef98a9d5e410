//! API keys: create, list, change, revoke.

use super::Services;
use super::idempotency::Idempotency;
use crate::domain::{
    AssistantId, AssistantSeq, Key, KeyId, KeyKind, KeyName, Origin, ProjectSeq, Timestamp,
};
use crate::store::idempotency::SavedResponse;
use crate::store::key::{self, KeyDetails, NewKey, StoredKey};
use crate::store::{Batch, Rejection, Snapshot, Store, StoreError, assistant};

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

/// Creates a key of the command line. Only its hash is stored. `show_key` shows the key to the operator before;
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

// ── For the API ──

/// Why a key could not be created or changed over the API.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ManageKeyError {
    #[error("the project has no key {0}")]
    NotFound(KeyId),
    #[error("the project has no assistant {0}")]
    NoSuchAssistant(AssistantId),
    #[error("private keys have no assistant")]
    AssistantOfPrivateKey,
    #[error("only publishable keys have an identity secret")]
    IdentityOfPrivateKey,
    #[error("the project has as many keys as it may have")]
    TooMany,
    #[error("the system returned no random bytes: {0}")]
    Random(getrandom::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The response to a request that created a key, with the text of the key if it is new.
type RenderNew = fn(&KeyDetails, Option<&Key>) -> SavedResponse;

/// Creates a key. The response that is saved for a repeated request does not have its text.
///
/// # Errors
/// See [`ManageKeyError`].
pub async fn create_in_project(
    services: &Services,
    project: ProjectSeq,
    spec: &KeySpec<'_>,
    idempotency: &Idempotency,
    render: RenderNew,
) -> Result<SavedResponse, ManageKeyError> {
    check_assistant_of(spec.kind, spec.assistant)?;
    let assistant = find_assistant_of(services, project, spec.assistant).await?;
    let key = Key::generate(spec.kind).map_err(ManageKeyError::Random)?;
    let now = Timestamp::now();
    let new = NewKey {
        id: KeyId::generate(),
        project,
        key: &key,
        kind: spec.kind,
        name: spec.name.as_str(),
        origins: spec.origins,
        assistant,
        at: now,
    };
    let details = KeyDetails {
        id: new.id,
        kind: spec.kind,
        name: spec.name.as_str().to_owned(),
        hint: key.hint(),
        origins: spec
            .origins
            .iter()
            .map(|it| it.as_str().to_owned())
            .collect(),
        assistant: spec.assistant,
        created_at: now,
        revoked_at: None,
        publishable_key: (spec.kind == KeyKind::Publishable).then(|| key.reveal().to_owned()),
        has_identity_secret: false,
    };
    let batch = key::require_room(project).then(new.create());
    let batch = idempotency.save(batch, &render(&details, None), now);
    match services.store.write(batch).await {
        Ok(_) => Ok(render(&details, Some(&key))),
        Err(StoreError::Rejected(Rejection::LimitReached)) => Err(ManageKeyError::TooMany),
        Err(error) => Err(error.into()),
    }
}

fn check_assistant_of(kind: KeyKind, assistant: Option<AssistantId>) -> Result<(), ManageKeyError> {
    if kind == KeyKind::Private && assistant.is_some() {
        return Err(ManageKeyError::AssistantOfPrivateKey);
    }
    Ok(())
}

async fn find_assistant_of(
    services: &Services,
    project: ProjectSeq,
    id: Option<AssistantId>,
) -> Result<Option<AssistantSeq>, ManageKeyError> {
    let Some(id) = id else { return Ok(None) };
    let find = move |snapshot: &Snapshot| assistant::find(snapshot, project, id);
    let found = services.store.read(find).await?;
    Ok(Some(found.ok_or(ManageKeyError::NoSuchAssistant(id))?.seq))
}

/// The new values of a key; `None` leaves a value unchanged.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    pub name: Option<KeyName>,
    pub origins: Option<Vec<Origin>>,
    pub assistant: Option<Option<AssistantId>>,
}

impl KeyChange {
    fn apply(self, key: KeyDetails) -> KeyDetails {
        let origins = |origins: Vec<Origin>| {
            let texts = origins.iter().map(|origin| origin.as_str().to_owned());
            texts.collect()
        };
        KeyDetails {
            name: self.name.map_or(key.name, |name| name.as_str().to_owned()),
            origins: self.origins.map_or(key.origins, origins),
            assistant: self.assistant.unwrap_or(key.assistant),
            ..key
        }
    }
}

/// The response with a key.
type Render = fn(&KeyDetails) -> SavedResponse;

/// Changes a key.
///
/// # Errors
/// See [`ManageKeyError`].
pub async fn change(
    services: &Services,
    project: ProjectSeq,
    id: KeyId,
    change: KeyChange,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, ManageKeyError> {
    let key = find_key(services, project, id).await?;
    let assistant = change.assistant.flatten();
    check_assistant_of(key.kind, assistant)?;
    find_assistant_of(services, project, assistant).await?;
    let changed = change.apply(key);
    let response = render(&changed);
    write(
        services,
        id,
        key::update(project, &changed),
        idempotency,
        response,
    )
    .await
}

/// Revokes a key. Its sessions end with it.
///
/// # Errors
/// [`ManageKeyError::NotFound`] if the project has no such key.
pub async fn revoke_in_project(
    services: &Services,
    project: ProjectSeq,
    id: KeyId,
    idempotency: &Idempotency,
    done: SavedResponse,
) -> Result<SavedResponse, ManageKeyError> {
    let batch = key::revoke_of_project(project, id, Timestamp::now());
    write(services, id, batch, idempotency, done).await
}

/// Replaces the secret with which the website's server signs who visitors are. The
/// response that is saved for a repeated request does not have the secret.
///
/// # Errors
/// See [`ManageKeyError`].
pub async fn replace_identity_secret(
    services: &Services,
    project: ProjectSeq,
    id: KeyId,
    idempotency: &Idempotency,
    render: fn(Option<&[u8; 32]>) -> SavedResponse,
) -> Result<SavedResponse, ManageKeyError> {
    if find_key(services, project, id).await?.kind == KeyKind::Private {
        return Err(ManageKeyError::IdentityOfPrivateKey);
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(ManageKeyError::Random)?;
    let batch = key::set_identity_secret(project, id, Some(secret));
    write(services, id, batch, idempotency, render(None)).await?;
    Ok(render(Some(&secret)))
}

/// Removes the secret with which the website's server signs who visitors are.
///
/// # Errors
/// See [`ManageKeyError`].
pub async fn remove_identity_secret(
    services: &Services,
    project: ProjectSeq,
    id: KeyId,
    idempotency: &Idempotency,
    done: SavedResponse,
) -> Result<SavedResponse, ManageKeyError> {
    if find_key(services, project, id).await?.kind == KeyKind::Private {
        return Err(ManageKeyError::IdentityOfPrivateKey);
    }
    let batch = key::set_identity_secret(project, id, None);
    write(services, id, batch, idempotency, done).await
}

async fn find_key(
    services: &Services,
    project: ProjectSeq,
    id: KeyId,
) -> Result<KeyDetails, ManageKeyError> {
    let find = move |snapshot: &Snapshot| key::find_details(snapshot, project, id);
    let key = services.store.read(find).await?;
    key.ok_or(ManageKeyError::NotFound(id))
}

async fn write(
    services: &Services,
    id: KeyId,
    batch: Batch,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, ManageKeyError> {
    let batch = idempotency.save(batch, &response, Timestamp::now());
    match services.store.write(batch).await {
        Ok(_) => Ok(response),
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(ManageKeyError::NotFound(id)),
        Err(error) => Err(error.into()),
    }
}
