//! Arguments that several commands share: the database file, its project.

use std::path::PathBuf;

use clap::Args;

use super::CommandError;
use crate::domain::{AssistantId, ProjectSeq};
use crate::service::setup;
use crate::store::{Options, Store};

/// Which database file a command uses.
#[derive(Debug, Args)]
pub struct DatabaseFile {
    /// The database file
    #[arg(
        long,
        env = "PARLOR_DB",
        default_value = "parlor.db",
        value_name = "FILE"
    )]
    pub db: PathBuf,
}

impl DatabaseFile {
    /// Opens the file.
    ///
    /// # Errors
    /// [`CommandError::NoFile`] if it does not exist, so that a mistyped name
    /// creates no new file.
    pub fn open(&self) -> Result<Store, CommandError> {
        if !self.db.exists() {
            return Err(CommandError::NoFile(self.db.clone()));
        }
        Ok(Store::open(&self.db, &Options::default())?)
    }

    /// Opens the file and finds its first project.
    pub fn open_first_project(&self) -> Result<(Store, ProjectSeq), CommandError> {
        let store = self.open()?;
        let project = setup::first_project(&store)?;
        Ok((store, project))
    }
}

/// Parses the id of an assistant.
pub fn parse_assistant_id(text: &str) -> Result<AssistantId, String> {
    let expected = || "must be an id as `parlor assistants list` shows it".to_owned();
    AssistantId::parse(text).ok_or_else(expected)
}
