//! Consistent copies of a database file while other connections write to it.
//!
//! The pages are copied with SQLite's backup functions inside one read transaction.
//! Writers continue meanwhile, because the file is in WAL mode, and the copy does not
//! begin again when they commit. `VACUUM INTO` has the same guarantee, but it reports no
//! progress, and the copy cannot be written to the disk in parts.

mod error;
mod monitor;
mod priority;
mod replace;

use std::fmt;
use std::fs::File;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::{Deserialize, Serialize};

pub use error::{CopyError, UnreadableBackup};
pub use monitor::{Cancellation, Monitor};
pub use priority::at_low_priority;
pub use replace::{is_in_use, replace};

use super::check::{Faults, content_faults};
use super::open::{NewFile, OpenError, open_read_only};

/// Pages between two checks for a cancellation: 1 MB.
const PAGES_PER_STEP: i32 = 256;

/// Steps after which the copy is written to the disk. One `fsync` of the whole copy
/// at the end would delay the commits of the server.
const STEPS_PER_SYNC: u32 = 16;

/// Files of earlier schemas can have rows that refer to missing rows, because another
/// program deleted these without the actions of foreign keys. The upgrade to this schema
/// deletes such rows.
const FIRST_SCHEMA_WITHOUT_ORPHANS: i64 = 6;

/// The number of faults that are reported of a damaged file.
const MAX_FAULTS: usize = 5;

/// What a file contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// The version of its tables.
    pub schema: i64,
    pub counts: Counts,
}

/// The number of rows of the most important tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub projects: i64,
    pub conversations: i64,
    pub messages: i64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} projects, {} conversations, {} messages",
            self.projects, self.conversations, self.messages
        )
    }
}

impl Contents {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let number = |sql| connection.query_row(sql, [], |row| row.get(0));
        Ok(Self {
            schema: number("PRAGMA user_version")?,
            counts: Counts {
                projects: number("SELECT count(*) FROM project")?,
                conversations: number("SELECT count(*) FROM conversation")?,
                messages: number("SELECT count(*) FROM message")?,
            },
        })
    }
}

/// Copies the database at `source` as it is at this moment, and verifies the copy.
/// The copy needs no `-wal` file. It is on the disk when the function returns.
///
/// # Errors
/// The source is no complete parlor file, the copy cannot be written, the copy has
/// faults, or the monitor was cancelled.
pub fn copy(source: &Path, target: &NewFile, monitor: &Monitor) -> Result<Contents, CopyError> {
    let from = open_read_only(source).map_err(CopyError::of_source)?;
    let read_error = |error| match error {
        _ if monitor.is_cancelled() => CopyError::Cancelled,
        error => CopyError::of_source(OpenError::from_sqlite(source, &error)),
    };
    let snapshot = from.unchecked_transaction().map_err(read_error)?;
    let contents = monitor.interruptible(&snapshot, || Contents::read(&snapshot));
    let contents = contents.map_err(read_error)?;
    copy_pages(&snapshot, source, target, monitor)?;
    drop(snapshot);
    drop(from);
    let io_error = |error| CopyError::Target(OpenError::from_io(target.temporary_path(), &error));
    target.file().sync_all().map_err(io_error)?;
    // Without the lower priority, the check of each row delays the commits of the server.
    // The copying keeps its priority, because the write-ahead log grows meanwhile.
    match at_low_priority(|| inspect(target.temporary_path(), monitor)) {
        Ok((copied, differences)) if copied == contents => {
            warn_of(source, &differences);
            Ok(contents)
        }
        Ok((copied, _)) => {
            let fault = format!(
                "it has {}, but {} were copied",
                contents.counts, copied.counts
            );
            Err(CopyError::Damaged(source.to_owned(), fault))
        }
        Err(error) => Err(error.of_copy(source)),
    }
}

fn copy_pages(
    from: &Connection,
    source: &Path,
    target: &NewFile,
    monitor: &Monitor,
) -> Result<(), CopyError> {
    let path = target.temporary_path();
    let error = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => CopyError::Cancelled,
        // The new file is empty and locked, so that it can have none of these faults.
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked,
        ) => CopyError::of_source(OpenError::from_sqlite(source, &error)),
        _ => CopyError::Target(OpenError::from_sqlite(path, &error)),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut to = Connection::open_with_flags(path, flags).map_err(error)?;
    // An incomplete copy is discarded, so it needs no journal.
    to.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        .map_err(error)?;
    let backup = Backup::new(from, &mut to).map_err(error)?;
    for step in 1_u32.. {
        monitor.check()?;
        match backup.step(PAGES_PER_STEP).map_err(error)? {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(CopyError::of_source(OpenError::Locked(source.to_owned()))),
        }
        let progress = backup.progress();
        let (total, left) = (progress.pagecount as u64, progress.remaining as u64);
        monitor.progress(total.saturating_sub(left), total, "copying");
        if step % STEPS_PER_SYNC == 0 {
            sync_data(target.file(), path)?;
        }
    }
    drop(backup);
    // The copy can then be read in a folder that cannot be written to.
    to.execute_batch("PRAGMA journal_mode = DELETE")
        .map_err(error)
}

