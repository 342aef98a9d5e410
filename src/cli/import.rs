//! `parlor import`: reads what `parlor export` has written.

use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::{Path, PathBuf};

use clap::Args;

use super::CommandError;
use super::database::DatabaseFile;
use super::export::describe;
use super::progress::with_monitor;
use crate::service::import::{self, ImportSummary, Problem};

/// The problems that are printed one by one.
const MAX_PRINTED_PROBLEMS: u64 = 20;

/// Import what `parlor export` has written, also while a server uses the database file
///
/// The database file is created if it does not exist, and may have other projects. Records
/// whose id is stored already are skipped, so an import that was interrupted is run again.
/// A record that contradicts what is stored is printed with the number of its line and
/// skipped; the exit status is then 1.
#[derive(Debug, Args)]
pub struct Import {
    /// The export; - is standard input
    #[arg(value_name = "FILE|-")]
    source: PathBuf,
    #[command(flatten)]
    file: DatabaseFile,
}

impl Import {
    pub fn run(self) -> Result<(), CommandError> {
        let unreadable = |error| CommandError::UnreadableFile(self.source.clone(), error);
        let mut problems = 0;
        let mut report = |problem: &Problem| print_problem(&mut problems, problem);
        let summary = if self.source == Path::new("-") {
            let store = self.file.open_or_create()?;
            with_monitor(|monitor| import::import(&store, stdin().lock(), 0, monitor, &mut report))
        } else {
            let file = File::open(&self.source).map_err(unreadable)?;
            let bytes = file.metadata().map_err(unreadable)?.len();
            let input = BufReader::with_capacity(1 << 18, file);
            let store = self.file.open_or_create()?;
            with_monitor(|monitor| import::import(&store, input, bytes, monitor, &mut report))
        }??;
        finish(&summary, problems)
    }
}

fn print_problem(problems: &mut u64, problem: &Problem) {
    *problems += 1;
    if *problems <= MAX_PRINTED_PROBLEMS {
        eprintln!("parlor: {problem}");
    }
}

/// Prints the summary. Fails if records were refused.
fn finish(summary: &ImportSummary, problems: u64) -> Result<(), CommandError> {
    println!("imported {}", describe(&summary.imported));
    let unchanged = summary.unchanged.total();
    if unchanged > 0 {
        println!("{unchanged} records were imported before");
    }
    if problems > MAX_PRINTED_PROBLEMS {
        let more = problems - MAX_PRINTED_PROBLEMS;
        eprintln!("parlor: {more} more records contradict what is stored");
    }
    match summary.refused.total() {
        0 => Ok(()),
        refused => Err(CommandError::NotImported(refused)),
    }
}
