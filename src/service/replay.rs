//! Returns the answer that another request has started: to a request with the same
//! `Idempotency-Key`, or with the same text (docs/api-contract.md, sections 6.3 and 11).

use super::Services;
use super::send_message::SendOutcome;
use crate::answer::CompleteAnswer;
use crate::domain::{MessageId, MessageStatus};
use crate::store::message::{self, StoredAnswer};
use crate::store::{Snapshot, StoreError};

/// Why the answer of another request cannot be returned.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplayError {
    #[error("the answer {0} was removed")]
    NotFound(MessageId),
    /// Another process streams the answer, or the end of the answer cannot be stored.
    #[error("the answer is still being streamed")]
    AnswerInProgress,
    /// The saved response of a failed answer is removed when the failure is
    /// stored, so the next repetition is answered again.
    #[error("the answer has just failed")]
    Failed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns an answer: as a stream from its start while it is generated, otherwise as
/// it is stored.
///
/// # Errors
/// See [`ReplayError`].
pub async fn replay(services: &Services, id: MessageId) -> Result<SendOutcome, ReplayError> {
    let mut answer = read(services, id).await?;
    if answer.status == MessageStatus::Streaming {
        let active = &services.active_answers;
        if let Some(reader) = active.follow(answer.conversation, id).await {
            return Ok(SendOutcome::Streaming(id, reader));
        }
        // The answer has ended since the read.
        answer = read(services, id).await?;
    }
    match answer.status {
        MessageStatus::Streaming => Err(ReplayError::AnswerInProgress),
        MessageStatus::Error => Err(ReplayError::Failed),
        MessageStatus::Complete => {
            let answer = CompleteAnswer::from_stored(answer.text, answer.metadata);
            Ok(SendOutcome::Answered(id, answer))
        }
    }
}

async fn read(services: &Services, id: MessageId) -> Result<StoredAnswer, ReplayError> {
    let read = move |snapshot: &Snapshot| message::answer(snapshot, id);
    let answer = services.store.read::<_, StoreError>(read).await?;
    answer.ok_or(ReplayError::NotFound(id))
}
