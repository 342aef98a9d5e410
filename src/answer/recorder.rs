//! Stores the text of a streamed answer when the answer ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::AnswerError;
use super::active_answers::AnswerHandle;
use crate::domain::Timestamp;
use crate::store::turn::{self, Outcome};
use crate::store::{Batch, Store, StoreError};

/// The delays between attempts to store the end of an answer.
const MIN_RETRY_DELAY: Duration = Duration::from_millis(100);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// Collects the text of an answer that the store has marked as streaming, and
/// stores it when the answer ends. Dropping the recorder stores the text so far.
pub struct AnswerRecorder {
    /// `None` after the end of the answer.
    handle: Option<AnswerHandle>,
    store: Arc<Store>,
}

impl AnswerRecorder {
    pub fn new(handle: AnswerHandle, store: Arc<Store>) -> Self {
        Self {
            handle: Some(handle),
            store,
        }
    }

    /// Appends to the text. Returns false, without an effect, if the answer was
    /// stopped.
    pub(super) fn push(&self, text: &str) -> bool {
        self.handle.as_ref().is_some_and(|handle| handle.push(text))
    }

    /// Waits until the answer is stopped. Never returns after the end.
    pub(super) async fn wait_for_stop(&self) {
        match &self.handle {
            Some(handle) => handle.wait_for_stop().await,
            None => std::future::pending().await,
        }
    }

    /// Stores the end of the answer. If the write fails, a background task
    /// repeats it.
    ///
    /// # Errors
    /// Returns the error of the first write.
    pub(super) async fn finish(&mut self, outcome: &Outcome) -> Result<(), AnswerError> {
        let Some(handle) = self.handle.take() else {
            return Ok(());
        };
        let batch = finish_batch(&handle, outcome);
        if let Err(error) = self.store.write(batch.clone()).await {
            let retry = retry_until_stored(self.store.clone(), batch, handle, error.clone());
            tokio::spawn(retry);
            return Err(error.into());
        }
        Ok(())
    }
}

fn finish_batch(handle: &AnswerHandle, outcome: &Outcome) -> Batch {
    turn::finish(
        handle.conversation(),
        handle.message(),
        handle.text(),
        outcome,
        Timestamp::now(),
    )
}

impl Drop for AnswerRecorder {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else {
            return;
        };
        let batch = finish_batch(&handle, &Outcome::Complete { metadata: None });
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
    while !matches!(error, StoreError::Closed) {
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
