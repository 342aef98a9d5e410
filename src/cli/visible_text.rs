//! Texts of other people on a terminal.

use std::fmt;

/// A text of visitors, websites or imported files, as a command prints it. Characters that
/// control a terminal, end a line or change the direction of the text are escaped, such
/// as `\n` and `\u{1b}`.
#[derive(Debug, Clone, Copy)]
pub struct VisibleText<'a>(pub &'a str);

impl fmt::Display for VisibleText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            if is_visible(char) {
                write!(f, "{char}")?;
            } else {
                write!(f, "{}", char.escape_default())?;
            }
        }
        Ok(())
    }
}

/// Whether a character neither controls the terminal nor the order of other characters.
fn is_visible(char: char) -> bool {
    let is_separator = matches!(char, '\u{2028}' | '\u{2029}');
    let is_direction = matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !(char.is_control() || is_separator || is_direction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_directions_are_escaped() {
        for (text, expected) in [
            ("Zoë 👩‍🚀 \\ \"שלום\"", "Zoë 👩‍🚀 \\ \"שלום\""),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[2J\u{7}\u{9b}", "\\u{1b}[2J\\u{7}\\u{9b}"),
            (
                "\u{202e}txt\u{2069}\u{200f}",
                "\\u{202e}txt\\u{2069}\\u{200f}",
            ),
            ("a\u{2028}b", "a\\u{2028}b"),
        ] {
            assert_eq!(VisibleText(text).to_string(), expected);
        }
    }
}
