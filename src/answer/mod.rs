//! Generates answers for visitors. An answer comes from the built-in provider,
//! which quotes the project's documents and Q&As, or from a model behind an
//! OpenAI-compatible server. This module does not know parlor's own HTTP API.

pub mod active_answers;
pub mod builtin;
pub mod detached;
pub mod draft;
pub mod embedding;
pub mod generation;
pub mod handover;
pub mod model;
mod observed;
pub mod recorder;
pub mod retrieval;

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::{Assistant, AssistantMode, ProjectSeq};
use crate::metrics::{AnswerMetrics, ProviderKind};
use crate::store::{Store, StoreError};

/// Generates answers.
pub trait AnswerProvider: Send + Sync {
    /// Reads the data that the answer needs and returns the answer. A slow
    /// provider returns a stream, which sends no request before it is polled.
    ///
    /// # Errors
    /// Returns the error of reading the data.
    fn answer<'a>(
        &'a self,
        store: &'a Arc<Store>,
        request: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>>;
}

/// The input of an answer.
#[derive(Debug, Clone)]
pub struct AnswerRequest {
    pub project: ProjectSeq,
    pub assistant: Assistant,
    /// The conversation, oldest first. The last message is the one to answer.
    pub messages: Vec<ChatMessage>,
    /// The page that the visitor is viewing.
    pub page: Option<VisitorPage>,
}

/// A message of a conversation, as model APIs represent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    pub role: ChatRole,
    pub content: String,
}

/// The author of a [`ChatMessage`], as model APIs represent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// Instructions for the assistant.
    System,
    /// The visitor.
    User,
    /// The assistant, or an agent.
    Assistant,
}

/// The page that the visitor is viewing, as reported by the browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VisitorPage {
    pub url: Option<String>,
    pub title: Option<String>,
    pub content: Option<String>,
    /// The text that the visitor has selected.
    pub selection: Option<String>,
}

/// An answer, either complete or as a stream.
pub enum Answer {
    Complete(CompleteAnswer),
    Stream(AnswerStream),
}

/// The chunks of an answer. The last item is [`AnswerChunk::Finish`] or an error.
/// Dropping the stream cancels the generation.
pub type AnswerStream = Pin<Box<dyn Stream<Item = Result<AnswerChunk, AnswerError>> + Send>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerChunk {
    /// The next part of the text. Never empty.
    Text(String),
    /// The answer is complete.
    Finish(FinishDetails),
}

/// A complete answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompleteAnswer {
    /// Markdown.
    pub text: String,
    pub finish: FinishDetails,
}

impl CompleteAnswer {
    /// Returns an answer as it was stored. `metadata` is the JSON of
    /// [`FinishDetails::metadata`].
    pub fn from_stored(text: String, metadata: Option<String>) -> Self {
        let metadata = metadata.and_then(|json| serde_json::from_str::<StoredMetadata>(&json).ok());
        let finish = FinishDetails {
            usage: metadata.unwrap_or_default().usage,
            ..FinishDetails::default()
        };
        Self { text, finish }
    }
}

/// The part of a message's metadata that is read again.
#[derive(Default, Deserialize)]
struct StoredMetadata {
    usage: Usage,
}

/// Why an answer ended and what it cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FinishDetails {
    pub reason: FinishReason,
    pub usage: Usage,
    /// Whether the assistant does not know the answer. False in answers that are read
    /// again.
    pub is_refusal: bool,
}

impl FinishDetails {
    /// Returns the JSON that is stored with the message. Returns `None` if the
    /// usage is unknown.
    pub fn metadata(&self) -> Option<String> {
        (self.usage != Usage::default()).then(|| json!({ "usage": self.usage }).to_string())
    }
}

/// Why an answer ended (docs/api-contract.md, section 5.8).
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

/// The cost of an answer in tokens (docs/api-contract.md, section 5.8). 0 if
/// unknown.
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

/// Why the generation failed. The texts are for the log. Visitors get
/// [`AnswerError::public_message`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum AnswerError {
    /// The model cannot be reached or did not return an answer.
    #[error("the model failed: {0}")]
    ModelFailed(String),
    /// The model is too slow or overloaded. A retry can succeed.
    #[error("the model is not available: {cause}")]
    Unavailable {
        retry_after_secs: u64,
        cause: String,
    },
    /// The server shuts down before the answer is complete.
    #[error("parlor is shutting down")]
    ShuttingDown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AnswerError {
    /// Returns the text that is sent to the visitor.
    pub fn public_message(&self) -> &'static str {
        match self {
            AnswerError::ModelFailed(_) => "The assistant could not answer. Please try again.",
            AnswerError::Unavailable { .. } | AnswerError::Store(_) => {
                "The assistant is busy. Please try again in a moment."
            }
            AnswerError::ShuttingDown => INTERRUPTED_MESSAGE,
        }
    }
}

/// What a visitor reads if a shutdown interrupts an answer.
pub const INTERRUPTED_MESSAGE: &str = "The answer was interrupted. Please send the message again.";

/// The configured providers.
pub struct AnswerProviders {
    pub builtin: Arc<dyn AnswerProvider>,
    /// `None` if no model is configured.
    pub model: Option<Arc<dyn AnswerProvider>>,
    pub metrics: Arc<AnswerMetrics>,
}

impl AnswerProviders {
    /// Who answers for an assistant.
    fn kind(&self, assistant: &Assistant) -> ProviderKind {
        if assistant.mode.uses_model(self.model.is_some()) {
            ProviderKind::Model
        } else {
            ProviderKind::Builtin
        }
    }

    /// Returns the provider of an assistant.
    ///
    /// # Errors
    /// Returns [`AnswerError::ModelFailed`] if the assistant requires a model and
    /// none is configured.
    pub fn for_assistant(
        &self,
        assistant: &Assistant,
    ) -> Result<&Arc<dyn AnswerProvider>, AnswerError> {
        match (assistant.mode, &self.model) {
            (AssistantMode::Builtin, _) | (AssistantMode::Auto, None) => Ok(&self.builtin),
            (AssistantMode::Auto | AssistantMode::Model, Some(model)) => Ok(model),
            (AssistantMode::Model, None) => Err(AnswerError::ModelFailed(
                "the assistant requires a model, but none is configured; set --model-url"
                    .to_owned(),
            )),
        }
    }
}
