//! `parlor qna`: add, list, import, export and remove Q&As.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::database::ProjectArguments;
use super::output::print_line;
use super::qna_csv::ColumnNames;
use super::visible_text::VisibleText;
use super::{CommandError, qna_csv};
use crate::domain::{QnaId, parse_answer, parse_question};
use crate::service::qna;
use crate::service::qna_import::{self, ImportedQna};

#[derive(Debug, Subcommand)]
pub enum Qnas {
    /// Add a question with its answer, and print its id
    Add {
        #[command(flatten)]
        target: ProjectArguments,
        /// The question, 1 to 1000 characters
        #[arg(long, value_name = "TEXT", value_parser = question_argument)]
        question: String,
        /// The answer, 1 to 20,000 characters of Markdown
        #[arg(long, value_name = "TEXT", value_parser = answer_argument)]
        answer: String,
        /// Do not publish it: visitors and search do not see it
        #[arg(long)]
        unpublished: bool,
    },
    /// List the questions: id, state, question
    List {
        #[command(flatten)]
        target: ProjectArguments,
    },
    /// Import a CSV file with the columns question, answer and, optionally, published (true or false)
    Import {
        #[command(flatten)]
        target: ProjectArguments,
        /// The file; the answer of a question that exists already is replaced. The delimiter and the encoding are found out
        #[arg(value_name = "FILE.csv")]
        csv: PathBuf,
        #[command(flatten)]
        columns: ColumnNames,
    },
    /// Export all Q&As as CSV, which `parlor qna import` reads
    Export {
        #[command(flatten)]
        target: ProjectArguments,
        /// The new file [default: standard output]
        #[arg(value_name = "FILE.csv")]
        csv: Option<PathBuf>,
    },
    /// Remove a question with its answer
    Remove {
        #[command(flatten)]
        target: ProjectArguments,
        /// The Q&A's id, as `parlor qna list` shows it
        #[arg(value_parser = qna_id)]
        id: QnaId,
    },
}

fn question_argument(text: &str) -> Result<String, String> {
    parse_question(text).map_err(|error| error.reason)
}

fn answer_argument(text: &str) -> Result<String, String> {
    parse_answer(text).map_err(|error| error.reason)
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
                let qna = ImportedQna {
                    question,
                    answer,
                    is_published: !unpublished,
                };
                add(&target, qna)
            }
            Qnas::List { target } => list(&target),
            Qnas::Import {
                target,
                csv,
                columns,
            } => import(&target, &csv, &columns),
            Qnas::Export { target, csv } => export(&target, csv),
            Qnas::Remove { target, id } => remove(&target, id),
        }
    }
}

fn add(target: &ProjectArguments, qna: ImportedQna) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    print_line!("{}", qna::create_blocking(&store, project, qna)?);
    Ok(())
}

fn list(target: &ProjectArguments) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    let mut out = std::io::stdout().lock();
    for qna in qna::list_blocking(&store, project)? {
        let state = if qna.is_published {
            "published"
        } else {
            "unpublished"
        };
        // A question may have several lines; the list has one line per Q&A.
        let words: Vec<_> = qna.question.split_whitespace().collect();
        writeln!(
            out,
            "{}  {state:<11}  {}",
            qna.id,
            VisibleText(&words.join(" "))
        )?;
    }
    Ok(())
}

fn remove(target: &ProjectArguments, id: QnaId) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    qna::delete_blocking(&store, project, id)?;
    print_line!("removed {id}");
    Ok(())
}

fn export(target: &ProjectArguments, path: Option<PathBuf>) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    let csv = qna_csv::write(&qna::list_blocking(&store, project)?)?;
    let Some(path) = path else {
        return Ok(std::io::stdout().lock().write_all(&csv)?);
    };
    if path.exists() {
        return Err(CommandError::ExportFileExists(path));
    }
    Ok(fs::write(path, csv)?)
}

/// Imports the whole file, or nothing if a line is invalid.
fn import(
    target: &ProjectArguments,
    path: &Path,
    columns: &ColumnNames,
) -> Result<(), CommandError> {
    let bytes = fs::read(path);
    let bytes = bytes.map_err(|error| CommandError::UnreadableFile(path.to_owned(), error))?;
    let qnas = qna_csv::parse(&bytes, columns).map_err(|error| CommandError::InvalidLine {
        path: path.to_owned(),
        line: error.line,
        reason: error.reason,
    })?;
    let (store, project) = target.open()?;
    let summary = qna_import::import(&store, project, &qnas)?;
    print_line!(
        "imported {} Q&As ({} new, {} changed, {} as before)",
        summary.total(),
        summary.new,
        summary.changed,
        summary.unchanged
    );
    Ok(())
}
