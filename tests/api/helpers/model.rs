//! A fake language model whose answers a test writes piece by piece.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures_util::stream;
use parlor::answer::{
    Answer, AnswerChunk, AnswerError, AnswerProvider, AnswerRequest, FinishDetails,
};
use parlor::store::Store;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

type Step = Result<AnswerChunk, AnswerError>;

/// Answers each question with the next script. A question without a script
/// fails.
#[derive(Default)]
pub struct FakeModel {
    scripts: Mutex<VecDeque<UnboundedReceiver<Step>>>,
    pub questions: Mutex<Vec<AnswerRequest>>,
}

/// Writes one answer.
pub struct AnswerScript(UnboundedSender<Step>);

impl FakeModel {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a script for the next question that has none.
    pub fn script_answer(&self) -> AnswerScript {
        let (sender, receiver) = unbounded_channel();
        self.scripts.lock().expect("scripts").push_back(receiver);
        AnswerScript(sender)
    }

    /// Adds a script of a complete answer.
    pub fn answer_with(&self, text: &str) {
        let script = self.script_answer();
        script.send_text(text);
        script.finish();
    }

    /// Adds a script of an answer that fails.
    pub fn fail_with(&self, failure: AnswerError) {
        self.script_answer().fail(failure);
    }

    /// Removes the scripts that no question has used.
    pub fn clear_scripts(&self) {
        self.scripts.lock().expect("scripts").clear();
    }
}

impl AnswerScript {
    pub fn send_text(&self, text: &str) {
        self.0.send(Ok(AnswerChunk::Text(text.to_owned()))).ok();
    }

    pub fn finish(&self) {
        self.0
            .send(Ok(AnswerChunk::Finish(FinishDetails::default())))
            .ok();
    }

    pub fn fail(&self, failure: AnswerError) {
        self.0.send(Err(failure)).ok();
    }

    /// Whether the server has stopped reading this answer.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_closed()
    }
}

impl AnswerProvider for FakeModel {
    fn answer<'a>(
        &'a self,
        _: &'a Arc<Store>,
        question: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>> {
        self.questions.lock().expect("questions").push(question);
        let script = self.scripts.lock().expect("scripts").pop_front();
        Box::pin(async {
            let script = script.ok_or_else(|| AnswerError::ModelFailed("no script".to_owned()))?;
            let pieces = stream::unfold(script, |mut script| async {
                let step = script.recv().await?;
                Some((step, script))
            });
            Ok(Answer::Stream(Box::pin(pieces)))
        })
    }
}
