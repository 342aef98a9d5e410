//! A visitor's feedback to a message.

use super::Services;
use super::caller::{AccessError, Caller};
use super::idempotency::Idempotency;
use crate::domain::{Feedback, MessageId, Role, Timestamp};
use crate::store::idempotency::SavedResponse;
use crate::store::waiting::WaitingContext;
use crate::store::{Rejection, StoreError, message};

/// Why feedback was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FeedbackError {
    #[error("the project has no message {0}")]
    NotFound(MessageId),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("visitors rate messages of the assistant and of agents only")]
    VisitorMessage,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores the visitor's feedback to a message of the assistant or an agent.
/// None clears the feedback. After two answers that did not help, the conversation waits
/// for a person; feedback that is cleared does not end the wait. Returns `response`, which is saved for a repeated
/// request.
pub async fn rate(
    services: &Services,
    caller: Caller,
    id: MessageId,
    feedback: Option<Feedback>,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, FeedbackError> {
    let project = caller.project();
    let message = services
        .store
        .read(move |snapshot| message::find(snapshot, project, id))
        .await?;
    let message = message.ok_or(FeedbackError::NotFound(id))?;
    caller.check_owner(message.visitor)?;
    if message.role == Role::User {
        return Err(FeedbackError::VisitorMessage);
    }
    let now = Timestamp::now();
    let mut batch = message::rate(id, feedback, now);
    if feedback == Some(Feedback::Dislike) {
        let waiting = WaitingContext {
            conversation: message.conversation,
            is_email_configured: services.is_email_configured,
            at: now,
        };
        batch = batch.then(waiting.start_after(id));
    }
    let batch = idempotency.save(batch, &response, now);
    match services.store.write(batch).await {
        Ok(_) => Ok(response),
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(FeedbackError::NotFound(id)),
        Err(error) => Err(error.into()),
    }
}
