//! Unpaired surrogates in JSON text.
//!
//! A client that cuts a text in the middle of a character outside the basic
//! plane, as JavaScript strings allow, sends one half of a surrogate pair, such
//! as `\ud83d`. JSON parsers reject it. The server replaces each half by
//! U+FFFD, as browsers do when they encode such a text as UTF-8.

use std::borrow::Cow;

/// The length of `\uXXXX`.
const ESCAPE_BYTES: usize = 6;
const REPLACEMENT: &[u8; ESCAPE_BYTES] = b"\\ufffd";

/// Returns JSON text in which `\ufffd` replaces every escape of an unpaired
/// surrogate. The text is copied only if it has one.
pub fn replace_unpaired(json: &[u8]) -> Cow<'_, [u8]> {
    let mut replaced = Cow::Borrowed(json);
    let mut at = 0;
    while let Some(distance) = json[at..].iter().position(|byte| *byte == b'\\') {
        at += distance;
        at += match escape_at(json, at) {
            Some(unit) if is_high(unit) => match escape_at(json, at + ESCAPE_BYTES) {
                Some(next) if is_low(next) => 2 * ESCAPE_BYTES,
                _ => replace(&mut replaced, at),
            },
            Some(unit) if is_low(unit) => replace(&mut replaced, at),
            // Another escape, such as an escaped backslash: two bytes suffice.
            _ => 2,
        };
        if at >= json.len() {
            break;
        }
    }
    replaced
}

/// Returns the number of replaced bytes.
fn replace(json: &mut Cow<'_, [u8]>, at: usize) -> usize {
    json.to_mut()[at..at + ESCAPE_BYTES].copy_from_slice(REPLACEMENT);
    ESCAPE_BYTES
}

/// The UTF-16 code unit of the `\uXXXX` at `at`, if there is one.
fn escape_at(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE_BYTES)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | digit as u16)
    })
}

fn is_high(unit: u16) -> bool {
    (0xD800..0xDC00).contains(&unit)
}

fn is_low(unit: u16) -> bool {
    (0xDC00..0xE000).contains(&unit)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn replaced(json: &str) -> String {
        String::from_utf8(replace_unpaired(json.as_bytes()).into_owned()).expect("UTF-8")
    }

    #[test]
    fn unpaired_surrogates_are_replaced_wherever_they_are() {
        for (json, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\uDE00""#, r#""\ufffd""#),
            (r#""a\uD83Db""#, r#""a\ufffdb""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            (r#""\ud83d\n\ude00""#, r#""\ufffd\n\ufffd""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#"{"\ud83d":"\udfff"}"#, r#"{"\ufffd":"\ufffd"}"#),
            (r"\ud83d", r"\ufffd"),
        ] {
            assert_eq!(replaced(json), expected, "{json}");
        }
    }

    #[test]
    fn other_text_is_not_copied() {
        for json in [
            "",
            "{}",
            r#""\ud83d\ude00""#,
            r#""\uD83D\uDE00""#,
            r#""\\ud83d""#,
            r#""\\\\ud83d""#,
            r#""\ud7ff\ue000""#,
            r#""\ud83"#,
            r#""\ud83g""#,
            r#""\u+d83""#,
            r"\",
            r"\u",
            "\"\u{1F600}\"",
        ] {
            let replaced = replace_unpaired(json.as_bytes());
            assert!(matches!(replaced, Cow::Borrowed(_)), "{json}");
        }
    }

    /// Decodes escape by escape, one token at a time, and writes each unpaired
    /// surrogate as `\ufffd`.
    fn replaced_naively(json: &str) -> String {
        let mut tokens = Vec::new();
        let mut rest = json;
        while let Some(first) = rest.chars().next() {
            let length = match rest.as_bytes() {
                [b'\\', b'u', hex @ ..]
                    if hex.len() >= 4 && hex[..4].iter().all(u8::is_ascii_hexdigit) =>
                {
                    6
                }
                [b'\\', _, ..] => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                _ => first.len_utf8(),
            };
            tokens.push(&rest[..length]);
            rest = &rest[length..];
        }
        let unit = |index: usize| {
            let digits = tokens.get(index)?.strip_prefix("\\u")?;
            u16::from_str_radix(digits, 16).ok()
        };
        let mut result = String::new();
        let mut index = 0;
        while index < tokens.len() {
            let pair = [unit(index), unit(index + 1)].map(Option::unwrap_or_default);
            if unit(index).is_none_or(|unit| !(0xD800..=0xDFFF).contains(&unit)) {
                result.push_str(tokens[index]);
                index += 1;
            } else if String::from_utf16(&pair).is_ok_and(|text| text.chars().count() == 1) {
                result.push_str(tokens[index]);
                result.push_str(tokens[index + 1]);
                index += 2;
            } else {
                result.push_str(r"\ufffd");
                index += 1;
            }
        }
        result
    }

    #[test]
    fn random_texts_are_replaced_as_by_a_naive_implementation() {
        const PIECES: [&str; 20] = [
            r"\ud83d", r"\uD83D", r"\ude00", r"\uDE00", r"\udbff", r"\udc00", r"\ud800", r"\uDFFF",
            r"\\", r"\", r"\n", r#"\""#, "u", "d83d", "\"", "x", "é", "😀", r"\u00e9", r"\ud83",
        ];
        let mut random = fastrand::Rng::with_seed(8);
        for _ in 0..100_000 {
            let pieces = (0..random.usize(..12)).map(|_| PIECES[random.usize(..PIECES.len())]);
            let json: String = pieces.collect();
            let replaced = replaced(&json);
            assert_eq!(replaced, replaced_naively(&json), "{json}");
            assert_eq!(replaced.len(), json.len());
        }
    }

    #[test]
    fn any_units_in_a_string_parse_as_their_lossy_text() {
        let mut random = fastrand::Rng::with_seed(16);
        for _ in 0..10_000 {
            let unit = |random: &mut fastrand::Rng| match random.u8(..3) {
                0 => random.u16(0xD800..0xDC00),
                1 => random.u16(0xDC00..0xE000),
                _ => random.u16(..),
            };
            let units: Vec<u16> = (0..random.usize(..8)).map(|_| unit(&mut random)).collect();
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = replaced(&format!("\"{escapes}\""));
            let parsed: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(parsed, String::from_utf16_lossy(&units));
        }
    }
}
