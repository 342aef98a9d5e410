//! Finds e-mail addresses in text.

use std::ops::Range;

/// The limits of RFC 5321.
const MAX_LOCAL_BYTES: usize = 64;
const MAX_ADDRESS_BYTES: usize = 254;

/// The characters that writers put around the sign "@" so that programs do not find
/// it, and the sign that they stand for.
const SPELLED_SIGNS: [(&str, &str); 8] = [
    (" (at) ", "@"),
    (" [at] ", "@"),
    ("(at)", "@"),
    ("[at]", "@"),
    (" (dot) ", "."),
    (" [dot] ", "."),
    ("(dot)", "."),
    ("[dot]", "."),
];

/// Replaces spelled signs such as "(at)".
pub fn replace_spelled_signs(text: &str) -> String {
    let mut text = text.replace('＠', "@");
    if text.contains(['(', '[']) {
        for (spelling, sign) in SPELLED_SIGNS {
            text = text.replace(spelling, sign);
        }
    }
    text.replace(" @ ", "@")
}

/// Returns the positions of the e-mail addresses in `text`. Addresses inside of URLs
/// are left out.
pub fn find_emails(text: &str) -> Vec<Range<usize>> {
    let signs = text.match_indices('@').map(|(position, _)| position);
    signs.filter_map(|sign| email_at(text, sign)).collect()
}

/// Returns the position of the address with the sign "@" at `sign`.
fn email_at(text: &str, sign: usize) -> Option<Range<usize>> {
    let before = &text[text.floor_char_boundary(sign.saturating_sub(MAX_ADDRESS_BYTES))..sign];
    let after = &text[sign + 1..text.floor_char_boundary(sign + MAX_ADDRESS_BYTES)];
    let local = before.trim_end_matches(is_local).len();
    let local = before[local..].trim_start_matches(['.', '-', '+', '\'']);
    let host_end = after.find(|c| !is_host(c)).unwrap_or(after.len());
    let host = after[..host_end].trim_end_matches(['.', '-']);
    let start = sign - local.len();
    let is_valid = !local.is_empty()
        && local.len() <= MAX_LOCAL_BYTES
        && !local.ends_with('.')
        && !local.contains("..")
        && is_host_name(host)
        && local.len() + host.len() < MAX_ADDRESS_BYTES
        && !text[sign + 1 + host.len()..].starts_with('@')
        && !is_in_url(&before[..before.len() - local.len()]);
    is_valid.then(|| start..sign + 1 + host.len())
}

fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '\'') || is_latin(c)
}

fn is_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-') || is_latin(c)
}

/// Whether `c` is a Latin letter with a diacritic.
fn is_latin(c: char) -> bool {
    matches!(c, '\u{C0}'..='\u{24F}')
}

/// Whether `host` has at least two labels and ends with a top-level domain.
fn is_host_name(host: &str) -> bool {
    let Some((rest, top)) = host.rsplit_once('.') else {
        return false;
    };
    let is_label = |label: &str| !label.is_empty() && label.len() <= 63 && !label.starts_with('-');
    let is_top = top.chars().count() >= 2 && top.chars().all(|c| c.is_alphabetic() || c == '-');
    is_top && rest.split('.').all(is_label)
}

/// Whether the word that ends with `before` makes what follows a part of a URL.
fn is_in_url(before: &str) -> bool {
    let start = before.rfind(|c: char| c.is_whitespace() || matches!(c, '<' | '"' | '('));
    let word = &before[start.map_or(0, |start| start + 1)..];
    word.contains("://") || word.contains("www.") || word.ends_with(['/', '=', '@'])
}

#[cfg(test)]
mod tests {
    use super::{find_emails, replace_spelled_signs};

    fn emails(text: &str) -> Vec<String> {
        let text = replace_spelled_signs(text);
        let found = find_emails(&text).into_iter();
        found.map(|range| text[range].to_owned()).collect()
    }

    #[test]
    fn addresses_are_found_in_sentences() {
        for (text, expected) in [
            ("mara@example.com", "mara@example.com"),
            (
                "It is <Mara.Lind+shop@mail.example.co.uk>.",
                "Mara.Lind+shop@mail.example.co.uk",
            ),
            ("我的邮箱是mara@example.com谢谢", "mara@example.com"),
            ("mailto:mara@example.com", "mailto:mara@example.com"),
            ("mara (at) example (dot) com", "mara@example.com"),
            ("mara[at]example.com", "mara@example.com"),
            ("mara＠example.com", "mara@example.com"),
            ("jörg@müller.de!", "jörg@müller.de"),
            ("ends with mara_1@example.com...", "mara_1@example.com"),
        ] {
            let expected = expected.trim_start_matches("mailto:");
            assert_eq!(emails(text), [expected], "{text}");
        }
    }

    #[test]
    fn other_uses_of_the_sign_are_no_addresses() {
        for text in [
            "@example",
            "follow us @shop.example",
            "2 @ 3.50",
            "mara@localhost",
            "https://user@example.com/path",
            "https://example.com/?to=mara@example.com",
            "www.example.com/mara@example.com",
            "a@b@c.example",
            "mara@example.1",
            "mara@.com",
            "@",
            "@@@.@",
            "",
        ] {
            assert_eq!(emails(text), [""; 0], "{text}");
        }
    }
}
