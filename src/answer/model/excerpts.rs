//! Searches the project's documents and Q&As for excerpts to put into the prompt.

use std::sync::Arc;

use crate::answer::builtin::{conversation_query, is_small_talk, visitor_messages};
use crate::answer::embedding::{SemanticSearch, semantic_queries};
use crate::answer::retrieval::{self, IndexCache, PassageHit, PassageSource};
use crate::answer::{AnswerError, AnswerRequest};
use crate::store::{Store, StoreError, passage};

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

/// The result of the search for excerpts.
pub struct FoundExcerpts {
    /// Best first.
    pub excerpts: Vec<Excerpt>,
    /// Whether the project has documents or Q&As, but nothing about the question.
    pub lacks_knowledge: bool,
}

/// Returns the excerpts for a request. `rewrite`: the newest message as a question of its
/// own, if the model has rewritten it.
///
/// # Errors
/// Returns the error of reading the passages.
pub async fn find_excerpts(
    store: &Store,
    index_cache: &Arc<IndexCache>,
    semantic: Option<&Arc<SemanticSearch>>,
    request: &AnswerRequest,
    rewrite: Option<String>,
) -> Result<FoundExcerpts, AnswerError> {
    let index_cache = index_cache.clone();
    let project = request.project;
    let messages = visitor_messages(request);
    let is_small_talk = messages.first().is_some_and(|newest| is_small_talk(newest));
    let mut query = conversation_query(request, &messages);
    if let Some(question) = rewrite {
        query = query.rewritten(question);
    }
    let semantic = semantic_queries(semantic, project, query.semantic_texts()).await;
    let (hits, lacks_knowledge) = store
        .read(move |snapshot| {
            // The model decides whether an uncertain result is relevant.
            let rankings = semantic.rank(query.semantic_texts());
            let input = query.search_input(&rankings);
            let found =
                retrieval::search_input(snapshot, project, &input, MAX_EXCERPTS, &index_cache)?;
            let hits = found.hits;
            let lacks_knowledge =
                hits.is_empty() && !is_small_talk && passage::has_any(snapshot, project)?;
            Ok::<_, StoreError>((hits, lacks_knowledge))
        })
        .await?;
    Ok(FoundExcerpts {
        excerpts: hits.into_iter().map(Excerpt::from).collect(),
        lacks_knowledge,
    })
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
