//! Runs the generation of an answer in a task of its own.
//!
//! The task polls the provider's stream and appends the text to a [`Draft`], which
//! request handlers read. It waits for the fastest reader, so a slow client slows the
//! model down. When the last reader is gone, the task drops the stream, which cancels
//! the request to the model. A detached answer continues without readers. However the
//! task ends, the text so far is stored.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::draft::{AnswerEvent, AnswerReader, Draft};
use super::recorder::AnswerRecorder;
use super::{AnswerChunk, AnswerError, AnswerStream, FinishDetails};
use crate::store::answer::AnswerEnd;
use crate::store::{Rejection, StoreError};

/// What ends all answers of a server early.
#[derive(Debug, Clone)]
pub struct GenerationLimits {
    /// Readers that read nothing for this time are treated as dropped.
    pub stall_timeout: Duration,
    /// How long a detached answer may continue without readers.
    pub max_detached: Duration,
    /// Becomes true when the shutdown waits for answers no longer.
    pub shutdown: watch::Receiver<bool>,
    /// Runs the detached answers: a runtime that waits for them at a shutdown. Runtimes
    /// of workers wait for connections only.
    pub detached_runtime: Option<Handle>,
}

impl GenerationLimits {
    async fn wait_for_shutdown(&self) {
        // An error means that the sender is gone: the server ended without a signal.
        let _ = self.shutdown.clone().wait_for(|is_over| *is_over).await;
    }
}

/// Starts the generation and returns its first reader. `recorder` stores the text;
/// `None` if the answer is not stored.
pub fn spawn(
    stream: AnswerStream,
    recorder: Option<AnswerRecorder>,
    limits: GenerationLimits,
) -> AnswerReader {
    let draft = match &recorder {
        Some(recorder) => recorder.draft(),
        None => Arc::default(),
    };
    let reader = draft.read();
    let own_runtime = draft.is_detached().then(|| limits.detached_runtime.clone());
    let generation = Generation {
        end_guard: EndGuard(draft.clone()),
        stream,
        recorder,
        draft,
        limits,
    };
    match own_runtime.flatten() {
        Some(runtime) => runtime.spawn(generation.run()),
        None => tokio::spawn(generation.run()),
    };
    reader
}

struct Generation {
    /// The first field, so that it is dropped before the recorder stores the text.
    end_guard: EndGuard,
    stream: AnswerStream,
    recorder: Option<AnswerRecorder>,
    draft: Arc<Draft>,
    limits: GenerationLimits,
}

/// Tells the readers that the task has ended, also if it has panicked or its runtime has
/// ended.
struct EndGuard(Arc<Draft>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

impl Generation {
    async fn run(mut self) {
        let Some(last) = self.write_text().await else {
            self.draft.abandon();
            return;
        };
        let Self {
            end_guard,
            stream,
            recorder,
            draft,
            ..
        } = self;
        // Disconnect from the model and store the text before a client reacts.
        drop((stream, recorder));
        draft.end(last);
        drop(end_guard);
    }

    /// Writes the text until the answer ends. Returns the last event. Returns `None` if
    /// all readers are gone.
    async fn write_text(&mut self) -> Option<AnswerEvent> {
        loop {
            let chunk = tokio::select! {
                biased;
                () = self.draft.wait_for_stop() => return Some(AnswerEvent::Stopped),
                () = self.limits.wait_for_shutdown() => {
                    return Some(self.fail(AnswerError::ShuttingDown).await);
                }
                () = self.draft.abandon_unread() => return None,
                chunk = self.stream.next() => chunk,
            };
            match chunk {
                Some(Ok(AnswerChunk::Text(text))) => {
                    if self.draft.push(&text) && !wait_for_readers(&self.draft, &self.limits).await
                    {
                        return None;
                    }
                }
                Some(Ok(AnswerChunk::Finish(finish))) => return Some(self.complete(finish).await),
                Some(Err(error)) => return Some(self.fail(error).await),
                None => {
                    let cause = "the answer ended without an end".to_owned();
                    return Some(self.fail(AnswerError::ModelFailed(cause)).await);
                }
            }
        }
    }

    /// Stores a complete answer. Returns the last event.
    async fn complete(&mut self, finish: FinishDetails) -> AnswerEvent {
        let Some(recorder) = &mut self.recorder else {
            return AnswerEvent::Complete(finish);
        };
        let end = AnswerEnd::Complete {
            metadata: finish.metadata(),
            is_refusal: finish.is_refusal,
        };
        match recorder.finish(&end).await {
            Ok(()) => AnswerEvent::Complete(finish),
            // Something else has ended the answer, so it is not complete.
            Err(StoreError::Rejected(Rejection::AnswerEnded)) => AnswerEvent::Stopped,
            Err(error) => AnswerEvent::Failed(error.into()),
        }
    }

    /// Stores a failed answer. Returns the last event.
    async fn fail(&mut self, error: AnswerError) -> AnswerEvent {
        if let Some(recorder) = &mut self.recorder {
            let end = AnswerEnd::Failed {
                error: error.public_message(),
            };
            match recorder.finish(&end).await {
                Ok(()) | Err(StoreError::Rejected(Rejection::AnswerEnded)) => {}
                Err(error) => log::error!("an answer that failed could not be stored: {error}"),
            }
        }
        AnswerEvent::Failed(error)
    }
}

/// Waits until a reader has read enough. Returns whether a reader is left.
async fn wait_for_readers(draft: &Draft, limits: &GenerationLimits) -> bool {
    tokio::select! {
        // Usually the first poll of the first future decides.
        biased;
        is_read = draft.wait_for_readers(limits.stall_timeout) => is_read,
        // `write_text` sees these, too, and reports them.
        () = draft.wait_for_stop() => true,
        () = limits.wait_for_shutdown() => true,
        () = draft.abandon_unread() => false,
    }
}
