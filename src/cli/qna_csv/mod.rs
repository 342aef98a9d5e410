//! The CSV format of Q&As: the columns question, answer and published.

mod columns;
mod table;

use csv::{QuoteStyle, StringRecord, Terminator, WriterBuilder};

pub use self::columns::ColumnNames;
use self::columns::{ColumnIndexes, parse_published};
use self::table::QnaRow;
use crate::csv_cell;
use crate::domain::{ValidationError, parse_answer, parse_question};
use crate::learn;
use crate::service::qna_import::ImportedQna;
use crate::store::qna::StoredQna;

/// The columns in the order of an export. An import may have them in any order.
const COLUMNS: [&str; 3] = ["question", "answer", "published"];

/// Why a CSV file cannot be imported.
#[derive(Debug)]
pub struct InvalidLine {
    /// Counted from 1.
    pub line: u64,
    pub reason: String,
}

// ── Export ──

/// Writes Q&As as CSV.
pub fn write(stored: &[StoredQna]) -> std::io::Result<Vec<u8>> {
    let mut csv = row(&COLUMNS)?;
    for qna in stored {
        let published = if qna.is_published { "true" } else { "false" };
        let [question, answer] = [&qna.question, &qna.answer].map(|text| csv_cell::escape(text));
        csv.extend(row(&[&question, &answer, published])?);
    }
    Ok(csv)
}

/// A row. Fields with blanks around them are quoted, because an import trims others.
fn row(fields: &[&str]) -> std::io::Result<Vec<u8>> {
    let is_trimmed = fields.iter().all(|field| field.trim() == *field);
    let quotes = if is_trimmed {
        QuoteStyle::Necessary
    } else {
        QuoteStyle::Always
    };
    let mut builder = WriterBuilder::new();
    builder.terminator(Terminator::CRLF).quote_style(quotes);
    let mut writer = builder.from_writer(Vec::new());
    writer.write_record(fields)?;
    writer.into_inner().map_err(|error| error.into_error())
}

// ── Import ──

/// Parses a CSV file.
///
/// # Errors
/// The first invalid line.
pub fn parse(bytes: &[u8], names: &ColumnNames) -> Result<Vec<ImportedQna>, InvalidLine> {
    let is_header = |row: &StringRecord| ColumnIndexes::find(row, names).is_ok();
    let table = table::read(bytes, is_header)?;
    let columns = ColumnIndexes::find(&table.header.fields, names);
    let columns = columns.map_err(|reason| table.header.invalid(reason))?;
    let parse_row = |row: &QnaRow| {
        row.expect_fields(table.header.fields.len(), table.delimiter)?;
        let qna = columns.parse_record(&row.fields);
        qna.map_err(|reason| row.invalid(reason))
    };
    table.rows.iter().map(parse_row).collect()
}

impl QnaRow {
    fn invalid(&self, reason: String) -> InvalidLine {
        let line = self.line;
        InvalidLine { line, reason }
    }

    /// Checks the number of fields. Spreadsheets write further empty ones.
    fn expect_fields(&self, expected: usize, delimiter: char) -> Result<(), InvalidLine> {
        let further = self.fields.iter().skip(expected);
        let has_further = further.into_iter().any(|field| !field.trim().is_empty());
        let length = self.fields.len();
        if length >= expected && !has_further {
            return Ok(());
        }
        Err(self.invalid(format!(
            "it has {length} fields, the first line has {expected}; a text with {delimiter:?} \
             needs quotation marks"
        )))
    }
}

