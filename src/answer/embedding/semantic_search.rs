//! The embedding model with the vectors of all projects.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::vector::{PassageVector, QueryVector};
use super::vector_index::{VectorIndex, VectorIndexes};
use super::{EmbeddingInput, EmbeddingProvider};
use crate::answer::retrieval::SemanticRanking;
use crate::domain::{PassageSeq, ProjectSeq, text_prefix};

/// How long a search waits for the vector of its question. After it, the search compares
/// words alone.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// The characters of a question that are embedded. The models read no more of it.
const MAX_QUERY_CHARS: usize = 1000;

/// The passages of a ranking.
const MAX_RANKED_PASSAGES: usize = 200;

/// Finds passages by meaning.
pub struct SemanticSearch {
    provider: Arc<dyn EmbeddingProvider>,
    indexes: RwLock<VectorIndexes>,
    /// Whether the last question could not be embedded.
    has_failed: AtomicBool,
}

/// Questions with their vectors, and the vectors of a project at that moment. Empty if
/// there is no embedding model, or if it fails.
#[derive(Debug, Clone, Default)]
pub struct SemanticQueries {
    index: Arc<VectorIndex>,
    vectors: HashMap<String, QueryVector>,
}

impl SemanticQueries {
    /// Compares questions with all vectors of the project, which takes about 0.1 ms for
    /// 1000 vectors. Ignores a question without a vector.
    pub fn rank(&self, texts: &[String]) -> Vec<SemanticRanking> {
        let vectors = texts.iter().filter_map(|text| self.vectors.get(text));
        let ranking = |vector| SemanticRanking {
            passages: self.index.nearest(vector, MAX_RANKED_PASSAGES),
        };
        vectors.map(ranking).collect()
    }
}

impl SemanticSearch {
    pub fn new(provider: Arc<dyn EmbeddingProvider>) -> Self {
        Self {
            provider,
            indexes: RwLock::default(),
            has_failed: AtomicBool::new(false),
        }
    }

    pub fn provider(&self) -> &dyn EmbeddingProvider {
        &*self.provider
    }

    pub fn shared_provider(&self) -> Arc<dyn EmbeddingProvider> {
        Arc::clone(&self.provider)
    }

    /// Embeds questions. The result is empty if the project has no vectors, or if the model
    /// fails or is slow.
    pub async fn queries(&self, project: ProjectSeq, texts: &[String]) -> SemanticQueries {
        let mut texts: Vec<_> = texts
            .iter()
            .filter(|text| !text.trim().is_empty())
            .collect();
        texts.sort_unstable();
        texts.dedup();
        let index = self.index(project).filter(|_| !texts.is_empty());
        let Some(index) = index else {
            return SemanticQueries::default();
        };
        let vectors = self.embed_questions(&texts).await.unwrap_or_default();
        let pairs = texts.into_iter().zip(vectors);
        let vectors = pairs.filter_map(|(text, vector)| {
            QueryVector::new(&vector).map(|vector| (text.clone(), vector))
        });
        SemanticQueries {
            index,
            vectors: vectors.collect(),
        }
    }

    async fn embed_questions(&self, texts: &[&String]) -> Option<Vec<Vec<f32>>> {
        let texts = texts.iter().map(|text| text_prefix(text, MAX_QUERY_CHARS));
        let input = EmbeddingInput::Questions(texts.collect());
        let result = tokio::time::timeout(QUERY_TIMEOUT, self.provider.embed(input)).await;
        let failure = match result {
            Ok(Ok(vectors)) => {
                if self.has_failed.swap(false, Ordering::Relaxed) {
                    log::info!("the embedding model answers again");
                }
                return Some(vectors);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no vector within {} s", QUERY_TIMEOUT.as_secs()),
        };
        if !self.has_failed.swap(true, Ordering::Relaxed) {
            log::warn!("a question was searched by its words alone: {failure}");
        }
        None
    }

    fn index(&self, project: ProjectSeq) -> Option<Arc<VectorIndex>> {
        let indexes = self.indexes.read().unwrap_or_else(PoisonError::into_inner);
        let index = indexes.get(&project)?;
        (!index.is_empty()).then(|| Arc::clone(index))
    }

    /// Adds the vectors of a passage that has none yet.
    pub fn add(&self, project: ProjectSeq, passage: PassageSeq, vectors: &[PassageVector]) {
        let mut indexes = self.indexes.write().unwrap_or_else(PoisonError::into_inner);
        let index = indexes.entry(project).or_default();
        // Copies the vectors if a search is using them.
        Arc::make_mut(index).add(passage, vectors);
    }

    /// Removes the vectors of the passages for which `is_kept` is false.
    pub fn retain(&self, is_kept: impl Fn(PassageSeq) -> bool) {
        let mut indexes = self.indexes.write().unwrap_or_else(PoisonError::into_inner);
        for index in indexes.values_mut() {
            Arc::make_mut(index).retain(&is_kept);
        }
        indexes.retain(|_, index| !index.is_empty());
    }
}

/// Embeds questions if there is an embedding model.
pub async fn semantic_queries(
    semantic: Option<&Arc<SemanticSearch>>,
    project: ProjectSeq,
    texts: &[String],
) -> SemanticQueries {
    match semantic {
        Some(semantic) => semantic.queries(project, texts).await,
        None => SemanticQueries::default(),
    }
}
