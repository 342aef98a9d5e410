//! The words of each language, from the files in `languages/`.
//!
//! A file has sections with lists of words and phrases, separated by commas:
//!
//! ```text
//! # a comment
//! [contact]
//! talk (to|with|), speak*, get in touch
//! ```
//!
//! - `(a|b|)` stands for each alternative, the last of which is nothing.
//! - `speak*` also matches longer words ("speaking").
//! - Entries are compared without case, diacritics and punctuation.
//! - An entry in two sections belongs to the first.
//! - At each position, the longest entry of all sections counts. A longer phrase in
//!   `[other]` therefore takes a word out: "human resources" is no human.
//!
//! [`Role`] explains the sections. The lines of `[texts]` are `key = text`
//! (`texts.rs`). The line `@order any` means that the verb can follow the person, and
//! `@order final` that the verb is at the end of a sentence.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::language::{LANGUAGE_COUNT, Language};
use super::normalize::normalize;
use super::spellings::Spellings;
use super::word_trie::{WordTrie, first_unit, visit_starts};

/// What an entry means for a request. The name of a section is in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// "person": a person who answers, such as "agent" or "human".
    Person,
    /// "someone": a word that can mean a person of the team, such as "someone".
    Someone,
    /// "team": a department, such as "customer service".
    Team,
    /// "bot": the assistant.
    Bot,
    /// "real": an adjective of a person, such as "real" or "live".
    Real,
    /// "glue": articles and prepositions between the words of a request.
    Glue,
    /// "contact": a verb of a conversation or a transfer, such as "talk to".
    Contact,
    /// "reach": a verb that also concerns a department, such as "contact".
    Reach,
    /// "help": a verb of help.
    Help,
    /// "wish": the words that make a request, such as "I want" or "can I".
    Wish,
    /// "question": words that make a question without a question mark.
    Question,
    /// "please": politeness, greetings and urgency.
    Filler,
    /// "about": the words that begin a reason after the person.
    About,
    /// "refusal": the visitor does not want it.
    Refusal,
    /// "duty": a wish in a statement ("I have to talk to a person"), and a refusal in
    /// a question ("do I have to talk to a person?").
    Duty,
    /// "presence": a question whether a person is there. Nothing else may follow it.
    Presence,
    /// "condition": the words that make a description, such as "which" or "if".
    Condition,
    /// "request": a phrase that is a request on its own.
    Request,
    /// "other": a phrase that contains one of the words above and means something
    /// else.
    Other,
    /// "common": frequent words, which only tell the language.
    Common,
    /// "mine", "theirs", "call", "number": see `contact.rs`.
    Mine,
    Theirs,
    Call,
    Number,
    SentenceEnd,
    QuestionEnd,
    ClauseEnd,
}

const SECTIONS: [(&str, Role); 24] = [
    ("person", Role::Person),
    ("someone", Role::Someone),
    ("team", Role::Team),
    ("bot", Role::Bot),
    ("real", Role::Real),
    ("glue", Role::Glue),
    ("contact", Role::Contact),
    ("reach", Role::Reach),
    ("help", Role::Help),
    ("wish", Role::Wish),
    ("question", Role::Question),
    ("please", Role::Filler),
    ("about", Role::About),
    ("refusal", Role::Refusal),
    ("duty", Role::Duty),
    ("presence", Role::Presence),
    ("condition", Role::Condition),
    ("request", Role::Request),
    ("other", Role::Other),
    ("common", Role::Common),
    ("mine", Role::Mine),
    ("theirs", Role::Theirs),
    ("call", Role::Call),
    ("number", Role::Number),
];

impl Role {
    /// Whether an entry can be what the visitor asks for.
    pub fn is_target(self) -> bool {
        matches!(
            self,
            Role::Person | Role::Someone | Role::Team | Role::Bot | Role::Request | Role::Presence
        )
    }

    /// Whether an entry is also recognised with a spelling error.
    fn is_fuzzy(self) -> bool {
        matches!(
            self,
            Role::Person | Role::Team | Role::Contact | Role::Reach | Role::Wish | Role::Filler
        )
    }

    /// Whether the entry is for contact details instead of requests.
    pub fn is_for_contact(self) -> bool {
        matches!(self, Role::Mine | Role::Theirs | Role::Call | Role::Number)
    }
}

/// A part of a text: an entry of the vocabulary, a mark, or a word without an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    pub role: Role,
    pub chars: usize,
}

/// Where the verb of a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Before the person: "talk to a person".
    VerbFirst,
    /// Before or after the person: "mit einem Menschen sprechen".
    Any,
    /// At the end of the sentence, together with the tense and the negation.
    VerbFinal,
}

/// The words and texts of a language.
#[derive(Debug)]
pub struct Vocabulary {
    pub order: Order,
    pub texts: HashMap<&'static str, &'static str>,
    request_words: WordTrie<Role>,
    contact_words: WordTrie<Role>,
    /// The entries that [`Role::is_target`], with whether they match longer words.
    targets: Vec<(String, bool)>,
    spellings: Spellings<Role>,
}

