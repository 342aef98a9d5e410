//! `parlor check`: checks the database.

use clap::{FromArgMatches, Parser};

use super::CommandError;
use super::database::DatabaseArguments;
use super::output::print_line;
use super::progress::with_monitor;
use crate::config::{Settings, accept_renamed_variables};
use crate::redaction::redact;
use crate::service::check::{self, Finding, Severity};

/// Check the database, also while a server uses it
///
/// Prints one line for each check, with the remedy if something is wrong. The exit
/// status is 0 if the database is sound; warnings do not change it. The database is not
/// changed.
///
/// Settings are checked as far as they are environment variables of this command:
/// `set -a; . /etc/parlor.env; set +a; parlor check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    #[command(flatten)]
    database: DatabaseArguments,
}

/// The settings as `parlor serve` reads them, without flags.
#[derive(Debug, Parser)]
struct EnvironmentSettings {
    #[command(flatten)]
    settings: Settings,
}

impl Check {
    pub fn run(self) -> Result<(), CommandError> {
        self.database.check_exists()?;
        let location = &self.database.location;
        let settings = environment_settings();
        let mut faults = 0;
        let mut report = |finding: Finding| {
            faults += usize::from(finding.severity == Severity::Fault);
            print_finding(&finding);
        };
        with_monitor(|monitor| {
            check::check(location, &settings, monitor, &mut report)?;
            if monitor.is_cancelled() {
                return Err(CommandError::Interrupted);
            }
            Ok(())
        })??;
        if faults > 0 {
            return Err(CommandError::NotSound(location.clone(), faults));
        }
        Ok(())
    }
}

fn environment_settings() -> Result<Settings, String> {
    let command =
        accept_renamed_variables(<EnvironmentSettings as clap::CommandFactory>::command());
    let matches = command.try_get_matches_from(["parlor"]);
    let parsed = matches.and_then(|matches| EnvironmentSettings::from_arg_matches(&matches));
    parsed.map(|parsed| parsed.settings).map_err(|error| {
        let text = error.to_string();
        let cause = text.split("\n\nUsage:").next().unwrap_or_default();
        let words: Vec<_> = cause
            .trim_start_matches("error: ")
            .split_whitespace()
            .collect();
        words.join(" ")
    })
}

fn print_finding(finding: &Finding) {
    let severity = match finding.severity {
        Severity::Sound => "ok",
        Severity::Warning => "warning",
        Severity::Fault => "FAULT",
    };
    let text = redact(&finding.text).replace('\n', " ");
    print_line!("{severity:<8} {:<12} {text}", finding.name);
}
