//! Questions to which the assistant found no answer.

use super::Services;
use super::idempotency::Idempotency;
use crate::domain::{MessageId, ProjectSeq, Timestamp};
use crate::store::idempotency::SavedResponse;
use crate::store::{Rejection, StoreError, unanswered};

/// Why a question could not be resolved.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ResolveError {
    #[error("the list of unanswered questions does not have {0}")]
    NotFound(MessageId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Removes a question from the list. Returns `response`, which is saved for a repeated
/// request.
///
/// # Errors
/// [`ResolveError::NotFound`] if the list does not have the question.
pub async fn resolve(
    services: &Services,
    project: ProjectSeq,
    id: MessageId,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, ResolveError> {
    let now = Timestamp::now();
    let batch = idempotency.save(unanswered::resolve(project, id, now), &response, now);
    match services.store.write(batch).await {
        Ok(_) => Ok(response),
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(ResolveError::NotFound(id)),
        Err(error) => Err(error.into()),
    }
}
