//! An in-memory inverted index of the passages of one project. An update adds and
//! removes single passages and does not rebuild the index.

mod term_expansion;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::headline::Headline;
use super::language::{Language, LanguageDetector};
use super::spelling_index::SpellingIndex;
use super::stemmer::stem;
use super::stop_words::{is_stop_word, stop_word};
use super::tokenizer::tokenize;
use crate::domain::PassageSeq;
use crate::store::passage::PassageText;

/// Identifies a term in its index. A term is a stem.
pub type TermId = u32;

/// The terms and passages of one project.
///
/// Terms without postings stay in the index until it is dropped.
#[derive(Debug, Clone, Default)]
pub struct InvertedIndex {
    /// The version of the project's documents and Q&As that was indexed.
    pub version: i64,
    pub passages: Vec<IndexedPassage>,
    /// The indexes in `passages`.
    positions: HashMap<PassageSeq, u32>,
    /// The number of documents and Q&As.
    pub source_count: u32,
    /// The number of tokens of each document or Q&A that are not stop words.
    pub source_lengths: Vec<u32>,
    terms: HashMap<Arc<str>, TermId>,
    /// By term id.
    term_texts: Vec<Arc<str>>,
    postings: Vec<Vec<Posting>>,
    term_spellings: SpellingIndex,
    /// All tokens as written, with their index in `forms`.
    form_ids: HashMap<Arc<str>, u32>,
    forms: Vec<WordForm>,
    /// The forms that are not stop words.
    form_spellings: SpellingIndex,
    /// All terms in alphabetical order.
    sorted_terms: Vec<TermId>,
    /// For a term, the longer terms that end with it, such as German compounds.
    terms_by_suffix: HashMap<TermId, Vec<TermId>>,
    /// The number of tokens of all passages.
    total_tokens: u64,
    /// The passages whose title or heading consists of stop words, such as "About us". No
    /// term finds them.
    pub stop_word_headlines: Vec<u32>,
}

/// A token as written.
#[derive(Debug, Clone)]
struct WordForm {
    text: Arc<str>,
    /// `None` for a stop word.
    term: Option<TermId>,
}

/// A passage of the index.
#[derive(Debug, Clone)]
pub struct IndexedPassage {
    pub seq: PassageSeq,
    /// The row of the document. `None` for a Q&A.
    document: Option<i64>,
    /// The number of the document or Q&A, less than
    /// [`InvertedIndex::source_count`].
    pub source: u32,
    /// See [`InvertedIndex::source_of_url`].
    url_hash: u64,
    pub language: Option<Language>,
    /// The number of tokens of the body that are not stop words.
    pub token_count: u32,
    /// The title or question.
    pub title: Headline,
    /// The outermost heading above the section, which is often the title that a reader
    /// sees.
    pub top_heading: Headline,
    /// The section's own heading.
    pub heading: Headline,
}

/// The frequencies of one term in one passage.
#[derive(Debug, Clone, Copy)]
pub struct Posting {
    /// The index in [`InvertedIndex::passages`].
    pub passage: u32,
    /// The fields other than the body that have the term.
    pub fields: FieldSet,
    pub in_body: u8,
}

/// A field of a passage other than the body.
#[derive(Debug, Clone, Copy)]
pub enum PassageField {
    Title = 1,
    /// The words of the address.
    Slug = 2,
    Description = 4,
    Heading = 8,
}

/// Some of the fields of a passage.
#[derive(Debug, Clone, Copy, Default)]
pub struct FieldSet(u8);

