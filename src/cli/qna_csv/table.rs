//! The rows of a CSV file whose encoding and delimiter are not known.

use csv::{Reader, ReaderBuilder, StringRecord};

use super::InvalidLine;
use crate::learn;

/// The delimiters that are tried, the most usual first.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// The part of a file that shows its delimiter.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// The rows of a table that have a text.
#[derive(Debug)]
pub struct QnaTable {
    pub header: QnaRow,
    pub rows: Vec<QnaRow>,
    pub delimiter: char,
}

#[derive(Debug)]
pub struct QnaRow {
    /// The line of the file on which the row begins, counted from 1.
    pub line: u64,
    pub fields: StringRecord,
}

/// Reads a table. Of the delimiters, it takes the one that `is_header` accepts the first
/// row with, else the one that gives the most columns. A first line such as `sep=;` names
/// the delimiter.
///
/// # Errors
/// The file is not text.
pub fn read(
    bytes: &[u8],
    is_header: impl Fn(&StringRecord) -> bool,
) -> Result<QnaTable, InvalidLine> {
    if let Some(format) = learn::binary_format(bytes) {
        let reason = format!("the file is {format}; save the table as CSV UTF-8");
        return Err(InvalidLine { line: 1, reason });
    }
    let text = learn::decode_unknown(bytes);
    let (named, first_line, text) = match delimiter_line(&text) {
        Some((delimiter, rest)) => (Some(delimiter), 2, rest),
        None => (None, 1, &*text),
    };
    let delimiter = named.unwrap_or_else(|| find_delimiter(text, is_header));
    let mut rows = rows(text, delimiter, first_line).into_iter();
    let empty = QnaRow {
        line: first_line,
        fields: StringRecord::new(),
    };
    Ok(QnaTable {
        header: rows.next().unwrap_or(empty),
        rows: rows.collect(),
        delimiter: char::from(delimiter),
    })
}

/// The delimiter that a first line `sep=;` names, and the text after the line.
fn delimiter_line(text: &str) -> Option<(u8, &str)> {
    let (line, rest) = text.split_once('\n')?;
    let line = line.trim_end_matches('\r').trim_matches([' ', '"']);
    let (name, value) = line.split_at_checked("sep=".len())?;
    let is_name = name.eq_ignore_ascii_case("sep=");
    match (is_name, value.as_bytes()) {
        (true, [delimiter]) => Some((*delimiter, rest)),
        _ => None,
    }
}

fn find_delimiter(text: &str, is_header: impl Fn(&StringRecord) -> bool) -> u8 {
    let head = &text[..text.floor_char_boundary(MAX_HEADER_BYTES)];
    let headers = DELIMITERS.map(|delimiter| {
        let text = trim_fields(head, delimiter);
        let mut records = reader(&text, delimiter).into_records().flatten();
        (delimiter, records.find(has_text).unwrap_or_default())
    });
    let named = headers.iter().find(|(_, header)| is_header(header));
    let longest = || headers.iter().rev().max_by_key(|(_, header)| header.len());
    named
        .or_else(longest)
        .map_or(DELIMITERS[0], |(delimiter, _)| *delimiter)
}

fn rows(text: &str, delimiter: u8, first_line: u64) -> Vec<QnaRow> {
    let text = trim_fields(text, delimiter);
    let mut lines = LineCounter {
        bytes: text.as_bytes(),
        at: 0,
        line: first_line,
    };
    let mut rows = Vec::new();
    // A text that is UTF-8 has no invalid record, because rows may have any length.
    for fields in reader(&text, delimiter).into_records().flatten() {
        let at = fields.position().map_or(0, csv::Position::byte);
        let line = lines.line_of_record(usize::try_from(at).unwrap_or(usize::MAX));
        if has_text(&fields) {
            rows.push(QnaRow { line, fields });
        }
    }
    rows
}

fn has_text(record: &StringRecord) -> bool {
    record.iter().any(|field| !field.trim().is_empty())
}

fn reader(text: &str, delimiter: u8) -> Reader<&[u8]> {
    let mut builder = ReaderBuilder::new();
    builder
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true);
    builder.from_reader(text.as_bytes())
}

/// Counts lines. The csv crate counts `\r\n` after a record as part of the next one.
struct LineCounter<'t> {
    bytes: &'t [u8],
    at: usize,
    line: u64,
}

impl LineCounter<'_> {
    /// The line of the record that is read at `at` or after the line ends there.
    fn line_of_record(&mut self, at: usize) -> u64 {
        while let Some(byte) = self.bytes.get(self.at) {
            let is_line_end = matches!(byte, b'\n' | b'\r');
            if self.at >= at && !is_line_end {
                break;
            }
            self.at += 1;
            let is_first_of_two = *byte == b'\r' && self.bytes.get(self.at) == Some(&b'\n');
            self.line += u64::from(is_line_end && !is_first_of_two);
        }
        self.line
    }
}

/// Removes blanks around the fields: around the quotation marks of quoted fields, which
/// the csv crate recognizes only at the begin of a field. Line ends stay.
fn trim_fields(text: &str, delimiter: u8) -> String {
    let delimiter = char::from(delimiter);
    let is_blank =
        |char: char| char.is_whitespace() && !matches!(char, '\n' | '\r') && char != delimiter;
    let is_end = |char: char| char == delimiter || matches!(char, '\n' | '\r');
    let mut trimmed = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.trim_start_matches(is_blank);
        if let Some(length) = quoted_length(rest) {
            trimmed.push_str(&rest[..length]);
            rest = rest[length..].trim_start_matches(is_blank);
        }
        let end = rest.find(is_end).unwrap_or(rest.len());
        trimmed.push_str(rest[..end].trim_end_matches(is_blank));
        let after = rest[end..].chars().next().map_or(0, char::len_utf8);
        trimmed.push_str(&rest[end..end + after]);
        rest = &rest[end + after..];
    }
    trimmed
}

/// The length of a quoted field with its quotation marks.
fn quoted_length(text: &str) -> Option<usize> {
    let mut at = text.starts_with('"').then_some(1)?;
    loop {
        let Some(quote) = text[at..].find('"') else {
            return Some(text.len());
        };
        at += quote + 1;
        if !text[at..].starts_with('"') {
            return Some(at);
        }
        at += 1;
    }
}
