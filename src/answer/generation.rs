//! A reply: an answer on its way to whoever waits for it.
//!
//! A task of its own pulls the pieces and passes them on through a short queue,
//! so that a slow reader slows the model down and fills no memory. When the
//! reader is gone, the task drops the pieces, which hangs up on the model, and
//! what was said so far is stored, by whichever way the task ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::active_answers::AnswerHandle;
use super::{AnswerChunk, AnswerError, AnswerStream, FinishDetails};
use crate::domain::Timestamp;
use crate::store::turn::{self, Outcome};
use crate::store::{Batch, Store, StoreError};

/// What of an answer reaches its reader. The last is never a text.
#[derive(Debug)]
pub enum AnswerEvent {
    Text(String),
    /// The answer is whole and, where it is kept, on the disk.
    Complete(FinishDetails),
    /// There will be no more of it.
    Failed(AnswerError),
    /// Somebody else ended it: a person of the house has the conversation.
    Stopped,
}

/// AnswerEvents that may wait for the reader.
const QUEUE: usize = 32;

/// The reading end of an answer. To drop it is to hang up.
pub type AnswerEvents = mpsc::Receiver<AnswerEvent>;

/// Has the pieces pulled. `draft` is where the text is kept on the way; none
/// where it is not to be stored. A reader who takes nothing for `stall` counts
/// as gone.
pub fn spawn(pieces: AnswerStream, draft: Option<AnswerRecorder>, stall: Duration) -> AnswerEvents {
    let (parts, reader) = mpsc::channel(QUEUE);
    tokio::spawn(pull(pieces, draft, Reader { parts, stall }));
    reader
}

/// An answer that the file knows as being written. However it ends, and if it
/// is only dropped, its text is stored.
pub struct AnswerRecorder {
    /// None once it has ended.
    entry: Option<AnswerHandle>,
    store: Arc<Store>,
}

impl AnswerRecorder {
    pub fn new(entry: AnswerHandle, store: Arc<Store>) -> Self {
        let entry = Some(entry);
        Self { entry, store }
    }

    /// Adds to the text, unless the answer was stopped.
    fn push(&self, text: &str) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.push(text))
    }

    async fn stopped(&self) {
        match &self.entry {
            Some(entry) => entry.stopped().await,
            None => std::future::pending().await,
        }
    }

    /// Ends the answer. Where that cannot be stored now, it is tried again.
    async fn end(&mut self, outcome: &Outcome) -> Result<(), AnswerError> {
        let Some(entry) = self.entry.take() else {
            return Ok(());
        };
        let batch = ending(&entry, outcome);
        let stored = self.store.write(batch.clone()).await;
        if let Err(error) = stored {
            tokio::spawn(store_later(self.store.clone(), batch, entry, error.clone()));
            return Err(error.into());
        }
        Ok(())
    }
}

fn ending(entry: &AnswerHandle, outcome: &Outcome) -> Batch {
    let (conversation, answer) = (entry.conversation(), entry.answer());
    turn::finish(
        conversation,
        answer,
        entry.text(),
        outcome,
        Timestamp::now(),
    )
}

impl Drop for AnswerRecorder {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else {
            return;
        };
        let batch = ending(&entry, &Outcome::Complete { metadata: None });
        let (store, stored) = (self.store.clone(), self.store.submit(batch.clone()));
        // Without a runtime the process is ending, and nobody can wait.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = stored.await {
                    store_later(store, batch, entry, error).await;
                }
            });
        }
    }
}

/// Tries until the end of an answer is stored: until then its conversation takes
/// no other message. The entry stays, so that a takeover still has the text, and
/// so has whoever closes the file.
async fn store_later(store: Arc<Store>, batch: Batch, entry: AnswerHandle, error: StoreError) {
    let mut error = error;
    let mut wait = Duration::from_millis(100);
    while !matches!(error, StoreError::Closed) {
        log::error!("the end of an answer is not stored, trying again: {error}");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(30));
        match store.write(batch.clone()).await {
            Ok(_) => break,
            Err(again) => error = again,
        }
    }
    drop(entry);
}

async fn pull(mut pieces: AnswerStream, mut draft: Option<AnswerRecorder>, reader: Reader) {
    let last = loop {
        let piece = tokio::select! {
            biased;
            () = stopped(draft.as_ref()) => break AnswerEvent::Stopped,
            () = reader.parts.closed() => return,
            piece = pieces.next() => piece,
        };
        match piece {
            Some(Ok(AnswerChunk::Text(text))) => {
                let goes_on = draft.as_ref().is_none_or(|draft| draft.push(&text));
                if goes_on && !reader.pass_text(text, draft.as_ref()).await {
                    return;
                }
            }
            Some(Ok(AnswerChunk::Finish(finish))) => break whole(draft.as_mut(), finish).await,
            Some(Err(failure)) => break failed(draft.as_mut(), failure).await,
            None => {
                let failure =
                    AnswerError::ModelFailed("the answer ended without an end".to_owned());
                break failed(draft.as_mut(), failure).await;
            }
        }
    };
    // The model is done with before a slow reader is waited for.
    drop((pieces, draft));
    reader.pass_on(last).await;
}

async fn stopped(draft: Option<&AnswerRecorder>) {
    match draft {
        Some(draft) => draft.stopped().await,
        None => std::future::pending().await,
    }
}

/// The writing end of an answer.
struct Reader {
    parts: mpsc::Sender<AnswerEvent>,
    stall: Duration,
}

impl Reader {
    /// Whether there is still somebody to pass the next text to.
    async fn pass_text(&self, text: String, draft: Option<&AnswerRecorder>) -> bool {
        let text = match self.parts.try_send(AnswerEvent::Text(text)) {
            Ok(()) => return true,
            Err(mpsc::error::TrySendError::Full(text)) => text,
            Err(mpsc::error::TrySendError::Closed(_)) => return false,
        };
        tokio::select! {
            sent = self.parts.send_timeout(text, self.stall) => sent.is_ok(),
            // The loop sees it, too, and says so.
            () = stopped(draft) => true,
        }
    }

    async fn pass_on(&self, part: AnswerEvent) {
        // A reader who is gone need not be told.
        let _ = self.parts.send_timeout(part, self.stall).await;
    }
}

async fn whole(draft: Option<&mut AnswerRecorder>, finish: FinishDetails) -> AnswerEvent {
    let Some(draft) = draft else {
        return AnswerEvent::Complete(finish);
    };
    let outcome = Outcome::Complete {
        metadata: finish.metadata(),
    };
    match draft.end(&outcome).await {
        Ok(()) => AnswerEvent::Complete(finish),
        Err(failure) => AnswerEvent::Failed(failure),
    }
}

async fn failed(draft: Option<&mut AnswerRecorder>, failure: AnswerError) -> AnswerEvent {
    if let Some(draft) = draft {
        let outcome = Outcome::Failed {
            error: failure.public_message(),
        };
        if let Err(error) = draft.end(&outcome).await {
            log::error!("an answer that failed could not be stored: {error}");
        }
    }
    AnswerEvent::Failed(failure)
}
