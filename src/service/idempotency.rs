//! Runs a use case at most once per `Idempotency-Key`
//! (docs/api-contract.md, section 11).
//!
//! The response is stored in the same batch as what the use case writes. A
//! repeated request, also one that runs at the same time, gets the stored
//! response.

use crate::domain::{ConversationId, MessageId, Timestamp};
use crate::store::answer::require_not_failed;
use crate::store::idempotency::{IdempotentRequest, SavedResponse};
use crate::store::{Batch, Rejection, Store, StoreError};

/// The `Idempotency-Key` of a request, if it has one. Without a key, nothing is
/// stored and the use case runs every time.
#[derive(Debug, Clone)]
pub struct Idempotency(Option<IdempotentRequest>);

/// Why a request with an `Idempotency-Key` was not run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdempotencyError {
    /// The caller used the key for another request.
    #[error("the Idempotency-Key was used for another request")]
    OtherRequest,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of a use case: of this run, or saved from an earlier one.
#[derive(Debug)]
pub enum RunOutcome<T> {
    Executed(T),
    Saved(SavedResponse),
}

impl RunOutcome<SavedResponse> {
    /// The response, of this run or of an earlier one.
    pub fn into_response(self) -> SavedResponse {
        match self {
            RunOutcome::Executed(response) | RunOutcome::Saved(response) => response,
        }
    }
}

impl Idempotency {
    pub fn new(request: Option<IdempotentRequest>) -> Self {
        Self(request)
    }

    /// The same key, for a response about a conversation. The response is deleted with
    /// the conversation.
    pub(super) fn about(&self, conversation: ConversationId) -> Self {
        Self(self.0.clone().map(|request| IdempotentRequest {
            conversation: Some(conversation),
            ..request
        }))
    }

    /// Whether the request has a key.
    pub fn has_key(&self) -> bool {
        self.0.is_some()
    }

    /// Runs `use_case` unless a response is stored under the key. The use case
    /// must add `Idempotency::save` to the batch that it writes.
    ///
    /// # Errors
    /// Those of the use case, and [`IdempotencyError`].
    pub async fn run<T, E: From<IdempotencyError>>(
        &self,
        store: &Store,
        use_case: impl Future<Output = Result<T, E>>,
    ) -> Result<RunOutcome<T>, E> {
        if let Some(saved) = self.saved_response(store).await? {
            return Ok(RunOutcome::Saved(saved));
        }
        match use_case.await {
            Ok(value) => Ok(RunOutcome::Executed(value)),
            // The same request may have succeeded on another connection.
            Err(error) => match self.saved_response(store).await? {
                Some(saved) => Ok(RunOutcome::Saved(saved)),
                None => Err(error),
            },
        }
    }

    /// The response that is stored under the key.
    async fn saved_response(
        &self,
        store: &Store,
    ) -> Result<Option<SavedResponse>, IdempotencyError> {
        let Some(request) = self.0.clone() else {
            return Ok(None);
        };
        let (hash, now) = (request.hash, Timestamp::now());
        let saved = store
            .read(move |snapshot| request.saved_response(snapshot, now))
            .await?;
        match saved {
            Some((saved_hash, _)) if saved_hash != hash => Err(IdempotencyError::OtherRequest),
            Some((_, response)) => Ok(Some(response)),
            None => Ok(None),
        }
    }

    /// `batch`, with which the response is stored.
    pub(super) fn save(&self, batch: Batch, response: &SavedResponse, now: Timestamp) -> Batch {
        match &self.0 {
            Some(request) => request.save(response, now).then(batch),
            None => batch,
        }
    }

    /// Stores the response of a request that gets an answer which another request has
    /// started. Stores nothing if the answer has failed, as for the other request.
    pub(super) async fn save_answer(
        &self,
        store: &Store,
        response: &SavedResponse,
        answer: MessageId,
    ) -> Result<(), StoreError> {
        if !self.has_key() {
            return Ok(());
        }
        let batch = self.save(require_not_failed(answer), response, Timestamp::now());
        match store.write(batch).await {
            Ok(_) | Err(StoreError::Rejected(Rejection::AnswerEnded)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Stores the response of a use case that writes nothing else.
    pub async fn save_alone(
        &self,
        store: &Store,
        response: &SavedResponse,
    ) -> Result<(), StoreError> {
        let batch = self.save(Batch::default(), response, Timestamp::now());
        if !batch.is_empty() {
            store.write(batch).await?;
        }
        Ok(())
    }
}
