//! A stand-in for retrieval, of the same shape: the full text index alone.

use crate::db::passage::{self, Passage};
use crate::db::{DbError, Snapshot};
use crate::domain::ProjectSeq;

pub use crate::db::passage::Source;

/// What is kept in memory of the passages: by the stand-in, nothing.
#[derive(Debug, Default)]
pub struct Lexicon;

/// A passage that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub source: Source,
    /// The document's; a Q&A's question.
    pub title: String,
    /// The section's; empty where it has none.
    pub heading: String,
    /// Markdown.
    pub body: String,
    /// 0 to 1, 1 best.
    pub score: f64,
}

/// What was found, best first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranked {
    pub hits: Vec<Found>,
}

/// Finds the `limit` passages of a project that tell most of what `text` asks for.
pub fn search(
    snapshot: &Snapshot,
    project: ProjectSeq,
    text: &str,
    limit: usize,
    _lexicon: &Lexicon,
) -> Result<Ranked, DbError> {
    let words = text.split(|one: char| !one.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(|word| format!("\"{word}\" *")).collect();
    if words.is_empty() {
        return Ok(Ranked::default());
    }
    let found = passage::matching(snapshot, project, &words.join(" OR "), limit)?;
    let hits = found
        .into_iter()
        .map(|(rank, passage)| found_with(rank, passage));
    Ok(Ranked {
        hits: hits.collect(),
    })
}

fn found_with(rank: f64, passage: Passage) -> Found {
    // bm25 is the smaller the better, and never above 0.
    let weight = -rank.min(0.0);
    Found {
        source: passage.source,
        title: passage.title,
        heading: passage.heading,
        body: passage.body,
        score: weight / (1.0 + weight),
    }
}
