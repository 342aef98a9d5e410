//! Who answers a visitor: the built-in answerer, or a model behind an
//! OpenAI-compatible server. Nothing here knows of HTTP's other side, the
//! visitor's, nor writes to the file.

pub mod builtin;
pub mod model;
pub mod reply;
pub mod retrieval;
pub mod running;

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::{Assistant, AssistantMode, ProjectSeq};
use crate::store::{Store, StoreError};

/// Answers questions.
pub trait Answerer: Send + Sync {
    /// Prepares the answer, reading whatever it needs. Where it takes long, what
    /// comes back is a stream that has not begun: nothing is asked of anyone
    /// before it is polled.
    fn answer<'a>(
        &'a self,
        store: &'a Store,
        question: Question,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send + 'a>>;
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    pub project: ProjectSeq,
    pub assistant: Assistant,
    /// The conversation, oldest first. The last turn is the one to be answered.
    pub turns: Vec<Turn>,
    /// The page on which the visitor is.
    pub page: Option<Page>,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub speaker: Speaker,
    pub text: String,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Whoever runs the conversation, telling the assistant how to behave.
    System,
    Visitor,
    /// The assistant, or a person of the house.
    House,
}

/// The page on which a visitor is, as their browser tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub url: Option<String>,
    pub title: Option<String>,
    pub content: Option<String>,
    /// What the visitor has marked on it.
    pub selection: Option<String>,
}

/// An answer: at once, or piece by piece.
pub enum Answer {
    Whole(Completion),
    Pieces(Pieces),
}

/// The pieces of an answer as they come. The last is [`Piece::End`] or a failure.
/// To drop it is to hang up: nothing of the work goes on.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Piece, Failure>> + Send>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Some more of the text; never empty.
    Text(String),
    /// The answer is whole.
    End(Ending),
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Markdown.
    pub text: String,
    pub ending: Ending,
}

/// How an answer ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    pub finish: Finish,
    pub usage: Usage,
}

impl Ending {
    /// What is kept of it beside the text, as JSON; none where nothing is known.
    pub fn metadata(&self) -> Option<String> {
        (self.usage != Usage::default()).then(|| json!({ "usage": self.usage }).to_string())
    }
}

/// Why an answer ended where it did (section 4.8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Finish {
    #[default]
    Stop,
    Length,
    ContentFilter,
    Other,
}

impl Finish {
    pub fn as_str(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::ContentFilter => "content-filter",
            Finish::Other => "other",
        }
    }
}

/// What an answer cost, in tokens; 0 where it is not known (section 4.8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    #[serde(rename = "inputTokens")]
    pub input: u64,
    #[serde(rename = "outputTokens")]
    pub output: u64,
    #[serde(rename = "reasoningTokens")]
    pub reasoning: u64,
    #[serde(rename = "cachedInputTokens")]
    pub cached_input: u64,
}

/// Why there is no answer, or no more of it. The texts are for the log, never
/// for a visitor.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The model gave something that is not an answer.
    #[error("the model failed: {0}")]
    Broken(String),
    /// The model is too slow or has too much to do; worth another try after so
    /// many seconds.
    #[error("the model is not available: {1}")]
    Unavailable(u64, String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    /// What a visitor may be told.
    pub fn told(&self) -> &'static str {
        match self {
            Failure::Broken(_) => "The assistant could not answer. Please try again.",
            Failure::Unavailable(..) | Failure::Store(_) => {
                "The assistant is busy. Please try again in a moment."
            }
        }
    }
}

/// Those who can answer.
pub struct Answerers {
    pub builtin: Arc<dyn Answerer>,
    /// None where the settings name no model.
    pub model: Option<Arc<dyn Answerer>>,
}

impl Answerers {
    /// Who answers for an assistant.
    ///
    /// # Errors
    /// [`Failure::Broken`] where it needs a model and there is none.
    pub fn of(&self, assistant: &Assistant) -> Result<&Arc<dyn Answerer>, Failure> {
        match (assistant.mode, &self.model) {
            (AssistantMode::Builtin, _) | (AssistantMode::Auto, None) => Ok(&self.builtin),
            (AssistantMode::Auto | AssistantMode::Model, Some(model)) => Ok(model),
            (AssistantMode::Model, None) => Err(Failure::Broken(
                "the assistant wants a model and none is set; give --model-url".to_owned(),
            )),
        }
    }
}
