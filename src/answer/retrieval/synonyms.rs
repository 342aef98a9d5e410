//! What is said for one another at help desks (synonyms.txt).

use std::collections::HashMap;
use std::sync::LazyLock;

use super::word::{stem, words};

/// The words between two of a phrase that a question may have more.
const GAP: usize = 1;

/// The table, read once.
pub struct Synonyms {
    /// The single words of each line, as stems.
    lines: Vec<Vec<String>>,
    /// The lines on which a single word stands.
    by_word: HashMap<String, Vec<usize>>,
    /// The phrases that begin with a word: the words after it, and the line.
    phrases: HashMap<String, Vec<(Vec<String>, usize)>>,
}

static SYNONYMS: LazyLock<Synonyms> =
    LazyLock::new(|| Synonyms::read(include_str!("synonyms.txt")));

/// The table.
pub fn synonyms() -> &'static Synonyms {
    &SYNONYMS
}

/// A phrase that was found: the places of its words, and its line.
pub struct Phrase {
    pub places: Vec<usize>,
    pub line: usize,
}

impl Synonyms {
    fn read(text: &str) -> Self {
        let mut table = Self {
            lines: Vec::new(),
            by_word: HashMap::new(),
            phrases: HashMap::new(),
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            table.lines.push(Vec::new());
            line.split(',').for_each(|entry| table.add(entry));
        }
        table
    }

    fn add(&mut self, entry: &str) {
        let line = self.lines.len() - 1;
        let mut stems = Vec::new();
        words(entry, |word| stems.push(stem(word)));
        if stems.is_empty() {
            return;
        }
        let first = stems.remove(0);
        if stems.is_empty() {
            self.lines[line].push(first.clone());
            self.by_word.entry(first).or_default().push(line);
        } else {
            self.phrases.entry(first).or_default().push((stems, line));
        }
    }

    /// What may stand for a word, as stems.
    pub fn of_word(&self, stem: &str) -> impl Iterator<Item = &str> {
        let lines = self.by_word.get(stem).into_iter().flatten();
        lines.flat_map(|line| self.of_line(*line))
    }

    /// What stands on a line, as stems.
    pub fn of_line(&self, line: usize) -> impl Iterator<Item = &str> {
        self.lines[line].iter().map(String::as_str)
    }

    /// The phrases in a text, given as its stems.
    pub fn phrases(&self, stems: &[&str]) -> Vec<Phrase> {
        let mut found = Vec::new();
        for (place, first) in stems.iter().enumerate() {
            for (rest, line) in self.phrases.get(*first).into_iter().flatten() {
                if let Some(places) = follow(stems, place, rest) {
                    found.push(Phrase {
                        places,
                        line: *line,
                    });
                }
            }
        }
        found
    }
}

/// The places of a phrase's words, the first being at `place`.
fn follow(stems: &[&str], place: usize, rest: &[String]) -> Option<Vec<usize>> {
    let mut places = vec![place];
    let mut at = place;
    for word in rest {
        let next = stems.iter().enumerate().skip(at + 1).take(GAP + 1);
        at = next.into_iter().find(|(_, stem)| *stem == word)?.0;
        places.push(at);
    }
    Some(places)
}
