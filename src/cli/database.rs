//! Arguments that several commands share: the database file, its project.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::CommandError;
use crate::domain::{AssistantId, ProjectSeq, ProjectSummary};
use crate::service::project;
use crate::store::{OpenError, Options, Store, check_name_of_server, resolve};

/// Which database file a command uses. The command does not upgrade the file.
#[derive(Debug, Args)]
pub struct DatabasePath {
    /// The database file
    #[arg(
        long,
        env = "PARLOR_DB",
        default_value = "parlor.db",
        value_name = "FILE"
    )]
    pub db: PathBuf,
}

impl DatabasePath {
    /// The path of the file.
    ///
    /// # Errors
    /// [`CommandError::NoFile`] if it does not exist, so that a mistyped name
    /// creates no new file; [`CommandError::Open`] if its path cannot be followed.
    pub fn existing(&self) -> Result<&Path, CommandError> {
        let Err(error) = fs::metadata(&self.db) else {
            return Ok(&self.db);
        };
        if error.kind() == io::ErrorKind::NotFound {
            return Err(CommandError::NoFile(self.db.clone()));
        }
        resolve(&self.db)?;
        Err(OpenError::from_io(&self.db, &error).into())
    }
}

/// Which database file a command opens. The command upgrades an older file.
#[derive(Debug, Args)]
pub struct DatabaseFile {
    #[command(flatten)]
    pub path: DatabasePath,
    #[command(flatten)]
    pub snapshot: SnapshotArgument,
}

/// Whether an older file is copied before its upgrade.
#[derive(Debug, Args)]
pub struct SnapshotArgument {
    /// Upgrade a file of an earlier version without a copy, FILE.schema-N.bak
    #[arg(long)]
    pub no_snapshot: bool,
}

impl DatabaseFile {
    /// Opens the file. Errors as for [`DatabasePath::existing`].
    pub fn open(&self) -> Result<Store, CommandError> {
        self.path.existing()?;
        self.open_or_create()
    }

    /// Opens the file, or creates it without a project.
    pub fn open_or_create(&self) -> Result<Store, CommandError> {
        check_name_of_server(&self.path.db)?;
        Ok(Store::open(&self.path.db, &self.options())?)
    }

    /// How the file is opened.
    pub fn options(&self) -> Options {
        Options {
            snapshot: !self.snapshot.no_snapshot,
            ..Options::default()
        }
    }
}

/// Which project of which database file a command uses.
#[derive(Debug, Args)]
pub struct ProjectArguments {
    #[command(flatten)]
    pub file: DatabaseFile,
    /// The project's id or name, as `parlor projects list` shows it [default: the only project]
    #[arg(long, value_name = "ID|NAME")]
    project: Option<String>,
}

impl ProjectArguments {
    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.file.path.db
    }

    /// Opens the file and finds the project.
    ///
    /// # Errors
    /// If the file has no such project, or several projects and none was named.
    pub fn open(&self) -> Result<(Store, ProjectSeq), CommandError> {
        let (store, project) = self.open_summary()?;
        Ok((store, project.seq))
    }

    /// As [`ProjectArguments::open`], with what lists show of the project.
    pub fn open_summary(&self) -> Result<(Store, ProjectSummary), CommandError> {
        let store = self.file.open()?;
        let project = project::select(&store, self.project.as_deref())?;
        Ok((store, project))
    }

    /// The project that was named.
    pub fn name(&self) -> Option<&str> {
        self.project.as_deref()
    }
}

/// Parses the id of an assistant.
pub fn parse_assistant_id(text: &str) -> Result<AssistantId, String> {
    let expected = || "must be an id as `parlor assistants list` shows it".to_owned();
    AssistantId::parse(text).ok_or_else(expected)
}
