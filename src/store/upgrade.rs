//! Upgrades the tables of an older file, and copies the file before.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite_migration::Migrations;

use super::backup::{Cancellation, CopyError, Monitor, copy};
use super::open::{
    Header, MIGRATIONS, NewFile, OpenError, SCHEMA_VERSION, adopt_owner, folder_of, lock_folder_of,
    with_suffix, without_sql,
};
use super::{LockError, Options, ServerLock};

/// How long a process waits while another process upgrades a file in the same folder.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(60);

/// Upgrades the file to the current tables, in one transaction. Before that, copies the
/// file as it is to `FILE.schema-N.bak`, unless the options say otherwise. A file of this name,
/// from an earlier upgrade, stays; the name of the copy then ends with a number.
///
/// # Errors
/// [`OpenError::UsedByServer`] if another process holds the lock of the file: it is a
/// server that knows the older tables, and would fail on the current ones.
pub(super) fn upgrade(
    path: &Path,
    connection: &mut Connection,
    options: &Options,
) -> Result<(), OpenError> {
    if version(path, connection)? == SCHEMA_VERSION {
        return Ok(());
    }
    let _folder_lock = lock_folder_of(path, UPGRADE_TIMEOUT)?;
    let version = version(path, connection)?;
    let _server_lock = if options.holds_server_lock || version == SCHEMA_VERSION {
        None
    } else {
        Some(lock_out_servers(path)?)
    };
    if options.snapshot && version < SCHEMA_VERSION {
        let target = with_suffix(path, &format!(".schema-{version}.bak"));
        copy_before_upgrade(path, connection, &target, version)?;
    }
    Migrations::from_slice(MIGRATIONS)
        .to_latest(connection)
        .map_err(|error| upgrade_error(path, error))
}

/// The error of the upgrade, without the text of the migration.
fn upgrade_error(path: &Path, error: rusqlite_migration::Error) -> OpenError {
    let rusqlite_migration::Error::RusqliteError { err, .. } = error else {
        let cause = error.to_string().replace('\n', " ");
        return OpenError::Upgrade(path.to_owned(), cause);
    };
    match OpenError::from_sqlite(path, &err) {
        OpenError::Failed(path, _) => OpenError::Upgrade(path, without_sql(err).to_string()),
        error => error,
    }
}

/// Locks the file, so that no server starts while the file is upgraded.
fn lock_out_servers(path: &Path) -> Result<ServerLock, OpenError> {
    ServerLock::acquire(path, Duration::ZERO).map_err(|error| match error {
        LockError::Held { path, pid } => OpenError::UsedByServer { path, pid },
        LockError::HeldByOtherName(path) => OpenError::UsedByServer { path, pid: None },
        LockError::Open(error) => error,
    })
}

fn version(path: &Path, connection: &Connection) -> Result<i64, OpenError> {
    let header = Header::read(connection);
    let header = header.map_err(|error| OpenError::from_sqlite(path, &error))?;
    Ok(header.schema_version)
}

fn copy_before_upgrade(
    path: &Path,
    connection: &Connection,
    target: &Path,
    version: i64,
) -> Result<(), OpenError> {
    let new = NewFile::create(target)?;
    check_space(path, connection)?;
    log::info!(
        "copying {} to {} before its tables are upgraded from version {version} to {SCHEMA_VERSION}",
        path.display(),
        target.display()
    );
    let copied = copy(path, &new, &Monitor::silent(&Cancellation::default()));
    copied.map_err(|error| match error {
        CopyError::Source(error) => *error,
        CopyError::Target(error) => error,
        error => OpenError::Snapshot(path.to_owned(), error.to_string()),
    })?;
    adopt_owner(new.file(), path).map_err(|error| OpenError::from_io(target, &error))?;
    keep(new, target)
}

/// Gives a copy the name `target`, or `target` with a number if a file of this name exists.
/// If that file is the same, as after an upgrade that failed, the new copy is discarded.
fn keep(new: NewFile, target: &Path) -> Result<(), OpenError> {
    let mut name = target.to_owned();
    for number in 1.. {
        if name.symlink_metadata().is_err() {
            break;
        }
        if is_same_content(new.temporary_path(), &name).unwrap_or(false) {
            return Ok(());
        }
        name = with_suffix(target, &format!("-{number}"));
    }
    if name != target {
        log::info!(
            "{} exists already; the copy is {}",
            target.display(),
            name.display()
        );
    }
    new.with_name(name).persist_new()
}

fn is_same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let (found, copy) = (fs::symlink_metadata(other)?, fs::metadata(one)?);
    if !found.is_file() || found.len() != copy.len() {
        return Ok(false);
    }
    let open = |path| Ok::<_, io::Error>(BufReader::new(File::open(path)?));
    let (mut one, mut other) = (open(one)?, open(other)?);
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let length = left.len().min(right.len());
        if left[..length] != right[..length] {
            return Ok(false);
        }
        if length == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        one.consume(length);
        other.consume(length);
    }
}

/// Refuses an upgrade if the disk has no space for a copy of the file.
fn check_space(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
    let size = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let size = size.map_err(|error| OpenError::from_sqlite(path, &error))?;
    let disk = rustix::fs::statvfs(folder_of(path))
        .map_err(|error| OpenError::from_io(path, &error.into()))?;
    let (needed, free) = (size.unsigned_abs(), disk.f_bavail * disk.f_frsize);
    if free < needed {
        return Err(OpenError::NoSpace {
            path: path.to_owned(),
            needed_mb: needed.div_ceil(1_000_000),
            free_mb: free / 1_000_000,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi::{Error, SQLITE_BUSY, SQLITE_FULL};

    use super::*;

    #[test]
    fn upgrade_on_a_full_disk_or_a_locked_file_fails_with_this_cause() {
        let fail = |code| {
            let err = rusqlite::Error::SqliteFailure(Error::new(code), None);
            let query = String::new();
            let error = rusqlite_migration::Error::RusqliteError { query, err };
            upgrade_error(Path::new("parlor.db"), error)
        };
        let (full, busy) = (fail(SQLITE_FULL), fail(SQLITE_BUSY));
        assert!(matches!(full, OpenError::Full(_)), "{full}");
        assert!(matches!(busy, OpenError::Locked(_)), "{busy}");
    }
}
