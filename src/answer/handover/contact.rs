//! Finds the contact details that a visitor leaves.
//!
//! An e-mail address or a phone number can also be a subject of the message: "is
//! info@shop.example your address?". The sentence around it decides:
//!
//! 1. Words of the section "mine" ("reach me", "my number"): the visitor's own.
//! 2. Words of the section "theirs" ("your address", "I wrote to"): not the
//!    visitor's.
//! 3. A question: not the visitor's.
//! 4. Otherwise: the visitor's own.
//!
//! Before a number, words of the section "call" introduce a phone number, and words
//! of the section "number" introduce another number, such as the number of an order.

use std::ops::Range;

use super::email::{find_emails, replace_spelled_signs};
use super::language::{Language, contact_coverage, coverage};
use super::normalize::normalize;
use super::phone::{Introduction, digit_runs};
use super::vocabulary::{Role, vocabularies};

/// The maximum number of bytes before and after a detail that decide whose it is.
const MAX_CONTEXT_BYTES: usize = 160;

/// The maximum number of e-mail addresses and of phone numbers that are considered.
const MAX_CANDIDATES: usize = 8;

/// How to reach a visitor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactDetails {
    pub email: Option<String>,
    /// The digits, after a "+" if the number has a country code.
    pub phone: Option<String>,
}

impl ContactDetails {
    pub fn is_empty(&self) -> bool {
        self.email.is_none() && self.phone.is_none()
    }
}

/// Whether the visitor leaves contact details with this message.
pub fn leaves_contact_details(text: &str) -> bool {
    !contact_details(text).is_empty()
}

/// Returns the contact details that the visitor leaves as their own with this
/// message. An address or number that the message only mentions is left out.
pub fn contact_details(text: &str) -> ContactDetails {
    let has_digits = text.chars().any(char::is_numeric);
    if !has_digits && !text.contains(['@', '＠', '(', '[']) {
        return ContactDetails::default();
    }
    let text = replace_spelled_signs(text);
    let emails = find_emails(&text);
    let is_in_email = |range: &Range<usize>| {
        emails
            .iter()
            .any(|email| email.start < range.end && range.start < email.end)
    };
    let runs = digit_runs(&text).into_iter();
    let runs = runs.filter(|run| run.could_be_phone() && !is_in_email(&run.range));
    let phone = runs.take(MAX_CANDIDATES).find_map(|run| {
        let sentence = Sentence::around(&text, run.range.clone());
        let phone = run.phone(sentence.introduction())?;
        sentence.is_own().then_some(phone)
    });
    let is_own = |range: &&Range<usize>| Sentence::around(&text, (*range).clone()).is_own();
    let email = emails.iter().take(MAX_CANDIDATES).find(is_own);
    ContactDetails {
        email: email.map(|range| text[range.clone()].to_owned()),
        phone,
    }
}

/// The sentence around a contact detail.
struct Sentence<'a> {
    before: &'a str,
    after: &'a str,
}

impl<'a> Sentence<'a> {
    fn around(text: &'a str, detail: Range<usize>) -> Self {
        let start = detail.start.saturating_sub(MAX_CONTEXT_BYTES);
        let before = &text[text.ceil_char_boundary(start)..detail.start];
        let end = text.floor_char_boundary(detail.end + MAX_CONTEXT_BYTES);
        let after = &text[detail.end..end];
        let end = sentence_end(after).unwrap_or(after.len());
        let start = last_sentence_end(before).unwrap_or(0);
        Self {
            before: &before[start..],
            after: &after[..end],
        }
    }

    /// Whether the detail is the visitor's own.
    fn is_own(&self) -> bool {
        let context = normalize(&format!("{} , {}", self.before, self.after));
        let roles = contact_roles(&context);
        let is_question = self.after.ends_with(['?', '？', '؟', ';', '\u{37E}']);
        let has_words = context.chars().any(char::is_alphanumeric);
        let is_mentioned = roles.contains(&Role::Theirs) || is_question && has_words;
        roles.contains(&Role::Mine) || !is_mentioned
    }

    /// Returns what the nearest words before the detail say about a number.
    fn introduction(&self) -> Introduction {
        let roles = contact_roles(&normalize(self.before));
        match roles
            .iter()
            .rev()
            .find(|role| matches!(role, Role::Call | Role::Number | Role::Mine))
        {
            Some(Role::Number) => Introduction::OtherNumber,
            Some(_) => Introduction::Phone,
            None => Introduction::None,
        }
    }
}

/// Returns the roles of the words in a text, in the language that has most of them.
fn contact_roles(normalized: &str) -> Vec<Role> {
    // Of equal languages, the first wins: max_by_key returns the last.
    let languages = Language::ALL.into_iter().rev();
    let best = languages.max_by_key(|&language| {
        let contact = contact_coverage(language, normalized);
        (contact, coverage(language, normalized))
    });
    let language = best.unwrap_or(Language::English);
    let items = vocabularies()[language as usize].contact_items(normalized);
    let roles = items.map(|item| item.role);
    roles.filter(|role| role.is_for_contact()).collect()
}

/// Returns the end of the first sentence, after its mark.
fn sentence_end(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((position, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        if is_sentence_end(c, next) {
            return Some(position + c.len_utf8());
        }
    }
    None
}

/// Returns the end of the last sentence that is complete.
fn last_sentence_end(text: &str) -> Option<usize> {
    let mut end = None;
    let mut chars = text.char_indices().peekable();
    while let Some((position, c)) = chars.next() {
        if is_sentence_end(c, chars.peek().map(|(_, next)| *next)) {
            end = Some(position + c.len_utf8());
        }
    }
    end
}

fn is_sentence_end(c: char, next: Option<char>) -> bool {
    match c {
        '。' | '！' | '？' | '\n' | '।' | '؟' => true,
        '!' | '?' | ';' | '\u{37E}' => true,
        '.' => next.is_some_and(char::is_whitespace),
        _ => false,
    }
}
