//! Searches of bounded length, so that a line of any length is read in linear time.

/// The longest text between two marks within a line.
const MAX_INNER_BYTES: usize = 1000;

/// The text before the next `end` and the text after it, if the end is near.
pub fn split_near<'t>(text: &'t str, end: &str) -> Option<(&'t str, &'t str)> {
    let near = &text[..text.floor_char_boundary(MAX_INNER_BYTES)];
    let at = near.find(end)?;
    Some((&text[..at], &text[at + end.len()..]))
}
