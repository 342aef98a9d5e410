//! Decodes bytes of any encoding to text.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::format::Format;

/// The part of an HTML page that may contain `<meta charset>`, as in browsers.
const CHARSET_SCAN_BYTES: usize = 1024;
/// The part of a file that shows whether it is text.
const SAMPLE_BYTES: usize = 8 << 10;

/// Decodes bytes to text. The encoding is that of the byte order mark, else
/// `charset`, else the one that the page declares, else the one that the bytes
/// suggest. Line ends become `\n`. Control characters except `\n` and `\t` are
/// removed.
pub fn decode(bytes: &[u8], charset: Option<&str>, format: Format) -> String {
    let encoding = charset
        .and_then(|label| Encoding::for_label(label.trim().as_bytes()))
        .or_else(|| declared_encoding(bytes).filter(|_| format == Format::Html))
        .unwrap_or_else(|| guess_encoding(bytes));
    // `decode` gives a byte order mark precedence over `encoding`.
    let (text, _, _) = encoding.decode(bytes);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|char| !is_removed(*char)).collect()
}

/// Decodes a text whose encoding is not known. Line ends and control characters stay.
pub fn decode_unknown(bytes: &[u8]) -> Cow<'_, str> {
    guess_encoding(bytes).decode(bytes).0
}

fn is_removed(char: char) -> bool {
    char.is_control() && !matches!(char, '\n' | '\t')
}

/// The encoding that the head of a page names after `charset=`.
fn declared_encoding(page: &[u8]) -> Option<&'static Encoding> {
    let head = &page[..page.len().min(CHARSET_SCAN_BYTES)];
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, after) = head.split_once("charset")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.find(|char: char| !(char.is_ascii_alphanumeric() || "-_:.".contains(char)));
    let encoding = Encoding::for_label(&value.as_bytes()[..end.unwrap_or(value.len())])?;
    // The declaration was readable as ASCII, so the page is not UTF-16.
    let is_utf16 = encoding == UTF_16BE || encoding == UTF_16LE;
    Some(if is_utf16 { UTF_8 } else { encoding })
}

/// UTF-8 for valid UTF-8 and for UTF-8 with few errors, else UTF-16 or the encoding that
/// the bytes are most likely to have.
fn guess_encoding(bytes: &[u8]) -> &'static Encoding {
    if let Some(encoding) = utf16_without_mark(bytes) {
        return encoding;
    }
    if is_mostly_utf8(bytes) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// Whether the bytes have more valid characters of several bytes than errors.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut characters, mut errors) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        characters += chunk
            .valid()
            .chars()
            .filter(|char| !char.is_ascii())
            .count();
        errors += usize::from(!chunk.invalid().is_empty());
    }
    errors == 0 || characters > 2 * errors
}

/// UTF-16 without a byte order mark: many bytes are NUL, and most of
/// them are high bytes.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES) & !1];
    let nuls_at = |parity: usize| {
        sample
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|byte| **byte == 0)
    };
    let (first, second) = (nuls_at(0).count(), nuls_at(1).count());
    let encoding = match (first, second) {
        (first, second) if second > 4 * first => UTF_16LE,
        (first, second) if first > 4 * second => UTF_16BE,
        _ => return None,
    };
    // Texts of other scripts than the Latin one have few NULs, but are no UTF-8.
    let is_latin = (first + second) * 4 > sample.len() / 2;
    let is_other = first + second >= 4 && !is_mostly_utf8(bytes);
    let is_valid = || !encoding.decode_without_bom_handling(sample).1;
    ((is_latin || is_other) && is_valid()).then_some(encoding)
}

/// The first bytes of files that are not text, and what such a file is.
const BINARY_FORMATS: [(&[u8], &str); 10] = [
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "an office document or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a compressed file"),
    (b"BZh", "a compressed file"),
    (b"\xfd7zXZ", "a compressed file"),
    (b"\x7fELF", "a program"),
];

/// What the bytes are, if they are not text.
pub fn binary_format(bytes: &[u8]) -> Option<&'static str> {
    let known = BINARY_FORMATS
        .iter()
        .find(|(head, _)| bytes.starts_with(head));
    if let Some((_, name)) = known {
        return Some(name);
    }
    let has_mark = Encoding::for_bom(bytes).is_some();
    if has_mark || utf16_without_mark(bytes).is_some() {
        return None;
    }
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let is_control = |byte: &&u8| byte.is_ascii_control() && !b"\t\n\r\x0c\x1b".contains(byte);
    let controls = sample.iter().filter(is_control).count();
    (controls > 1 && controls * 10 > sample.len()).then_some("binary data, not text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn encoding_of_a_text_is_recognized() {
        let windows = b"Caf\xe9 opening hours\n\nThe caf\xe9 opens at nine, the price is 5 \x80.\n";
        let text = "Café opening hours\n\nThe café opens at nine, the price is 5 €.\n";
        assert_eq!(decode(windows, None, Format::Text), text);
        let japanese = "送料について\n\n全国一律500円です。返品は7日以内にご連絡ください。\n";
        let (shift_jis, _, _) = encoding_rs::SHIFT_JIS.encode(japanese);
        assert_eq!(decode(&shift_jis, None, Format::Markdown), japanese);
        for text in [text, japanese] {
            for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                assert_eq!(decode(&utf16(text, to_bytes), None, Format::Text), text);
                let marked = utf16(&format!("\u{feff}{text}"), to_bytes);
                assert_eq!(decode(&marked, None, Format::Text), text);
                assert_eq!(binary_format(&marked), None);
            }
            let marked = format!("\u{feff}{text}");
            assert_eq!(decode(marked.as_bytes(), None, Format::Text), text);
        }
    }

    #[test]
    fn utf8_with_an_error_stays_utf8() {
        let bytes = b"\xc3\xa4\xc3\xb6\xc3\xbc \xff \xe2\x82\xac";
        assert_eq!(decode(bytes, None, Format::Text), "äöü \u{fffd} €");
    }

    #[test]
    fn html_without_declaration_has_the_encoding_that_its_bytes_suggest() {
        let page = "<title>Доставка</title><p>Доставка занимает четыре рабочих дня.</p>";
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(page);
        assert_eq!(decode(&bytes, None, Format::Html), page);
    }

    #[test]
    fn binary_files_are_recognized() {
        assert_eq!(binary_format(b"%PDF-1.7 x"), Some("a PDF file"));
        assert_eq!(
            binary_format(&[0, 1, 2, 3, 0, 0, 5, 6]),
            Some("binary data, not text")
        );
        for text in [&b"text\0"[..], b"", b"caf\xe9", "日本".as_bytes()] {
            assert_eq!(binary_format(text), None, "{text:?}");
        }
    }
}
