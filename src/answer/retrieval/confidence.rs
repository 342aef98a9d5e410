//! Whether what was found answers the question, or only shares words with it.

use super::rank::Hit;

/// What the best passage must reach. A visitor is better served by "I don't
/// know" than by an answer to something else.
const ENOUGH: f32 = 0.66;

/// Whether the best passage is likely to answer the question. Its score alone
/// does not tell: a long question has a low one, and a passage that is about
/// another thing of the same name has a high one but lacks the other words.
pub fn is_confident(hits: &[Hit]) -> bool {
    let reached = |hit: &Hit| hit.score + hit.coverage / 2.0;
    hits.first().is_some_and(|hit| reached(hit) >= ENOUGH)
}
