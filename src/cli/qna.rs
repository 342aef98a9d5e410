//! `parlor qna`: questions with their answers.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use csv::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};

use super::CommandError;
use super::learn::Target;
use crate::domain::{ProjectSeq, QnaId, Timestamp, ValidationError, parse_answer, parse_question};
use crate::store::qna::{self, NewQna, QnaChange, StoredQna};
use crate::store::{Batch, Store, any_change};

#[derive(Debug, Subcommand)]
pub enum Qnas {
    /// Add a question with its answer, and print its id
    Add {
        #[command(flatten)]
        target: Target,
        /// The question, 1 to 1000 characters
        #[arg(long, value_name = "TEXT", value_parser = a_question)]
        question: String,
        /// The answer, 1 to 20,000 characters of Markdown
        #[arg(long, value_name = "TEXT", value_parser = an_answer)]
        answer: String,
        /// Do not show it yet
        #[arg(long)]
        unpublished: bool,
    },
    /// List the questions: id, state, question
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Import a CSV file with the columns question, answer and, if wanted, published (true or false)
    Import {
        #[command(flatten)]
        target: Target,
        /// The file; a question that is there already gets the file's answer
        #[arg(value_name = "FILE.csv")]
        csv: PathBuf,
    },
    /// Write all questions as CSV, which `parlor qna import` reads
    Export {
        #[command(flatten)]
        target: Target,
        /// A new file; without it, standard output
        #[arg(value_name = "FILE.csv")]
        csv: Option<PathBuf>,
    },
    /// Remove a question with its answer
    Remove {
        #[command(flatten)]
        target: Target,
        /// Its id, as `parlor qna list` shows it
        #[arg(value_parser = qna_id)]
        id: QnaId,
    },
}

fn a_question(text: &str) -> Result<String, String> {
    parse_question(text).map_err(|invalid| invalid.reason)
}

fn an_answer(text: &str) -> Result<String, String> {
    parse_answer(text).map_err(|invalid| invalid.reason)
}

fn qna_id(text: &str) -> Result<QnaId, String> {
    QnaId::parse(text).ok_or_else(|| "must be an id as `parlor qna list` shows it".to_owned())
}

impl Qnas {
    pub fn run(self) -> Result<(), CommandError> {
        match self {
            Qnas::Add {
                target,
                question,
                answer,
                unpublished,
            } => {
                let row = Row {
                    question,
                    answer,
                    is_published: !unpublished,
                };
                let (store, project) = target.open()?;
                let new = row.into_new(project);
                store.write_here(new.create())?;
                println!("{}", new.id);
                Ok(())
            }
            Qnas::List { target } => list(&target),
            Qnas::Import { target, csv } => import(&target, &csv),
            Qnas::Export { target, csv } => export(&target, csv),
            Qnas::Remove { target, id } => remove(&target, id),
        }
    }
}

fn stored(target: &Target) -> Result<(Store, ProjectSeq, Vec<StoredQna>), CommandError> {
    let (store, project) = target.open()?;
    let stored = store.read_here(|snapshot| qna::list_all(snapshot, project))?;
    Ok((store, project, stored))
}

fn list(target: &Target) -> Result<(), CommandError> {
    let (_, _, stored) = stored(target)?;
    let mut out = std::io::stdout().lock();
    for one in stored {
        let state = match one.is_published {
            true => "published",
            false => "unpublished",
        };
        // One line each, whatever the question has in it.
        let words: Vec<_> = one.question.split_whitespace().collect();
        writeln!(out, "{}  {state:<11}  {}", one.id, words.join(" "))?;
    }
    Ok(())
}

fn remove(target: &Target, id: QnaId) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    if !any_change(&store.write_here(qna::delete(project, id))?) {
        return Err(CommandError::NoSuchQna(id));
    }
    println!("removed {id}");
    Ok(())
}

fn export(target: &Target, path: Option<PathBuf>) -> Result<(), CommandError> {
    let (_, _, stored) = stored(target)?;
    let text = written(&stored)?;
    let Some(path) = path else {
        return Ok(std::io::stdout().lock().write_all(&text)?);
    };
    if path.exists() {
        return Err(CommandError::Present(path));
    }
    Ok(fs::write(path, text)?)
}

/// The columns, in the order in which they are written.
const COLUMNS: [&str; 3] = ["question", "answer", "published"];

fn written(stored: &[StoredQna]) -> Result<Vec<u8>, CommandError> {
    let mut builder = WriterBuilder::new();
    let mut writer = builder.terminator(Terminator::CRLF).from_writer(Vec::new());
    let failed = |error: csv::Error| std::io::Error::other(error);
    writer.write_record(COLUMNS).map_err(failed)?;
    for one in stored {
        let published = if one.is_published { "true" } else { "false" };
        let fields = [&one.question, &one.answer, published];
        writer.write_record(fields).map_err(failed)?;
    }
    let text = writer.into_inner();
    Ok(text.map_err(|error| error.into_error())?)
}

// ── Import ──

/// A row of a CSV file.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    question: String,
    answer: String,
    is_published: bool,
}

