//! Merges rankings of pages into one by reciprocal rank fusion: a page that two
//! rankings place near the top comes before a page that only one of them does.

use std::collections::HashMap;

use super::inverted_index::InvertedIndex;
use super::ranking::ScoredPage;
use crate::domain::PassageSeq;

/// How many pages of each ranking are merged.
pub const MAX_FUSED_PAGES: usize = 50;

/// The constant of reciprocal rank fusion. A smaller number gives the first ranks
/// more weight.
const RANK_OFFSET: f32 = 10.0;

/// The passages whose meaning is closest to the question.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SemanticRanking {
    /// The passages and their cosine, the closest first.
    pub passages: Vec<(PassageSeq, f32)>,
}

/// Returns the pages of both rankings, best first. The passage of a page is the one
/// that the lexical ranking has found, otherwise the closest one.
pub fn fuse(
    index: &InvertedIndex,
    lexical: Vec<ScoredPage>,
    semantic: &SemanticRanking,
) -> Vec<ScoredPage> {
    let mut fused: HashMap<u32, (f32, ScoredPage)> = HashMap::new();
    for (rank, page) in lexical.into_iter().enumerate() {
        fused.insert(page.source, (reciprocal(rank), page));
    }
    for (rank, page) in semantic_pages(index, semantic).into_iter().enumerate() {
        let entry = fused.entry(page.source).or_insert((0.0, page));
        entry.0 += reciprocal(rank);
    }
    let mut pages: Vec<_> = fused.into_values().collect();
    pages.sort_unstable_by(|(one, one_page), (other, other_page)| {
        let by_rank = other.total_cmp(one);
        by_rank.then(one_page.passage.cmp(&other_page.passage))
    });
    pages.into_iter().map(|(_, page)| page).collect()
}

fn reciprocal(rank: usize) -> f32 {
    1.0 / (RANK_OFFSET + 1.0 + rank as f32)
}

/// Returns the pages of a semantic ranking, each with its closest passage. Ignores
/// passages that the index does not have.
fn semantic_pages(index: &InvertedIndex, semantic: &SemanticRanking) -> Vec<ScoredPage> {
    let mut pages: Vec<ScoredPage> = Vec::new();
    for (seq, cosine) in &semantic.passages {
        let Some(passage) = index.position(*seq) else {
            continue;
        };
        let source = index.passages[passage as usize].source;
        if pages.len() < MAX_FUSED_PAGES && pages.iter().all(|page| page.source != source) {
            pages.push(ScoredPage {
                source,
                passage,
                score: cosine.clamp(0.0, 1.0),
                coverage: 0.0,
                matched_clauses: 0,
                title_match: 0.0,
            });
        }
    }
    pages
}
