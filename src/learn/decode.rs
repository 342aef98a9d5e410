//! Decodes bytes of any encoding to text.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::format::Format;

/// The part of an HTML page that may contain `<meta charset>`, as in browsers.
const CHARSET_SCAN_BYTES: usize = 1024;

/// Decodes bytes to text. The encoding is that of the byte order mark, else
/// `charset`, else the one that the page declares, else UTF-8 with replacement
/// characters. Line ends become `\n`. Control characters except `\n` and
/// `\t` are removed.
pub fn decode(bytes: &[u8], charset: Option<&str>, format: Format) -> String {
    let encoding = charset
        .and_then(|label| Encoding::for_label(label.trim().as_bytes()))
        .unwrap_or_else(|| guess_encoding(bytes, format));
    // `decode` gives a byte order mark precedence over `encoding`.
    let (text, _, _) = encoding.decode(bytes);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|char| !is_removed(*char)).collect()
}

fn is_removed(char: char) -> bool {
    char.is_control() && !matches!(char, '\n' | '\t')
}

fn guess_encoding(bytes: &[u8], format: Format) -> &'static Encoding {
    if format != Format::Html {
        return UTF_8;
    }
    let head = &bytes[..bytes.len().min(CHARSET_SCAN_BYTES)];
    match declared_encoding(head) {
        Some(encoding) => encoding,
        // The default of browsers for pages without a declaration.
        None if std::str::from_utf8(bytes).is_err() => WINDOWS_1252,
        None => UTF_8,
    }
}

/// The encoding that the head of a page names after `charset=`.
fn declared_encoding(head: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, after) = head.split_once("charset")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.find(|char: char| !(char.is_ascii_alphanumeric() || "-_:.".contains(char)));
    let encoding = Encoding::for_label(&value.as_bytes()[..end.unwrap_or(value.len())])?;
    // The declaration was readable as ASCII, so the page is not UTF-16.
    let is_utf16 = encoding == encoding_rs::UTF_16BE || encoding == encoding_rs::UTF_16LE;
    Some(if is_utf16 { UTF_8 } else { encoding })
}
