//! Terms that are like a word: longer, shorter, parts of it, or misspelt.

use std::sync::Arc;

use super::{Index, PART, REST, Term};
use crate::answer::retrieval::edits::within;
use crate::answer::retrieval::spellings::Spellings;
use crate::answer::retrieval::word;

impl Index {
    /// Longer terms that begin or end with `stem`: at most `most` each.
    pub fn longer(&self, stem: &str, most: usize) -> Vec<Term> {
        if stem.chars().count() < PART {
            return Vec::new();
        }
        let name = |term: &Term| &*self.names[*term as usize];
        let from = self.sorted.partition_point(|term| name(term) <= stem);
        let begin = self.sorted[from..].iter();
        let mut found: Vec<_> = begin
            .take_while(|term| name(term).starts_with(stem))
            .copied()
            .filter(|term| !self.postings(*term).is_empty())
            .take(most)
            .collect();
        let tails = self.terms.get(stem).and_then(|term| self.tails.get(term));
        let tails = tails.into_iter().flatten().copied();
        found.extend(
            tails
                .filter(|term| !self.postings(*term).is_empty())
                .take(most),
        );
        found
    }

    /// The longest term that `stem` begins with, a few letters shorter.
    pub fn shorter(&self, stem: &str) -> Option<Term> {
        let ends = (1..=REST).filter_map(|fewer| stem.len().checked_sub(fewer));
        let mut ends = ends.filter(|end| *end >= PART && stem.is_char_boundary(*end));
        ends.find_map(|end| self.term(&stem[..end]))
    }

    /// The parts of a compound that the index knows, if they make up the whole
    /// of it save a joining "s" or "n" or the like.
    pub fn parts(&self, stem: &str) -> Option<[Term; 2]> {
        let cuts = PART..(stem.len() + 1).saturating_sub(PART);
        for cut in cuts.rev().filter(|cut| stem.is_char_boundary(*cut)) {
            let (head, tail) = stem.split_at(cut);
            let Some(tail) = self.term(tail) else {
                continue;
            };
            let heads = [Some(head), head.strip_suffix('s'), head.strip_suffix('n')];
            let head = heads
                .into_iter()
                .flatten()
                .find_map(|head| self.term(&word::stem(head)));
            if let Some(head) = head {
                return Some([head, tail]);
            }
        }
        None
    }

    /// The terms that look most like a word that the index does not have, as it
    /// is written or by its stem: at most two edits away, one for a short word;
    /// with the number of edits.
    pub fn alike(&self, word: &str, stem: &str) -> (usize, Vec<Term>) {
        let most = match word.chars().count() {
            0..=3 => return (0, Vec::new()),
            4..=6 => 1,
            _ => 2,
        };
        let found = self.nearest(word, most, &self.form_spellings, |form| {
            let form = &self.forms[form as usize];
            Some((&form.word, form.term?))
        });
        if !found.1.is_empty() {
            return found;
        }
        let most = most.min(stem.len() / 4);
        self.nearest(stem, most, &self.term_spellings, |term| {
            Some((&self.names[term as usize], term))
        })
    }

    /// What `named` gives for the words that are nearest.
    fn nearest<'i>(
        &self,
        word: &str,
        most: usize,
        spellings: &Spellings,
        named: impl Fn(u32) -> Option<(&'i Arc<str>, Term)>,
    ) -> (usize, Vec<Term>) {
        for edits in 1..=most {
            let all = spellings.candidates(word, edits).filter_map(&named);
            let alike = all.filter(|(other, term)| {
                within(word, other, edits) && !self.postings(*term).is_empty()
            });
            let found: Vec<_> = alike.map(|(_, term)| term).collect();
            if !found.is_empty() {
                return (edits, found);
            }
        }
        (most, Vec::new())
    }
}
