//! `parlor backup`: copies the database file while a server uses it.

use std::path::PathBuf;

use clap::Args;

use super::CommandError;
use super::database::DatabasePath;
use super::progress::with_monitor;
use crate::service::backup;

/// Copy the database file to a new file or into a folder, also while a server uses it
///
/// The copy has everything that was stored when the command began. It is verified, and
/// gets its name when it is complete. FILE.json describes it. In a folder, its name is
/// parlor-YYYYMMDDTHHMMSSZ.db. `parlor restore` restores it.
///
/// The copy is not encrypted. It contains the messages of visitors and the secret that
/// signs their sessions. Encrypt it before you copy it to another machine, with age
/// (`age -p -o FILE.age FILE`) or gpg (`gpg -c FILE`).
#[derive(Debug, Args)]
pub struct Backup {
    /// The new file, or an existing folder
    #[arg(value_name = "FILE|DIR")]
    target: PathBuf,
    #[command(flatten)]
    file: DatabasePath,
}

impl Backup {
    pub fn run(self) -> Result<(), CommandError> {
        let database = self.file.existing()?;
        let made = with_monitor(|monitor| backup::create(database, &self.target, monitor))??;
        let counts = made.manifest.counts;
        println!(
            "created {}: {} conversations, {} messages, {} bytes",
            made.path.display(),
            counts.conversations,
            counts.messages,
            made.manifest.bytes
        );
        Ok(())
    }
}
