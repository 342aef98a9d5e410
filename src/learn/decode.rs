//! Bytes as text.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::Format;

/// How far into a page its `<meta charset>` is looked for, as browsers do.
const HEAD: usize = 1024;

/// Reads bytes as text, whatever they are: a byte order mark tells the
/// encoding, else `charset`, else the page itself, else it is UTF-8, with
/// replacement characters where it is not. Line ends become `\n`, and control
/// characters, NUL above all, go.
pub fn decode(bytes: &[u8], charset: Option<&str>, format: Format) -> String {
    let encoding = charset
        .and_then(|label| Encoding::for_label(label.trim().as_bytes()))
        .unwrap_or_else(|| guess(bytes, format));
    // It heeds a byte order mark before `encoding`.
    let (text, _, _) = encoding.decode(bytes);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.chars().filter(|one| !unwanted(*one));
    text.collect()
}

fn unwanted(one: char) -> bool {
    one.is_control() && !matches!(one, '\n' | '\t')
}

fn guess(bytes: &[u8], format: Format) -> &'static Encoding {
    if format != Format::Html {
        return UTF_8;
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    match declared(head) {
        Some(encoding) => encoding,
        // What browsers take pages for that say nothing.
        None if std::str::from_utf8(bytes).is_err() => WINDOWS_1252,
        None => UTF_8,
    }
}

/// The encoding that a page's head names after `charset=`.
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let (_, after) = head.split_once("charset")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.find(|one: char| !(one.is_ascii_alphanumeric() || "-_:.".contains(one)));
    let encoding = Encoding::for_label(&value.as_bytes()[..end.unwrap_or(value.len())])?;
    // A page whose head could be read byte by byte is not UTF-16, whatever it says.
    let wide = encoding == encoding_rs::UTF_16BE || encoding == encoding_rs::UTF_16LE;
    Some(if wide { UTF_8 } else { encoding })
}
