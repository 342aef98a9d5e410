//! Answers by a model behind an OpenAI-compatible server: Ollama, llama.cpp,
//! vLLM, LM Studio, OpenAI and others.
//!
//! `request` and `prompt` say what is sent, `upstream` sends it, `refusal` judges
//! what is no answer, `reply` and `sse` read what is one, `cite` adds the
//! references, `pieces` is all of it as a stream.

mod cite;
mod context;
mod pieces;
mod prompt;
mod refusal;
mod reply;
mod request;
mod sse;
mod upstream;

use std::pin::Pin;
use std::sync::Arc;

pub use context::{Passage, context_for};

use super::retrieval::IndexCache;
use super::{Answer, AnswerError, AnswerProvider, AnswerRequest, AnswerStream};
use crate::config::Settings;
use crate::store::Store;
use cite::Citations;
use upstream::Upstream;

/// Why the settings lead to no model, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(
        "--model-url leads to a private network ({0}); add --model-private-network (PARLOR_MODEL_PRIVATE_NETWORK=true) if it is meant to"
    )]
    Private(String),
    #[error("--model-key has characters that a key cannot have, such as a line end; give it again")]
    Key,
    #[error(
        "calls to the model cannot be prepared: {0}; for https the system's certificates are needed, which are mostly in a package ca-certificates"
    )]
    Client(String),
}

/// The model that the settings name. Made once; cheap to ask many times at once.
pub struct Model {
    upstream: Arc<Upstream>,
    index_cache: Arc<IndexCache>,
}

impl Model {
    /// None where the settings name no model. `index_cache` is what is kept in memory
    /// with others who search.
    ///
    /// # Errors
    /// Settings that cannot work, in words for whoever made them.
    pub fn new(
        settings: &Settings,
        index_cache: Arc<IndexCache>,
    ) -> Result<Option<Self>, ModelError> {
        let Some(base) = &settings.model.url else {
            return Ok(None);
        };
        let upstream = Arc::new(Upstream::new(base, &settings.model)?);
        Ok(Some(Self {
            upstream,
            index_cache,
        }))
    }

    /// The answer to a question from these excerpts; asked for once it is polled.
    pub fn ask(&self, question: &AnswerRequest, passages: &[Passage]) -> AnswerStream {
        let messages = request::messages(question, passages, &self.upstream.settings);
        pieces::pieces(self.upstream.clone(), messages, Citations::new(passages))
    }
}

impl AnswerProvider for Model {
    fn answer<'a>(
        &'a self,
        store: &'a Store,
        question: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>> {
        Box::pin(async move {
            let passages = context_for(store, &self.index_cache, &question).await?;
            Ok(Answer::Stream(self.ask(&question, &passages)))
        })
    }
}
