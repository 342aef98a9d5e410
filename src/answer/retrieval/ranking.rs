//! Ranks pages by BM25F with additions: field weights, coverage of the query, language,
//! and how well the title or a heading matches the query.
//!
//! The score of a page combines the score of its best passage with the score of the
//! page as a whole. Both are normalized by length, so a long page does not come first
//! because it has all words of the query somewhere.

use super::headline::Headline;
use super::inverted_index::{FieldSet, IndexedPassage, InvertedIndex, PassageField, TermId};
use super::query::{Clause, SearchQuery};

/// The parameters k1 (term saturation) and b (length normalization) of BM25.
const TERM_SATURATION: f32 = 1.2;
const LENGTH_NORMALIZATION: f32 = 0.5;
const PAGE_LENGTH_NORMALIZATION: f32 = 0.75;

/// The weights of a term in the fields of a passage, relative to the body. The highest
/// of them counts, and the others multiplied by `FURTHER_FIELD_FACTOR`.
const TITLE_WEIGHT: f32 = 3.0;
const SLUG_WEIGHT: f32 = 1.5;
const DESCRIPTION_WEIGHT: f32 = 1.2;
const HEADING_WEIGHT: f32 = 1.6;
const FURTHER_FIELD_FACTOR: f32 = 0.2;

/// Factor for a passage in another language than the query.
const OTHER_LANGUAGE_FACTOR: f32 = 0.4;

/// The share of the score that comes from the whole page.
const PAGE_SHARE: f32 = 0.45;

/// The share of the score that depends on the coverage of the query.
const COVERAGE_SHARE: f32 = 0.25;

/// The share of the score that comes from the match of the title or heading.
const TITLE_MATCH_SHARE: f32 = 0.28;
const TOP_HEADING_MATCH_FACTOR: f32 = 0.9;
const HEADING_MATCH_FACTOR: f32 = 0.7;

/// The titles and headings of this number of pages are compared with the query.
const MAX_COMPARED_PAGES: usize = 30;

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
    /// The number of words and phrases of the query that the passage contains. A related
    /// word counts less than 1.
    pub matched_clauses: f32,
    /// How well the title or heading matches the query, from 0 to 1.
    pub title_match: f32,
}

/// Returns the `limit` best pages, best first. Among equal scores the page of the older
/// passage comes first.
pub fn rank(index: &InvertedIndex, query: &SearchQuery, limit: usize) -> Vec<ScoredPage> {
    let total_weight = query.total_weight();
    let mut pages = if total_weight > 0.0 {
        matching_pages(index, query, total_weight, limit)
    } else {
        Vec::new()
    };
    add_stop_word_headlines(&mut pages, index, query);
    keep_best(&mut pages, limit, index);
    pages
}

/// Returns the best pages that have terms of the query, in any order.
fn matching_pages(
    index: &InvertedIndex,
    query: &SearchQuery,
    total_weight: f32,
    limit: usize,
) -> Vec<ScoredPage> {
    if index.passages.is_empty() {
        return Vec::new();
    }
    let mut scores = Scores::new(index);
    for clause in &query.clauses {
        scores.add_clause(index, clause);
    }
    let mut pages = scores.best_passages(index, query, total_weight);
    keep_best(&mut pages, limit.max(MAX_COMPARED_PAGES), index);
    for page in &mut pages {
        add_title_match(page, index, query, total_weight);
    }
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
    /// By passage and by source.
    passages: Vec<Score>,
    sources: Vec<Score>,
    /// The frequency of the current term in the bodies of each source. It is 0 between
    /// two terms.
    source_frequency: Vec<f32>,
    /// The fields of each source that have the current term.
    source_fields: Vec<FieldSet>,
    /// The passages and sources with a value for the current clause.
    clause_passages: Vec<u32>,
    clause_sources: Vec<u32>,
    term_sources: Vec<u32>,
    /// The passages with a score.
    matching: Vec<u32>,
}

