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
const RANK_OFFSET: f32 = 3.0;

/// A passage with a smaller cosine has nothing to do with the question.
const MIN_COSINE: f32 = 0.15;

/// The passages whose meaning is closest to the question.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SemanticRanking {
    /// The passages and their cosine, the closest first.
    pub passages: Vec<(PassageSeq, f32)>,
}

/// Pages of both rankings.
#[derive(Debug, Clone, Default)]
pub struct FusedPages {
    /// Best first.
    pub pages: Vec<ScoredPage>,
    pub evidence: FusedEvidence,
}

/// What the rankings say about the best page.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FusedEvidence {
    /// The cosine of the page; 0 if it is not close to the question.
    pub cosine: f32,
    /// By how much the closest page is closer to the question than the second one.
    pub margin: f32,
    /// The share of the question that the page contains.
    pub coverage: f32,
    /// 1 divided by the rank of the page, from 1; 0 if the ranking does not have it.
    pub lexical_rank: f32,
    pub semantic_rank: f32,
}

/// A page with its ranks.
#[derive(Debug, Clone, Copy)]
struct RankedPage {
    page: ScoredPage,
    cosine: f32,
    lexical_rank: Option<usize>,
    semantic_rank: Option<usize>,
}

impl RankedPage {
    fn value(&self) -> f32 {
        let ranks = [self.lexical_rank, self.semantic_rank];
        ranks.into_iter().flatten().map(reciprocal).sum()
    }
}

/// Merges two rankings. The passage of a page is the one that the lexical ranking has
/// found, otherwise the closest one.
pub fn fuse(
    index: &InvertedIndex,
    lexical: Vec<ScoredPage>,
    semantic: &SemanticRanking,
) -> FusedPages {
    let mut fused: HashMap<u32, RankedPage> = HashMap::new();
    for (rank, page) in lexical.into_iter().enumerate() {
        let ranked = RankedPage {
            page,
            cosine: 0.0,
            lexical_rank: Some(rank),
            semantic_rank: None,
        };
        fused.insert(page.source, ranked);
    }
    let close = semantic_pages(index, semantic);
    for (rank, page) in close.iter().enumerate() {
        let ranked = fused.entry(page.source).or_insert(RankedPage {
            page: *page,
            cosine: 0.0,
            lexical_rank: None,
            semantic_rank: None,
        });
        ranked.cosine = page.score;
        ranked.semantic_rank = Some(rank);
        ranked.page.score = ranked.page.score.max(page.score);
    }
    let mut pages: Vec<_> = fused.into_values().collect();
    pages.sort_unstable_by(|one, other| {
        let by_rank = other.value().total_cmp(&one.value());
        by_rank.then(one.page.passage.cmp(&other.page.passage))
    });
    FusedPages {
        evidence: evidence(pages.first(), &close),
        pages: ordered_by_score(pages),
    }
}

fn evidence(best: Option<&RankedPage>, close: &[ScoredPage]) -> FusedEvidence {
    let Some(best) = best else {
        return FusedEvidence::default();
    };
    let cosine = |rank: usize| close.get(rank).map_or(0.0, |page| page.score);
    let share = |rank: Option<usize>| rank.map_or(0.0, |rank| 1.0 / (1.0 + rank as f32));
    FusedEvidence {
        cosine: best.cosine,
        margin: cosine(0) - cosine(1),
        coverage: best.page.coverage,
        lexical_rank: share(best.lexical_rank),
        semantic_rank: share(best.semantic_rank),
    }
}

/// Reduces scores that are larger than that of a page before.
fn ordered_by_score(pages: Vec<RankedPage>) -> Vec<ScoredPage> {
    let mut limit = 1.0_f32;
    let ordered = |ranked: RankedPage| {
        limit = limit.min(ranked.page.score);
        ScoredPage {
            score: limit,
            ..ranked.page
        }
    };
    pages.into_iter().map(ordered).collect()
}

fn reciprocal(rank: usize) -> f32 {
    1.0 / (RANK_OFFSET + 1.0 + rank as f32)
}

/// Returns the pages of a semantic ranking, each with its closest passage. Ignores
/// passages that the index does not have.
fn semantic_pages(index: &InvertedIndex, semantic: &SemanticRanking) -> Vec<ScoredPage> {
    let mut pages: Vec<ScoredPage> = Vec::new();
    let close = semantic
        .passages
        .iter()
        .filter(|(_, cosine)| *cosine >= MIN_COSINE);
    for (seq, cosine) in close {
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
                matched_clauses: 0.0,
                title_match: 0.0,
            });
        }
    }
    pages
}
