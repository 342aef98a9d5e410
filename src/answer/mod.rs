//! Who answers a visitor: the built-in answerer, or a model behind an
//! OpenAI-compatible server. Nothing here knows of HTTP's other side, the
//! visitor's, nor writes to the file.

pub mod active_answers;
pub mod builtin;
pub mod generation;
pub mod model;
pub mod retrieval;

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::{Assistant, AssistantMode, ProjectSeq};
use crate::store::{Store, StoreError};

/// Answers questions.
pub trait AnswerProvider: Send + Sync {
    /// Prepares the answer, reading whatever it needs. Where it takes long, what
    /// comes back is a stream that has not begun: nothing is asked of anyone
    /// before it is polled.
    fn answer<'a>(
        &'a self,
        store: &'a Store,
        question: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>>;
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct AnswerRequest {
    pub project: ProjectSeq,
    pub assistant: Assistant,
    /// The conversation, oldest first. The last turn is the one to be answered.
    pub messages: Vec<ChatMessage>,
    /// The page on which the visitor is.
    pub page: Option<VisitorPage>,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    pub role: ChatRole,
    pub content: String,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// Whoever runs the conversation, telling the assistant how to behave.
    System,
    /// The visitor.
    User,
    /// The assistant, or an agent.
    Assistant,
}

/// The page on which a visitor is, as their browser tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VisitorPage {
    pub url: Option<String>,
    pub title: Option<String>,
    pub content: Option<String>,
    /// What the visitor has marked on it.
    pub selection: Option<String>,
}

/// An answer: at once, or piece by piece.
pub enum Answer {
    Complete(CompleteAnswer),
    Stream(AnswerStream),
}

/// The pieces of an answer as they come. The last is [`AnswerChunk::Finish`] or a failure.
/// To drop it is to hang up: nothing of the work goes on.
pub type AnswerStream = Pin<Box<dyn Stream<Item = Result<AnswerChunk, AnswerError>> + Send>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerChunk {
    /// Some more of the text; never empty.
    Text(String),
    /// The answer is complete.
    Finish(FinishDetails),
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteAnswer {
    /// Markdown.
    pub text: String,
    pub finish: FinishDetails,
}

/// How an answer ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FinishDetails {
    pub reason: FinishReason,
    pub usage: Usage,
}

impl FinishDetails {
    /// What is kept of it beside the text, as JSON; none where nothing is known.
    pub fn metadata(&self) -> Option<String> {
        (self.usage != Usage::default()).then(|| json!({ "usage": self.usage }).to_string())
    }
}

/// Why an answer ended where it did (section 4.8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FinishReason {
    #[default]
    Stop,
    Length,
    ContentFilter,
    Other,
}

impl FinishReason {
    pub fn as_str(self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::ContentFilter => "content-filter",
            FinishReason::Other => "other",
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
pub enum AnswerError {
    /// The model gave something that is not an answer.
    #[error("the model failed: {0}")]
    ModelFailed(String),
    /// The model is too slow or has too much to do; worth another try after so
    /// many seconds.
    #[error("the model is not available: {cause}")]
    Unavailable {
        retry_after_secs: u64,
        cause: String,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AnswerError {
    /// What a visitor may be told.
    pub fn public_message(&self) -> &'static str {
        match self {
            AnswerError::ModelFailed(_) => "The assistant could not answer. Please try again.",
            AnswerError::Unavailable { .. } | AnswerError::Store(_) => {
                "The assistant is busy. Please try again in a moment."
            }
        }
    }
}

/// Those who can answer.
pub struct AnswerProviders {
    pub builtin: Arc<dyn AnswerProvider>,
    /// None where the settings name no model.
    pub model: Option<Arc<dyn AnswerProvider>>,
}

impl AnswerProviders {
    /// Who answers for an assistant.
    ///
    /// # Errors
    /// [`AnswerError::ModelFailed`] where it needs a model and there is none.
    pub fn for_assistant(
        &self,
        assistant: &Assistant,
    ) -> Result<&Arc<dyn AnswerProvider>, AnswerError> {
        match (assistant.mode, &self.model) {
            (AssistantMode::Builtin, _) | (AssistantMode::Auto, None) => Ok(&self.builtin),
            (AssistantMode::Auto | AssistantMode::Model, Some(model)) => Ok(model),
            (AssistantMode::Model, None) => Err(AnswerError::ModelFailed(
                "the assistant wants a model and none is set; give --model-url".to_owned(),
            )),
        }
    }
}
