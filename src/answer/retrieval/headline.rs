//! The words of titles and headings, and how well they match a query.

use std::sync::Arc;

use super::inverted_index::{InvertedIndex, TermId};
use super::query::SearchQuery;
use super::stop_words::StopWord;

/// The weight of a stop word in a title. The weight of another word is its inverse
/// document frequency.
const STOP_WORD_WEIGHT: f32 = 0.25;

/// The share of the words of a query that a title of stop words must have.
const MIN_STOP_WORD_SHARE: f32 = 0.5;

/// The words of a title or heading.
#[derive(Debug, Clone, Default)]
pub struct Headline {
    /// The terms of the words that are not stop words.
    pub terms: Arc<[TermId]>,
    pub stop_words: Arc<[StopWord]>,
}

impl Headline {
    pub fn new(terms: Vec<TermId>, stop_words: Vec<StopWord>) -> Self {
        Self {
            terms: shared(terms),
            stop_words: shared(stop_words),
        }
    }

    /// Whether the headline consists of stop words, such as "About us".
    pub fn has_only_stop_words(&self) -> bool {
        self.terms.is_empty() && !self.stop_words.is_empty()
    }

    /// Returns the share of the query that the headline has, multiplied by the share of
    /// the headline that the query has.
    pub fn match_query(
        &self,
        index: &InvertedIndex,
        query: &SearchQuery,
        total_weight: f32,
    ) -> f32 {
        let (mut known, mut total) = (0.0, 0.0);
        for term in self.terms.iter() {
            let weight = index.idf(index.postings(*term).len());
            total += weight;
            known += weight * query.term_weight(*term);
        }
        if known == 0.0 {
            return 0.0;
        }
        let known_stop_words = self.known_stop_words(query);
        total += STOP_WORD_WEIGHT * self.stop_words.len() as f32;
        known += STOP_WORD_WEIGHT * known_stop_words as f32;
        let in_headline = query.clauses.iter().map(|clause| {
            let terms = clause.terms.iter();
            let terms = terms.filter(|(term, _)| self.terms.contains(term));
            clause.weight * terms.map(|(_, weight)| *weight).fold(0.0, f32::max)
        });
        let in_headline: f32 = in_headline.sum();
        known / total * in_headline / total_weight
    }

    /// Returns how well a headline of stop words matches a query, from 0 to 1. The query
    /// must have all of its words.
    pub fn match_stop_words(&self, query: &SearchQuery) -> f32 {
        if !self.has_only_stop_words() || self.known_stop_words(query) < self.stop_words.len() {
            return 0.0;
        }
        let share = self.stop_words.len() as f32 / query.word_count().max(1) as f32;
        if share < MIN_STOP_WORD_SHARE {
            return 0.0;
        }
        share.min(1.0).powi(2)
    }

    fn known_stop_words(&self, query: &SearchQuery) -> usize {
        let known = |word: &&StopWord| query.stop_words.contains(word);
        self.stop_words.iter().filter(known).count()
    }
}

/// Shares one allocation among all empty lists.
fn shared<T>(items: Vec<T>) -> Arc<[T]> {
    if items.is_empty() {
        Arc::default()
    } else {
        items.into()
    }
}
