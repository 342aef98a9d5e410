//! The CSV format of Q&As: the columns question, answer and published.

use csv::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};

use crate::csv_cell;
use crate::domain::{ValidationError, parse_answer, parse_question};
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
    let mut builder = WriterBuilder::new();
    let mut writer = builder.terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for qna in stored {
        let published = if qna.is_published { "true" } else { "false" };
        let [question, answer] = [&qna.question, &qna.answer].map(|text| csv_cell::escape(text));
        writer.write_record([&*question, &*answer, published])?;
    }
    writer.into_inner().map_err(|error| error.into_error())
}

// ── Import ──

/// Parses a CSV file.
///
/// # Errors
/// The first invalid line.
pub fn parse(bytes: &[u8]) -> Result<Vec<ImportedQna>, InvalidLine> {
    // Spreadsheets write a byte order mark before the first name.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let header = reader.headers().map_err(|error| csv_error(&error))?;
    let columns = ColumnIndexes::find(header)?;
    let mut qnas = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| csv_error(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let qna = columns.parse_record(&record);
        qnas.push(qna.map_err(|reason| InvalidLine { line, reason })?);
    }
    Ok(qnas)
}

fn csv_error(error: &csv::Error) -> InvalidLine {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("it has {len} fields, the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8; save the file as CSV UTF-8".to_owned(),
        _ => error.to_string(),
    };
    InvalidLine { line, reason }
}

/// The index of each column in a record.
struct ColumnIndexes {
    question: usize,
    answer: usize,
    published: Option<usize>,
}

impl ColumnIndexes {
    fn find(header: &StringRecord) -> Result<Self, InvalidLine> {
        let indexes_of = |column: &str| -> Vec<_> {
            let names = header.iter().enumerate();
            let same = names.filter(|(_, name)| name.trim().eq_ignore_ascii_case(column));
            same.map(|(index, _)| index).collect()
        };
        let indexes = COLUMNS.map(indexes_of);
        let invalid = |reason: String| InvalidLine { line: 1, reason };
        for (name, indexes) in COLUMNS.iter().zip(&indexes) {
            if indexes.len() > 1 {
                return Err(invalid(format!("the column {name} occurs more than once")));
            }
        }
        let [question, answer, published] = indexes.map(|indexes| indexes.first().copied());
        let expected = "it must be question,answer or question,answer,published";
        let missing = || invalid(expected.to_owned());
        Ok(Self {
            question: question.ok_or_else(missing)?,
            answer: answer.ok_or_else(missing)?,
            published,
        })
    }

    /// Parses a record; the error is the reason why the record is invalid.
    fn parse_record(&self, record: &StringRecord) -> Result<ImportedQna, String> {
        let field = |index| csv_cell::unescape(record.get(index).unwrap_or_default());
        let reason = |error: ValidationError| format!("{} {}", error.field, error.reason);
        let published = self.published.map_or("", field);
        Ok(ImportedQna {
            question: parse_question(field(self.question)).map_err(reason)?,
            answer: parse_answer(field(self.answer)).map_err(reason)?,
            is_published: parse_published(published)?,
        })
    }
}

/// Parses the column `published`; an empty field means true.
fn parse_published(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err("published must be true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::QnaId;

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
            (b"question,answer\na,\xff\n", 2, "UTF-8"),
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
}
