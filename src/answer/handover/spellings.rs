//! Recognises words with one spelling error.

use crate::answer::retrieval::{SpellingIndex, is_within_edits};

/// The minimum length of a word in characters. Shorter words are within one edit of
/// too many others.
const MIN_WORD_CHARS: usize = 6;

/// Words, each with a value. Writers seldom err in the first letter, so only words
/// with the same first letter are similar.
#[derive(Debug)]
pub struct Spellings<V> {
    words: Vec<(String, V)>,
    index: SpellingIndex,
}

impl<V> Default for Spellings<V> {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            index: SpellingIndex::default(),
        }
    }
}

impl<V: Copy> Spellings<V> {
    /// Adds an entry that is a single word of sufficient length.
    pub fn add(&mut self, entry: &str, value: V) {
        if is_long_word(entry)
            && let Ok(id) = u32::try_from(self.words.len())
        {
            self.index.add(entry, id);
            self.words.push((entry.to_owned(), value));
        }
    }

    /// Returns the values of the words that differ from `word` by one edit.
    pub fn similar<'a>(&'a self, word: &'a str) -> impl Iterator<Item = V> + 'a {
        let candidates = is_long_word(word).then(|| self.index.candidates(word, 1));
        candidates.into_iter().flatten().filter_map(|id| {
            let (entry, value) = self.words.get(id as usize)?;
            let has_same_start = entry.chars().next() == word.chars().next();
            (has_same_start && is_within_edits(entry, word, 1)).then_some(*value)
        })
    }
}

fn is_long_word(word: &str) -> bool {
    !word.contains(' ') && word.chars().nth(MIN_WORD_CHARS - 1).is_some()
}

#[cfg(test)]
mod tests {
    use super::Spellings;

    #[test]
    fn words_with_one_error_are_found() {
        let mut spellings = Spellings::default();
        spellings.add("operator", 1);
        spellings.add("human", 2);
        for (word, expected) in [
            ("opertor", Some(1)),
            ("oeprator", Some(1)),
            ("operrator", Some(1)),
            ("uperator", None),
            ("humen", None),
            ("operate", None),
        ] {
            assert_eq!(spellings.similar(word).next(), expected, "{word}");
        }
    }
}
