//! Ranks passages by BM25F with additions: field weights, coverage of the query,
//! language, and the scores of the other passages of the same source.

use super::inverted_index::{InvertedIndex, Posting};
use super::query::{Clause, SearchQuery};

/// The parameters k1 (term saturation) and b (length normalization) of BM25.
const TERM_SATURATION: f32 = 0.9;
const LENGTH_NORMALIZATION: f32 = 0.4;

/// The weight of a term in the title or in the heading, relative to the body. If
/// a term is in both, the smaller weight is multiplied by `BOTH_FACTOR`.
const TITLE_WEIGHT: f32 = 2.2;
const HEADING_WEIGHT: f32 = 1.8;
const BOTH_FACTOR: f32 = 0.2;

/// Factor for a passage in another language than the query.
const OTHER_LANGUAGE_FACTOR: f32 = 0.6;

/// The share of the score that comes from the whole source of a passage.
const SOURCE_SHARE: f32 = 0.3;

/// The share of the score that depends on the coverage of the query.
const COVERAGE_SHARE: f32 = 0.5;

/// A page or Q&A with its best passage.
#[derive(Debug, Clone, Copy)]
pub struct ScoredPage {
    /// See [`IndexedPassage::source`](super::inverted_index::IndexedPassage::source).
    pub source: u32,
    /// The index in [`InvertedIndex::passages`].
    pub passage: u32,
    /// From 0 to 1.
    pub score: f32,
    /// The share of the query that the passage contains, from 0 to 1.
    pub coverage: f32,
}

/// Returns the `limit` best pages, best first. Among equal scores the page of the older
/// passage comes first.
pub fn rank(index: &InvertedIndex, query: &SearchQuery, limit: usize) -> Vec<ScoredPage> {
    let total_weight = query.total_weight();
    if total_weight <= 0.0 || index.passages.is_empty() {
        return Vec::new();
    }
    let mut scores = Scores::new(index);
    for clause in &query.clauses {
        scores.add_clause(index, clause);
    }
    let mut best: Vec<Option<ScoredPage>> = vec![None; index.source_count as usize];
    for passage in &scores.matching {
        let scored = scores.scored_page(index, query, *passage, total_weight);
        let best = &mut best[scored.source as usize];
        if best.is_none_or(|best| scored.score > best.score) {
            *best = Some(scored);
        }
    }
    let mut pages: Vec<_> = best.into_iter().flatten().collect();
    keep_best(&mut pages, limit, index);
    pages
}

/// Keeps the `limit` best pages, sorted. Does not sort the others.
fn keep_best(pages: &mut Vec<ScoredPage>, limit: usize, index: &InvertedIndex) {
    let order = |one: &ScoredPage, other: &ScoredPage| {
        let seq = |scored: &ScoredPage| index.passages[scored.passage as usize].seq.0;
        other
            .score
            .total_cmp(&one.score)
            .then(seq(one).cmp(&seq(other)))
    };
    if limit > 0 && limit < pages.len() {
        pages.select_nth_unstable_by(limit - 1, order);
    }
    pages.truncate(limit);
    pages.sort_unstable_by(order);
}

/// The scores of all passages and sources while the clauses are added.
struct Scores {
    /// By passage: the sum over the clauses, and the covered weight.
    score: Vec<f32>,
    covered: Vec<f32>,
    /// By source: the sum over the clauses of the best passage.
    source_score: Vec<f32>,
    /// By source and by passage: the values of the current clause. They are 0
    /// between two clauses.
    clause_source_score: Vec<f32>,
    clause_score: Vec<f32>,
    clause_coverage: Vec<f32>,
    /// The passages with a value for the current clause.
    clause_passages: Vec<u32>,
    /// The passages with a score.
    matching: Vec<u32>,
}

impl Scores {
    fn new(index: &InvertedIndex) -> Self {
        let by_passage = || vec![0.0; index.passages.len()];
        let by_source = || vec![0.0; index.source_count as usize];
        Self {
            score: by_passage(),
            covered: by_passage(),
            source_score: by_source(),
            clause_source_score: by_source(),
            clause_score: by_passage(),
            clause_coverage: by_passage(),
            clause_passages: Vec::new(),
            matching: Vec::new(),
        }
    }

    /// Adds the scores of a clause. For each passage the best term counts.
    fn add_clause(&mut self, index: &InvertedIndex, clause: &Clause) {
        self.score_terms(index, clause);
        self.add_to_sources(index, clause);
        for passage in self.clause_passages.drain(..) {
            let passage = passage as usize;
            if self.score[passage] == 0.0 {
                self.matching.push(passage as u32);
            }
            let source = index.passages[passage].source as usize;
            self.clause_source_score[source] = 0.0;
            let score = std::mem::take(&mut self.clause_score[passage]);
            let coverage = std::mem::take(&mut self.clause_coverage[passage]);
            self.score[passage] += clause.weight * score;
            self.covered[passage] += clause.weight * coverage;
        }
    }

    fn score_terms(&mut self, index: &InvertedIndex, clause: &Clause) {
        let average_length = index.average_length();
        for &(term, weight) in &clause.terms {
            for posting in index.postings(term) {
                let passage = posting.passage as usize;
                let length = index.passages[passage].token_count as f32;
                let score = weight * term_score(posting, length / average_length);
                if self.clause_score[passage] == 0.0 {
                    self.clause_passages.push(posting.passage);
                }
                self.clause_score[passage] = self.clause_score[passage].max(score);
                self.clause_coverage[passage] = self.clause_coverage[passage].max(weight);
            }
        }
    }

    /// Adds the best score of the clause in each source to the source.
    fn add_to_sources(&mut self, index: &InvertedIndex, clause: &Clause) {
        for passage in &self.clause_passages {
            let passage = *passage as usize;
            let source = index.passages[passage].source as usize;
            let increase = (self.clause_score[passage] - self.clause_source_score[source]).max(0.0);
            self.clause_source_score[source] += increase;
            self.source_score[source] += clause.weight * increase;
        }
    }

    fn scored_page(
        &self,
        index: &InvertedIndex,
        query: &SearchQuery,
        passage: u32,
        total_weight: f32,
    ) -> ScoredPage {
        let indexed = &index.passages[passage as usize];
        let coverage = self.covered[passage as usize] / total_weight;
        let source_score = self.source_score[indexed.source as usize];
        let score =
            (1.0 - SOURCE_SHARE) * self.score[passage as usize] + SOURCE_SHARE * source_score;
        let is_other_language = matches!(
            (indexed.language, query.language),
            (Some(passage), Some(query)) if passage != query
        );
        let language_factor = if is_other_language {
            OTHER_LANGUAGE_FACTOR
        } else {
            1.0
        };
        ScoredPage {
            source: indexed.source,
            passage,
            score: score / total_weight
                * language_factor
                * (1.0 - COVERAGE_SHARE + COVERAGE_SHARE * coverage),
            coverage,
        }
    }
}

/// Returns the BM25F score of a term in a passage, from 0 to 1, without the
/// inverse document frequency. `relative_length` is the length of the passage
/// divided by the average.
fn term_score(posting: &Posting, relative_length: f32) -> f32 {
    let norm = 1.0 - LENGTH_NORMALIZATION + LENGTH_NORMALIZATION * relative_length;
    let title = TITLE_WEIGHT * f32::from(posting.in_title.min(1));
    let heading = HEADING_WEIGHT * f32::from(posting.in_heading.min(1));
    let headline = title.max(heading) + BOTH_FACTOR * title.min(heading);
    let frequency = headline + f32::from(posting.in_body) / norm;
    frequency / (frequency + TERM_SATURATION)
}
