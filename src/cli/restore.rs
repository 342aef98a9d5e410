//! `parlor restore`: makes a backup the database file.

use clap::Args;

use super::CommandError;
use super::backup::{BackupPlace, backup_place};
use super::database::DatabaseArguments;
use super::output::print_line;
use super::progress::with_monitor;
use crate::service::restore;

/// Restore a backup as the database file, while no server uses the file
///
/// The backup is verified before the database file is changed: it must be complete, and
/// the file that BACKUP.json describes if there is one. A database file that exists is
/// kept as FILE.replaced-TIME. The restored file has its owner and mode; a new file that
/// root creates has the owner of its folder.
///
/// s3://BUCKET/PREFIX restores the newest complete backup of this folder in object storage,
/// s3://BUCKET/PREFIX/parlor-YYYYMMDDTHHMMSSZ.db another one. The command reads the same
/// variables as `parlor backup`.
///
/// The sessions and keys of the time of the backup are valid again, also keys that were
/// revoked after it.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup; it stays as it is
    #[arg(value_name = "BACKUP", value_parser = backup_place())]
    backup: BackupPlace,
    #[command(flatten)]
    database: DatabaseArguments,
    /// Replace the database file if it exists
    #[arg(long)]
    force: bool,
}

const ON_POSTGRES: &str = "`parlor restore` replaces files; use pg_restore for a copy that \
                           pg_dump has made, or `parlor import` for an export";

impl Restore {
    pub fn run(self) -> Result<(), CommandError> {
        let (database, force) = (self.database.file(ON_POSTGRES)?, self.force);
        let restored = with_monitor(|monitor| match &self.backup {
            BackupPlace::Path(path) => restore::restore(path, database, force, monitor),
            BackupPlace::Bucket(url) => {
                let (name, restored) = restore::restore_from_bucket(url, database, force, monitor)?;
                print_line!("downloaded {name}");
                Ok(restored)
            }
        })??;
        let counts = restored.contents.counts;
        print_line!(
            "restored {}: {} conversations, {} messages",
            restored.path.display(),
            counts.conversations,
            counts.messages
        );
        if let Some(previous) = restored.previous {
            print_line!("the previous file is {}", previous.display());
        }
        Ok(())
    }
}
