//! What a project's passages say, in memory: for each term the passages that
//! have it. It is brought up to date by what came and went, not built anew.

mod similar;

use std::collections::HashMap;
use std::sync::Arc;

use super::language::{Language, LanguageDetector, is_stop_word};
use super::spellings::Spellings;
use super::word::{stem, words};
use crate::domain::PassageSeq;
use crate::store::passage::PassageText;

/// The number of a term in its index.
pub type Term = u32;

/// One project's terms and passages.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// The state of the knowledge that this is of.
    pub version: i64,
    pub passages: Vec<Entry>,
    /// How many documents and Q&As they are of.
    pub wholes: u32,
    terms: HashMap<Arc<str>, Term>,
    names: Vec<Arc<str>>,
    /// The terms by what they look like.
    term_spellings: Spellings,
    postings: Vec<Vec<Posting>>,
    /// The words as they are written, each with the place of its form.
    words: HashMap<Arc<str>, u32>,
    forms: Vec<Form>,
    /// The forms by what they look like, but for stop words.
    form_spellings: Spellings,
    /// Terms in alphabetical order.
    sorted: Vec<Term>,
    /// Longer terms that end in a term: German compounds.
    tails: HashMap<Term, Vec<Term>>,
    /// Of all passages together.
    length: u64,
}

/// A word as it is written, folded.
#[derive(Debug, Clone)]
struct Form {
    word: Arc<str>,
    /// None: a stop word.
    term: Option<Term>,
}

/// A passage in the index.
#[derive(Debug, Clone)]
pub struct Entry {
    pub seq: PassageSeq,
    /// The row of its document; none: a Q&A.
    document: Option<i64>,
    /// The number of its whole: the document, or the Q&A.
    pub whole: u32,
    pub language: Option<Language>,
    /// How many words it has.
    pub length: u32,
}

/// How often a passage has a term.
#[derive(Debug, Clone, Copy)]
pub struct Posting {
    /// Its place in [`Index::passages`].
    pub passage: u32,
    pub in_title: u8,
    pub in_heading: u8,
    pub in_body: u8,
}

/// A part of a passage that counts by itself.
#[derive(Debug, Clone, Copy)]
enum Field {
    Title,
    Heading,
    Body,
}

/// The shortest term that is looked for inside of longer ones, and the fewest
/// letters that the longer one has more.
const PART: usize = 4;
const REST: usize = 3;

impl Index {
    /// Drops the passages that `stays` refuses.
    pub fn keep(&mut self, stays: impl Fn(PassageSeq) -> bool) {
        let mut places = Vec::with_capacity(self.passages.len());
        let mut kept = 0;
        for entry in &self.passages {
            places.push(stays(entry.seq).then_some(kept));
            kept += u32::from(stays(entry.seq));
        }
        if kept as usize == self.passages.len() {
            return;
        }
        self.passages.retain(|entry| stays(entry.seq));
        for postings in &mut self.postings {
            postings.retain_mut(|posting| match places[posting.passage as usize] {
                Some(place) => {
                    posting.passage = place;
                    true
                }
                None => false,
            });
        }
    }

    /// Adds a passage.
    pub fn add(&mut self, seq: PassageSeq, passage: &PassageText<'_>) {
        let mut detector = LanguageDetector::default();
        let place = self.passages.len() as u32;
        // A Q&A's question says what it is about, like a section's heading.
        let title = match passage.document {
            Some(_) => Field::Title,
            None => Field::Heading,
        };
        let mut length = self.add_text(place, title, passage.title, &mut detector);
        length += self.add_text(place, Field::Heading, passage.heading, &mut detector);
        for text in without_targets(passage.body) {
            length += self.add_text(place, Field::Body, text, &mut detector);
        }
        self.passages.push(Entry {
            seq,
            document: passage.document,
            whole: 0,
            language: detector.language(),
            length,
        });
    }

    fn add_text(
        &mut self,
        place: u32,
        field: Field,
        text: &str,
        detector: &mut LanguageDetector,
    ) -> u32 {
        let mut count = 0;
        words(text, |word| {
            detector.observe(word);
            if let Some(term) = self.term_of_word(word) {
                count += 1;
                self.post(term, place, field);
            }
        });
        count
    }

    fn term_of_word(&mut self, word: &str) -> Option<Term> {
        if let Some(form) = self.words.get(word) {
            return self.forms[*form as usize].term;
        }
        let term = (!is_stop_word(word)).then(|| self.term_for(&stem(word)));
        let (name, form): (Arc<str>, _) = (word.into(), self.forms.len() as u32);
        self.words.insert(Arc::clone(&name), form);
        if term.is_some() {
            self.form_spellings.add(word, form);
        }
        self.forms.push(Form { word: name, term });
        term
    }

