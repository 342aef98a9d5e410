//! The command line: arguments of each command, and a call of the service that
//! does the work.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod agents;
mod assistants;
mod backup;
mod browser;
mod check;
mod database;
mod demo;
mod error;
mod export;
mod health;
mod import;
mod keys;
mod learn;
mod output;
mod progress;
mod projects;
mod prune;
mod qna;
mod qna_csv;
mod restore;
mod secret_prompt;
mod serve;
mod visible_text;
mod visitors;

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{LogLevels, accept_renamed_variables};
use crate::log_format::{LogFormat, LogLines};
use crate::store::StoreLocation;
use agents::Agents;
use assistants::Assistants;
use backup::Backup;
use check::Check;
use demo::Demo;
pub use error::CommandError;
use export::Export;
use health::Health;
use import::Import;
use keys::Keys;
use learn::Learn;
use projects::Projects;
use prune::Prune;
use qna::Qnas;
use restore::Restore;
use serve::Serve;
use visitors::Visitors;

/// A website's conversations in one binary and one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "parlor", version, about, max_term_width = 100)]
pub struct Cli {
    /// The level of the log on standard error: error, warn, info or debug; or levels by target, such as parlor::access=debug
    #[arg(
        long,
        env = "PARLOR_LOG",
        default_value = "info",
        global = true,
        value_name = "LEVELS",
        value_parser = LogLevels::parse
    )]
    pub log: LogLevels,

    /// The form of the lines of the log: text, or json with one object on each line
    #[arg(
        long,
        env = "PARLOR_LOG_FORMAT",
        default_value = "text",
        global = true,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    pub log_format: LogFormat,

    #[command(subcommand)]
    pub command: Command,

    /// The database file that the command uses. `None` on PostgreSQL.
    #[arg(skip)]
    database: Option<PathBuf>,

    /// Whether an argument has the password of a database.
    #[arg(skip)]
    has_visible_password: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a database; creates the file if it does not exist
    Serve(Serve),
    /// Serve generated data, to try the API
    Demo(Demo),
    Health(Health),
    /// List, create, change and remove projects, each of which is a website with its own data
    Projects {
        #[command(subcommand)]
        command: Projects,
    },
    /// Create, list and revoke API keys, and replace the secret that signs session tokens
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// Create, list and remove accounts of agents, the people who answer visitors
    Agents {
        #[command(subcommand)]
        command: Agents,
    },
    /// Create, list and change assistants, which answer visitors
    Assistants {
        #[command(subcommand)]
        command: Assistants,
    },
    /// Learn folders, files, web pages and sitemaps, for search and for the assistants
    Learn(Learn),
    /// Add, list, import, export and remove Q&As
    Qna {
        #[command(subcommand)]
        command: Qnas,
    },
    /// Find visitors, and erase all data of a visitor
    Visitors {
        #[command(subcommand)]
        command: Visitors,
    },
    Prune(Prune),
    Backup(Backup),
    Restore(Restore),
    Check(Check),
    Export(Export),
    Import(Import),
}

impl Cli {
    /// Parses the arguments and environment of the process.
    ///
    /// # Errors
    /// They are invalid, or they ask for the help or the version.
    pub fn parse_process() -> Result<Self, clap::Error> {
        let matches = accept_renamed_variables(Self::command()).try_get_matches()?;
        Ok(Self {
            database: file_of(&matches),
            has_visible_password: has_visible_password(&matches),
            ..Self::from_arg_matches(&matches)?
        })
    }

    /// The form of the log in arguments and environment that are invalid otherwise.
    pub fn requested_log_format() -> LogFormat {
        let command = accept_renamed_variables(Self::command()).ignore_errors(true);
        let matches = command.try_get_matches().ok();
        let format = matches.and_then(|matches| {
            let format = matches.try_get_one::<LogFormat>("log_format");
            format.ok().flatten().copied()
        });
        format.unwrap_or_default()
    }
}

/// The database file of the subcommand.
fn file_of(matches: &ArgMatches) -> Option<PathBuf> {
    if let Some((_, subcommand)) = matches.subcommand() {
        return file_of(subcommand);
    }
    matches.try_get_one::<PathBuf>("db").ok()?;
    let location = database::requested_location(matches).ok()??;
    location.file().map(Path::to_owned)
}

/// Whether an argument of the subcommand is a URL with a password.
fn has_visible_password(matches: &ArgMatches) -> bool {
    if let Some((_, subcommand)) = matches.subcommand() {
        return has_visible_password(subcommand);
    }
    if !matches!(matches.try_contains_id("store"), Ok(true)) {
        return false;
    }
    let is_argument = matches.value_source("store") == Some(ValueSource::CommandLine);
    let location = matches.get_one::<StoreLocation>("store");
    is_argument && location.is_some_and(StoreLocation::has_password)
}

/// Runs the command. `lines` are the lines of the log.
pub fn run(cli: Cli, lines: LogLines) -> Result<(), CommandError> {
    if cli.has_visible_password {
        log::warn!(
            "other users of this machine can read the password in --store, because the list of \
             processes shows arguments; put the password into PGPASSWORD or into the file that \
             PGPASSFILE names, or the URL into PARLOR_STORE"
        );
    }
    let database = cli.database;
    run_command(cli.command, lines).map_err(|error| match database {
        Some(database) => error.in_file(database),
        None => error,
    })?;
    Ok(output::result()?)
}

fn run_command(command: Command, lines: LogLines) -> Result<(), CommandError> {
    match command {
        Command::Serve(serve) => serve.run(lines),
        Command::Demo(demo) => demo.run(),
        Command::Health(health) => health.run(),
        Command::Projects { command } => command.run(),
        Command::Keys { command } => command.run(),
        Command::Agents { command } => command.run(),
        Command::Assistants { command } => command.run(),
        Command::Learn(learn) => learn.run(),
        Command::Qna { command } => command.run(),
        Command::Visitors { command } => command.run(),
        Command::Prune(prune) => prune.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Check(check) => check.run(),
        Command::Export(export) => export.run(),
        Command::Import(import) => import.run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_definitions_are_consistent() {
        Cli::command().debug_assert();
    }
}
