//! A model that says what a test tells it, when the test tells it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures_util::stream;
use parlor::answer::{
    Answer, AnswerChunk, AnswerError, AnswerProvider, AnswerRequest, FinishDetails,
};
use parlor::store::Store;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Said = Result<AnswerChunk, AnswerError>;

/// Each question takes the next script; without one it is an error.
#[derive(Default)]
pub struct Scripted {
    scripts: Mutex<VecDeque<UnboundedReceiver<Said>>>,
    pub asked: Mutex<Vec<AnswerRequest>>,
}

/// The hand that writes one answer.
pub struct Hand(UnboundedSender<Said>);

impl Scripted {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A script for the next question that has none.
    pub fn hand(&self) -> Hand {
        let (sender, receiver) = unbounded_channel();
        self.scripts.lock().expect("scripts").push_back(receiver);
        Hand(sender)
    }

    /// The next answer is this.
    pub fn says(&self, text: &str) {
        let hand = self.hand();
        hand.text(text);
        hand.end();
    }

    /// Forgets the scripts that nobody asked for.
    pub fn forget(&self) {
        self.scripts.lock().expect("scripts").clear();
    }

    /// The next answer fails.
    pub fn fails(&self, failure: AnswerError) {
        self.hand().fail(failure);
    }
}

impl Hand {
    pub fn text(&self, text: &str) {
        self.0.send(Ok(AnswerChunk::Text(text.to_owned()))).ok();
    }

    pub fn end(&self) {
        self.0
            .send(Ok(AnswerChunk::Finish(FinishDetails::default())))
            .ok();
    }

    pub fn fail(&self, failure: AnswerError) {
        self.0.send(Err(failure)).ok();
    }

    /// Whether nobody listens to this answer any more.
    pub fn is_hung_up(&self) -> bool {
        self.0.is_closed()
    }
}

impl AnswerProvider for Scripted {
    fn answer<'a>(
        &'a self,
        _: &'a Store,
        question: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>> {
        self.asked.lock().expect("questions").push(question);
        let script = self.scripts.lock().expect("scripts").pop_front();
        Box::pin(async {
            let script = script.ok_or_else(|| AnswerError::ModelFailed("no script".to_owned()))?;
            let pieces = stream::unfold(script, |mut script| async {
                let said = script.recv().await?;
                Some((said, script))
            });
            Ok(Answer::Stream(Box::pin(pieces)))
        })
    }
}
