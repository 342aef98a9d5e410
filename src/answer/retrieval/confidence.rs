//! Decides whether the search results answer the question.

use super::ranking::ScoredPage;

/// The minimum of score plus half the coverage of the best passage. Chosen so
/// that an unknown question gets no answer rather than an unrelated one.
const MIN_CONFIDENCE: f32 = 0.66;

/// Whether the best passage probably answers the question.
///
/// The score alone does not decide it. A long question has a low score. A passage
/// about another subject of the same name has a high score but low coverage.
pub fn is_confident(lexical: &[ScoredPage]) -> bool {
    let best = lexical.first();
    best.is_some_and(|best| best.score + best.coverage / 2.0 >= MIN_CONFIDENCE)
}
