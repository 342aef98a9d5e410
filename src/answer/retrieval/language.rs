//! Words that say nothing, and the language they tell.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::edits::within;
use super::spellings::Spellings;
use super::word::{stem, words};

/// A language whose stop words are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    German,
}

/// Every stop word with what it counts for English and for German.
static STOP_WORDS: LazyLock<HashMap<&'static str, (u32, u32)>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for line in include_str!("stopwords.txt").lines() {
        let (counts, list) = match line.split_once(' ') {
            Some(("en", list)) => ((1, 0), list),
            Some(("de", list)) => ((0, 1), list),
            _ => continue,
        };
        for word in list.split(' ') {
            let entry = table.entry(word).or_insert((0, 0));
            *entry = (entry.0 + counts.0, entry.1 + counts.1);
        }
    }
    table
});

/// Whether a folded word says nothing of what a text is about.
pub fn is_stop_word(word: &str) -> bool {
    let is_letter = word.len() == 1 && word.as_bytes()[0].is_ascii_alphabetic();
    is_letter || STOP_WORDS.contains_key(word)
}

/// The stop words that are long enough to tell that they are misspelt, by what
/// they look like.
static LONG_STOP_WORDS: LazyLock<(Vec<&'static str>, Spellings)> = LazyLock::new(|| {
    let long = STOP_WORDS.keys().copied().filter(|stop| stop.len() >= 4);
    let (long, mut spellings) = (Vec::from_iter(long), Spellings::default());
    for (stop, number) in long.iter().zip(0..) {
        spellings.add(stop, number);
    }
    (long, spellings)
});

/// Whether a word that nobody wrote is a stop word with a slip in it.
pub fn is_misspelt_stop_word(word: &str) -> bool {
    let (stop_words, spellings) = &*LONG_STOP_WORDS;
    let is_alike = |number| within(word, stop_words[number as usize], 1);
    word.len() >= 5 && spellings.candidates(word, 1).any(is_alike)
}

/// Words that stand in any text: rare in a small knowledge by chance alone.
static COMMON_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut stems = HashSet::new();
    for line in include_str!("commonwords.txt").lines() {
        if !line.starts_with('#') {
            words(line, |word| {
                stems.insert(stem(word));
            });
        }
    }
    stems
});

/// Whether a stem says little of what a text is about.
pub fn is_common(stem: &str) -> bool {
    COMMON_WORDS.contains(stem)
}

/// Counts stop words to tell a language.
#[derive(Debug, Clone, Copy, Default)]
pub struct LanguageDetector {
    english: u32,
    german: u32,
}

impl LanguageDetector {
    /// Hears a folded word.
    pub fn observe(&mut self, word: &str) {
        if let Some((english, german)) = STOP_WORDS.get(word) {
            self.english += english;
            self.german += german;
        }
    }

    /// The language of what was heard, where it is clear.
    pub fn language(self) -> Option<Language> {
        match self.english.cmp(&self.german) {
            std::cmp::Ordering::Greater => Some(Language::English),
            std::cmp::Ordering::Less => Some(Language::German),
            std::cmp::Ordering::Equal => None,
        }
    }
}

/// The language of a text, where its stop words tell.
pub fn language(text: &str) -> Option<Language> {
    let mut detector = LanguageDetector::default();
    words(text, |word| detector.observe(word));
    detector.language()
}
