//! Short texts that people give to things: the names of projects, plans, assistants, keys
//! and agents, and descriptions (docs/api-contract.md, section 5.9).
//!
//! One rule applies to all of them, however the text arrives. Lists show each on one line,
//! so that it can neither be blank nor contain a line break.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::validation::ValidationError;

/// The maximum length of a name in characters.
pub const MAX_NAME_CHARS: usize = 100;

/// The same for projects.
pub const MAX_PROJECT_NAME_CHARS: usize = MAX_NAME_CHARS;

/// The maximum length of a description in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 500;

/// The maximum length of the name of a plan in characters.
pub const MAX_PLAN_CHARS: usize = 50;

pub type ProjectName = Label<MAX_PROJECT_NAME_CHARS>;
pub type ProjectDescription = Label<MAX_DESCRIPTION_CHARS>;
pub type PlanName = Label<MAX_PLAN_CHARS>;
pub type AssistantName = Label<MAX_NAME_CHARS>;
pub type KeyName = Label<MAX_NAME_CHARS>;
pub type AgentName = Label<MAX_NAME_CHARS>;

/// Characters that no label contains: control characters and line breaks.
pub const CONTROL_CHARS: [RangeInclusive<char>; 3] =
    ['\0'..='\x1f', '\x7f'..='\u{9f}', '\u{2028}'..='\u{2029}'];

/// Characters that are allowed and that nobody sees: spaces, joiners, marks of direction.
/// A label has at least one other character.
pub const INVISIBLE_CHARS: [RangeInclusive<char>; 9] = [
    ' '..=' ',
    '\u{a0}'..='\u{a0}',
    '\u{ad}'..='\u{ad}',
    '\u{1680}'..='\u{1680}',
    '\u{2000}'..='\u{200f}',
    '\u{202a}'..='\u{202f}',
    '\u{205f}'..='\u{206f}',
    '\u{3000}'..='\u{3000}',
    '\u{feff}'..='\u{feff}',
];

/// A text of 1 to `MAX` characters that is not blank, without control characters and
/// without spaces at its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label<const MAX: usize>(String);

impl<const MAX: usize> Label<MAX> {
    /// Removes spaces at both ends and checks the rest.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ValidationError> {
        let label = text.trim();
        // A character has at most four bytes, so a text that is much too long is refused
        // without counting its characters.
        let fits = label.len() <= MAX * 4 && label.chars().count() <= MAX;
        let is_blank = label.chars().all(|char| is_in(&INVISIBLE_CHARS, char));
        // In the whole text, so that a line break at its end is not removed silently.
        let has_control = text.chars().any(|char| is_in(&CONTROL_CHARS, char));
        if fits && !is_blank && !has_control {
            return Ok(Self(label.to_owned()));
        }
        let reason =
            format!("must have 1 to {MAX} characters, not only spaces and no control characters");
        Err(ValidationError::new(field, reason))
    }

    /// Makes a label of a text that an earlier version or another server stored under other
    /// rules: control characters become spaces, and what is too long is cut. `None` if
    /// nothing is visible.
    pub fn repair(text: &str) -> Option<Self> {
        let spaced = |char| {
            if is_in(&CONTROL_CHARS, char) {
                ' '
            } else {
                char
            }
        };
        let text: String = text.chars().map(spaced).collect();
        let text: String = text.trim().chars().take(MAX).collect();
        Self::parse("", &text).ok()
    }

    /// A label that the program contains.
    pub fn from_static(text: &'static str) -> Self {
        debug_assert!(Self::parse("", text).is_ok(), "{text:?}");
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize> FromStr for Label<MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse("", text).map_err(|invalid| invalid.reason)
    }
}

fn is_in(ranges: &[RangeInclusive<char>], char: char) -> bool {
    ranges.iter().any(|range| range.contains(&char))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Name = Label<5>;

    #[test]
    fn label_is_trimmed_and_visible_without_control_characters() {
        for (text, expected) in [
            ("a", "a"),
            ("  Zoë\u{3000}", "Zoë"),
            ("a  b", "a  b"),
            ("👩‍🚀", "👩‍🚀"),
            ("\u{200f}שלום", "\u{200f}שלום"),
            (" 12345 ", "12345"),
        ] {
            let name = Name::parse("name", text).map(Name::into_string);
            assert_eq!(name.as_deref(), Ok(expected), "{text:?}");
        }
        let blank = ["", " ", "\u{a0}\u{2003}", "\u{200b}", "\u{feff}\u{200d}"];
        let control = [
            "a\nb",
            "a\n",
            "\ta",
            "a\0",
            "\u{1b}[2J",
            "a\u{85}b",
            "a\u{2028}b",
        ];
        let long = ["123456", "ééééééé"];
        for text in [&blank[..], &control, &long].concat() {
            let error = Name::parse("name", text).expect_err(text);
            assert_eq!(error.field, "name");
            assert!(error.reason.contains("1 to 5 characters"), "{text:?}");
        }
    }

    #[test]
    fn texts_of_earlier_versions_become_labels() {
        for (text, expected) in [
            ("a", Some("a")),
            (" a\nb ", Some("a b")),
            ("1234 67", Some("1234")),
            ("\u{1b}[2J", Some("[2J")),
            (" \n ", None),
            ("", None),
        ] {
            let label = Name::repair(text).map(Name::into_string);
            assert_eq!(label.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn every_space_and_control_character_is_in_one_of_the_ranges() {
        for char in '\0'..=char::MAX {
            let is_control = is_in(&CONTROL_CHARS, char);
            let is_invisible = is_in(&INVISIBLE_CHARS, char);
            assert!(!(is_control && is_invisible), "{char:?}");
            assert!(is_control || !char.is_control(), "{char:?}");
            assert!(
                is_control || is_invisible || !char.is_whitespace(),
                "{char:?}"
            );
        }
    }
}
