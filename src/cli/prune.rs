//! `parlor prune`: deletes conversations that were closed long ago, and makes the file
//! smaller.

use std::fs;
use std::io::Write;
use std::path::Path;

use clap::Args;
use time::{Date, Month};

use super::CommandError;
use super::database::Database;
use super::output::print_line;
use super::progress::{block_on, with_progress_bar};
use super::visible_text::VisibleText;
use crate::domain::Timestamp;
use crate::service::{erasure, project, retention, search_merge};
use crate::store::Store;
use crate::store::erasure::{DeletionCounts, unused_bytes, vacuum};

/// Delete conversations that were closed long ago, with their messages, and make the file smaller
///
/// The command works while a server uses the file, in steps of some milliseconds. If it is
/// interrupted, run the same command again. `parlor serve --retain-closed DAYS` does the
/// same regularly.
///
/// SQLite uses the space of deleted rows again, so the file keeps its size. `parlor prune
/// --vacuum` returns the space to the disk.
#[derive(Debug, Args)]
pub struct Prune {
    #[command(flatten)]
    database: Database,
    /// Delete conversations that were closed more than this number of days ago, at least 1,
    /// or before this date (UTC), such as 2025-12-31
    #[arg(long, value_name = "DAYS|DATE", value_parser = parse_closed_before)]
    #[arg(required_unless_present = "vacuum")]
    closed_before: Option<ClosedBefore>,
    /// The project's id or name, as `parlor projects list` shows it [default: all projects]
    #[arg(long, value_name = "ID|NAME", requires = "closed_before")]
    project: Option<String>,
    /// Write the whole file anew, without the space of deleted rows. Writes wait meanwhile,
    /// and the disk needs twice the space of the file
    #[arg(long)]
    vacuum: bool,
    /// Delete and write nothing; print how much would be deleted, and the space of deleted rows
    #[arg(long)]
    dry_run: bool,
}

/// Before which time a conversation must have been closed.
#[derive(Debug, Clone, Copy)]
enum ClosedBefore {
    Days(u32),
    Time(Timestamp),
}

fn parse_closed_before(text: &str) -> Result<ClosedBefore, String> {
    if let Ok(days) = text.parse() {
        return match days {
            0 => Err("must be at least 1 day".to_owned()),
            days => Ok(ClosedBefore::Days(days)),
        };
    }
    let midnight = parse_date(text).map(|date| date.midnight().assume_utc());
    let midnight = midnight.ok_or("must be a number of days, or a date such as 2025-12-31")?;
    let time = Timestamp(midnight.unix_timestamp() * 1000);
    if time > Timestamp::now() {
        return Err("must not be in the future".to_owned());
    }
    Ok(ClosedBefore::Time(time))
}

/// Parses a date in the form of ISO 8601.
fn parse_date(text: &str) -> Option<Date> {
    let [year, month, day] = text.split('-').collect::<Vec<_>>().try_into().ok()?;
    if [year, month, day].map(str::len) != [4, 2, 2] {
        return None;
    }
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

impl ClosedBefore {
    fn time(self) -> Timestamp {
        match self {
            ClosedBefore::Days(days) => retention::closed_before(Timestamp::now(), days),
            ClosedBefore::Time(time) => time,
        }
    }
}

/// What does the work of `--vacuum` on PostgreSQL.
pub const VACUUM_ON_POSTGRES: &str = "--vacuum writes a file anew; PostgreSQL uses the space of \
                                      deleted rows again (autovacuum), and VACUUM FULL in psql \
                                      returns it to the disk";

impl Prune {
    pub fn run(self) -> Result<(), CommandError> {
        if self.vacuum {
            self.database.arguments.file(VACUUM_ON_POSTGRES)?;
        }
        let store = self.database.open()?;
        if let Some(closed_before) = self.closed_before {
            self.delete(&store, closed_before.time())?;
        }
        if self.vacuum && self.dry_run {
            print_unused_space(&store)?;
        } else if self.vacuum {
            drop(store);
            shrink(self.database.arguments.file(VACUUM_ON_POSTGRES)?)?;
        }
        Ok(())
    }

    fn delete(&self, store: &Store, before: Timestamp) -> Result<(), CommandError> {
        let project = match self.project.as_deref() {
            None => None,
            name => Some(project::select(store, name)?.seq),
        };
        let counts = retention::count_closed(store, project, before)?;
        print_counts(&counts, before, self.dry_run)?;
        if self.dry_run {
            return Ok(());
        }
        let total = counts.iter().map(|count| count.conversations).sum();
        let deleted = with_progress_bar(|progress| {
            let mut done = 0;
            let after_step = |deleted: &[_]| {
                done += deleted.len() as u64;
                progress(done, total, "deleting");
            };
            block_on(async {
                erasure::resume(store, |_| ()).await?;
                let delete = retention::delete_closed(store, project, before, after_step);
                let deleted = delete.await?;
                search_merge::merge(store).await?;
                erasure::finish(store).await?;
                Ok::<_, CommandError>(deleted)
            })
        })??;
        print_line!("deleted {deleted} conversations");
        Ok(())
    }
}

fn print_unused_space(store: &Store) -> Result<(), CommandError> {
    let unused = store.read_blocking(unused_bytes)?;
    print_line!("would free {}", megabytes(unused));
    Ok(())
}

/// Writes the file anew and prints its size.
fn shrink(path: &Path) -> Result<(), CommandError> {
    let before = fs::metadata(path)?.len();
    if !vacuum(path)? {
        print_line!(
            "{}-wal has the smaller file, because a backup or another program reads the file; \
             run the command again when it has ended",
            path.display()
        );
        return Ok(());
    }
    let after = fs::metadata(path)?.len();
    print_line!(
        "{} has {}, {} before",
        path.display(),
        megabytes(after),
        megabytes(before)
    );
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn print_counts(
    counts: &[DeletionCounts],
    before: Timestamp,
    is_dry_run: bool,
) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    let verb = if is_dry_run {
        "would delete"
    } else {
        "deleting"
    };
    let mut text = [0; 24];
    let before = before.format_iso8601(&mut text);
    writeln!(out, "{verb} what was closed before {before}:")?;
    for count in counts {
        writeln!(
            out,
            "{}  {} conversations, {} messages  {}",
            count.project_id,
            count.conversations,
            count.messages,
            VisibleText(&count.project_name)
        )?;
    }
    if counts.is_empty() {
        writeln!(out, "no conversations")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_before_is_a_number_of_days_or_a_date() {
        assert!(matches!(
            parse_closed_before("90"),
            Ok(ClosedBefore::Days(90))
        ));
        let Ok(ClosedBefore::Time(time)) = parse_closed_before("2024-01-15") else {
            panic!("a date");
        };
        assert_eq!(
            time.format_iso8601(&mut [0; 24]),
            "2024-01-15T00:00:00.000Z"
        );
        for text in [
            "",
            "-1",
            "0",
            "2024-13-01",
            "2024-02-30",
            "2024-1-15",
            "yesterday",
            "2999-01-01",
        ] {
            assert!(parse_closed_before(text).is_err(), "{text}");
        }
    }
}