/// The score of a passage or source.
#[derive(Debug, Clone, Copy, Default)]
struct Score {
    /// The sums over the clauses.
    total: f32,
    covered: f32,
    matched_clauses: f32,
    /// The values of the current clause. They are 0 between two clauses.
    clause_score: f32,
    clause_coverage: f32,
}

impl Score {
    /// Adds a term of the current clause. The best term counts. Returns whether it is
    /// the first one.
    fn add_term(&mut self, score: f32, coverage: f32) -> bool {
        let is_first = self.clause_score == 0.0;
        self.clause_score = self.clause_score.max(score);
        self.clause_coverage = self.clause_coverage.max(coverage);
        is_first
    }

    /// Adds the current clause to the sums. Returns whether it is the first one.
    fn add_clause(&mut self, weight: f32) -> bool {
        let is_first = self.total == 0.0;
        self.total += weight * std::mem::take(&mut self.clause_score);
        let coverage = std::mem::take(&mut self.clause_coverage);
        self.covered += weight * coverage;
        self.matched_clauses += coverage;
        is_first
    }
}

impl Scores {
    fn new(index: &InvertedIndex) -> Self {
        let source_count = index.source_count as usize;
        Self {
            passages: vec![Score::default(); index.passages.len()],
            sources: vec![Score::default(); source_count],
            source_frequency: vec![0.0; source_count],
            source_fields: vec![FieldSet::default(); source_count],
            clause_passages: Vec::new(),
            clause_sources: Vec::new(),
            term_sources: Vec::new(),
            matching: Vec::new(),
        }
    }

    /// Adds the scores of a clause. For each passage and source the best term counts.
    fn add_clause(&mut self, index: &InvertedIndex, clause: &Clause) {
        for &(term, weight) in &clause.terms {
            self.score_passages(index, term, weight);
            self.score_sources(index, weight);
        }
        for passage in self.clause_passages.drain(..) {
            if self.passages[passage as usize].add_clause(clause.weight) {
                self.matching.push(passage);
            }
        }
        for source in self.clause_sources.drain(..) {
            self.sources[source as usize].add_clause(clause.weight);
        }
    }

    fn score_passages(&mut self, index: &InvertedIndex, term: TermId, weight: f32) {
        let average_length = index.average_length();
        for posting in index.postings(term) {
            let passage = &index.passages[posting.passage as usize];
            let source = passage.source as usize;
            let norm = length_norm(
                passage.token_count as f32 / average_length,
                LENGTH_NORMALIZATION,
            );
            let in_body = f32::from(posting.in_body);
            let score = weight * term_score(posting.fields, in_body / norm);
            if self.passages[posting.passage as usize].add_term(score, weight) {
                self.clause_passages.push(posting.passage);
            }
            if self.source_frequency[source] == 0.0 && self.source_fields[source].is_empty() {
                self.term_sources.push(passage.source);
            }
            self.source_frequency[source] += in_body;
            self.source_fields[source].add(posting.fields);
        }
    }

    /// Adds the current term to the sources.
    fn score_sources(&mut self, index: &InvertedIndex, weight: f32) {
        let average_length = index.average_source_length();
        for source in self.term_sources.drain(..) {
            let frequency = std::mem::take(&mut self.source_frequency[source as usize]);
            let fields = std::mem::take(&mut self.source_fields[source as usize]);
            let length = index.source_lengths[source as usize] as f32;
            let norm = length_norm(length / average_length, PAGE_LENGTH_NORMALIZATION);
            let score = weight * term_score(fields, frequency / norm);
            if self.sources[source as usize].add_term(score, weight) {
                self.clause_sources.push(source);
            }
        }
    }

