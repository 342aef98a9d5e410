//! Full-text search over the documents and Q&As of a project.
//!
//! 1. `tokenizer` and `stemmer` turn text into terms.
//! 2. `index_cache` provides the project's `inverted_index`.
//! 3. `query` parses the query into clauses and expands them: compounds
//!    (`inverted_index::term_expansion`), `synonyms`, and similar spellings
//!    (`spelling_index`, `edit_distance`) of words that the index does not have.
//! 4. `ranking` scores the pages by their best passages, and `fusion` merges the
//!    result with a ranking by meaning, if there is one.
//! 5. `confidence` decides whether the best page answers the query.
//! 6. Only the passages of the result are read from the database.
//!
//! SQLite's own full-text index (FTS5) is not used: over 10,000 passages it takes
//! 0.7 ms to list the rows that have one of four words and 2.5 ms to rank them.
//! This module takes a few hundredths of a millisecond for both.

mod confidence;
mod edit_distance;
mod follow_up;
mod fusion;
mod headline;
mod index_cache;
mod inverted_index;
mod language;
mod query;
mod ranking;
mod spelling_index;
mod stemmer;
mod stop_words;
mod synonyms;
#[cfg(test)]
mod tests;
mod tokenizer;

pub(super) use edit_distance::is_within_edits;
pub use follow_up::is_follow_up;
pub use fusion::SemanticRanking;
pub use index_cache::IndexCache;
pub use inverted_index::{InvertedIndex, MemoryUsage};
pub use language::{Language, detect_language};
pub(super) use spelling_index::SpellingIndex;
pub use stemmer::stem;
pub use stop_words::is_stop_word;
pub use tokenizer::tokenize;
pub(super) use tokenizer::{
    is_apostrophe, is_combining_mark, push_folded, starts_with_contraction,
};

use crate::domain::{PassageSeq, ProjectSeq};
use crate::store::{Snapshot, StoreError, passage};

pub use crate::store::passage::PassageSource;

use confidence::{MIN_CONFIDENCE, MIN_FUSED_CONFIDENCE};
use fusion::MAX_FUSED_PAGES;

/// A passage of a search result.
#[derive(Debug, Clone, PartialEq)]
pub struct PassageHit {
    pub passage: PassageSeq,
    pub source: PassageSource,
    /// The title of the document, or the question of the Q&A.
    pub title: String,
    /// The heading of the section, or an empty string.
    pub heading: String,
    /// Markdown.
    pub body: String,
    /// From 0 to 1, 1 is best. Documents and Q&As have the same scale.
    pub score: f64,
}

/// A search result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RankedPassages {
    /// Best first.
    pub hits: Vec<PassageHit>,
    /// The estimated probability that the best page answers the query.
    pub confidence: f64,
    /// Whether the best page probably answers the query.
    pub is_confident: bool,
}

/// What to search for.
#[derive(Debug, Clone, Copy, Default)]
pub struct SearchInput<'a> {
    /// The question.
    pub text: &'a str,
    /// Texts that the question may refer to, such as the visitor's earlier messages, the
    /// newest first.
    pub earlier: &'a [String],
    /// The page that the last answer cited.
    pub cited_url: Option<&'a str>,
    /// Rankings of the passages by meaning: of the question, and of the question with the
    /// text that it may refer to. Empty without an embedding model.
    pub semantic: &'a [SemanticRanking],
}

/// Returns the `limit` pages and Q&As of a project that match `text` best, each with its
/// best passage. A text without words has no result.
///
/// # Errors
/// Returns the error of reading the passages.
pub fn search(
    snapshot: &Snapshot,
    project: ProjectSeq,
    text: &str,
    limit: usize,
    index_cache: &IndexCache,
) -> Result<RankedPassages, StoreError> {
    let input = SearchInput {
        text,
        ..SearchInput::default()
    };
    search_input(snapshot, project, &input, limit, index_cache)
}

/// Like [`search`], with more than a text.
///
/// # Errors
/// Returns the error of reading the passages.
pub fn search_input(
    snapshot: &Snapshot,
    project: ProjectSeq,
    input: &SearchInput<'_>,
    limit: usize,
    index_cache: &IndexCache,
) -> Result<RankedPassages, StoreError> {
    let index = index_cache.index(snapshot, project)?;
    let limit_of_ranking = limit.max(MAX_FUSED_PAGES);
    let lexical = follow_up::rank(&index, input, limit_of_ranking);
    let (pages, confidence, min_confidence) = if input.semantic.is_empty() {
        (lexical.pages, lexical.confidence, MIN_CONFIDENCE)
    } else {
        let fused = fusion::fuse(&index, lexical, input.semantic);
        let confidence = confidence::fused_confidence(&fused.evidence);
        (fused.pages, confidence, MIN_FUSED_CONFIDENCE)
    };
    let pages = pages.iter().take(limit);
    let scores: Vec<_> = pages
        .map(|page| (index.passages[page.passage as usize].seq, page.score))
        .collect();
    let seqs: Vec<_> = scores.iter().map(|(seq, _)| *seq).collect();
    // The index can be older or newer than the snapshot, so passages can be missing.
    let passages = passage::find_all(snapshot, project, &seqs)?;
    let hits = passages.into_iter().filter_map(|(seq, passage)| {
        let (_, score) = scores.iter().find(|(scored, _)| *scored == seq)?;
        Some(PassageHit::new(seq, passage, *score))
    });
    let hits: Vec<_> = hits.collect();
    Ok(RankedPassages {
        confidence: f64::from(confidence),
        is_confident: confidence >= min_confidence && !hits.is_empty(),
        hits,
    })
}

impl PassageHit {
    fn new(seq: PassageSeq, passage: passage::Passage, score: f32) -> Self {
        Self {
            passage: seq,
            source: passage.source,
            title: passage.title,
            heading: passage.heading,
            body: passage.body,
            score: f64::from(score.clamp(0.0, 1.0)),
        }
    }
}
