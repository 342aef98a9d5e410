//! Ranks pages for a question that may refer to earlier messages: "and to Norway?".
//!
//! Such a question is searched alone and together with the earlier messages, and the two
//! rankings are fused by the scores of the pages.

use std::collections::HashMap;

use super::confidence;
use super::inverted_index::InvertedIndex;
use super::query::SearchQuery;
use super::ranking::{self, ScoredPage};
use super::{SearchInput, is_stop_word, tokenize};

/// The weight of the words of earlier messages, by the number of content words in the
/// question: a long question rarely refers to something before it.
const EARLIER_WEIGHTS: [f32; 5] = [1.0, 0.8, 0.6, 0.4, 0.3];

/// The factor for that weight if the question begins or ends like a follow-up.
const FOLLOW_UP_FACTOR: f32 = 1.4;

/// The share of the score that comes from the search with the earlier messages.
const JOINT_SHARE: f32 = 0.7;

/// The factor for the score of the page that was cited last.
const CITED_PAGE_FACTOR: f32 = 1.1;

/// Words with which a question refers to something before it.
const REFERENCES: [&str; 44] = [
    "and",
    "or",
    "but",
    "also",
    "then",
    "it",
    "that",
    "this",
    "they",
    "them",
    "those",
    "these",
    "there",
    "instead",
    "else",
    "und",
    "oder",
    "aber",
    "auch",
    "dann",
    "es",
    "das",
    "dies",
    "diese",
    "dafur",
    "davon",
    "damit",
    "dort",
    "stattdessen",
    "et",
    "y",
    "e",
    "ou",
    "o",
    "oder",
    "pero",
    "mais",
    "ma",
    "eso",
    "cela",
    "questo",
    "isso",
    "i",
    "ve",
];

/// How many words at the begin of a question are compared with [`REFERENCES`].
const MAX_REFERENCE_POSITION: usize = 1;

/// The result of a search by words.
#[derive(Debug, Default)]
pub struct LexicalRanking {
    /// Best first.
    pub pages: Vec<ScoredPage>,
    /// The estimated probability that the best page answers the question.
    pub confidence: f32,
    /// The share of the question, by weight, that no passage has.
    pub unknown_share: f32,
}

impl LexicalRanking {
    fn new(index: &InvertedIndex, query: &SearchQuery, pages: Vec<ScoredPage>) -> Self {
        Self {
            confidence: confidence::confidence(query, &pages, index.source_count),
            unknown_share: query.unknown_share(),
            pages,
        }
    }
}

/// Ranks the pages for a question.
pub fn rank(index: &InvertedIndex, input: &SearchInput<'_>, limit: usize) -> LexicalRanking {
    let query = SearchQuery::parse(input.text, index);
    let alone = LexicalRanking::new(index, &query, ranking::rank(index, &query, limit));
    let weight = earlier_weight(input.text);
    if input.earlier.is_empty()
        || (alone.confidence >= confidence::MIN_CONFIDENCE && weight < MIN_FOLLOW_UP_WEIGHT)
    {
        return alone;
    }
    let mut joint_query = query;
    for text in input.earlier {
        joint_query.add_earlier(SearchQuery::parse(text, index), weight);
    }
    let joint = ranking::rank(index, &joint_query, limit);
    let cited = input.cited_url.and_then(|url| index.source_of_url(url));
    let fused = fuse(&alone.pages, &joint, cited);
    LexicalRanking::new(index, &joint_query, fused)
}

/// From this weight on, a question is taken for one that refers to earlier messages.
const MIN_FOLLOW_UP_WEIGHT: f32 = 0.5;

/// Whether a question probably refers to earlier messages.
pub fn is_follow_up(text: &str) -> bool {
    earlier_weight(text) >= MIN_FOLLOW_UP_WEIGHT
}

/// Returns the weight of the words of earlier messages.
fn earlier_weight(text: &str) -> f32 {
    let (mut content_words, mut words, mut refers) = (0, 0, false);
    tokenize(text, |token| {
        refers |= words <= MAX_REFERENCE_POSITION && REFERENCES.contains(&token);
        words += 1;
        content_words += usize::from(!is_stop_word(token));
    });
    let weight = EARLIER_WEIGHTS[content_words.min(EARLIER_WEIGHTS.len() - 1)];
    if refers {
        (weight * FOLLOW_UP_FACTOR).min(1.0)
    } else {
        weight
    }
}

/// Returns the pages of the joint ranking, scored with both rankings.
fn fuse(alone: &[ScoredPage], joint: &[ScoredPage], cited: Option<u32>) -> Vec<ScoredPage> {
    let scores = alone.iter().map(|page| (page.source, page.score));
    let scores: HashMap<u32, f32> = scores.collect();
    let mut fused: Vec<ScoredPage> = joint.to_vec();
    for page in &mut fused {
        let score_alone = scores.get(&page.source).copied().unwrap_or_default();
        page.score = JOINT_SHARE * page.score + (1.0 - JOINT_SHARE) * score_alone;
        if Some(page.source) == cited {
            page.score = (page.score * CITED_PAGE_FACTOR).min(1.0);
        }
    }
    fused.sort_by(|one, other| other.score.total_cmp(&one.score));
    fused
}
