//! Merges rankings of pages into one by reciprocal rank fusion: a page that two
//! rankings place near the top comes before a page that only one of them does.

use std::collections::HashMap;

use super::follow_up::LexicalRanking;
use super::inverted_index::InvertedIndex;
use super::ranking::ScoredPage;
use crate::domain::PassageSeq;

/// How many pages of each ranking are merged.
pub const MAX_FUSED_PAGES: usize = 50;

/// The constant of reciprocal rank fusion. A smaller number gives the first ranks
/// more weight.
const RANK_OFFSET: f32 = 0.5;

/// A semantic ranking whose contrast is smaller has less weight, because it does not
/// distinguish the pages. This is often so in a language that the model does not know.
const FULL_WEIGHT_CONTRAST: f32 = 0.14;
const MIN_SEMANTIC_WEIGHT: f32 = 0.35;

/// The contrast of a semantic ranking is the difference of cosines between the closest page
/// and the page of this rank. [`MIN_COSINE`] takes the place of a page that does not exist.
const CONTRAST_RANK: usize = 9;

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
    /// See [`CONTRAST_RANK`].
    pub contrast: f32,
    /// The confidence of the lexical ranking, if its best page is this one; otherwise 0.
    pub lexical_confidence: f32,
    /// The share of the question that no passage has.
    pub unknown_share: f32,
}

/// A page with the values of all rankings.
#[derive(Debug, Clone, Copy)]
struct FusedPage {
    page: ScoredPage,
    /// The highest cosine.
    cosine: f32,
    /// The sum of the reciprocal ranks.
    value: f32,
}

impl FusedPage {
    fn new(page: ScoredPage) -> Self {
        Self {
            page,
            cosine: 0.0,
            value: 0.0,
        }
    }
}

/// Merges a lexical ranking with semantic ones. The passage of a page is the one that the
/// lexical ranking has found, otherwise the closest one.
pub fn fuse(
    index: &InvertedIndex,
    lexical: LexicalRanking,
    semantic: &[SemanticRanking],
) -> FusedPages {
    let semantic = semantic.iter();
    let semantic: Vec<_> = semantic
        .map(|ranking| semantic_pages(index, ranking))
        .collect();
    let pages = merge(&lexical.pages, &semantic);
    FusedPages {
        evidence: evidence(pages.first(), &lexical, &semantic),
        pages: ordered_by_score(pages),
    }
}

/// Returns the pages of all rankings, best first. The semantic rankings share a weight.
fn merge(lexical: &[ScoredPage], semantic: &[Vec<ScoredPage>]) -> Vec<FusedPage> {
    let mut fused: HashMap<u32, FusedPage> = HashMap::new();
    for (rank, page) in lexical.iter().enumerate() {
        let fused = fused.entry(page.source).or_insert(FusedPage::new(*page));
        fused.value += reciprocal(rank);
    }
    for close in semantic {
        let weight = (contrast(close) / FULL_WEIGHT_CONTRAST).clamp(MIN_SEMANTIC_WEIGHT, 1.0);
        let weight = weight / semantic.len() as f32;
        for (rank, page) in close.iter().enumerate() {
            let fused = fused.entry(page.source).or_insert(FusedPage::new(*page));
            fused.cosine = fused.cosine.max(page.score);
            fused.page.score = fused.page.score.max(page.score);
            fused.value += weight * reciprocal(rank);
        }
    }
    let mut pages: Vec<_> = fused.into_values().collect();
    pages.sort_unstable_by(|one, other| {
        let by_value = other.value.total_cmp(&one.value);
        by_value.then(one.page.passage.cmp(&other.page.passage))
    });
    pages
}

fn evidence(
    best: Option<&FusedPage>,
    lexical: &LexicalRanking,
    semantic: &[Vec<ScoredPage>],
) -> FusedEvidence {
    let Some(best) = best else {
        return FusedEvidence::default();
    };
    let first = lexical.pages.first();
    let is_first = first.is_some_and(|page| page.source == best.page.source);
    FusedEvidence {
        cosine: best.cosine,
        contrast: semantic.last().map_or(0.0, |close| contrast(close)),
        lexical_confidence: if is_first { lexical.confidence } else { 0.0 },
        unknown_share: lexical.unknown_share,
    }
}

/// Returns the contrast of a semantic ranking. See [`CONTRAST_RANK`].
fn contrast(close: &[ScoredPage]) -> f32 {
    let compared = close
        .get(CONTRAST_RANK)
        .map_or(MIN_COSINE, |page| page.score);
    close.first().map_or(0.0, |first| first.score - compared)
}

/// Reduces scores that are larger than that of a page before.
fn ordered_by_score(pages: Vec<FusedPage>) -> Vec<ScoredPage> {
    let mut limit = 1.0_f32;
    let ordered = |fused: FusedPage| {
        limit = limit.min(fused.page.score);
        ScoredPage {
            score: limit,
            ..fused.page
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
