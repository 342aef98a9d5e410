//! Texts that agents use again: create, change, delete.

use super::Services;
use super::idempotency::Idempotency;
use crate::domain::{ProjectSeq, SavedReply, SavedReplyId, SavedReplyName, Timestamp};
use crate::store::idempotency::SavedResponse;
use crate::store::{Batch, Rejection, Snapshot, StoreError, saved_reply};

/// Why a saved reply could not be created, changed or deleted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SavedReplyError {
    #[error("the project has no saved reply {0}")]
    NotFound(SavedReplyId),
    #[error("another saved reply has the name")]
    NameExists,
    #[error("the project has as many saved replies as it may have")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The response with a saved reply.
type Render = fn(&SavedReply) -> SavedResponse;

/// Creates a saved reply.
///
/// # Errors
/// See [`SavedReplyError`].
pub async fn create(
    services: &Services,
    project: ProjectSeq,
    name: SavedReplyName,
    text: String,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, SavedReplyError> {
    let now = Timestamp::now();
    let reply = SavedReply {
        id: SavedReplyId::generate(),
        name: name.into_string(),
        text,
        created_at: now,
        updated_at: now,
    };
    let batch = saved_reply::create(project, &reply);
    write(services, reply.id, batch, idempotency, render(&reply)).await
}

/// Changes a saved reply. `None` leaves a value unchanged.
///
/// # Errors
/// See [`SavedReplyError`].
pub async fn change(
    services: &Services,
    project: ProjectSeq,
    id: SavedReplyId,
    (name, text): (Option<SavedReplyName>, Option<String>),
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, SavedReplyError> {
    let find = move |snapshot: &Snapshot| saved_reply::find(snapshot, project, id);
    let stored = services.store.read(find).await?;
    let stored = stored.ok_or(SavedReplyError::NotFound(id))?;
    let reply = SavedReply {
        name: name.map_or(stored.name, SavedReplyName::into_string),
        text: text.unwrap_or(stored.text),
        updated_at: Timestamp::now(),
        ..stored
    };
    let batch = saved_reply::update(project, &reply);
    write(services, id, batch, idempotency, render(&reply)).await
}

/// Deletes a saved reply. Returns `response`, which is saved for a repeated request.
///
/// # Errors
/// [`SavedReplyError::NotFound`] if the project has no such reply.
pub async fn delete(
    services: &Services,
    project: ProjectSeq,
    id: SavedReplyId,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, SavedReplyError> {
    let batch = saved_reply::delete(project, id);
    write(services, id, batch, idempotency, response).await
}

async fn write(
    services: &Services,
    id: SavedReplyId,
    batch: Batch,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, SavedReplyError> {
    let batch = idempotency.save(batch, &response, Timestamp::now());
    match services.store.write(batch).await {
        Ok(_) => Ok(response),
        Err(StoreError::Rejected(reason)) => Err(match reason {
            Rejection::NotFound => SavedReplyError::NotFound(id),
            Rejection::NameExists => SavedReplyError::NameExists,
            Rejection::LimitReached => SavedReplyError::TooMany,
            reason => StoreError::Rejected(reason).into(),
        }),
        Err(error) => Err(error.into()),
    }
}
