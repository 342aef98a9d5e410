//! Language detection by counting stop words.

use std::cmp::Ordering;

use super::stop_words::stop_word_counts;
use super::tokenizer::tokenize;

/// A language that can be detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    German,
}

/// Counts the stop words of each language.
#[derive(Debug, Clone, Copy, Default)]
pub struct LanguageDetector {
    english: u32,
    german: u32,
}

impl LanguageDetector {
    /// Counts a token.
    pub fn add(&mut self, token: &str) {
        if let Some(counts) = stop_word_counts(token) {
            self.english += counts.english;
            self.german += counts.german;
        }
    }

    /// Returns the language with more stop words. Returns `None` on a tie.
    pub fn language(self) -> Option<Language> {
        match self.english.cmp(&self.german) {
            Ordering::Greater => Some(Language::English),
            Ordering::Less => Some(Language::German),
            Ordering::Equal => None,
        }
    }
}

/// Returns the language of a text. Returns `None` if its stop words do not
/// decide it.
pub fn detect_language(text: &str) -> Option<Language> {
    let mut detector = LanguageDetector::default();
    tokenize(text, |token| detector.add(token));
    detector.language()
}