fn sync_data(file: &File, path: &Path) -> Result<(), CopyError> {
    let synced = file.sync_data();
    synced.map_err(|error| CopyError::Target(OpenError::from_io(path, &error)))
}

/// Reads the whole file and checks that it has no faults.
///
/// # Errors
/// [`CopyError::Damaged`] with the first faults; the errors of opening the file;
/// [`CopyError::Cancelled`].
pub fn verify(path: &Path, monitor: &Monitor) -> Result<Contents, CopyError> {
    inspect(path, monitor).map(|(contents, _)| contents)
}

/// [`verify`]. Also returns the differences that `parlor check` reports of a file whose rows
/// are complete: wrong stored counts, missing indexes and triggers.
fn inspect(path: &Path, monitor: &Monitor) -> Result<(Contents, Faults), CopyError> {
    let connection = open_read_only(path).map_err(CopyError::of_source)?;
    monitor.progress(0, 0, "verifying");
    let checked = monitor.interruptible(&connection, || {
        let mut faults = integrity_faults(&connection, MAX_FAULTS)?;
        let contents = Contents::read(&connection)?;
        if contents.schema >= FIRST_SCHEMA_WITHOUT_ORPHANS {
            faults.extend(foreign_key_faults(&connection, MAX_FAULTS)?);
        }
        Ok((faults, contents, content_faults(&connection)?))
    });
    let (faults, contents, differences) = match checked {
        Ok(checked) => checked,
        Err(_) if monitor.is_cancelled() => return Err(CopyError::Cancelled),
        Err(error) => return Err(CopyError::of_source(OpenError::from_sqlite(path, &error))),
    };
    if !faults.is_empty() {
        let faults = faults.join("; ").replace('\n', " ");
        return Err(CopyError::Damaged(path.to_owned(), faults));
    }
    Ok((contents, differences))
}

/// Warns of a copy that has every row, but not the counts or tables that it should have. It
/// is better than no copy.
fn warn_of(source: &Path, differences: &Faults) {
    if !differences.is_empty() {
        log::warn!(
            "{} was copied with all its rows, but has faults: {}; `parlor check` names the remedies",
            source.display(),
            differences.join("; ")
        );
    }
}

/// The first faults that SQLite finds in the pages, rows and indexes.
pub(super) fn integrity_faults(
    connection: &Connection,
    limit: usize,
) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({limit})"))?;
    let rows = statement.query_map([], |row| row.get(0))?;
    let mut faults: Vec<String> = rows.collect::<Result<_, _>>()?;
    faults.retain(|fault| fault != "ok");
    Ok(faults)
}

/// The first rows that refer to a row that does not exist. Messages that a running
/// deletion will delete are no faults (`store/erasure.rs`).
pub(super) fn foreign_key_faults(
    connection: &Connection,
    limit: usize,
) -> rusqlite::Result<Vec<String>> {
    const FAULTS: &str = "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check AS fault";
    let sql = if connection.table_exists(None, "deleted_conversation")? {
        format!(
            "{FAULTS} WHERE \"table\" <> 'message' OR NOT EXISTS ( \
                 SELECT 1 FROM message AS m \
                   JOIN deleted_conversation AS d ON d.seq = m.conversation_seq \
                  WHERE m.seq = fault.rowid)"
        )
    } else {
        FAULTS.to_owned()
    };
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        let row: Option<i64> = row.get(1)?;
        let row = row.map_or_else(String::new, |row| format!(" {row}"));
        Ok(format!(
            "row{row} of {table} refers to a missing row of {parent}"
        ))
    })?;
    rows.take(limit).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::store::{Options, Store};

    #[test]
    fn cancellation_interrupts_the_count_of_rows() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("parlor.db");
        drop(Store::open(&source, &Options::default()).expect("a file"));
        let connection = Connection::open(&source).expect("a connection");
        // An endless table.
        let endless = "DROP TABLE message; CREATE VIEW message AS \
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        connection.execute_batch(endless).expect("a view");
        let target = NewFile::create(&folder.path().join("copy.db")).expect("a target");
        let cancellation = Arc::<Cancellation>::default();
        let copy = thread::spawn({
            let cancellation = Arc::clone(&cancellation);
            move || copy(&source, &target, &Monitor::silent(&cancellation)).map(drop)
        });
        let deadline = Instant::now() + Duration::from_secs(20);
        while !copy.is_finished() {
            assert!(Instant::now() < deadline, "not interrupted");
            // A statement that has not begun is not interrupted, so this is repeated.
            if cancellation.has_statement() {
                cancellation.cancel();
            }
            thread::yield_now();
        }
        let copied = copy.join().expect("no panic");
        assert!(matches!(copied, Err(CopyError::Cancelled)), "{copied:?}");
    }
}
