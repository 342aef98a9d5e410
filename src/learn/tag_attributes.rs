//! Counts the attributes of tags without parsing the page.
//!
//! The HTML parser compares each attribute with all earlier ones of its tag. Its time
//! grows with the square of their number, so pages with too many are not parsed.

/// Where a tag ends and an attribute begins, as in the tokenizer of the HTML standard.
#[derive(Clone, Copy)]
enum State {
    TagName,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    DoubleQuoted,
    SingleQuoted,
    Unquoted,
}

const STATES: [State; 8] = [
    State::TagName,
    State::BeforeName,
    State::Name,
    State::AfterName,
    State::BeforeValue,
    State::DoubleQuoted,
    State::SingleQuoted,
    State::Unquoted,
];

impl State {
    /// The state after a byte, and whether an attribute begins with the byte. `None`:
    /// the tag ends.
    fn next(self, byte: u8) -> Option<(Self, bool)> {
        use State::*;
        let is_space = byte.is_ascii_whitespace();
        let next = match (self, byte) {
            (DoubleQuoted, b'"') | (SingleQuoted, b'\'') => BeforeName,
            (DoubleQuoted | SingleQuoted, _) => self,
            (_, b'>') => return None,
            (Unquoted, _) if is_space => BeforeName,
            (BeforeValue, _) if is_space => BeforeValue,
            (BeforeValue, b'"') => DoubleQuoted,
            (BeforeValue, b'\'') => SingleQuoted,
            (BeforeValue | Unquoted, _) => Unquoted,
            (Name | AfterName, _) if is_space => AfterName,
            (Name | AfterName, b'=') => BeforeValue,
            (_, b'/') => BeforeName,
            (TagName, _) if !is_space => TagName,
            (TagName | BeforeName, _) if is_space => BeforeName,
            (Name, _) => Name,
            (TagName | BeforeName | AfterName, _) => return Some((Name, true)),
        };
        Some((next, false))
    }
}

/// Whether a tag may have more than `max` attributes. A tag is counted from every `<`
/// with a letter, also in comments and scripts: which of them begin a tag is known only
/// to the parser. Tags that are in the same state have the same end, so only the
/// highest count of each state is kept.
pub fn exceeds(html: &str, max: u32) -> bool {
    let mut counts: [Option<u32>; STATES.len()] = [None; STATES.len()];
    let bytes = html.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        if counts.iter().any(Option::is_some) {
            counts = advance(&counts, *byte);
            if counts.iter().flatten().any(|count| *count > max) {
                return true;
            }
        }
        if begins_tag(&bytes[..index], *byte) {
            let count = &mut counts[State::TagName as usize];
            *count = (*count).max(Some(0));
        }
    }
    false
}

/// Whether the name of a start tag or of an end tag begins with `byte`.
fn begins_tag(before: &[u8], byte: u8) -> bool {
    byte.is_ascii_alphabetic() && (before.ends_with(b"<") || before.ends_with(b"</"))
}

fn advance(counts: &[Option<u32>; STATES.len()], byte: u8) -> [Option<u32>; STATES.len()] {
    let mut next_counts = [None; STATES.len()];
    for (state, count) in STATES.iter().zip(counts) {
        let Some(count) = count else { continue };
        if let Some((next, is_attribute)) = state.next(byte) {
            let next_count = &mut next_counts[next as usize];
            *next_count = (*next_count).max(Some(count + u32::from(is_attribute)));
        }
    }
    next_counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of attributes of the tag with the most.
    fn most_attributes(html: &str) -> u32 {
        (0..).find(|max| !exceeds(html, *max)).expect("a maximum")
    }

    #[test]
    fn attributes_are_counted_as_in_browsers() {
        for (html, count) in [
            ("no tag < a b c", 0),
            ("<p>", 0),
            ("<p/>", 0),
            ("<p a>", 1),
            ("<p a=1 b='2' c=\"3\" d>", 4),
            ("<p a='x'b=\"y\"c>", 3),
            ("<p/a/b/c/>", 3),
            ("<p a = 1 b\n=\t2>", 2),
            ("<p =a =b>", 1),
            ("<p =a/=b>", 2),
            ("<p a='1 2 > 3' b>", 2),
            ("<p a=1/2/3 b>", 2),
            ("<p a <b c>", 3),
            ("<p a b><p c d e></p f>", 3),
            ("</p a b>", 2),
            ("<p a b", 2),
        ] {
            assert_eq!(most_attributes(html), count, "{html}");
        }
    }

    #[test]
    fn tag_within_a_quoted_value_or_a_comment_is_counted() {
        for html in [
            "<p a=\"<b c d e>\">",
            "<!-- <p a=\" --><b c d e>",
            "<script>if (a <p && b == \"</script><b c d e>",
        ] {
            assert!(most_attributes(html) >= 3, "{html}");
        }
    }
}
