//! What a project knows about a question.
//!
//! A question becomes concepts (`query`): its words without stop words, by
//! their stems (`word`), each with the terms that may stand for it: other forms,
//! compounds, synonyms and, for a word that nobody wrote, what is spelled almost
//! alike (`spellings`, `edits`). The passages that tell most of them are looked
//! up in an index in memory (`index`, kept by a [`IndexCache`]) and ranked (`rank`);
//! only the few that are shown are read from the file.
//!
//! The index is not SQLite's own (FTS5): over 10,000 passages that takes 0.7 ms
//! to list the rows with one of four words and 2.5 ms to rank them, where this
//! takes hundredths of a millisecond for both.

mod confidence;
mod edits;
mod index;
mod index_cache;
mod language;
mod query;
mod rank;
mod spellings;
mod synonyms;
#[cfg(test)]
mod tests;
mod word;

pub use index::{Index, Weight};
pub use index_cache::IndexCache;
pub use language::{Language, is_stop_word, language};
pub use word::{stem, words};

use crate::domain::{PassageSeq, ProjectSeq};
use crate::store::{Snapshot, StoreError, passage};

pub use crate::store::passage::PassageSource;

use query::Query;

/// A passage that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct PassageHit {
    pub passage: PassageSeq,
    pub source: PassageSource,
    /// The document's; a Q&A's question.
    pub title: String,
    /// The section's; empty where it has none.
    pub heading: String,
    /// Markdown.
    pub body: String,
    /// 0 to 1, 1 best; documents and Q&As have the same measure.
    pub score: f64,
}

/// What was found, best first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RankedPassages {
    pub hits: Vec<PassageHit>,
    /// Whether the first of them is likely to answer the question.
    pub confident: bool,
}

/// Finds the `limit` passages of a project that tell most of what `text` asks
/// for. Any text can be searched for; one without words finds nothing.
pub fn search(
    snapshot: &Snapshot,
    project: ProjectSeq,
    text: &str,
    limit: usize,
    index_cache: &IndexCache,
) -> Result<RankedPassages, StoreError> {
    let index = index_cache.index(snapshot, project)?;
    let query = Query::read(text, &index);
    let ranking = rank::rank(&index, &query, limit.max(1));
    let confident = confidence::is_confident(&ranking);
    let mut hits = Vec::with_capacity(ranking.len());
    for hit in ranking.iter().take(limit) {
        let seq = index.passages[hit.passage as usize].seq;
        // The index may be of a moment before the snapshot's, or after it.
        if let Some(passage) = passage::find(snapshot, project, seq)? {
            hits.push(found(seq, passage, hit.score));
        }
    }
    Ok(RankedPassages {
        confident: confident && !hits.is_empty(),
        hits,
    })
}

fn found(seq: PassageSeq, passage: passage::Passage, score: f32) -> PassageHit {
    PassageHit {
        passage: seq,
        source: passage.source,
        title: passage.title,
        heading: passage.heading,
        body: passage.body,
        score: f64::from(score.clamp(0.0, 1.0)),
    }
}