/// Imports the whole file or, where one row is wrong, nothing of it.
fn import(target: &Target, path: &Path) -> Result<(), CommandError> {
    let bytes = fs::read(path);
    let bytes = bytes.map_err(|error| CommandError::Unreadable(path.to_owned(), error))?;
    let rows = rows(&bytes).map_err(|(line, why)| CommandError::Row(path.to_owned(), line, why))?;
    let (store, project, stored) = stored(target)?;
    let mut known: HashMap<String, VecDeque<StoredQna>> = HashMap::new();
    for one in stored {
        known
            .entry(one.question.clone())
            .or_default()
            .push_back(one);
    }
    let (mut batch, mut new, mut changed) = (Batch::default(), 0, 0);
    let total = rows.len();
    for row in rows {
        // Of a question that is there twice, the second row means the second.
        let before = known.get_mut(&row.question).and_then(VecDeque::pop_front);
        match before {
            Some(before) if row.is(&before) => {}
            Some(before) => {
                changed += 1;
                batch = batch.then(
                    row.into_change()
                        .update(project, before.id, Timestamp::now()),
                );
            }
            None => {
                new += 1;
                batch = batch.then(row.into_new(project).create());
            }
        }
    }
    store.write_here(batch)?;
    let as_before = total - new - changed;
    println!("imported {total} Q&As ({new} new, {changed} changed, {as_before} as before)");
    Ok(())
}

impl Row {
    fn is(&self, stored: &StoredQna) -> bool {
        self.answer == stored.answer && self.is_published == stored.is_published
    }

    fn into_change(self) -> QnaChange {
        QnaChange {
            answer: Some(self.answer),
            is_published: Some(self.is_published),
            ..QnaChange::default()
        }
    }

    fn into_new(self, project: ProjectSeq) -> NewQna {
        NewQna {
            id: QnaId::generate(),
            project,
            question: self.question,
            answer: self.answer,
            is_published: self.is_published,
            creator_name: None,
            creator_image: None,
            at: Timestamp::now(),
        }
    }
}

/// What is wrong with a file, and on which line.
type Wrong = (u64, String);

fn rows(bytes: &[u8]) -> Result<Vec<Row>, Wrong> {
    // Spreadsheets put a byte order mark before the first name.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let header = reader.headers().map_err(|error| unreadable(&error))?;
    let columns = Columns::of(header)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(columns.row(&record).map_err(|why| (line, why))?);
    }
    Ok(rows)
}

fn unreadable(error: &csv::Error) -> Wrong {
    let line = error.position().map_or(1, csv::Position::line);
    let why = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("it has {len} fields, the first line has {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8; save the file as CSV UTF-8".to_owned(),
        _ => error.to_string(),
    };
    (line, why)
}

/// Where in a row each column is.
struct Columns {
    question: usize,
    answer: usize,
    published: Option<usize>,
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, Wrong> {
        let at = |name| {
            let mut names = header.iter();
            names.position(|one| one.trim().eq_ignore_ascii_case(name))
        };
        let [question, answer, published] = COLUMNS.map(at);
        let missing = || {
            (
                1,
                "it must be question,answer or question,answer,published".to_owned(),
            )
        };
        Ok(Self {
            question: question.ok_or_else(missing)?,
            answer: answer.ok_or_else(missing)?,
            published,
        })
    }

    fn row(&self, record: &StringRecord) -> Result<Row, String> {
        let field = |at: usize| record.get(at).unwrap_or_default();
        let told = |invalid: ValidationError| format!("{} {}", invalid.field, invalid.reason);
        let published = self.published.map_or("", field).trim();
        Ok(Row {
            question: parse_question(field(self.question)).map_err(told)?,
            answer: parse_answer(field(self.answer)).map_err(told)?,
            is_published: match published.to_ascii_lowercase().as_str() {
                "" | "true" | "yes" | "1" => true,
                "false" | "no" | "0" => false,
                _ => return Err("published must be true or false".to_owned()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exported_is_imported_as_it_was() {
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
        let rows = rows(&written(&stored).expect("CSV")).expect("rows");
        assert_eq!(rows.len(), stored.len());
        for (row, one) in rows.iter().zip(&stored) {
            assert!(row.is(one) && row.question == one.question, "{row:?}");
        }
    }

    #[test]
    fn columns_may_stand_in_any_order_after_a_byte_order_mark() {
        let csv = b"\xef\xbb\xbfAnswer,note,Question\r\nyes,x,\"really, now?\"\r\n";
        let rows = rows(csv).expect("rows");
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((&*row.question, &*row.answer), ("really, now?", "yes"));
        assert!(row.is_published);
    }

    #[test]
    fn the_first_wrong_row_is_told_by_its_line() {
        let wrong = |csv: &[u8]| rows(csv).expect_err("wrong");
        for (csv, line, says) in [
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
        ] {
            let (at, why) = wrong(csv);
            assert_eq!(at, line, "{why}");
            assert!(why.contains(says), "{why}");
        }
    }
}
