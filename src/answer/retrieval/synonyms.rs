//! Synonyms of the help-desk domain, read from `synonyms.txt`.
//!
//! A line of the file is a group: its words and phrases are synonyms of one
//! another. All words are stored as stems.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::stemmer::stem;
use super::tokenizer::tokenize;

/// How many additional tokens a query may have between two words of a phrase.
const MAX_PHRASE_GAP: usize = 1;

/// The synonym groups. A group is identified by its index.
pub struct Synonyms {
    /// The single words of each group.
    groups: Vec<Vec<String>>,
    /// The groups that contain a single word.
    groups_by_word: HashMap<String, Vec<usize>>,
    /// The phrases by their first word: the remaining words, and the group.
    phrases: HashMap<String, Vec<(Vec<String>, usize)>>,
}

static SYNONYMS: LazyLock<Synonyms> =
    LazyLock::new(|| Synonyms::parse(include_str!("synonyms.txt")));

/// Returns the synonym groups. The first call parses them.
pub fn synonyms() -> &'static Synonyms {
    &SYNONYMS
}

/// A phrase that occurs in a query.
pub struct PhraseMatch {
    /// The positions of its words in the query.
    pub positions: Vec<usize>,
    pub group: usize,
}

impl Synonyms {
    fn parse(text: &str) -> Self {
        let mut table = Self {
            groups: Vec::new(),
            groups_by_word: HashMap::new(),
            phrases: HashMap::new(),
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            table.groups.push(Vec::new());
            line.split(',').for_each(|entry| table.add(entry));
        }
        table
    }

    /// Adds a word or a phrase to the last group.
    fn add(&mut self, entry: &str) {
        let group = self.groups.len() - 1;
        let mut stems = Vec::new();
        tokenize(entry, |token| stems.push(stem(token)));
        if stems.is_empty() {
            return;
        }
        let first = stems.remove(0);
        if stems.is_empty() {
            self.groups[group].push(first.clone());
            self.groups_by_word.entry(first).or_default().push(group);
        } else {
            self.phrases.entry(first).or_default().push((stems, group));
        }
    }

    /// Returns the synonyms of a stem, including the stem itself.
    pub fn of_stem(&self, stem: &str) -> impl Iterator<Item = &str> {
        let groups = self.groups_by_word.get(stem).into_iter().flatten();
        groups.flat_map(|group| self.of_group(*group))
    }

    /// Returns the single words of a group.
    pub fn of_group(&self, group: usize) -> impl Iterator<Item = &str> {
        self.groups[group].iter().map(String::as_str)
    }

    /// Returns the phrases that occur in a query, given as stems.
    pub fn find_phrases(&self, stems: &[&str]) -> Vec<PhraseMatch> {
        let mut matches = Vec::new();
        for (start, first) in stems.iter().enumerate() {
            for (rest, group) in self.phrases.get(*first).into_iter().flatten() {
                if let Some(positions) = match_phrase(stems, start, rest) {
                    matches.push(PhraseMatch {
                        positions,
                        group: *group,
                    });
                }
            }
        }
        matches
    }
}

/// Returns the positions of a phrase whose first word is at `start`.
fn match_phrase(stems: &[&str], start: usize, rest: &[String]) -> Option<Vec<usize>> {
    let mut positions = vec![start];
    let mut last = start;
    for word in rest {
        let window = stems.iter().enumerate().skip(last + 1);
        let mut window = window.take(MAX_PHRASE_GAP + 1);
        last = window.find(|(_, stem)| *stem == word)?.0;
        positions.push(last);
    }
    Some(positions)
}
