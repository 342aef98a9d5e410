//! `parlor export`: writes everything in the database file as lines of JSON.

use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use clap::Args;

use super::CommandError;
use super::database::Database;
use super::output::{print_error, print_line};
use super::progress::with_monitor;
use crate::service::export::{self, ExportError, FileExport};
use crate::store::export::{ExportScope, RecordCounts, RecordKind};

/// Export all projects with their keys, assistants, knowledge, visitors and conversations
///
/// The export has one JSON object on each line, which `parlor import` reads, also on another
/// machine and into a file with other projects. It has what was stored when the command
/// began, also while a server uses the file. Keys are exported as hashes, so they stay valid.
///
/// FILE gets its name when the export is complete; until then it is FILE.part. If the command
/// is interrupted, run the same command again: it continues if conversations, messages and
/// settings have not changed meanwhile, and otherwise begins again. An export to standard
/// output always begins again.
#[derive(Debug, Args)]
pub struct Export {
    /// The new file; - is standard output
    #[arg(value_name = "FILE|-")]
    target: PathBuf,
    #[command(flatten)]
    database: Database,
    /// Export the secret that signs session tokens, and the sessions, so that visitors stay
    /// signed in. A person who has the file can then act as any visitor
    #[arg(long)]
    with_secrets: bool,
}

impl Export {
    pub fn run(self) -> Result<(), CommandError> {
        let store = self.database.open()?;
        let scope = ExportScope {
            with_secrets: self.with_secrets,
        };
        let is_stdout = self.target == Path::new("-");
        let counts = with_monitor(|monitor| {
            if !is_stdout {
                let target = &self.target;
                let mut report = |begin| print_begin(begin, target);
                return export::to_file(&store, target, scope, monitor, &mut report);
            }
            let mut out = BufWriter::with_capacity(1 << 18, stdout().lock());
            let counts = export::write(&store, &mut out, scope, monitor)?;
            out.flush()?;
            Ok::<_, ExportError>(counts)
        })??;
        let target = self.target.display();
        let summary = format!("exported {}", describe(&counts));
        if is_stdout {
            print_error!("{summary}");
        } else {
            print_line!("{summary} to {target}");
        }
        if self.with_secrets {
            print_error!(
                "protect the export like a password: a person who has it can act as any visitor; \
                 encrypt it before you copy it (age -p, gpg -c)"
            );
        }
        Ok(())
    }
}

/// Says what becomes of an interrupted export.
fn print_begin(begin: FileExport, target: &Path) {
    let target = target.display();
    match begin {
        FileExport::Continued(records) => {
            print_error!("continuing {target}.part after {records} records");
        }
        FileExport::Restarted => print_error!(
            "the database has changed since {target}.part was begun; the export begins again"
        ),
    }
}

/// The most important counts, for the operator.
pub fn describe(counts: &RecordCounts) -> String {
    let others = counts.total()
        - counts.of(RecordKind::Conversation)
        - counts.of(RecordKind::Message)
        - counts.of(RecordKind::Visitor);
    format!(
        "{} conversations, {} messages, {} visitors and {others} other records",
        counts.of(RecordKind::Conversation),
        counts.of(RecordKind::Message),
        counts.of(RecordKind::Visitor),
    )
}
