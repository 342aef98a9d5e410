//! Parses a query into weighted clauses and expands each clause to index terms.

use super::inverted_index::{InvertedIndex, TermId};
use super::language::{Language, LanguageDetector};
use super::stemmer::stem;
use super::stop_words::{StopWord, is_common_stem, is_misspelt_stop_word, is_stop_word, stop_word};
use super::synonyms::{PhraseMatch, synonyms};
use super::tokenizer::tokenize;

/// The limits of a query. The rest of a longer text is ignored.
const MAX_QUERY_TOKENS: usize = 64;
const MAX_QUERY_BYTES: usize = 4_000;

/// How many longer terms a word is expanded to, for each end of the word.
const MAX_COMPOUNDS: usize = 12;

/// Factors for the weight of a common word, and of a word inside a phrase.
const COMMON_WORD_FACTOR: f32 = 0.45;
const PHRASE_MEMBER_FACTOR: f32 = 0.6;

/// A clause below this weight occurs in more than a third of the passages, like
/// the stop words of an unknown language. Such a clause is ignored if one of its
/// posting lists is long.
const MIN_CLAUSE_WEIGHT: f32 = 1.1;
const LONG_POSTING_LIST: usize = 100;

/// Factor for the weight of a phrase, because a phrase states the intent of the
/// visitor.
const PHRASE_FACTOR: f32 = 1.4;

/// How much a match of an expanded term counts. A match of the exact term counts
/// 1.
mod expansion_weight {
    pub const EXACT: f32 = 1.0;
    pub const SYNONYM: f32 = 0.85;
    pub const PHRASE: f32 = 0.9;
    pub const COMPOUND: f32 = 0.42;
    pub const PREFIX: f32 = 0.6;
    pub const SUFFIX: f32 = 0.5;
    pub const COMPOUND_PART: f32 = 0.7;
    /// Indexed by the number of edits.
    pub const MISSPELT: [f32; 3] = [1.0, 0.75, 0.6];
}

/// A parsed query.
#[derive(Debug, Default)]
pub struct SearchQuery {
    pub clauses: Vec<Clause>,
    /// The stop words, which no clause has. Each is listed once.
    pub stop_words: Vec<StopWord>,
    pub language: Option<Language>,
}

/// A word or phrase of a query with all terms that match it.
#[derive(Debug)]
pub struct Clause {
    /// The inverse document frequency of the most frequent term, times the
    /// factors above.
    pub weight: f32,
    /// The terms with their expansion weights, from 0 to 1.
    pub terms: Vec<(TermId, f32)>,
}

impl Clause {
    fn is_too_frequent(&self, index: &InvertedIndex) -> bool {
        let is_long = |term: TermId| index.postings(term).len() >= LONG_POSTING_LIST;
        self.weight < MIN_CLAUSE_WEIGHT && self.terms.iter().any(|(term, _)| is_long(*term))
    }

    fn add(&mut self, term: Option<TermId>, weight: f32) {
        if let Some(term) = term
            && !self.terms.iter().any(|(known, _)| *known == term)
        {
            self.terms.push((term, weight));
        }
    }

    /// Returns the inverse document frequency of the most frequent term.
    fn idf(&self, index: &InvertedIndex) -> f32 {
        let frequencies = self
            .terms
            .iter()
            .map(|(term, _)| index.postings(*term).len());
        index.idf(frequencies.max().unwrap_or(0))
    }
}

struct Token {
    text: String,
    stem: String,
    is_stop_word: bool,
}

impl SearchQuery {
    /// Parses a text. Returns no clauses if the text has no words.
    pub fn parse(text: &str, index: &InvertedIndex) -> Self {
        let (tokens, language) = split(text);
        let stems: Vec<_> = tokens.iter().map(|token| token.stem.as_str()).collect();
        let phrases = synonyms().find_phrases(&stems);
        let mut stop_words = Vec::new();
        for word in tokens.iter().filter_map(|token| stop_word(&token.text)) {
            if !stop_words.contains(&word) {
                stop_words.push(word);
            }
        }
        let (words, frequent) = word_clauses(&tokens, &stems, &phrases, index);
        let phrases = phrases
            .iter()
            .filter_map(|phrase| phrase_clause(phrase, index));
        let mut clauses: Vec<_> = phrases.chain(words).collect();
        if clauses.is_empty() {
            clauses = frequent;
        }
        Self {
            clauses,
            stop_words,
            language,
        }
    }

    /// Adds the clauses of an earlier message, unless the query has their terms.
    pub fn add_earlier(&mut self, earlier: Self, weight: f32) {
        for mut clause in earlier.clauses {
            let is_known = clause
                .terms
                .first()
                .is_none_or(|(term, _)| self.term_weight(*term) > 0.0);
            if !is_known {
                clause.weight *= weight;
                self.clauses.push(clause);
            }
        }
        self.language = self.language.or(earlier.language);
    }

    /// Returns how much a match of a term counts, from 0 to 1.
    pub fn term_weight(&self, term: TermId) -> f32 {
        let terms = self.clauses.iter().flat_map(|clause| &clause.terms);
        let weights = terms.filter_map(|(other, weight)| (*other == term).then_some(*weight));
        weights.fold(0.0, f32::max)
    }

