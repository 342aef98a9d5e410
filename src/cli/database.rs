//! Arguments that several commands share: the database, its project.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgGroup, ArgMatches, Args, Command, FromArgMatches};

use super::CommandError;
use crate::domain::{AssistantId, ProjectSeq, ProjectSummary};
use crate::service::project;
use crate::store::{OpenError, Options, Store, StoreLocation, check_name_of_server, resolve};

/// Which database a command uses. The command does not upgrade a file.
#[derive(Debug)]
pub struct DatabaseArguments {
    pub location: StoreLocation,
}

#[derive(Debug, Args)]
struct LocationArguments {
    /// The database file
    #[arg(
        long,
        env = "PARLOR_DB",
        default_value = "parlor.db",
        value_name = "FILE"
    )]
    db: PathBuf,
}

/// Which database a command uses, if the user names one.
#[derive(Debug)]
pub struct OptionalDatabase {
    pub location: Option<StoreLocation>,
}

#[derive(Debug, Args)]
struct OptionalLocationArguments {
    /// Keep the data in this file; serve its data if it exists [default: a new temporary file, removed at the end]
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
}

/// The flag of a database on a PostgreSQL server.
fn store_argument() -> Arg {
    Arg::new("store")
        .long("store")
        .env("PARLOR_STORE")
        .hide_env_values(true)
        .value_name("URL")
        .help(
            "Use a PostgreSQL database, such as postgres://parlor@db.example/parlor, instead of \
             a file; PGPASSWORD or PGPASSFILE has the password",
        )
        .value_parser(store_location())
}

fn store_location() -> impl TypedValueParser<Value = StoreLocation> {
    OsStringValueParser::new().try_map(StoreLocation::parse)
}

impl Args for DatabaseArguments {
    fn augment_args(command: Command) -> Command {
        LocationArguments::augment_args(command).arg(store_argument())
    }

    fn augment_args_for_update(command: Command) -> Command {
        LocationArguments::augment_args_for_update(command).arg(store_argument())
    }
}

impl FromArgMatches for DatabaseArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let location = requested_location(matches)?;
        let LocationArguments { db } = LocationArguments::from_arg_matches(matches)?;
        Ok(Self {
            location: location.unwrap_or(StoreLocation::File(db)),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The flags that name a database.
fn database_group() -> ArgGroup {
    ArgGroup::new("database")
        .args(["db", "store"])
        .multiple(true)
}

impl Args for OptionalDatabase {
    fn augment_args(command: Command) -> Command {
        OptionalLocationArguments::augment_args(command)
            .arg(store_argument())
            .group(database_group())
    }

    fn augment_args_for_update(command: Command) -> Command {
        OptionalLocationArguments::augment_args_for_update(command)
            .arg(store_argument())
            .group(database_group())
    }
}

impl FromArgMatches for OptionalDatabase {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            location: requested_location(matches)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The place that `--db`, `--store` or their variables name. A flag has precedence over a
/// variable, and PARLOR_STORE over PARLOR_DB, which the image of the container sets.
///
/// # Errors
/// Both flags are given.
pub fn requested_location(matches: &ArgMatches) -> Result<Option<StoreLocation>, clap::Error> {
    let is_flag = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
    let file = matches.get_one::<PathBuf>("db");
    let file = file.cloned().map(StoreLocation::File);
    let store = matches.get_one::<StoreLocation>("store").cloned();
    match (is_flag("db"), is_flag("store")) {
        (true, true) => Err(clap::Error::raw(
            ErrorKind::ArgumentConflict,
            "the argument '--store <URL>' cannot be used with '--db <FILE>'; name one of them\n",
        )),
        (true, false) => Ok(file),
        (false, _) => Ok(store.or(file)),
    }
}

impl DatabaseArguments {
    /// The path of the file, for what is done with files alone. `operation` says what that
    /// is, and what does it on PostgreSQL.
    ///
    /// # Errors
    /// [`CommandError::NotOnPostgres`].
    pub fn file(&self, operation: &'static str) -> Result<&Path, CommandError> {
        let file = self.location.file();
        file.ok_or_else(|| CommandError::NotOnPostgres(self.location.clone(), operation))
    }

    /// Checks that the file exists, so that a mistyped name creates no new file.
    ///
    /// # Errors
    /// [`CommandError::NoFile`]; [`CommandError::Open`] if its path cannot be followed.
    pub fn check_exists(&self) -> Result<(), CommandError> {
        let Some(path) = self.location.file() else {
            return Ok(());
        };
        let Err(error) = fs::metadata(path) else {
            return Ok(());
        };
        if error.kind() == io::ErrorKind::NotFound {
            return Err(CommandError::NoFile(path.to_owned()));
        }
        resolve(path)?;
        Err(OpenError::from_io(path, &error).into())
    }
}

/// Which database a command opens. The command upgrades an older one.
#[derive(Debug, Args)]
pub struct Database {
    #[command(flatten)]
    pub arguments: DatabaseArguments,
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

impl Database {
    pub fn location(&self) -> &StoreLocation {
        &self.arguments.location
    }

    /// Opens the database. Errors as for [`DatabaseArguments::check_exists`].
    pub fn open(&self) -> Result<Store, CommandError> {
        self.arguments.check_exists()?;
        self.open_or_create()
    }

    /// Opens the database. An absent file is created without a project.
    pub fn open_or_create(&self) -> Result<Store, CommandError> {
        if let Some(path) = self.location().file() {
            check_name_of_server(path)?;
        }
        Ok(self.location().open(&self.options())?)
    }

    /// How the database is opened.
    pub fn options(&self) -> Options {
        Options {
            snapshot: !self.snapshot.no_snapshot,
            ..Options::default()
        }
    }
}

/// Which project of which database a command uses.
#[derive(Debug, Args)]
pub struct ProjectArguments {
    #[command(flatten)]
    pub database: Database,
    /// The project's id or name, as `parlor projects list` shows it [default: the only project]
    #[arg(long, value_name = "ID|NAME")]
    project: Option<String>,
}

impl ProjectArguments {
    /// Opens the database and finds the project.
    ///
    /// # Errors
    /// If the database has no such project, or several projects and none was named.
    pub fn open(&self) -> Result<(Store, ProjectSeq), CommandError> {
        let (store, project) = self.open_summary()?;
        Ok((store, project.seq))
    }

    /// As [`ProjectArguments::open`], with what lists show of the project.
    pub fn open_summary(&self) -> Result<(Store, ProjectSummary), CommandError> {
        let store = self.database.open()?;
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct TestArguments {
        #[command(flatten)]
        database: DatabaseArguments,
    }

    fn location(arguments: &[&str]) -> String {
        let arguments = [&["test"], arguments].concat();
        let parsed = TestArguments::try_parse_from(arguments).expect("arguments");
        parsed.database.location.to_string()
    }

    #[test]
    fn store_is_a_database_or_a_file() {
        let url = "postgres://ann@db.example/parlor";
        assert_eq!(location(&["--store", url]), "postgres://db.example/parlor");
        assert_eq!(location(&["--store", "other.db"]), "other.db");
        assert_eq!(location(&["--db", "other.db"]), "other.db");
        assert_eq!(location(&[]), "parlor.db");
    }

    #[test]
    fn store_and_db_exclude_each_other() {
        let arguments = ["test", "--db", "a.db", "--store", "postgres:///parlor"];
        let error = TestArguments::try_parse_from(arguments).expect_err("a conflict");
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
    }
}
