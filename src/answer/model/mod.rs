//! Answers from a model behind an OpenAI-compatible server: Ollama, llama.cpp,
//! vLLM, LM Studio, OpenAI and others.
//!
//! - `rewrite` rewrites a follow-up question for the search, if that is configured.
//! - `excerpts` searches the passages for the prompt.
//! - `prompt` and `request` build the request.
//! - `upstream` sends it with retries through `http_client`, `upstream_error` classifies
//!   failures, and `dialect` finds out which parameters the server accepts.
//! - `sse`, `chunk` and `response` parse the response, and `thoughts` removes reasoning.
//! - `citations` rewrites the markers of sources and adds the cited sources, and `refusal` detects answers that
//!   say that the model does not know.
//! - `answer_stream` combines these to an [`AnswerStream`].

mod answer_stream;
mod chunk;
mod citations;
mod dialect;
mod error;
mod excerpts;
#[doc(hidden)]
pub mod fuzz_api;
mod http_client;
mod prompt;
mod refusal;
mod request;
mod response;
mod rewrite;
mod sse;
mod text_position;
mod thoughts;
mod upstream;
mod upstream_error;

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{TryStreamExt, stream};

pub use error::ModelError;
pub use excerpts::Excerpt;
pub use http_client::{endpoint_url, http_client, redact_key};
pub use response::MAX_ANSWER_BYTES;
pub use upstream_error::{error_causes, error_summary, is_private_address, retry_after_secs};

use super::embedding::SemanticSearch;
use super::retrieval::IndexCache;
use super::{Answer, AnswerError, AnswerProvider, AnswerRequest, AnswerStream};
use crate::config::Settings;
use crate::store::Store;
use citations::CitationWriter;
use refusal::RefusalDetector;
use request::Prompt;
use rewrite::Rewriter;
use upstream::Upstream;

/// The provider that asks the configured model. Serves concurrent requests.
#[derive(Clone)]
pub struct ModelProvider {
    upstream: Arc<Upstream>,
    rewriter: Rewriter,
    index_cache: Arc<IndexCache>,
    semantic: Option<Arc<SemanticSearch>>,
}

impl ModelProvider {
    /// Returns `None` if the settings have no model. `index_cache` can be shared
    /// with other users of the search.
    ///
    /// # Errors
    /// Returns an error if the settings of the model are invalid.
    pub fn new(
        settings: &Settings,
        index_cache: Arc<IndexCache>,
    ) -> Result<Option<Self>, ModelError> {
        let Some(base) = &settings.model.url else {
            return Ok(None);
        };
        let upstream = Arc::new(Upstream::new(base, &settings.model)?);
        Ok(Some(Self {
            rewriter: Rewriter::new(upstream.clone()),
            upstream,
            index_cache,
            semantic: None,
        }))
    }

    /// Also searches by meaning, if there is an embedding model.
    pub fn with_semantic(self, semantic: Option<Arc<SemanticSearch>>) -> Self {
        Self { semantic, ..self }
    }

    /// Searches for excerpts. Returns the answer from them.
    async fn search(
        &self,
        store: &Store,
        request: &AnswerRequest,
        rewrite: Option<String>,
    ) -> Result<AnswerStream, AnswerError> {
        let (index_cache, semantic) = (&self.index_cache, self.semantic.as_ref());
        let found = excerpts::find_excerpts(store, index_cache, semantic, request, rewrite).await?;
        Ok(self.stream_with(request, &found.excerpts, found.lacks_knowledge))
    }

    /// Returns the answer to a request from these excerpts. The first poll sends
    /// the request to the model.
    pub fn stream(&self, request: &AnswerRequest, excerpts: &[Excerpt]) -> AnswerStream {
        self.stream_with(request, excerpts, false)
    }

    /// The same. `lacks_knowledge`: the search has found nothing that the answer could be
    /// based on.
    fn stream_with(
        &self,
        request: &AnswerRequest,
        excerpts: &[Excerpt],
        lacks_knowledge: bool,
    ) -> AnswerStream {
        let prompt = Prompt::new(request, excerpts, &self.upstream.settings);
        let citations = CitationWriter::new(excerpts);
        let refusal = RefusalDetector::new(&request.assistant, lacks_knowledge);
        answer_stream::answer_stream(self.upstream.clone(), prompt, citations, refusal)
    }
}

impl AnswerProvider for ModelProvider {
    fn answer<'a>(
        &'a self,
        store: &'a Arc<Store>,
        request: AnswerRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, AnswerError>> + Send + 'a>> {
        Box::pin(async move {
            let Some(prompt) = self.rewriter.prompt(&request) else {
                return Ok(Answer::Stream(self.search(store, &request, None).await?));
            };
            // The request to the model is sent when the stream is polled.
            let (provider, store) = (self.clone(), store.clone());
            let search = async move {
                let rewrite = provider.rewriter.rewrite(&prompt).await;
                provider.search(&store, &request, rewrite).await
            };
            let stream: AnswerStream = Box::pin(stream::once(search).try_flatten());
            Ok(Answer::Stream(stream))
        })
    }
}
