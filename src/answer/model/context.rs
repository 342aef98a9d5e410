//! What the project knows of a question, for the model to answer from.

use std::sync::Arc;

use super::super::builtin::{attempts, said};
use super::super::retrieval::{self, IndexCache, PassageHit, PassageSource};
use super::super::{AnswerError, AnswerRequest};
use crate::store::{Store, StoreError};

/// An excerpt of what the project learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passage {
    pub title: String,
    /// Where it stands; only what begins with http: or https: can be cited.
    pub url: Option<String>,
    pub text: String,
}

/// The most excerpts that a model is shown.
const MOST: usize = 6;

/// The excerpts that bear on the question, best first.
///
/// # Errors
/// What reading the file gives.
pub async fn context_for(
    store: &Store,
    index_cache: &Arc<IndexCache>,
    question: &AnswerRequest,
) -> Result<Vec<Passage>, AnswerError> {
    let index_cache = index_cache.clone();
    let (project, attempts) = (question.project, attempts(question, &said(question)));
    let found = store
        .read(move |snapshot| {
            let searched = attempts.iter().map(|text| {
                let ranked = retrieval::search(snapshot, project, text, MOST, &index_cache)?;
                Ok::<_, StoreError>((ranked.is_confident, ranked.hits))
            });
            best(searched)
        })
        .await?;
    Ok(found.into_iter().map(passage).collect())
}

/// What the first attempt found that is sure of itself, else the first that
/// found anything: the model judges what is of use.
fn best(
    searched: impl Iterator<Item = Result<(bool, Vec<PassageHit>), StoreError>>,
) -> Result<Vec<PassageHit>, StoreError> {
    let mut any = Vec::new();
    for attempt in searched {
        let (confident, hits) = attempt?;
        if confident {
            return Ok(hits);
        }
        if any.is_empty() {
            any = hits;
        }
    }
    Ok(any)
}

fn passage(found: PassageHit) -> Passage {
    let title = match found.heading.as_str() {
        "" => found.title,
        heading => format!("{} › {heading}", found.title),
    };
    Passage {
        title,
        url: match found.source {
            PassageSource::Document { url } => Some(url),
            PassageSource::Qna { .. } => None,
        },
        text: found.body,
    }
}
