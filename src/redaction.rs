//! Removes secrets from texts for the log: keys and tokens that a client typed into a
//! path, and passwords in URLs.

use std::borrow::Cow;

/// What the log has instead of a secret.
const MASK: &str = "***";

/// The shortest end of a key that is masked after another character than a letter or digit,
/// as in `/sk_demo`.
const MIN_KEY: usize = 4;
/// The length of the end of a key. So many characters are masked after a letter too, as in
/// `xsk_…`, but not the `sk_list` of `task_list`.
const KEY_LENGTH: usize = 32;
/// The shortest end of a JSON web token that is masked.
const MIN_TOKEN: usize = 8;

/// Replaces API keys, JSON web tokens, and user names and passwords of URLs by `***`, also
/// if they are percent-encoded. `pk_`, `sk_` and `eyJ` remain, because they say what it was.
pub fn redact(text: &str) -> Cow<'_, str> {
    if !may_contain_secret(text) {
        return Cow::Borrowed(text);
    }
    let (bytes, places) = percent_decoded(text);
    let place = |index: usize| places.get(index).copied().unwrap_or(text.len());
    let mut redacted = String::new();
    let (mut copied, mut index) = (0, 0);
    while index < bytes.len() {
        let Some(secret) = secret_at(&bytes, index) else {
            index += 1;
            continue;
        };
        redacted.push_str(&text[copied..place(index)]);
        redacted.extend([secret.prefix, MASK]);
        index = secret.end;
        copied = place(index);
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    redacted.push_str(&text[copied..]);
    Cow::Owned(redacted)
}

/// Whether [`redact`] changes a text.
pub fn contains_secret(text: &str) -> bool {
    matches!(redact(text), Cow::Owned(_))
}

/// A quick check, because most texts contain none.
fn may_contain_secret(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_start = |window: &[u8]| {
        matches!(
            window,
            [b'%', ..] | [b's' | b'p', b'k', b'_'] | b"eyJ" | b"://"
        )
    };
    bytes.windows(3).any(is_start)
}

struct SecretSpan {
    /// The beginning, which remains.
    prefix: &'static str,
    end: usize,
}

/// The secret that begins at `start`.
fn secret_at(bytes: &[u8], start: usize) -> Option<SecretSpan> {
    let (prefix, rest) = ["pk_", "sk_", "eyJ", "://"]
        .into_iter()
        .find_map(|prefix| {
            let rest = bytes[start..].strip_prefix(prefix.as_bytes())?;
            Some((prefix, rest))
        })?;
    let count = |is_part: fn(u8) -> bool| rest.iter().take_while(|byte| is_part(**byte)).count();
    let length = match prefix {
        "eyJ" => {
            let length = count(|byte| is_key_character(byte) || byte == b'.');
            (length >= MIN_TOKEN).then_some(length)
        }
        "://" => {
            let authority = &rest[..count(is_authority_character)];
            authority.iter().rposition(|byte| *byte == b'@')
        }
        _ => {
            let length = count(is_key_character);
            let before = start.checked_sub(1).map(|index| bytes[index]);
            let is_inside_word = before.is_some_and(|byte| byte.is_ascii_alphanumeric());
            let min = if is_inside_word { KEY_LENGTH } else { MIN_KEY };
            (length >= min).then_some(length)
        }
    };
    Some(SecretSpan {
        prefix,
        end: start + prefix.len() + length?,
    })
}

fn is_key_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

fn is_authority_character(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !b"/?#\"'<>".contains(&byte)
}

/// The bytes of a text without percent-encoding, however often the text was encoded, and
/// the place in the text where each begins.
fn percent_decoded(text: &str) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    for (place, byte) in text.bytes().enumerate() {
        bytes.push(byte);
        places.push(place);
        // A decoded byte can complete another sequence: `%2570` is `%70`, which is `p`.
        while let [.., b'%', high, low] = bytes[..]
            && let (Some(high), Some(low)) = (hex_digit(high), hex_digit(low))
        {
            let start = bytes.len() - 3;
            bytes[start] = high << 4 | low;
            bytes.truncate(start + 1);
            places.truncate(start + 1);
        }
    }
    (bytes, places)
}

fn hex_digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk_Ab-_5678901234567890123456789012";
    const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJqdGkiOiIwMTkifQ.c2ln-_F0";

    fn encoded(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    #[test]
    fn keys_and_tokens_are_masked_wherever_a_client_types_them() {
        for (secret, mask) in [
            (KEY, "sk_***"),
            ("pk_demo", "pk_***"),
            (TOKEN, "eyJ***"),
            ("eyJhbGciOiJub25lIn0.e30.", "eyJ***"),
        ] {
            for (before, after) in [
                ("", ""),
                ("/v2/", "/messages"),
                ("/v2/caf\u{e9}/", "\u{e9}"),
                ("/a:", "%2F"),
                ("/%", "%zz"),
            ] {
                let escaped = secret.replace('_', "%5f").replace('.', "%2E");
                for typed in [
                    secret,
                    &escaped,
                    &encoded(secret),
                    &encoded(&encoded(secret)),
                ] {
                    let text = format!("{before}{typed}{after}");
                    assert_eq!(redact(&text), format!("{before}{mask}{after}"), "{text}");
                }
            }
        }
        assert_eq!(redact(&format!("x{KEY}")), "xsk_***");
        assert_eq!(redact(&format!("/{KEY}/{TOKEN}")), "/sk_***/eyJ***");
    }

    #[test]
    fn users_and_passwords_of_urls_are_masked() {
        for (text, expected) in [
            (
                "cannot read https://ann:p@w@shop.example/a@b: no",
                "cannot read https://***@shop.example/a@b: no",
            ),
            ("s3://key:secret@bucket", "s3://***@bucket"),
            ("'ftp://ann@shop.example'", "'ftp://***@shop.example'"),
            ("/http%3A%2F%2Fann:pw%40shop", "/http://***%40shop"),
        ] {
            assert_eq!(redact(text), expected);
        }
    }

    #[test]
    fn other_texts_are_unchanged() {
        for text in [
            "",
            "/v2/conversations/01a21528-154f-7e14-8840-b66f5289c8f7/messages",
            "/task_list/disk_usage/risk_assessment-2026",
            "/sk_/pk_abc/eyJ.a",
            "https://shop.example/a@b?c=d://e",
            "100 % of 3 files, %41%4",
            "/v2/\u{e9}%C3%A9",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
