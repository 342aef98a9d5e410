//! Runs the generation of an answer in a task of its own.
//!
//! The task polls the provider's stream and sends the text to the request handler
//! through a bounded channel, so a slow client slows the model down and uses no
//! memory. When the client disconnects, the task drops the stream, which cancels
//! the request to the model. However the task ends, the text so far is stored.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::recorder::AnswerRecorder;
use super::{AnswerChunk, AnswerError, AnswerStream, FinishDetails};
use crate::store::answer::AnswerEnd;
use crate::store::{Rejection, StoreError};

/// An event of an answer. The last event is not [`AnswerEvent::Text`].
#[derive(Debug)]
pub enum AnswerEvent {
    Text(String),
    /// The answer is complete and, if it has a recorder, stored.
    Complete(FinishDetails),
    Failed(AnswerError),
    /// The answer was stopped because an agent took the conversation over or the
    /// conversation was closed.
    Stopped,
}

/// How many events the channel holds.
const CHANNEL_CAPACITY: usize = 32;

/// The receiver of an answer. Dropping it cancels the generation.
pub type AnswerEvents = mpsc::Receiver<AnswerEvent>;

/// What ends all answers of a server early.
#[derive(Debug, Clone)]
pub struct GenerationLimits {
    /// A receiver that accepts no event for this time is treated as dropped.
    pub stall_timeout: Duration,
    /// Becomes true when the shutdown waits for answers no longer.
    pub shutdown: watch::Receiver<bool>,
}

/// Starts the generation. `recorder` stores the text; `None` if the answer is not
/// stored.
pub fn spawn(
    stream: AnswerStream,
    recorder: Option<AnswerRecorder>,
    limits: GenerationLimits,
) -> AnswerEvents {
    let (sender, events) = mpsc::channel(CHANNEL_CAPACITY);
    tokio::spawn(run(stream, recorder, EventSender { sender, limits }));
    events
}

async fn run(mut stream: AnswerStream, mut recorder: Option<AnswerRecorder>, sender: EventSender) {
    let Some(last) = forward_text(&mut stream, &mut recorder, &sender).await else {
        return;
    };
    // Disconnect from the model before waiting for a slow client.
    drop((stream, recorder));
    sender.send(last).await;
}

/// Forwards the text until the answer ends. Returns the last event. Returns `None`
/// if the client is gone.
async fn forward_text(
    stream: &mut AnswerStream,
    recorder: &mut Option<AnswerRecorder>,
    sender: &EventSender,
) -> Option<AnswerEvent> {
    loop {
        let chunk = tokio::select! {
            biased;
            () = wait_for_stop(recorder.as_ref()) => return Some(AnswerEvent::Stopped),
            () = sender.limits.wait_for_shutdown() => {
                return Some(fail(recorder.as_mut(), AnswerError::ShuttingDown).await);
            }
            () = sender.sender.closed() => return None,
            chunk = stream.next() => chunk,
        };
        match chunk {
            Some(Ok(AnswerChunk::Text(text))) => {
                let is_active = recorder
                    .as_ref()
                    .is_none_or(|recorder| recorder.push(&text));
                if is_active && !sender.send_text(text, recorder.as_ref()).await {
                    return None;
                }
            }
            Some(Ok(AnswerChunk::Finish(finish))) => {
                return Some(complete(recorder.as_mut(), finish).await);
            }
            Some(Err(error)) => return Some(fail(recorder.as_mut(), error).await),
            None => {
                let cause = "the answer ended without an end".to_owned();
                return Some(fail(recorder.as_mut(), AnswerError::ModelFailed(cause)).await);
            }
        }
    }
}

async fn wait_for_stop(recorder: Option<&AnswerRecorder>) {
    match recorder {
        Some(recorder) => recorder.wait_for_stop().await,
        None => std::future::pending().await,
    }
}

impl GenerationLimits {
    async fn wait_for_shutdown(&self) {
        // An error means that the sender is gone: the server ended without a signal.
        let _ = self.shutdown.clone().wait_for(|is_over| *is_over).await;
    }
}

/// The sending end of the channel.
struct EventSender {
    sender: mpsc::Sender<AnswerEvent>,
    limits: GenerationLimits,
}

impl EventSender {
    /// Sends a text. Returns whether the client is still connected.
    async fn send_text(&self, text: String, recorder: Option<&AnswerRecorder>) -> bool {
        let event = match self.sender.try_send(AnswerEvent::Text(text)) {
            Ok(()) => return true,
            Err(TrySendError::Full(event)) => event,
            Err(TrySendError::Closed(_)) => return false,
        };
        tokio::select! {
            sent = self.sender.send_timeout(event, self.limits.stall_timeout) => sent.is_ok(),
            // `forward_text` sees the stop and the shutdown, too, and reports them.
            () = wait_for_stop(recorder) => true,
            () = self.limits.wait_for_shutdown() => true,
        }
    }

    /// Sends an event. Does nothing if the client is gone.
    async fn send(&self, event: AnswerEvent) {
        let _ = self
            .sender
            .send_timeout(event, self.limits.stall_timeout)
            .await;
    }
}

/// Stores a complete answer. Returns the last event.
async fn complete(recorder: Option<&mut AnswerRecorder>, finish: FinishDetails) -> AnswerEvent {
    let Some(recorder) = recorder else {
        return AnswerEvent::Complete(finish);
    };
    let end = AnswerEnd::Complete {
        metadata: finish.metadata(),
    };
    match recorder.finish(&end).await {
        Ok(()) => AnswerEvent::Complete(finish),
        // Something else has ended the answer, so it is not complete.
        Err(StoreError::Rejected(Rejection::AnswerEnded)) => AnswerEvent::Stopped,
        Err(error) => AnswerEvent::Failed(error.into()),
    }
}

/// Stores a failed answer. Returns the last event.
async fn fail(recorder: Option<&mut AnswerRecorder>, error: AnswerError) -> AnswerEvent {
    if let Some(recorder) = recorder {
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
