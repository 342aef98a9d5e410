//! Stops the answer that is being generated in a conversation
//! (docs/api-contract.md, section 4.8).

use super::Services;
use super::caller::Caller;
use super::conversation::{FindError, find};
use super::idempotency::Idempotency;
use crate::domain::{ConversationId, ConversationListItem, ConversationSeq, Timestamp};
use crate::store::answer::{AnswerEnd, end_streaming, finish_answer};
use crate::store::conversation::read_list_item;
use crate::store::idempotency::SavedResponse;
use crate::store::{Batch, Rejection, Snapshot, StoreError};

/// Why an answer could not be stopped.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StopError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The response with a conversation and its newest message.
type Render = fn(&ConversationListItem<'_>) -> SavedResponse;

/// Stops the answer of a conversation. Its text so far is kept as a complete answer; an
/// answer without text is removed. Without an answer, nothing changes. Returns the
/// conversation.
///
/// # Errors
/// [`StopError::Find`] if the caller may not read the conversation.
pub async fn stop(
    services: &Services,
    caller: Caller,
    id: ConversationId,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, StopError> {
    let find = move |snapshot: &Snapshot| find(snapshot, caller, id);
    let seq = services.store.read(find).await?.seq;
    end_answer(services, seq).await?;
    let read = move |snapshot: &Snapshot| {
        let response = read_list_item(snapshot, seq, caller.audience(), render)?;
        // Without it, the conversation was deleted meanwhile.
        response.ok_or(FindError::NotFound(id))
    };
    let response = services.store.read(read).await?;
    idempotency.save_alone(&services.store, &response).await?;
    Ok(response)
}

/// Stops the answer of a conversation, if there is one, and stores its text so far.
pub(super) async fn end_answer(
    services: &Services,
    seq: ConversationSeq,
) -> Result<(), StoreError> {
    let Some((answer, text)) = services.active_answers.stop(seq) else {
        return end_elsewhere(services, seq).await;
    };
    let end = AnswerEnd::Complete {
        metadata: None,
        is_refusal: false,
    };
    let batch = finish_answer(seq, answer, text, &end, Timestamp::now());
    write_end(services, batch).await
}

/// Ends the answer that another node is streaming. The node stores no text after this.
async fn end_elsewhere(services: &Services, seq: ConversationSeq) -> Result<(), StoreError> {
    if !services.store.has_outbox() {
        return Ok(());
    }
    write_end(services, end_streaming(seq, Timestamp::now())).await
}

/// Runs a batch that ends an answer, unless the answer has ended.
async fn write_end(services: &Services, batch: Batch) -> Result<(), StoreError> {
    match services.store.write(batch).await {
        Ok(_) | Err(StoreError::Rejected(Rejection::AnswerEnded)) => Ok(()),
        Err(error) => Err(error),
    }
}