    fn term_for(&mut self, stem: &str) -> Term {
        if let Some(term) = self.terms.get(stem) {
            return *term;
        }
        let name: Arc<str> = stem.into();
        let term = self.names.len() as Term;
        self.terms.insert(Arc::clone(&name), term);
        self.term_spellings.add(stem, term);
        self.names.push(name);
        self.postings.push(Vec::new());
        term
    }

    fn post(&mut self, term: Term, passage: u32, field: Field) {
        let postings = &mut self.postings[term as usize];
        if postings.last().is_none_or(|last| last.passage != passage) {
            postings.push(Posting {
                passage,
                in_title: 0,
                in_heading: 0,
                in_body: 0,
            });
        }
        if let Some(last) = postings.last_mut() {
            let count = match field {
                Field::Title => &mut last.in_title,
                Field::Heading => &mut last.in_heading,
                Field::Body => &mut last.in_body,
            };
            *count = count.saturating_add(1);
        }
    }

    /// Works out what depends on the terms as a whole, once all are there.
    pub fn finish(&mut self, version: i64) {
        self.version = version;
        self.number_wholes();
        self.postings.iter_mut().for_each(Vec::shrink_to_fit);
        self.length = self
            .passages
            .iter()
            .map(|entry| u64::from(entry.length))
            .sum();
        if self.sorted.len() == self.names.len() {
            return;
        }
        self.sorted = (0..self.names.len() as Term).collect();
        self.sorted.sort_unstable_by(|one, other| {
            self.names[*one as usize].cmp(&self.names[*other as usize])
        });
        self.tails = self.find_tails();
    }

    fn number_wholes(&mut self) {
        let mut wholes = HashMap::new();
        self.wholes = 0;
        for entry in &mut self.passages {
            let next = self.wholes;
            entry.whole = match entry.document {
                Some(document) => *wholes.entry(document).or_insert(next),
                None => next,
            };
            self.wholes += u32::from(entry.whole == next);
        }
    }

    fn find_tails(&self) -> HashMap<Term, Vec<Term>> {
        let mut tails: HashMap<Term, Vec<Term>> = HashMap::new();
        for &whole in &self.sorted {
            let name = &*self.names[whole as usize];
            let starts = REST..(name.len() + 1).saturating_sub(PART);
            for start in starts.filter(|start| name.is_char_boundary(*start)) {
                if let Some(tail) = self.terms.get(&name[start..]) {
                    tails.entry(*tail).or_default().push(whole);
                }
            }
        }
        tails
    }

    /// The term that is spelled so.
    pub fn term(&self, stem: &str) -> Option<Term> {
        let term = *self.terms.get(stem)?;
        (!self.postings[term as usize].is_empty()).then_some(term)
    }

    /// The passages that have a term, in their order.
    pub fn postings(&self, term: Term) -> &[Posting] {
        &self.postings[term as usize]
    }

    /// How rare a term is that `count` passages have: the logarithm of one in
    /// so many.
    pub fn rarity(&self, count: usize) -> f32 {
        let (all, count) = (self.passages.len() as f32, count as f32);
        (1.0 + (all - count + 0.5) / (count + 0.5)).ln()
    }

    /// How many words a passage has on average.
    pub fn average_length(&self) -> f32 {
        self.length as f32 / self.passages.len().max(1) as f32
    }

    /// Bytes that it takes, roughly: for measurements.
    pub fn weight(&self) -> Weight {
        let names = self
            .names
            .iter()
            .chain(self.forms.iter().map(|form| &form.word));
        let text: usize = names.map(|name| name.len() + 16).sum();
        let tails: usize = self.tails.values().map(|all| 32 + 4 * all.capacity()).sum();
        let list = size_of::<Vec<Posting>>();
        let postings = self
            .postings
            .iter()
            .map(|all| all.capacity() * size_of::<Posting>());
        Weight {
            terms: self.names.len(),
            vocabulary: text
                + tails
                + self.names.len() * (2 * size_of::<Arc<str>>() + list + 24)
                + self.forms.len() * (size_of::<Form>() + size_of::<Arc<str>>() + 20),
            postings: postings.sum::<usize>() + self.passages.capacity() * size_of::<Entry>(),
        }
    }
}

/// What an index takes.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    pub terms: usize,
    /// Bytes of the terms, …
    pub vocabulary: usize,
    /// … and of where they stand.
    pub postings: usize,
}

/// Markdown without the targets of its links, whose words nobody reads.
fn without_targets(markdown: &str) -> impl Iterator<Item = &str> {
    markdown.split("](").enumerate().map(|(index, text)| {
        let end = if index == 0 { None } else { text.find(')') };
        &text[end.unwrap_or(0)..]
    })
}