    /// Returns the best passage of each page.
    fn best_passages(
        &self,
        index: &InvertedIndex,
        query: &SearchQuery,
        total_weight: f32,
    ) -> Vec<ScoredPage> {
        let mut best: Vec<Option<ScoredPage>> = vec![None; index.source_count as usize];
        for passage in &self.matching {
            let scored = self.scored_page(index, query, *passage, total_weight);
            let best = &mut best[scored.source as usize];
            if best.is_none_or(|best| scored.score > best.score) {
                *best = Some(scored);
            }
        }
        best.into_iter().flatten().collect()
    }

    fn scored_page(
        &self,
        index: &InvertedIndex,
        query: &SearchQuery,
        passage: u32,
        total_weight: f32,
    ) -> ScoredPage {
        let indexed = &index.passages[passage as usize];
        let passage_score = self.passages[passage as usize];
        let coverage = passage_score.covered / total_weight;
        let page_score = self.sources[indexed.source as usize].total;
        let score =
            ((1.0 - PAGE_SHARE) * passage_score.total + PAGE_SHARE * page_score) / total_weight;
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
            score: score * language_factor * (1.0 - COVERAGE_SHARE + COVERAGE_SHARE * coverage),
            coverage,
            matched_clauses: passage_score.matched_clauses,
            title_match: 0.0,
        }
    }
}

fn length_norm(relative_length: f32, strength: f32) -> f32 {
    1.0 - strength + strength * relative_length
}

/// Returns the BM25F score of a term, from 0 to 1, without the inverse document
/// frequency. `in_body` is the normalized frequency in the body.
fn term_score(fields: FieldSet, in_body: f32) -> f32 {
    let weights = [
        (PassageField::Title, TITLE_WEIGHT),
        (PassageField::Slug, SLUG_WEIGHT),
        (PassageField::Description, DESCRIPTION_WEIGHT),
        (PassageField::Heading, HEADING_WEIGHT),
    ];
    let (mut highest, mut sum) = (0.0_f32, 0.0);
    for (field, weight) in weights {
        if fields.contains(field) {
            highest = highest.max(weight);
            sum += weight;
        }
    }
    let headline = highest + FURTHER_FIELD_FACTOR * (sum - highest);
    let frequency = headline + in_body;
    frequency / (frequency + TERM_SATURATION)
}

/// Adds the match of the title or of the section's heading to the score of a page.
fn add_title_match(
    page: &mut ScoredPage,
    index: &InvertedIndex,
    query: &SearchQuery,
    total_weight: f32,
) {
    let passage = &index.passages[page.passage as usize];
    page.title_match = best_headline(passage, |headline| {
        headline.match_query(index, query, total_weight)
    });
    page.score = (1.0 - TITLE_MATCH_SHARE) * page.score + TITLE_MATCH_SHARE * page.title_match;
}

/// Adds the pages whose title or heading consists of stop words and matches the query.
fn add_stop_word_headlines(
    pages: &mut Vec<ScoredPage>,
    index: &InvertedIndex,
    query: &SearchQuery,
) {
    for passage in &index.stop_word_headlines {
        let indexed = &index.passages[*passage as usize];
        let title_match = best_headline(indexed, |headline| headline.match_stop_words(query));
        let known = pages.iter_mut().find(|page| page.source == indexed.source);
        if title_match == 0.0 || known.as_ref().is_some_and(|page| page.score >= title_match) {
            continue;
        }
        let page = ScoredPage {
            source: indexed.source,
            passage: *passage,
            score: title_match,
            coverage: title_match,
            matched_clauses: query.stop_words.len() as f32,
            title_match,
        };
        match known {
            Some(known) => *known = page,
            None => pages.push(page),
        }
    }
}

/// Returns the best match of the title and the headings of a passage.
fn best_headline(passage: &IndexedPassage, match_query: impl Fn(&Headline) -> f32) -> f32 {
    let title = match_query(&passage.title);
    title
        .max(TOP_HEADING_MATCH_FACTOR * match_query(&passage.top_heading))
        .max(HEADING_MATCH_FACTOR * match_query(&passage.heading))
}
