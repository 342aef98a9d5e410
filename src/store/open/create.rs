//! Creates a database file. The file gets its name when it is complete, so a
//! process that is killed meanwhile leaves no incomplete file under this name.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::error::OpenError;
use super::header::Header;
use super::path::{folder_of, with_suffix};
use super::{SCHEMA, SCHEMA_VERSION};
use crate::store::file_lock::lock_file;

/// How long a process waits while another process creates a file in the same
/// folder.
const CREATE_TIMEOUT: Duration = Duration::from_secs(10);

/// Creates the file with the current tables, if the file does not exist. Only its
/// owner may read the file, because it contains the secret that signs session
/// tokens and the messages of visitors.
pub(super) fn create_if_absent(path: &Path) -> Result<(), OpenError> {
    if path.exists() {
        return Ok(());
    }
    let folder = folder_of(path);
    let io_error = |error: io::Error| OpenError::from_io(path, &error);
    // The lock on the folder serializes processes that create the same file.
    let lock = File::open(folder).map_err(io_error)?;
    if !lock_file(&lock, CREATE_TIMEOUT).map_err(io_error)? {
        return Err(OpenError::Locked(path.to_owned()));
    }
    if path.exists() {
        return Ok(());
    }
    let new = with_suffix(path, ".new");
    remove(&new).map_err(io_error)?;
    let created = create_complete(&new).and_then(|()| fs::rename(&new, path).map_err(io_error));
    if created.is_err() {
        // The first error is reported.
        let _ = remove(&new);
    }
    created?;
    lock.sync_all().map_err(io_error)
}

/// Creates a complete database. Nothing of it is in another file.
fn create_complete(path: &Path) -> Result<(), OpenError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| OpenError::from_io(path, &error))?;
    let create = || {
        let mut connection = Connection::open(path)?;
        connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL;")?;
        create_tables_if_new(&mut connection)
    };
    create().map_err(|error| OpenError::from_sqlite(path, &error))
}

/// Removes what a killed process has left.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Creates the current tables in a file that has none, in one transaction.
pub(super) fn create_tables_if_new(connection: &mut Connection) -> rusqlite::Result<()> {
    if !Header::read(connection)?.is_new() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again in the transaction: another process may have created the tables
    // meanwhile.
    if Header::read(&transaction)?.is_new() {
        // The error would contain the whole text of the schema.
        transaction
            .execute_batch(SCHEMA)
            .map_err(super::without_sql)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}
