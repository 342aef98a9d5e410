//! Checks a database and its surroundings, and names the remedy of each fault.

mod database;
mod files;
mod settings;

use std::fmt::Display;
use std::path::Path;

use crate::config::Settings;
use crate::store::backup::Monitor;
use crate::store::{CheckedFile, Faults, OpenError, StoreLocation, resolve};

/// How serious the result of a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Sound,
    /// The file can be used.
    Warning,
    Fault,
}

/// The result of one check.
#[derive(Debug)]
pub struct Finding {
    /// What was checked, in one or two words.
    pub name: &'static str,
    pub severity: Severity,
    /// What was found, and what to do.
    pub text: String,
}

impl Finding {
    fn sound(name: &'static str, text: impl Into<String>) -> Self {
        let (severity, text) = (Severity::Sound, text.into());
        Self {
            name,
            severity,
            text,
        }
    }

    fn warning(name: &'static str, text: impl Into<String>) -> Self {
        let (severity, text) = (Severity::Warning, text.into());
        Self {
            name,
            severity,
            text,
        }
    }

    fn fault(name: &'static str, text: impl Into<String>) -> Self {
        let (severity, text) = (Severity::Fault, text.into());
        Self {
            name,
            severity,
            text,
        }
    }

    /// Sound if there are no faults.
    fn of_faults(
        name: &'static str,
        sound: &str,
        faults: Result<Faults, impl Display>,
        remedy: &str,
    ) -> Self {
        match faults {
            Err(error) => Self::fault(name, error.to_string()),
            Ok(faults) if faults.is_empty() => Self::sound(name, sound),
            Ok(faults) => Self::fault(name, format!("{}; {remedy}", faults.join("; "))),
        }
    }
}

/// The remedy for a damaged file.
const RESTORE: &str = "restore a backup with `parlor restore`, and check the disk";

/// The remedy for rows that refer to missing rows, in a file of an earlier version.
const UPGRADE: &str = "another program deleted rows; the next start of parlor deletes what \
                       belonged to them";

/// Checks a database without changing it. `report` gets each finding as soon as it is known.
///
/// # Errors
/// The location is not the path of a file.
pub fn check(
    location: &StoreLocation,
    settings: &Result<Settings, String>,
    monitor: &Monitor,
    report: &mut dyn FnMut(Finding),
) -> Result<(), OpenError> {
    match location {
        StoreLocation::File(path) => check_file(path, settings, monitor, report),
        StoreLocation::Postgres(address) => {
            database::check(address, monitor, report);
            report(settings::check(settings));
            Ok(())
        }
    }
}

fn check_file(
    path: &Path,
    settings: &Result<Settings, String>,
    monitor: &Monitor,
    report: &mut dyn FnMut(Finding),
) -> Result<(), OpenError> {
    let path = resolve(path)?;
    match CheckedFile::open(&path) {
        Ok(file) => check_content(&file, monitor, report),
        Err(error) => report(Finding::fault("file", error.to_string())),
    }
    if monitor.is_cancelled() {
        return Ok(());
    }
    report(files::permissions(&path));
    report(files::free_space(&path));
    report(settings::check(settings));
    Ok(())
}

fn check_content(file: &CheckedFile<'_>, monitor: &Monitor, report: &mut dyn FnMut(Finding)) {
    report(version(file));
    let integrity = file.integrity(monitor);
    report(Finding::of_faults(
        "integrity",
        "no damage",
        integrity,
        RESTORE,
    ));
    let references = file.references(monitor);
    let is_old = matches!(file.schema_versions(), Ok((found, current)) if found < current);
    report(Finding::of_faults(
        "references",
        "all rows exist",
        references,
        if is_old { UPGRADE } else { RESTORE },
    ));
    report(Finding::of_faults(
        "counts",
        "as many as there are rows",
        file.counts(monitor),
        "lists show wrong totals; restore a backup with `parlor restore`",
    ));
    report(Finding::of_faults(
        "tables",
        "as this version of parlor creates them",
        file.schema(),
        "another program changed them; undo its change, or restore a backup with `parlor restore`",
    ));
}

fn version(file: &CheckedFile<'_>) -> Finding {
    match file.schema_versions() {
        Err(error) => Finding::fault(VERSION, error.to_string()),
        Ok(versions) => version_finding(versions),
    }
}

/// The name of the check of the version.
const VERSION: &str = "version";

/// What follows from the version of the tables, and that of this program.
fn version_finding((found, current): (i64, i64)) -> Finding {
    if found < current {
        return Finding::warning(
            VERSION,
            format!(
                "the tables have version {found}; the next start of parlor upgrades them to \
                 {current}. Make a backup before"
            ),
        );
    }
    Finding::sound(VERSION, format!("the tables have version {found}"))
}
