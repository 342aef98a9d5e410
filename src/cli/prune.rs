//! `parlor prune`: deletes conversations that were closed long ago.

use std::io::Write;

use clap::Args;
use time::{Date, Month};

use super::CommandError;
use super::database::DatabaseFile;
use super::progress::{block_on, with_progress_bar};
use super::visible_text::VisibleText;
use crate::domain::Timestamp;
use crate::service::{erasure, project, retention};
use crate::store::erasure::DeletionCounts;

/// Delete conversations that were closed long ago, with their messages
///
/// The command works while a server uses the file, in steps of some milliseconds. If it is
/// interrupted, run the same command again. `parlor serve --retain-closed DAYS` does the
/// same regularly.
#[derive(Debug, Args)]
pub struct Prune {
    #[command(flatten)]
    file: DatabaseFile,
    /// Delete conversations that were closed more than this number of days ago, at least 1,
    /// or before this date (UTC), such as 2025-12-31
    #[arg(long, value_name = "DAYS|DATE", value_parser = parse_closed_before)]
    closed_before: ClosedBefore,
    /// The project's id or name, as `parlor projects list` shows it [default: all projects]
    #[arg(long, value_name = "ID|NAME")]
    project: Option<String>,
    /// Delete nothing; print how much would be deleted
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

impl Prune {
    pub fn run(self) -> Result<(), CommandError> {
        let store = self.file.open()?;
        let project = match self.project.as_deref() {
            None => None,
            name => Some(project::select(&store, name)?.seq),
        };
        let before = match self.closed_before {
            ClosedBefore::Days(days) => retention::closed_before(Timestamp::now(), days),
            ClosedBefore::Time(time) => time,
        };
        let counts = retention::count_closed(&store, project, before)?;
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
                erasure::resume(&store, |_| ()).await?;
                let delete = retention::delete_closed(&store, project, before, after_step);
                let deleted = delete.await?;
                erasure::merge_search_index(&store).await?;
                erasure::finish(&store).await?;
                Ok::<_, CommandError>(deleted)
            })
        })??;
        println!("deleted {deleted} conversations");
        Ok(())
    }
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
