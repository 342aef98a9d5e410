//! A reply: an answer on its way to whoever waits for it.
//!
//! A task of its own pulls the pieces and passes them on through a short queue,
//! so that a slow reader slows the model down and fills no memory. When the
//! reader is gone, the task drops the pieces, which hangs up on the model, and
//! what was said so far is stored, by whichever way the task ends.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::running::Entry;
use super::{Ending, Failure, Piece, Pieces};
use crate::db::turn::{self, Outcome};
use crate::db::{Db, DbError};
use crate::domain::Timestamp;

/// What of an answer reaches its reader. The last is never a text.
#[derive(Debug)]
pub enum Part {
    Text(String),
    /// The answer is whole and, where it is kept, on the disk.
    Whole(Ending),
    /// There will be no more of it.
    Failed(Failure),
    /// Somebody else ended it: a person of the house has the conversation.
    Stopped,
}

/// Parts that may wait for the reader.
const QUEUE: usize = 32;

/// The reading end of an answer. To drop it is to hang up.
pub type Parts = mpsc::Receiver<Part>;

/// Has the pieces pulled. `draft` is where the text is kept on the way; none
/// where it is not to be stored. A reader who takes nothing for `stall` counts
/// as gone.
pub fn begin(pieces: Pieces, draft: Option<Draft>, stall: Duration) -> Parts {
    let (parts, reader) = mpsc::channel(QUEUE);
    tokio::spawn(pull(pieces, draft, Reader { parts, stall }));
    reader
}

/// An answer that the file knows as being written. However it ends, and if it
/// is only dropped, its text is stored.
pub struct Draft {
    pub entry: Entry,
    pub db: Arc<Db>,
    ended: bool,
}

impl Draft {
    pub fn new(entry: Entry, db: Arc<Db>) -> Self {
        Self {
            entry,
            db,
            ended: false,
        }
    }

    fn ending(&mut self, outcome: &Outcome) -> crate::db::Batch {
        self.ended = true;
        let (conversation, answer) = (self.entry.conversation(), self.entry.answer());
        let text = self.entry.take_text();
        turn::finish(conversation, answer, text, outcome, Timestamp::now())
    }

    async fn end(&mut self, outcome: &Outcome) -> Result<(), Failure> {
        let batch = self.ending(outcome);
        self.db.write(batch).await?;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let cut = self.ending(&Outcome::Complete { metadata: None });
        match self.db.submit(cut) {
            // At the end of the process its answers are stored before the file
            // is closed, by whoever closes it.
            Ok(()) | Err(DbError::Closed) => {}
            Err(error) => log::error!("an answer that was cut short is not stored: {error}"),
        }
    }
}

async fn pull(mut pieces: Pieces, mut draft: Option<Draft>, reader: Reader) {
    let last = loop {
        let piece = tokio::select! {
            biased;
            () = stopped(draft.as_ref()) => break Part::Stopped,
            () = reader.parts.closed() => return,
            piece = pieces.next() => piece,
        };
        match piece {
            Some(Ok(Piece::Text(text))) => {
                let goes_on = draft.as_ref().is_none_or(|draft| draft.entry.push(&text));
                if goes_on && !reader.pass_text(text, draft.as_ref()).await {
                    return;
                }
            }
            Some(Ok(Piece::End(ending))) => break whole(draft.as_mut(), ending).await,
            Some(Err(failure)) => break failed(draft.as_mut(), failure).await,
            None => {
                let failure = Failure::Broken("the answer ended without an end".to_owned());
                break failed(draft.as_mut(), failure).await;
            }
        }
    };
    // The model is done with before a slow reader is waited for.
    drop((pieces, draft));
    reader.pass_on(last).await;
}

async fn stopped(draft: Option<&Draft>) {
    match draft {
        Some(draft) => draft.entry.stopped().await,
        None => std::future::pending().await,
    }
}

/// The writing end of an answer.
struct Reader {
    parts: mpsc::Sender<Part>,
    stall: Duration,
}

impl Reader {
    /// Whether there is still somebody to pass the next text to.
    async fn pass_text(&self, text: String, draft: Option<&Draft>) -> bool {
        let text = match self.parts.try_send(Part::Text(text)) {
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

    async fn pass_on(&self, part: Part) {
        // A reader who is gone need not be told.
        let _ = self.parts.send_timeout(part, self.stall).await;
    }
}

async fn whole(draft: Option<&mut Draft>, ending: Ending) -> Part {
    let Some(draft) = draft else {
        return Part::Whole(ending);
    };
    let outcome = Outcome::Complete {
        metadata: ending.metadata(),
    };
    match draft.end(&outcome).await {
        Ok(()) => Part::Whole(ending),
        Err(failure) => Part::Failed(failure),
    }
}

async fn failed(draft: Option<&mut Draft>, failure: Failure) -> Part {
    if let Some(draft) = draft {
        let outcome = Outcome::Failed {
            error: failure.told(),
        };
        if let Err(error) = draft.end(&outcome).await {
            log::error!("an answer that failed could not be stored: {error}");
        }
    }
    Part::Failed(failure)
}
