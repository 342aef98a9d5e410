//! Detects messages that need no search, and the standard replies in the languages of
//! the widget. The words and replies are in `small_talk.txt`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::answer::handover::{Language, is_unspaced, normalize};

/// A kind of message that is not a question about the website.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SmallTalk {
    Greeting,
    Thanks,
    Bye,
    /// A question about the assistant, such as "are you a bot?".
    Identity,
    Test,
    Insult,
}

/// The kinds with their names in `small_talk.txt`. If a message has several, the last
/// one decides the reply.
const KINDS: [(&str, SmallTalk); 6] = [
    ("greeting", SmallTalk::Greeting),
    ("thanks", SmallTalk::Thanks),
    ("test", SmallTalk::Test),
    ("bye", SmallTalk::Bye),
    ("insult", SmallTalk::Insult),
    ("identity", SmallTalk::Identity),
];

/// The maximum length of small talk in bytes of normalized text.
const MAX_SMALL_TALK_BYTES: usize = 160;

/// From this number on, equal letters in a row count as one: "hiiii".
const MIN_REPEATED_LETTERS: usize = 3;

/// The entries and replies of a language.
#[derive(Debug, Default)]
struct Phrases {
    /// Normalized texts. `None` is a filler.
    entries: Vec<(String, Option<SmallTalk>)>,
    replies: HashMap<&'static str, &'static str>,
}

static PHRASES: LazyLock<HashMap<Language, Phrases>> = LazyLock::new(|| {
    let mut phrases: HashMap<Language, Phrases> = HashMap::new();
    let mut language = Language::English;
    for line in include_str!("small_talk.txt").lines() {
        if let Some(tag) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            language = Language::from_tag(tag).unwrap_or(Language::English);
        } else if let Some((key, value)) = line.split_once(" = ") {
            phrases.entry(language).or_default().add(key, value);
        }
    }
    phrases
});

impl Phrases {
    fn add(&mut self, key: &'static str, value: &'static str) {
        if let Some(name) = key.strip_prefix("reply.") {
            self.replies.insert(name, value);
            return;
        }
        let kind = KINDS.iter().find(|(name, _)| *name == key);
        let kind = kind.map(|(_, kind)| *kind);
        let entries = value.split(',').map(|entry| (plain(entry), kind));
        self.entries.extend(entries);
    }

    /// Returns the kind of a normalized message that consists of entries only.
    fn kind_of(&self, text: &str) -> Option<SmallTalk> {
        // By position: the kinds of the entries up to there. `None` if there is a rest.
        let mut kinds: Vec<Option<Vec<SmallTalk>>> = vec![None; text.len() + 1];
        kinds[0] = Some(Vec::new());
        for start in 0..text.len() {
            let Some(before) = kinds[start].clone() else {
                continue;
            };
            for (entry, kind) in &self.entries {
                let Some(end) = entry_end(text, start, entry) else {
                    continue;
                };
                let mut all = before.clone();
                all.extend(kind);
                let known = &mut kinds[end];
                if known.as_ref().is_none_or(|known| known.len() < all.len()) {
                    *known = Some(all);
                }
            }
        }
        let all = kinds.pop().flatten()?;
        let last = KINDS.iter().rfind(|(_, kind)| all.contains(kind));
        last.map(|(_, kind)| *kind)
    }
}

/// Returns the position after an entry at `start` and the space behind it. Returns
/// `None` if the entry is not there.
fn entry_end(text: &str, start: usize, entry: &str) -> Option<usize> {
    let rest = text.get(start..)?.strip_prefix(entry)?;
    let end = text.len() - rest.len();
    match rest.chars().next() {
        None => Some(end),
        Some(' ') => Some(end + 1),
        Some(next) => {
            let is_unspaced_end = entry.ends_with(is_unspaced) || is_unspaced(next);
            is_unspaced_end.then_some(end)
        }
    }
}

/// Returns the normalized words of a text, without punctuation.
fn plain(text: &str) -> String {
    let normalized = normalize(text);
    let words = normalized.split_whitespace();
    let words = words.filter(|word| word.chars().any(char::is_alphanumeric));
    let words: Vec<_> = words.collect();
    words.join(" ")
}

/// Shortens letters that are repeated for emphasis.
fn without_repetitions(text: &str) -> String {
    let mut short = String::with_capacity(text.len());
    let letters: Vec<char> = text.chars().collect();
    for run in letters.chunk_by(|one, other| one == other) {
        let is_emphasis = run.len() >= MIN_REPEATED_LETTERS && run[0].is_alphabetic();
        let kept = if is_emphasis { 1 } else { run.len() };
        short.extend(&run[..kept]);
    }
    short
}

impl SmallTalk {
    /// Returns the kind of small talk of a message, and its language. `hint` decides
    /// between languages that share the words. Returns `None` for other messages.
    pub fn detect(text: &str, hint: Option<Language>) -> Option<(Self, Language)> {
        let plain = plain(text);
        if plain.is_empty() || plain.len() > MAX_SMALL_TALK_BYTES {
            return None;
        }
        let short = without_repetitions(&plain);
        let languages = hint.into_iter().chain(Language::ALL);
        let mut kinds = languages.filter_map(|language| {
            let phrases = PHRASES.get(&language)?;
            let kind = phrases.kind_of(&plain).or_else(|| phrases.kind_of(&short));
            Some((kind?, language))
        });
        kinds.next()
    }

    pub fn reply(self, language: Language) -> &'static str {
        let name = KINDS.iter().find(|(_, kind)| *kind == self);
        text(name.map_or("greeting", |(name, _)| *name), language)
    }
}

/// Whether a message is small talk.
pub fn is_small_talk(text: &str) -> bool {
    SmallTalk::detect(text, None).is_some()
}

/// Returns the reply to a question without an answer.
pub fn unknown_reply(language: Language) -> &'static str {
    text("unknown", language)
}

/// Returns the sentence that names a page, given as a Markdown link.
pub fn page_suggestion(language: Language, link: &str) -> String {
    text("page", language).replace("{page}", link)
}

fn text(name: &str, language: Language) -> &'static str {
    let phrases = PHRASES.get(&language);
    let text = phrases.and_then(|phrases| phrases.replies.get(name));
    text.copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
