//! A question as what it asks for: concepts, each with the terms that tell it.

use super::index::{Index, Term};
use super::language::{Language, LanguageDetector, is_common, is_misspelt_stop_word, is_stop_word};
use super::synonyms::synonyms;
use super::word::{stem, words};

/// The most words of a text that are looked at, and the most bytes.
const MOST_WORDS: usize = 64;
const MOST_BYTES: usize = 4_000;

/// The most longer words that are taken for one.
const MOST_LONGER: usize = 12;

/// What is left of the worth of a common word, and of one that is told by a
/// phrase around it.
const COMMON: f32 = 0.4;
const IN_PHRASE: f32 = 0.4;

/// The worth below which a word decides nothing: more than a third of the
/// passages have it, like the stop words of any language. It is looked up all the
/// same where they are fewer than a long list.
const EVERYWHERE: f32 = 1.1;
const LONG: usize = 100;

/// How much more a phrase is worth than a word: it tells what the visitor is after.
const PHRASE_WORTH: f32 = 2.0;

/// How sure it is that a term means what was asked for.
mod sure {
    pub const SYNONYM: f32 = 0.7;
    pub const PHRASE: f32 = 0.9;
    pub const LONGER: f32 = 0.55;
    pub const SHORTER: f32 = 0.6;
    pub const PART: f32 = 0.7;
    pub const MISSPELT: [f32; 3] = [1.0, 0.8, 0.65];
}

/// What a question asks for.
#[derive(Debug, Default)]
pub struct Query {
    pub concepts: Vec<Concept>,
    pub language: Option<Language>,
}

/// One thing that is asked for.
#[derive(Debug)]
pub struct Concept {
    /// How much of the question it is: its terms' rarity, less for words that
    /// are better told by a phrase around them.
    pub worth: f32,
    /// The terms that tell it and how sure each is, at most 1.
    pub terms: Vec<(Term, f32)>,
}

impl Concept {
    fn is_everywhere(&self, index: &Index) -> bool {
        let is_long = |term: Term| index.postings(term).len() >= LONG;
        self.worth < EVERYWHERE && self.terms.iter().any(|(term, _)| is_long(*term))
    }
}

struct Word {
    text: String,
    stem: String,
    is_stop_word: bool,
}

impl Query {
    /// Reads a question.
    pub fn read(text: &str, index: &Index) -> Self {
        let (all, language) = split(text);
        let stems: Vec<_> = all.iter().map(|word| word.stem.as_str()).collect();
        let phrases = synonyms().phrases(&stems);
        let mut concepts: Vec<Concept> = phrases
            .iter()
            .filter_map(|phrase| of_phrase(phrase.line, index))
            .collect();
        let mut everywhere = Vec::new();
        for (place, word) in all.iter().enumerate() {
            let is_repeated = stems[..place].contains(&stems[place]);
            if word.is_stop_word || is_repeated {
                continue;
            }
            let Some(mut concept) = of_word(word, index) else {
                continue;
            };
            if concept.is_everywhere(index) {
                everywhere.push(concept);
                continue;
            }
            if is_common(&word.stem) {
                concept.worth *= COMMON;
            }
            if phrases.iter().any(|phrase| phrase.places.contains(&place)) {
                concept.worth *= IN_PHRASE;
            }
            concepts.push(concept);
        }
        if concepts.is_empty() {
            concepts = everywhere;
        }
        Self { concepts, language }
    }

    /// What all of it is worth.
    pub fn worth(&self) -> f32 {
        self.concepts.iter().map(|concept| concept.worth).sum()
    }
}

/// The words of a text, as many as are looked at.
fn split(text: &str) -> (Vec<Word>, Option<Language>) {
    let mut end = text.len().min(MOST_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut all = Vec::new();
    let mut detector = LanguageDetector::default();
    words(&text[..end], |word| {
        if all.len() < MOST_WORDS {
            detector.observe(word);
            all.push(Word {
                text: word.to_owned(),
                stem: stem(word),
                is_stop_word: is_stop_word(word),
            });
        }
    });
    (all, detector.language())
}

fn of_phrase(line: usize, index: &Index) -> Option<Concept> {
    let mut terms = Vec::new();
    for stem in synonyms().of_line(line) {
        add(&mut terms, index.term(stem), sure::PHRASE);
    }
    (!terms.is_empty()).then(|| Concept {
        worth: rarity(&terms, index) * PHRASE_WORTH,
        terms,
    })
}

/// What a word asks for; none, if it is a stop word with a slip in it.
fn of_word(word: &Word, index: &Index) -> Option<Concept> {
    let mut terms = Vec::new();
    let exact = index.term(&word.stem);
    add(&mut terms, exact, 1.0);
    for other in synonyms().of_word(&word.stem) {
        add(&mut terms, index.term(other), sure::SYNONYM);
    }
    let worth = (!terms.is_empty()).then(|| rarity(&terms, index));
    for longer in index.longer(&word.stem, MOST_LONGER) {
        add(&mut terms, Some(longer), sure::LONGER);
    }
    if terms.is_empty() {
        if is_misspelt_stop_word(&word.text) {
            return None;
        }
        guess(word, index, &mut terms);
    }
    Some(Concept {
        worth: worth.unwrap_or_else(|| rarity(&terms, index)),
        terms,
    })
}

/// Terms for a word that the knowledge does not have: the parts of a compound,
/// else what is spelled almost alike, else what it begins with.
fn guess(word: &Word, index: &Index, terms: &mut Vec<(Term, f32)>) {
    if let Some(parts) = index.parts(&word.stem) {
        for part in parts {
            add(terms, Some(part), sure::PART);
        }
        return;
    }
    if word.text.bytes().any(|b| b.is_ascii_digit()) {
        return;
    }
    let (edits, alike) = index.alike(&word.text, &word.stem);
    for term in alike {
        add(terms, Some(term), sure::MISSPELT[edits]);
    }
    if terms.is_empty() {
        add(terms, index.shorter(&word.stem), sure::SHORTER);
    }
}

fn add(terms: &mut Vec<(Term, f32)>, term: Option<Term>, sure: f32) {
    if let Some(term) = term
        && !terms.iter().any(|(known, _)| *known == term)
    {
        terms.push((term, sure));
    }
}

/// The rarity of the most frequent of the terms; none: nobody has it.
fn rarity(terms: &[(Term, f32)], index: &Index) -> f32 {
    let counts = terms.iter().map(|(term, _)| index.postings(*term).len());
    index.rarity(counts.max().unwrap_or(0))
}
