//! Search by meaning. An embedding model turns passages and questions into vectors; the
//! vectors of similar texts point in similar directions.
//!
//! - A provider calculates vectors: `remote` asks a server with an OpenAI-compatible API,
//!   `local` runs a model in this process (cargo feature `local-embeddings`).
//! - `passage_parts` makes texts of passages that fit into the model.
//! - `vector` makes vectors small, and `vector_index` finds the closest ones.
//! - `semantic_search` combines these for the answer providers and `GET /v2/search`.
//!
//! `service/embedder.rs` calculates the vectors of new passages and stores them.

mod error;
#[cfg(feature = "local-embeddings")]
mod local;
mod passage_parts;
mod remote;
mod semantic_search;
mod vector;
mod vector_index;

use std::pin::Pin;
use std::sync::Arc;

pub use error::{EmbeddingError, EmbeddingSetupError};
pub use semantic_search::{SemanticQueries, SemanticSearch, semantic_queries};
pub use vector::PassageVector;
pub use vector_index::VectorIndex;

use crate::config::EmbeddingSettings;
use remote::RemoteModel;

/// Texts to embed, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbeddingInput {
    /// A person waits for the result.
    Questions(Vec<String>),
    Passages(Vec<String>),
}

/// The vectors of texts, in their order.
pub type EmbeddingFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Vec<f32>>, EmbeddingError>> + Send + 'a>>;

/// Calculates vectors.
pub trait EmbeddingProvider: Send + Sync {
    /// Identifies the model. Vectors of models with different names are not compared.
    fn model(&self) -> &str;

    /// Divides a passage into texts that fit into the model. `head` is the title with the
    /// heading. The result is not empty.
    fn parts(&self, head: &str, body: &str) -> Vec<String>;

    /// Returns one vector for each text.
    fn embed(&self, input: EmbeddingInput) -> EmbeddingFuture<'_>;
}

/// Returns the provider of the settings. Returns `None` if they have no embedding model.
///
/// # Errors
/// Returns an error if the settings are invalid.
pub fn provider(
    settings: &EmbeddingSettings,
) -> Result<Option<Arc<dyn EmbeddingProvider>>, EmbeddingSetupError> {
    if let Some(folder) = &settings.dir {
        return local_provider(folder, settings).map(Some);
    }
    let (Some(base), Some(name)) = (&settings.url, &settings.name) else {
        return Ok(None);
    };
    Ok(Some(Arc::new(RemoteModel::new(base, name, settings)?)))
}

#[cfg(feature = "local-embeddings")]
fn local_provider(
    folder: &std::path::Path,
    settings: &EmbeddingSettings,
) -> Result<Arc<dyn EmbeddingProvider>, EmbeddingSetupError> {
    let model = local::LocalModel::load(folder, settings);
    let model = model.map_err(|reason| EmbeddingSetupError::Folder {
        path: folder.display().to_string(),
        reason,
    })?;
    Ok(Arc::new(model))
}

#[cfg(not(feature = "local-embeddings"))]
fn local_provider(
    _: &std::path::Path,
    _: &EmbeddingSettings,
) -> Result<Arc<dyn EmbeddingProvider>, EmbeddingSetupError> {
    Err(EmbeddingSetupError::NoLocalModels)
}
