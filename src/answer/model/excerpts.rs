//! Searches the project's documents and Q&As for excerpts to put into the prompt.

use std::sync::Arc;

use crate::answer::builtin::{search_queries, visitor_messages};
use crate::answer::retrieval::{self, IndexCache, PassageHit, PassageSource, RankedPassages};
use crate::answer::{AnswerError, AnswerRequest};
use crate::store::{Store, StoreError};

/// A passage of a document or Q&A in the prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    pub title: String,
    /// The address of the source. Only http and https URLs can be cited.
    pub url: Option<String>,
    pub text: String,
}

/// The maximum number of excerpts in a prompt.
const MAX_EXCERPTS: usize = 6;

/// Returns the excerpts for a request, best first.
///
/// # Errors
/// Returns the error of reading the passages.
pub async fn find_excerpts(
    store: &Store,
    index_cache: &Arc<IndexCache>,
    request: &AnswerRequest,
) -> Result<Vec<Excerpt>, AnswerError> {
    let index_cache = index_cache.clone();
    let project = request.project;
    let queries = search_queries(request, &visitor_messages(request));
    let hits = store
        .read(move |snapshot| {
            let results = queries.iter().map(|query| {
                retrieval::search(snapshot, project, query, MAX_EXCERPTS, &index_cache)
            });
            best_hits(results)
        })
        .await?;
    Ok(hits.into_iter().map(Excerpt::from).collect())
}

/// Returns the first confident result, otherwise the first result that is not
/// empty. The model decides whether an uncertain result is relevant.
fn best_hits(
    results: impl Iterator<Item = Result<RankedPassages, StoreError>>,
) -> Result<Vec<PassageHit>, StoreError> {
    let mut uncertain = Vec::new();
    for result in results {
        let result = result?;
        if result.is_confident {
            return Ok(result.hits);
        }
        if uncertain.is_empty() {
            uncertain = result.hits;
        }
    }
    Ok(uncertain)
}

impl From<PassageHit> for Excerpt {
    fn from(hit: PassageHit) -> Self {
        let title = match hit.heading.as_str() {
            "" => hit.title,
            heading => format!("{} › {heading}", hit.title),
        };
        Self {
            title,
            url: match hit.source {
                PassageSource::Document { url } => Some(url),
                PassageSource::Qna { .. } => None,
            },
            text: hit.body,
        }
    }
}
