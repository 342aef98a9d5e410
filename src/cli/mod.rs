//! The commands: what each is asked, and what it does.

mod assistants;
mod demo;
mod error;
mod keys;
mod learn;
mod qna;
mod serve;

use clap::{Parser, Subcommand};

use assistants::Assistants;
use demo::Demo;
pub use error::CommandError;
use keys::Keys;
use learn::Learn;
use qna::Qnas;
use serve::Serve;

/// A website's conversations in one binary and one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "parlor", version, about, max_term_width = 100)]
pub struct Cli {
    /// What the log on standard error shows: error, warn, info, debug, or targets as in parlor::access=debug
    #[arg(
        long,
        env = "PARLOR_LOG",
        default_value = "info",
        global = true,
        value_name = "LEVELS"
    )]
    pub log: String,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve a database, making it first where there is none
    Serve(Serve),
    /// Serve believable made-up data, to try things out
    Demo(Demo),
    /// Make, list and revoke API keys
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// Make, list and change assistants: who answers visitors, and how
    Assistants {
        #[command(subcommand)]
        command: Assistants,
    },
    /// Learn from folders, files, pages and sitemaps, so that search and the assistants know them
    Learn(Learn),
    /// Add, list, import, export and remove questions with their answers
    Qna {
        #[command(subcommand)]
        command: Qnas,
    },
}

/// Runs the command.
pub fn run(cli: Cli) -> Result<(), CommandError> {
    match cli.command {
        Command::Serve(serve) => serve.run(),
        Command::Demo(demo) => demo.run(),
        Command::Keys { command } => command.run(),
        Command::Assistants { command } => command.run(),
        Command::Learn(learn) => learn.run(),
        Command::Qna { command } => command.run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