impl FieldSet {
    pub fn contains(self, field: PassageField) -> bool {
        self.0 & field as u8 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds the fields of another set.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// The minimum length of a part of a compound, and of the rest of the compound.
const MIN_COMPOUND_PART: usize = 4;
const MIN_COMPOUND_REST: usize = 3;

impl InvertedIndex {
    /// Removes the passages for which `is_kept` returns false.
    pub fn retain(&mut self, is_kept: impl Fn(PassageSeq) -> bool) {
        let mut new_positions = Vec::with_capacity(self.passages.len());
        let mut kept_count = 0;
        for passage in &self.passages {
            new_positions.push(is_kept(passage.seq).then_some(kept_count));
            kept_count += u32::from(is_kept(passage.seq));
        }
        if kept_count as usize == self.passages.len() {
            return;
        }
        self.passages.retain(|passage| is_kept(passage.seq));
        for postings in &mut self.postings {
            postings.retain_mut(|posting| match new_positions[posting.passage as usize] {
                Some(position) => {
                    posting.passage = position;
                    true
                }
                None => false,
            });
        }
    }

    /// Adds a passage. Call [`finish`](Self::finish) after the last one.
    pub fn add(&mut self, seq: PassageSeq, passage: &PassageText<'_>) {
        let mut detector = LanguageDetector::default();
        let position = self.passages.len() as u32;
        // The question of a Q&A names its subject, like the heading of a section.
        let title_field = match passage.document {
            Some(_) => PassageField::Title,
            None => PassageField::Heading,
        };
        let title = self.headline(passage.title, &mut detector);
        let slug_terms = self.terms_of(&slug_words(passage.url), &mut LanguageDetector::default());
        let description_terms = self.terms_of(passage.description, &mut detector);
        let [top, middle, own] = split_heading(passage.heading);
        let top_heading = self.headline(top, &mut detector);
        let middle_terms = self.terms_of(middle, &mut detector);
        let heading = self.headline(own, &mut detector);
        for (field, terms) in [
            (title_field, &*title.terms),
            (PassageField::Slug, &slug_terms),
            (PassageField::Description, &description_terms),
            (PassageField::Heading, &top_heading.terms),
            (PassageField::Heading, &middle_terms),
            (PassageField::Heading, &heading.terms),
        ] {
            for term in terms {
                self.posting(*term, position).fields.0 |= field as u8;
            }
        }
        let mut token_count = 0;
        for text in without_link_targets(passage.body) {
            for term in self.terms_of(text, &mut detector) {
                let in_body = &mut self.posting(term, position).in_body;
                *in_body = in_body.saturating_add(1);
                token_count += 1;
            }
        }
        self.passages.push(IndexedPassage {
            seq,
            document: passage.document,
            source: 0,
            url_hash: url_hash(passage.url),
            language: detector.language(),
            token_count,
            title,
            top_heading,
            heading,
        });
    }

    /// Returns the terms of a text without stop words, and adds them if needed.
    fn terms_of(&mut self, text: &str, detector: &mut LanguageDetector) -> Vec<TermId> {
        let mut terms = Vec::new();
        tokenize(text, |token| {
            detector.add(token);
            terms.extend(self.term_of_token(token));
        });
        terms
    }

    /// Returns the words of a title or heading, and adds their terms if needed.
    fn headline(&mut self, text: &str, detector: &mut LanguageDetector) -> Headline {
        let mut stop_words = Vec::new();
        tokenize(text, |token| stop_words.extend(stop_word(token)));
        Headline::new(self.terms_of(text, detector), stop_words)
    }

    /// Returns the term of a token, and adds it if needed. Returns `None` for a
    /// stop word.
    fn term_of_token(&mut self, token: &str) -> Option<TermId> {
        if let Some(form) = self.form_ids.get(token) {
            return self.forms[*form as usize].term;
        }
        let term = (!is_stop_word(token)).then(|| self.term_of_stem(&stem(token)));
        let (text, form): (Arc<str>, _) = (token.into(), self.forms.len() as u32);
        self.form_ids.insert(Arc::clone(&text), form);
        if term.is_some() {
            self.form_spellings.add(token, form);
        }
        self.forms.push(WordForm { text, term });
        term
    }

    fn term_of_stem(&mut self, stem: &str) -> TermId {
        if let Some(term) = self.terms.get(stem) {
            return *term;
        }
        let text: Arc<str> = stem.into();
        let term = self.term_texts.len() as TermId;
        self.terms.insert(Arc::clone(&text), term);
        self.term_spellings.add(stem, term);
        self.term_texts.push(text);
        self.postings.push(Vec::new());
        term
    }

    /// Returns the posting of a term in the last passage, and adds it if needed.
    fn posting(&mut self, term: TermId, passage: u32) -> &mut Posting {
        let postings = &mut self.postings[term as usize];
        if postings.last().is_none_or(|last| last.passage != passage) {
            postings.push(Posting {
                passage,
                fields: FieldSet::default(),
                in_body: 0,
            });
        }
        let last = postings.len() - 1;
        &mut postings[last]
    }

    /// Computes the values that depend on all passages and terms. Call it after
    /// each series of [`retain`](Self::retain) and [`add`](Self::add).
    pub fn finish(&mut self, version: i64) {
        self.version = version;
        self.number_sources();
        let seqs = self.passages.iter().map(|passage| passage.seq);
        self.positions = seqs.zip(0..).collect();
        self.postings.iter_mut().for_each(Vec::shrink_to_fit);
        self.total_tokens = self
            .passages
            .iter()
            .map(|passage| u64::from(passage.token_count))
            .sum();
        self.stop_word_headlines = self.find_stop_word_headlines();
        let has_new_terms = self.sorted_terms.len() != self.term_texts.len();
        if has_new_terms {
            self.sort_terms();
            self.terms_by_suffix = self.find_suffixes();
        }
    }

    fn number_sources(&mut self) {
        let mut sources = HashMap::new();
        self.source_count = 0;
        self.source_lengths.clear();
        for passage in &mut self.passages {
            let next = self.source_count;
            passage.source = match passage.document {
                Some(document) => *sources.entry(document).or_insert(next),
                None => next,
            };
            if passage.source == next {
                self.source_count += 1;
                self.source_lengths.push(0);
            }
            self.source_lengths[passage.source as usize] += passage.token_count;
        }
    }

    fn find_stop_word_headlines(&self) -> Vec<u32> {
        let passages = self.passages.iter().zip(0..);
        let found = passages.filter(|(passage, _)| {
            let headlines = [&passage.title, &passage.top_heading, &passage.heading];
            headlines.into_iter().any(Headline::has_only_stop_words)
        });
        found.map(|(_, position)| position).collect()
    }

    fn sort_terms(&mut self) {
        self.sorted_terms = (0..self.term_texts.len() as TermId).collect();
        self.sorted_terms.sort_unstable_by(|one, other| {
            self.term_texts[*one as usize].cmp(&self.term_texts[*other as usize])
        });
    }

    fn find_suffixes(&self) -> HashMap<TermId, Vec<TermId>> {
        let mut terms_by_suffix: HashMap<TermId, Vec<TermId>> = HashMap::new();
        for &term in &self.sorted_terms {
            let text = &*self.term_texts[term as usize];
            let starts = MIN_COMPOUND_REST..(text.len() + 1).saturating_sub(MIN_COMPOUND_PART);
            for start in starts.filter(|start| text.is_char_boundary(*start)) {
                if let Some(suffix) = self.terms.get(&text[start..]) {
                    terms_by_suffix.entry(*suffix).or_default().push(term);
                }
            }
        }
        terms_by_suffix
    }

    /// Returns the term of a stem. Returns `None` if no passage has it.
    pub fn term(&self, stem: &str) -> Option<TermId> {
        let term = *self.terms.get(stem)?;
        (!self.postings[term as usize].is_empty()).then_some(term)
    }

    /// Returns the index of a passage in [`Self::passages`].
    pub fn position(&self, seq: PassageSeq) -> Option<u32> {
        self.positions.get(&seq).copied()
    }

    /// Returns the number of the document with an address.
    pub fn source_of_url(&self, url: &str) -> Option<u32> {
        let hash = url_hash(url);
        let passage = self
            .passages
            .iter()
            .find(|passage| passage.url_hash == hash);
        passage.map(|passage| passage.source)
    }

    /// Returns the postings of a term, ordered by passage.
    pub fn postings(&self, term: TermId) -> &[Posting] {
        &self.postings[term as usize]
    }

    /// Returns the inverse document frequency (BM25) of a term that occurs in
    /// `document_frequency` passages.
    pub fn idf(&self, document_frequency: usize) -> f32 {
        let (total, frequency) = (self.passages.len() as f32, document_frequency as f32);
        (1.0 + (total - frequency + 0.5) / (frequency + 0.5)).ln()
    }

    /// Returns the average number of tokens of a passage.
    pub fn average_length(&self) -> f32 {
        self.total_tokens as f32 / self.passages.len().max(1) as f32
    }

    /// Returns the average number of tokens of a document or Q&A.
    pub fn average_source_length(&self) -> f32 {
        self.total_tokens as f32 / self.source_count.max(1) as f32
    }

    /// Estimates the memory that the index uses.
    pub fn memory_usage(&self) -> MemoryUsage {
        let forms = self.forms.iter().map(|form| &form.text);
        let texts = self.term_texts.iter().chain(forms);
        let text_bytes: usize = texts.map(|text| text.len() + 16).sum();
        let suffix_bytes: usize = self
            .terms_by_suffix
            .values()
            .map(|terms| 32 + 4 * terms.capacity())
            .sum();
        let list_bytes = size_of::<Vec<Posting>>();
        let posting_bytes = self
            .postings
            .iter()
            .map(|postings| postings.capacity() * size_of::<Posting>());
        MemoryUsage {
            terms: self.term_texts.len(),
            vocabulary_bytes: text_bytes
                + suffix_bytes
                + self.term_texts.len() * (2 * size_of::<Arc<str>>() + list_bytes + 24)
                + self.forms.len() * (size_of::<WordForm>() + size_of::<Arc<str>>() + 20),
            posting_bytes: posting_bytes.sum::<usize>()
                + self.passages.capacity() * size_of::<IndexedPassage>(),
        }
    }
}

/// The estimated memory usage of an index.
#[derive(Debug, Clone, Copy)]
pub struct MemoryUsage {
    /// The number of terms.
    pub terms: usize,
    pub vocabulary_bytes: usize,
    pub posting_bytes: usize,
}

/// Returns a number that differs for different addresses. The fragment is ignored.
fn url_hash(url: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.split('#').next().hash(&mut hasher);
    hasher.finish()
}

/// Returns the outermost heading above a section, the headings below it, and the
/// section's own heading.
fn split_heading(heading: &str) -> [&str; 3] {
    let (above, own) = heading.rsplit_once(" › ").unwrap_or(("", heading));
    let (top, middle) = above.split_once(" › ").unwrap_or((above, ""));
    [top, middle, own]
}

/// Returns the words of an address that name the page: the path without the ending of
/// the file.
fn slug_words(url: &str) -> String {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let path = path.rsplit_once('.').map_or(path, |(path, _)| path);
    let path = percent_decode_str(path).decode_utf8_lossy();
    path.replace(['-', '_', '+'], " ")
}

/// Returns the parts of a Markdown text without the targets of its links, which
/// are not visible.
fn without_link_targets(markdown: &str) -> impl Iterator<Item = &str> {
    markdown.split("](").enumerate().map(|(index, text)| {
        let target_end = if index == 0 { None } else { text.find(')') };
        &text[target_end.unwrap_or(0)..]
    })
}