impl Vocabulary {
    /// Parses a file. Panics on an invalid line: the files are part of the program,
    /// and a test parses all of them.
    fn parse(file: &'static str) -> Self {
        let mut vocabulary = Self {
            order: Order::VerbFirst,
            texts: HashMap::new(),
            request_words: WordTrie::new(),
            contact_words: WordTrie::new(),
            targets: Vec::new(),
            spellings: Spellings::default(),
        };
        let mut section = "";
        for line in file.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            } else if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
            } else if let Some(order) = line.strip_prefix("@order ") {
                vocabulary.order = match order {
                    "any" => Order::Any,
                    _ => Order::VerbFinal,
                };
            } else if section == "texts" {
                let (key, text) = line.split_once(" = ").expect("a text has a key");
                vocabulary.texts.insert(key, text);
            } else {
                let role = SECTIONS.iter().find(|(name, _)| *name == section);
                let (_, role) = role.expect("a section has a known name");
                vocabulary.add_line(line, *role);
            }
        }
        vocabulary
    }

    fn add_line(&mut self, line: &str, role: Role) {
        let entries = line
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        for entry in entries.flat_map(alternatives) {
            let (entry, is_prefix) = match entry.trim().strip_suffix('*') {
                Some(stem) => (normalize(stem), true),
                None => (normalize(&entry), false),
            };
            if role.is_for_contact() {
                self.contact_words
                    .add(&entry, is_prefix, |first| first.unwrap_or(role));
                continue;
            }
            self.request_words
                .add(&entry, is_prefix, |first| first.unwrap_or(role));
            if !is_prefix && role.is_fuzzy() {
                self.spellings.add(&entry, role);
            }
            if role.is_target() {
                self.targets.push((entry, is_prefix));
            }
        }
    }

    /// Returns the items of a normalised text.
    pub fn items<'a>(&'a self, normalized: &'a str) -> impl Iterator<Item = Item> + 'a {
        items(&self.request_words, normalized, |word| {
            self.spellings.similar(word).next()
        })
    }

    /// Like [`Self::items`], with the words for contact details.
    pub fn contact_items<'a>(&'a self, normalized: &'a str) -> impl Iterator<Item = Item> + 'a {
        items(&self.contact_words, normalized, |_| None)
    }
}

fn items<'a>(
    trie: &'a WordTrie<Role>,
    normalized: &'a str,
    similar: impl Fn(&str) -> Option<Role> + 'a,
) -> impl Iterator<Item = Item> + 'a {
    let mut rest = normalized;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(' ');
        let (length, role) = match rest.as_bytes().first()? {
            b'.' => (1, Role::SentenceEnd),
            b'?' => (1, Role::QuestionEnd),
            b',' => (1, Role::ClauseEnd),
            _ => trie.longest_match(rest).unwrap_or_else(|| {
                let length = first_unit(rest);
                (length, similar(&rest[..length]).unwrap_or(Role::Other))
            }),
        };
        let (matched, remaining) = rest.split_at(length);
        rest = remaining;
        Some(Item {
            role,
            chars: matched.chars().count(),
        })
    })
}

/// Expands the first group of alternatives in `entry`, and then the others.
fn alternatives(entry: &str) -> Vec<String> {
    let Some((before, rest)) = entry.split_once('(') else {
        return vec![entry.to_owned()];
    };
    let (group, after) = rest.split_once(')').expect("a group is closed");
    let expand = |choice| alternatives(&format!("{before}{choice}{after}"));
    group.split('|').flat_map(expand).collect()
}

/// The contents of the file of each language.
macro_rules! files {
    ($($tag:literal)*) => {
        [$(include_str!(concat!("languages/", $tag, ".txt"))),*]
    };
}

/// In the order of [`Language::ALL`].
const FILES: [&str; LANGUAGE_COUNT] =
    files!["en" "de" "es" "fr" "pt" "it" "pl" "tr" "ja" "zh" "ko" "ar" "el" "uk" "hi" "vi"];

static VOCABULARIES: LazyLock<[Vocabulary; LANGUAGE_COUNT]> =
    LazyLock::new(|| FILES.map(Vocabulary::parse));

/// Returns the vocabularies in the order of [`Language::ALL`].
pub fn vocabularies() -> &'static [Vocabulary; LANGUAGE_COUNT] {
    &VOCABULARIES
}

/// The targets of all languages. Bit `n` of a value stands for language `n`.
struct Targets {
    words: WordTrie<u16>,
    spellings: Spellings<u16>,
}

static TARGETS: LazyLock<Targets> = LazyLock::new(|| {
    let (mut words, mut spellings) = (WordTrie::new(), Spellings::default());
    for (index, vocabulary) in vocabularies().iter().enumerate() {
        for (entry, is_prefix) in &vocabulary.targets {
            words.add(entry, *is_prefix, |bits| bits.unwrap_or(0) | 1 << index);
            spellings.add(entry, 1 << index);
        }
    }
    Targets { words, spellings }
});

/// Returns the languages that have a target in a normalised text.
pub fn languages_with_target(normalized: &str) -> impl Iterator<Item = Language> {
    let mut found = 0_u16;
    visit_starts(normalized, |_, rest| {
        let length = first_unit(rest);
        let before = found;
        TARGETS.words.matches(rest, |_, bits| found |= bits);
        if found == before {
            let similar = TARGETS.spellings.similar(&rest[..length]);
            found |= similar.fold(0, |found, bits| found | bits);
        }
        length
    });
    let is_found = move |language: &Language| found & (1 << *language as usize) != 0;
    Language::ALL.into_iter().filter(is_found)
}
