//! The languages of the hand-over, which are those of the widget.

use super::request::handover_request;
use super::vocabulary::{Item, Role, vocabularies};

/// A language that the hand-over knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    English,
    German,
    Spanish,
    French,
    Portuguese,
    Italian,
    Polish,
    Turkish,
    Japanese,
    Chinese,
    Korean,
    Arabic,
    Greek,
    Ukrainian,
    Hindi,
    Vietnamese,
}

/// The number of languages.
pub const LANGUAGE_COUNT: usize = 16;

const TAGS: [&str; LANGUAGE_COUNT] = [
    "en", "de", "es", "fr", "pt", "it", "pl", "tr", "ja", "zh", "ko", "ar", "el", "uk", "hi", "vi",
];

impl Language {
    /// All languages in the order of their declaration.
    pub const ALL: [Language; LANGUAGE_COUNT] = [
        Language::English,
        Language::German,
        Language::Spanish,
        Language::French,
        Language::Portuguese,
        Language::Italian,
        Language::Polish,
        Language::Turkish,
        Language::Japanese,
        Language::Chinese,
        Language::Korean,
        Language::Arabic,
        Language::Greek,
        Language::Ukrainian,
        Language::Hindi,
        Language::Vietnamese,
    ];

    /// Returns the language of a tag such as "de" or "pt-BR".
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().trim();
        let is_primary = |language: &Language| language.tag().eq_ignore_ascii_case(primary);
        Self::ALL.into_iter().find(is_primary)
    }

    /// Returns the language tag, for example "de".
    pub fn tag(self) -> &'static str {
        TAGS[self as usize]
    }
}

/// Returns the language of the reply to `text`: the language of a request for a
/// person, otherwise the language that is detected, otherwise `hint`, otherwise
/// English. `hint` is the language of the page or of earlier messages.
pub fn choose_language(text: &str, hint: Option<Language>) -> Language {
    handover_request(text, hint)
        .or_else(|| detect_language(text))
        .or(hint)
        .unwrap_or(Language::English)
}

/// The maximum number of bytes that are read to detect the language.
const MAX_DETECTION_BYTES: usize = 2000;

/// Letters of Russian and other languages that Ukrainian does not have. A text with these
/// letters must not be answered in Ukrainian.
const OTHER_CYRILLIC: [char; 8] = ['ы', 'э', 'ъ', 'ё', 'Ы', 'Э', 'Ъ', 'Ё'];

/// Returns the language of a text by its script and its frequent words. Returns
/// `None` if they do not decide it.
pub fn detect_language(text: &str) -> Option<Language> {
    let text = &text[..text.floor_char_boundary(MAX_DETECTION_BYTES)];
    if text.contains(OTHER_CYRILLIC) {
        return None;
    }
    if let Some(language) = script_language(text) {
        return Some(language);
    }
    // Addresses have words of other languages, such as "com".
    let is_word = |word: &&str| !word.contains(['@', '/']) && !word.starts_with("www.");
    let words: Vec<&str> = text.split_whitespace().filter(is_word).collect();
    let normalized = super::normalize::normalize(&words.join(" "));
    let mut scores = Language::ALL.map(|language| {
        let contact = contact_coverage(language, &normalized);
        (coverage(language, &normalized) + contact, language)
    });
    for (score, language) in &mut scores {
        *score += 4 * text
            .chars()
            .filter(|&c| is_characteristic(c, *language))
            .count();
    }
    scores.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let [(best, language), (second, _), ..] = scores;
    (best > second).then_some(language)
}

/// Returns how many characters of a normalised text belong to entries for requests
/// in the vocabulary of `language`.
pub fn coverage(language: Language, normalized: &str) -> usize {
    entry_chars(vocabularies()[language as usize].items(normalized))
}

/// Like [`coverage`], with the entries for contact details.
pub fn contact_coverage(language: Language, normalized: &str) -> usize {
    entry_chars(vocabularies()[language as usize].contact_items(normalized))
}

fn entry_chars(items: impl Iterator<Item = Item>) -> usize {
    let is_mark = |role| {
        matches!(
            role,
            Role::SentenceEnd | Role::QuestionEnd | Role::ClauseEnd
        )
    };
    items
        .filter(|item| item.role != Role::Other && !is_mark(item.role))
        .map(|item| item.chars)
        .sum()
}

/// Returns the language that is the only one with the script of most letters.
fn script_language(text: &str) -> Option<Language> {
    let mut counts = [0_usize; LANGUAGE_COUNT];
    let (mut letters, mut has_kana) = (0, false);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        letters += 1;
        has_kana |= matches!(c, '\u{3041}'..='\u{30FF}');
        let language = match c {
            '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Language::Greek,
            '\u{400}'..='\u{52F}' => Language::Ukrainian,
            '\u{600}'..='\u{6FF}' => Language::Arabic,
            '\u{900}'..='\u{97F}' => Language::Hindi,
            '\u{AC00}'..='\u{D7A3}' | '\u{3131}'..='\u{318E}' => Language::Korean,
            '\u{3041}'..='\u{30FF}' => Language::Japanese,
            '\u{4E00}'..='\u{9FFF}' => Language::Chinese,
            _ => continue,
        };
        counts[language as usize] += 1;
    }
    if has_kana {
        counts[Language::Japanese as usize] += counts[Language::Chinese as usize];
        counts[Language::Chinese as usize] = 0;
    }
    let is_main = |language: &Language| counts[*language as usize] * 3 > letters;
    let mut candidates = Language::ALL.into_iter().filter(is_main);
    candidates
        .by_ref()
        .max_by_key(|language| counts[*language as usize])
}

/// Whether a letter is frequent in one of the languages with Latin script only.
fn is_characteristic(c: char, language: Language) -> bool {
    match language {
        Language::German => matches!(c, 'ß' | 'ä'),
        Language::Spanish => matches!(c, 'ñ' | '¿' | '¡'),
        Language::Portuguese => matches!(c, 'ã' | 'õ'),
        Language::French => matches!(c, 'œ' | 'û' | 'î'),
        Language::Polish => matches!(c, 'ł' | 'ą' | 'ę' | 'ś' | 'ż' | 'ź' | 'ć' | 'ń'),
        Language::Turkish => matches!(c, 'ı' | 'ş' | 'ğ' | 'İ'),
        Language::Vietnamese => matches!(c, 'đ' | 'ơ' | 'ư' | 'ă' | '\u{1EA0}'..='\u{1EF9}'),
        _ => false,
    }
}