impl ColumnIndexes {
    /// Parses a record; the error is the reason why the record is invalid.
    fn parse_record(&self, record: &StringRecord) -> Result<ImportedQna, String> {
        let field = |index| csv_cell::unescape(record.get(index).unwrap_or_default());
        let reason = |error: ValidationError| format!("{} {}", error.field, error.reason);
        let published = self.published.map_or("", field);
        let answer = learn::markdown_of_answer(field(self.answer));
        Ok(ImportedQna {
            question: parse_question(field(self.question)).map_err(reason)?,
            answer: parse_answer(&answer).map_err(reason)?,
            is_published: parse_published(published)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::QnaId;

    fn parse(bytes: &[u8]) -> Result<Vec<ImportedQna>, InvalidLine> {
        super::parse(bytes, &ColumnNames::default())
    }

    #[test]
    fn column_that_occurs_twice_is_named() {
        let error = parse(b"question,answer,Answer\na,b,c\n").expect_err("two columns");
        assert_eq!(error.line, 1);
        assert!(error.reason.contains("answer"), "{}", error.reason);
    }

    #[test]
    fn import_of_an_export_gives_the_same_qnas() {
        let texts = [
            "a",
            "a,b",
            "\"q\"",
            "two\nlines",
            "two\r\nlines",
            " blank ",
            "é",
            "\r",
            "'",
            "=1+1",
            "'=1+1",
            "- a list",
            "@home",
            "\t+1",
        ];
        let stored: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(index, text)| StoredQna {
                id: QnaId::generate(),
                question: (*text).to_owned(),
                answer: texts[texts.len() - 1 - index].to_owned(),
                is_published: index % 2 == 0,
            })
            .collect();
        let imported = parse(&write(&stored).expect("write")).expect("parse");
        assert_eq!(imported.len(), stored.len());
        for (imported, stored) in imported.iter().zip(&stored) {
            assert_eq!(imported.question, stored.question);
            assert_eq!(imported.answer, stored.answer);
            assert_eq!(imported.is_published, stored.is_published);
        }
    }

    #[test]
    fn columns_are_accepted_in_any_order_after_a_byte_order_mark() {
        let csv = b"\xef\xbb\xbfAnswer,note,Question\r\nyes,x,\"really, now?\"\r\n";
        let rows = parse(csv).expect("parse");
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((&*row.question, &*row.answer), ("really, now?", "yes"));
        assert!(row.is_published);
    }

    #[test]
    fn error_names_the_first_invalid_line() {
        let huge_field = format!("question,answer\na,{}\n", "b".repeat(5_000_000));
        let many_fields = format!("question,answer\na{}\n", ",b".repeat(500_000));
        let open_quote = format!("question,answer\na,\"{}", "b\n".repeat(2_000_000));
        for (csv, line, expected) in [
            (&b"q,a\nx,y\n"[..], 1, "question,answer"),
            (b"", 1, "question,answer"),
            (
                b"question,answer\na,b\n\"two\nlines\",c\n,d\n",
                5,
                "question must have 1",
            ),
            (b"question,answer\na,b\nc\n", 3, "it has 1 fields"),
            (b"PK\x03\x04", 1, "save the table as CSV UTF-8"),
            (
                b"sep=;\r\nquestion;answer\r\n\r\n;;\r\na;\r\n",
                5,
                "answer must",
            ),
            (
                b"question,answer\r\n\"a\r\nb\",c\r\nd,e,f\r\n",
                4,
                "it has 3 fields",
            ),
            (b"question,answer\ra,b\rc\r", 3, "it has 1 fields"),
            (b"question,answer,published\na,b,maybe\n", 2, "published"),
            (b"question,answer\na,b\0\n", 2, "NUL"),
            (huge_field.as_bytes(), 2, "answer must have 1 to 20000"),
            (many_fields.as_bytes(), 2, "it has 500001 fields"),
            (open_quote.as_bytes(), 2, "answer must have 1 to 20000"),
        ] {
            let error = parse(csv).expect_err("invalid");
            assert_eq!(error.line, line, "{}", error.reason);
            assert!(error.reason.contains(expected), "{}", error.reason);
        }
    }

    #[test]
    fn delimiter_encoding_and_blanks_are_recognized() {
        let texts = "Frage;Antwort\nGröße?;5 €\n";
        let (windows, _, _) = encoding_rs::WINDOWS_1252.encode(texts);
        let utf16: Vec<u8> = format!("\u{feff}{texts}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for csv in [
            &windows[..],
            &utf16,
            texts.as_bytes(),
            "\"sep=|\"\nquestion|answer\nGröße?|5 €".as_bytes(),
            "question | answer\n \"Größe?\" | \"5 €\" \n".as_bytes(),
            "sep=\t\r\nanswer\tquestion\r\n5 €\tGröße?\t\t\r\n\t\r\n".as_bytes(),
            "note,question,answer\n,,\nx;y;z, Größe? ,5 €\n".as_bytes(),
        ] {
            let rows = parse(csv).expect("parse");
            assert_eq!(rows.len(), 1);
            assert_eq!((&*rows[0].question, &*rows[0].answer), ("Größe?", "5 €"));
        }
    }
}