    /// Returns the number of different words and phrases.
    pub fn word_count(&self) -> usize {
        self.clauses.len() + self.stop_words.len()
    }

    /// Returns the share of the query, by weight, that no passage has.
    pub fn unknown_share(&self) -> f32 {
        let unknown = self.clauses.iter().filter(|clause| clause.terms.is_empty());
        let weight: f32 = unknown.map(|clause| clause.weight).sum();
        weight / self.total_weight().max(f32::MIN_POSITIVE)
    }

    /// Returns the sum of all weights, which is the highest possible score.
    pub fn total_weight(&self) -> f32 {
        self.clauses.iter().map(|clause| clause.weight).sum()
    }
}

/// Splits a query into tokens and detects its language.
fn split(text: &str) -> (Vec<Token>, Option<Language>) {
    let text = &text[..text.floor_char_boundary(MAX_QUERY_BYTES)];
    let mut tokens = Vec::new();
    let mut detector = LanguageDetector::default();
    tokenize(text, |token| {
        if tokens.len() < MAX_QUERY_TOKENS {
            detector.add(token);
            tokens.push(Token {
                text: token.to_owned(),
                stem: stem(token),
                is_stop_word: is_stop_word(token) || stop_word(token).is_some(),
            });
        }
    });
    (tokens, detector.language())
}

/// Returns the clauses of all words except stop words and repetitions, and
/// separately the clauses that are too frequent.
fn word_clauses(
    tokens: &[Token],
    stems: &[&str],
    phrases: &[PhraseMatch],
    index: &InvertedIndex,
) -> (Vec<Clause>, Vec<Clause>) {
    let (mut clauses, mut frequent) = (Vec::new(), Vec::new());
    for (position, token) in tokens.iter().enumerate() {
        let is_repeated = stems[..position].contains(&stems[position]);
        if token.is_stop_word || is_repeated {
            continue;
        }
        let Some(mut clause) = word_clause(token, index) else {
            continue;
        };
        if clause.is_too_frequent(index) {
            frequent.push(clause);
            continue;
        }
        if is_common_stem(&token.stem) {
            clause.weight *= COMMON_WORD_FACTOR;
        }
        if phrases
            .iter()
            .any(|phrase| phrase.positions.contains(&position))
        {
            clause.weight *= PHRASE_MEMBER_FACTOR;
        }
        clauses.push(clause);
    }
    (clauses, frequent)
}

/// Returns the clause of a phrase. Returns `None` if the index has none of its
/// synonyms.
fn phrase_clause(phrase: &PhraseMatch, index: &InvertedIndex) -> Option<Clause> {
    let mut clause = Clause {
        weight: 0.0,
        terms: Vec::new(),
    };
    for stem in synonyms().of_group(phrase.group) {
        clause.add(index.term(stem), expansion_weight::PHRASE);
    }
    clause.weight = clause.idf(index) * PHRASE_FACTOR;
    (!clause.terms.is_empty()).then_some(clause)
}

/// Returns the clause of a word. Returns `None` for a misspelt stop word.
fn word_clause(token: &Token, index: &InvertedIndex) -> Option<Clause> {
    let mut clause = Clause {
        weight: 0.0,
        terms: Vec::new(),
    };
    clause.add(index.term(&token.stem), expansion_weight::EXACT);
    for synonym in synonyms().of_stem(&token.stem) {
        clause.add(index.term(synonym), expansion_weight::SYNONYM);
    }
    // Compounds do not make a known word less rare.
    let idf = (!clause.terms.is_empty()).then(|| clause.idf(index));
    for compound in index.compounds_of(&token.stem, MAX_COMPOUNDS) {
        clause.add(Some(compound), expansion_weight::COMPOUND);
    }
    if clause.terms.is_empty() {
        if is_misspelt_stop_word(&token.text) {
            return None;
        }
        add_approximate_terms(token, index, &mut clause);
    }
    clause.weight = idf.unwrap_or_else(|| clause.idf(index));
    Some(clause)
}

/// Adds terms for a word that the index does not have: the parts of a compound,
/// otherwise terms of similar spelling, otherwise a prefix or the end of the word.
fn add_approximate_terms(token: &Token, index: &InvertedIndex, clause: &mut Clause) {
    if let Some(parts) = index.compound_parts(&token.stem) {
        for part in parts {
            clause.add(Some(part), expansion_weight::COMPOUND_PART);
        }
        return;
    }
    if token.text.bytes().any(|b| b.is_ascii_digit()) {
        return;
    }
    let (edits, terms) = index.fuzzy_terms(&token.text, &token.stem);
    for term in terms {
        clause.add(Some(term), expansion_weight::MISSPELT[edits]);
    }
    if clause.terms.is_empty() {
        clause.add(index.prefix_term(&token.stem), expansion_weight::PREFIX);
    }
    if clause.terms.is_empty() {
        clause.add(index.suffix_term(&token.stem), expansion_weight::SUFFIX);
    }
}
