//! Stop words and common words: words that say little about the subject of a
//! text. All functions expect tokens as [`tokenize`] returns them.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::edit_distance::is_within_edits;
use super::spelling_index::SpellingIndex;
use super::stemmer::stem;
use super::tokenizer::tokenize;

/// A stop word without its inflection: "take" and "takes" are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopWord(u16);

/// How many times the list of each language contains a stop word.
#[derive(Debug, Clone, Copy, Default)]
pub struct StopWordCounts {
    pub english: u32,
    pub german: u32,
}

static STOP_WORDS: LazyLock<HashMap<&'static str, StopWordCounts>> = LazyLock::new(|| {
    let mut table: HashMap<_, StopWordCounts> = HashMap::new();
    for line in include_str!("stopwords.txt").lines() {
        let (english, german, list) = match line.split_once(' ') {
            Some(("en", list)) => (1, 0, list),
            Some(("de", list)) => (0, 1, list),
            _ => continue,
        };
        for word in list.split(' ') {
            let counts = table.entry(word).or_default();
            counts.english += english;
            counts.german += german;
        }
    }
    table
});

/// The numbers of the stems of the stop words.
static STOP_WORD_STEMS: LazyLock<HashMap<String, u16>> = LazyLock::new(|| {
    let mut numbers = HashMap::new();
    for word in STOP_WORDS.keys() {
        let next = numbers.len() as u16;
        numbers.entry(stem(word)).or_insert(next);
    }
    numbers
});

/// Returns a token as a stop word, also with "ue" for "ü". Returns `None` for other tokens.
pub fn stop_word(token: &str) -> Option<StopWord> {
    if !STOP_WORDS.contains_key(token) {
        let folded = ["ae", "oe", "ue"]
            .iter()
            .find(|pair| token.contains(**pair))?;
        STOP_WORDS.get(&*token.replacen(folded, &folded[..1], 1))?;
    }
    STOP_WORD_STEMS.get(&stem(token)).copied().map(StopWord)
}

/// Whether a token is a stop word or a single ASCII letter.
pub fn is_stop_word(token: &str) -> bool {
    let is_letter = token.len() == 1 && token.as_bytes()[0].is_ascii_alphabetic();
    is_letter || STOP_WORDS.contains_key(token)
}

/// Returns the counts of a stop word, and `None` for other tokens.
pub fn stop_word_counts(token: &str) -> Option<StopWordCounts> {
    STOP_WORDS.get(token).copied()
}

/// The minimum length of a stop word, and of its misspelling, in bytes. Shorter
/// words are within one edit of too many others.
const MIN_FUZZY_STOP_WORD: usize = 4;
const MIN_MISSPELT_STOP_WORD: usize = 5;

/// The long stop words, and their spellings. The id of a spelling is its index.
static LONG_STOP_WORDS: LazyLock<(Vec<&'static str>, SpellingIndex)> = LazyLock::new(|| {
    let long = STOP_WORDS.keys().copied();
    let long = long.filter(|word| word.len() >= MIN_FUZZY_STOP_WORD);
    let (long, mut spellings) = (Vec::from_iter(long), SpellingIndex::default());
    for (word, id) in long.iter().zip(0..) {
        spellings.add(word, id);
    }
    (long, spellings)
});

/// Whether a token that is not in the index is a stop word with one spelling
/// error.
pub fn is_misspelt_stop_word(token: &str) -> bool {
    let (stop_words, spellings) = &*LONG_STOP_WORDS;
    let is_similar = |id| is_within_edits(token, stop_words[id as usize], 1);
    token.len() >= MIN_MISSPELT_STOP_WORD && spellings.candidates(token, 1).any(is_similar)
}

/// The stems of words that are frequent in any text but can be rare in a small
/// set of documents.
static COMMON_STEMS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut stems = HashSet::new();
    for line in include_str!("commonwords.txt").lines() {
        if !line.starts_with('#') {
            tokenize(line, |token| {
                stems.insert(stem(token));
            });
        }
    }
    stems
});

/// Whether a stem belongs to a common word.
pub fn is_common_stem(stem: &str) -> bool {
    COMMON_STEMS.contains(stem)
}
