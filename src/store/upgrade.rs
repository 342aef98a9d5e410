//! Upgrades the tables of an older file, and copies the file before.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite_migration::Migrations;

use super::backup::{Cancellation, CopyError, Monitor, copy};
use super::open::{
    Header, MIGRATIONS, NewFile, OpenError, SCHEMA_VERSION, adopt_owner, folder_of, lock_folder_of,
    with_suffix,
};
use super::{LockError, Options, ServerLock};

/// How long a process waits while another process upgrades a file in the same folder.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(60);

/// Upgrades the file to the current tables, in one transaction. Before that, copies the
/// file as it is to `FILE.schema-N.bak`, unless the options say otherwise. A copy of the same
/// version, from an earlier upgrade, is replaced.
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
        copy_before_upgrade(path, connection, NewFile::create(&target)?, version)?;
    }
    Migrations::from_slice(MIGRATIONS)
        .to_latest(connection)
        .map_err(|error| OpenError::Upgrade(path.to_owned(), error))
}

/// Locks the file, so that no server starts while the file is upgraded.
fn lock_out_servers(path: &Path) -> Result<ServerLock, OpenError> {
    ServerLock::acquire(path, Duration::ZERO).map_err(|error| match error {
        LockError::Held { path, pid } => OpenError::UsedByServer { path, pid },
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
    new: NewFile,
    version: i64,
) -> Result<(), OpenError> {
    check_space(path, connection)?;
    let target = new.path().to_owned();
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
    adopt_owner(new.file(), path).map_err(|error| OpenError::from_io(&target, &error))?;
    new.persist()
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
