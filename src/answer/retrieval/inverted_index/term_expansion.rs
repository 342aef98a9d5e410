//! Finds terms related to a word: compounds, prefixes and similar spellings.

use std::sync::Arc;

use super::{InvertedIndex, MIN_COMPOUND_PART, MIN_COMPOUND_REST, TermId};
use crate::answer::retrieval::edit_distance::is_within_edits;
use crate::answer::retrieval::spelling_index::SpellingIndex;
use crate::answer::retrieval::stemmer;

/// How many letters of a stem may have one error.
const MIN_LETTERS_PER_STEM_EDIT: usize = 5;

/// A word that is similar to more terms than this is another word, not a misspelling.
const MAX_MISSPELT_TERMS: usize = 3;

impl InvertedIndex {
    /// Returns longer terms that begin or end with `stem`, at most `limit` of
    /// each kind.
    pub fn compounds_of(&self, stem: &str, limit: usize) -> Vec<TermId> {
        if stem.chars().count() < MIN_COMPOUND_PART {
            return Vec::new();
        }
        let text = |term: &TermId| &*self.term_texts[*term as usize];
        let is_used = |term: &TermId| !self.postings(*term).is_empty();
        let start = self.sorted_terms.partition_point(|term| text(term) <= stem);
        let with_prefix = self.sorted_terms[start..].iter().copied();
        let mut compounds: Vec<_> = with_prefix
            .take_while(|term| text(term).starts_with(stem))
            .filter(is_used)
            .take(limit)
            .collect();
        let term = self.terms.get(stem);
        let with_suffix = term.and_then(|term| self.terms_by_suffix.get(term));
        let with_suffix = with_suffix.into_iter().flatten().copied();
        compounds.extend(with_suffix.filter(is_used).take(limit));
        compounds
    }

    /// Returns the longest term that `stem` begins with. The term is at most
    /// `MIN_COMPOUND_REST` shorter than `stem`.
    pub fn prefix_term(&self, stem: &str) -> Option<TermId> {
        let ends = (1..=MIN_COMPOUND_REST).filter_map(|cut| stem.len().checked_sub(cut));
        let mut ends = ends.filter(|end| *end >= MIN_COMPOUND_PART && stem.is_char_boundary(*end));
        ends.find_map(|end| self.term(&stem[..end]))
    }

    /// Returns the longest term that `stem` ends with: the last part of a German compound
    /// says what it is.
    pub fn suffix_term(&self, stem: &str) -> Option<TermId> {
        let last_start = stem.len().checked_sub(MIN_COMPOUND_PART)?;
        let mut starts = (MIN_COMPOUND_REST..=last_start).filter(|at| stem.is_char_boundary(*at));
        starts.find_map(|start| self.term(&stem[start..]))
    }

    /// Splits a compound into two terms of the index. The first part may have a
    /// linking "s" or "n".
    pub fn compound_parts(&self, stem: &str) -> Option<[TermId; 2]> {
        let ends = MIN_COMPOUND_PART..(stem.len() + 1).saturating_sub(MIN_COMPOUND_PART);
        for end in ends.rev().filter(|end| stem.is_char_boundary(*end)) {
            let (head, tail) = stem.split_at(end);
            let Some(tail) = self.term(tail) else {
                continue;
            };
            let heads = [Some(head), head.strip_suffix('s'), head.strip_suffix('n')];
            let head = heads
                .into_iter()
                .flatten()
                .find_map(|head| self.term(&stemmer::stem(head)));
            if let Some(head) = head {
                return Some([head, tail]);
            }
        }
        None
    }

    /// Returns the terms whose spelling is closest to a word that the index does
    /// not have, and their edit distance. Compares the written word first, then
    /// the stem. Allows one edit for a short word and two for a long word.
    pub fn fuzzy_terms(&self, word: &str, stem: &str) -> (usize, Vec<TermId>) {
        let max_edits = match word.chars().count() {
            0..=3 => return (0, Vec::new()),
            4..=7 => 1,
            _ => 2,
        };
        let (edits, terms) = self.closest(word, max_edits, &self.form_spellings, |form| {
            let form = &self.forms[form as usize];
            Some((&form.text, form.term?))
        });
        if !terms.is_empty() {
            return (edits, terms);
        }
        let max_edits = max_edits.min(stem.len() / MIN_LETTERS_PER_STEM_EDIT);
        self.closest(stem, max_edits, &self.term_spellings, |term| {
            Some((&self.term_texts[term as usize], term))
        })
    }

    /// Returns the terms at the smallest edit distance up to `max_edits`.
    /// `entry` maps an id of `spellings` to a spelling and its term.
    fn closest<'i>(
        &self,
        word: &str,
        max_edits: usize,
        spellings: &SpellingIndex,
        entry: impl Fn(u32) -> Option<(&'i Arc<str>, TermId)>,
    ) -> (usize, Vec<TermId>) {
        for edits in 1..=max_edits {
            let entries = spellings.candidates(word, edits).filter_map(&entry);
            let similar = entries.filter(|(other, term)| {
                is_likely_misspelling(word, other)
                    && is_within_edits(word, other, edits)
                    && !self.postings(*term).is_empty()
            });
            let mut terms: Vec<_> = similar.map(|(_, term)| term).collect();
            terms.sort_unstable();
            terms.dedup();
            if terms.len() > MAX_MISSPELT_TERMS {
                break;
            }
            if !terms.is_empty() {
                return (edits, terms);
            }
        }
        (max_edits, Vec::new())
    }
}

fn first_letters(word: &str) -> [Option<char>; 2] {
    let mut letters = word.chars();
    [letters.next(), letters.next()]
}

/// The minimum length of a word whose first letter may be misspelt.
const MIN_FREE_FIRST_LETTER: usize = 7;

/// Whether a word may be a misspelling of another, because it begins with the same letter
/// or is long. People rarely misspell the first letter: "wetter" is not "better".
fn is_likely_misspelling(word: &str, other: &str) -> bool {
    let [first, second] = first_letters(word);
    let [other_first, other_second] = first_letters(other);
    first == other_first
        // Two letters in the wrong order: "erfund".
        || (first == other_second && second == other_first)
        || word.chars().count() >= MIN_FREE_FIRST_LETTER
}
