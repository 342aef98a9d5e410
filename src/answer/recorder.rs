//! Stores the text of a streamed answer when the answer ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::INTERRUPTED_MESSAGE;
use super::active_answers::AnswerHandle;
use super::draft::Draft;
use crate::domain::{Timestamp, WaitingReason};
use crate::store::answer::{AnswerEnd, finish_answer};
use crate::store::waiting::WaitingContext;
use crate::store::{Batch, Rejection, Store, StoreError};

/// The delays between attempts to store the end of an answer.
const MIN_RETRY_DELAY: Duration = Duration::from_millis(100);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// Stores the text of an answer that the store has marked as streaming when the answer
/// ends. Dropping the recorder stores the text so far.
pub struct AnswerRecorder {
    /// `None` after the end of the answer.
    handle: Option<AnswerHandle>,
    end: EndOptions,
    store: Arc<Store>,
    /// True when the shutdown interrupts answers.
    shutdown: watch::Receiver<bool>,
}

/// What the end of an answer depends on.
#[derive(Debug, Clone, Copy)]
pub struct EndOptions {
    /// Whether the answer replaces one that failed.
    pub replaces_failure: bool,
    /// Whether the server can send e-mails.
    pub is_email_configured: bool,
}

impl AnswerRecorder {
    pub fn new(
        handle: AnswerHandle,
        end: EndOptions,
        store: Arc<Store>,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        Self {
            handle: Some(handle),
            end,
            store,
            shutdown,
        }
    }

    /// The text that the recorder stores. Must be called before the end of the answer.
    pub(super) fn draft(&self) -> Arc<Draft> {
        self.handle
            .as_ref()
            .map(|handle| handle.draft().clone())
            .unwrap_or_default()
    }

    /// Stores the end of the answer. If the write fails, a background task
    /// repeats it.
    ///
    /// # Errors
    /// Returns the error of the first write. `Rejected(AnswerEnded)` means that
    /// something else has ended the answer.
    pub(super) async fn finish(&mut self, end: &AnswerEnd) -> Result<(), StoreError> {
        let Some(handle) = self.handle.take() else {
            return Ok(());
        };
        let batch = finish_batch(&handle, self.end, end);
        if let Err(error) = self.store.write(batch.clone()).await {
            if !is_final(&error) {
                let retry = retry_until_stored(self.store.clone(), batch, handle, error.clone());
                tokio::spawn(retry);
            }
            return Err(error);
        }
        Ok(())
    }
}

/// Stores the end of an answer. After an answer that did not help, the conversation may
/// wait for a person.
fn finish_batch(handle: &AnswerHandle, options: EndOptions, end: &AnswerEnd) -> Batch {
    let (conversation, answer) = (handle.conversation(), handle.message());
    let at = Timestamp::now();
    let batch = finish_answer(conversation, answer, handle.draft().text(), end, at);
    let waiting = WaitingContext {
        conversation,
        is_email_configured: options.is_email_configured,
        at,
    };
    let batch = match end {
        AnswerEnd::Complete {
            is_refusal: false, ..
        } => return batch,
        AnswerEnd::Complete { .. } => batch.then(waiting.refuse(answer)),
        AnswerEnd::Failed { .. } => batch.then(waiting.start_after(answer)),
    };
    if options.replaces_failure {
        batch.then(waiting.start(WaitingReason::Unanswered))
    } else {
        batch
    }
}

impl Drop for AnswerRecorder {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else {
            return;
        };
        // Otherwise the last client has disconnected, which ends an answer.
        let end = if *self.shutdown.borrow() || handle.draft().is_interrupted() {
            AnswerEnd::Failed {
                error: INTERRUPTED_MESSAGE,
            }
        } else {
            AnswerEnd::Complete {
                metadata: None,
                is_refusal: false,
            }
        };
        let batch = finish_batch(&handle, self.end, &end);
        let (store, write) = (self.store.clone(), self.store.submit(batch.clone()));
        // Without a runtime the process is exiting and cannot wait for the write.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = write.await {
                    retry_until_stored(store, batch, handle, error).await;
                }
            });
        }
    }
}

/// Whether repeating the write is useless: something else has ended the answer,
/// or the store is closed.
fn is_final(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Closed | StoreError::Rejected(Rejection::AnswerEnded)
    )
}

/// Repeats a write until it succeeds or the store is closed. Until then the
/// conversation accepts no message. Keeps the handle, so that a takeover and a
/// shutdown still get the text.
async fn retry_until_stored(
    store: Arc<Store>,
    batch: Batch,
    handle: AnswerHandle,
    error: StoreError,
) {
    let mut error = error;
    let mut delay = MIN_RETRY_DELAY;
    while !is_final(&error) {
        log::error!("the end of an answer is not stored, trying again: {error}");
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(MAX_RETRY_DELAY);
        match store.write(batch.clone()).await {
            Ok(_) => break,
            Err(next) => error = next,
        }
    }
    drop(handle);
}
