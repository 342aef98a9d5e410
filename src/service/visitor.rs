//! Visitors, for the people who answer them: block and unblock.

use super::Services;
use super::idempotency::Idempotency;
use super::stop_answer::end_answer;
use crate::domain::{ProjectSeq, Timestamp, VisitorId};
use crate::store::idempotency::SavedResponse;
use crate::store::{Rejection, Snapshot, StoreError, visitor};

/// Why a visitor could not be blocked or unblocked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BlockError {
    #[error("the project has no visitor {0}")]
    NotFound(VisitorId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Blocks or unblocks a visitor. The messages of a blocked visitor are refused, and the
/// answers that are being generated for the visitor end with their texts so far. Returns
/// `response`, which is saved for a repeated request.
///
/// # Errors
/// [`BlockError::NotFound`] if the project has no such visitor.
pub async fn set_blocked(
    services: &Services,
    project: ProjectSeq,
    id: VisitorId,
    is_blocked: bool,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, BlockError> {
    let now = Timestamp::now();
    let batch = visitor::set_blocked(project, id, is_blocked.then_some(now));
    let batch = idempotency.save(batch, &response, now);
    match services.store.write(batch).await {
        Ok(_) => {}
        Err(StoreError::Rejected(Rejection::NotFound)) => return Err(BlockError::NotFound(id)),
        Err(error) => return Err(error.into()),
    }
    if is_blocked {
        // After the write, so that no other answer begins.
        let read =
            move |snapshot: &Snapshot| visitor::streaming_conversations(snapshot, project, id);
        for conversation in services.store.read(read).await? {
            end_answer(services, conversation).await?;
        }
    }
    Ok(response)
}
