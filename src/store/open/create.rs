//! Creates a database file. The file gets its name when it is complete, so a
//! process that is killed meanwhile leaves no incomplete file under this name.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::error::OpenError;
use super::header::Header;
use super::new_file::NewFile;
use super::path::folder_of;
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
    let _lock = lock_folder_of(path, CREATE_TIMEOUT)?;
    if path.exists() {
        return Ok(());
    }
    let new = NewFile::create(path)?;
    create_complete(new.temporary_path())?;
    new.persist_new()
}

/// Creates the tables in an empty file. Nothing of them is in another file.
fn create_complete(path: &Path) -> Result<(), OpenError> {
    let create = || {
        let mut connection = Connection::open(path)?;
        connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL;")?;
        create_tables_if_new(&mut connection)
    };
    create().map_err(|error| OpenError::from_sqlite(path, &error))
}

/// Serializes processes that create or upgrade a database file: locks its folder until
/// the result is dropped.
///
/// # Errors
/// [`OpenError::Locked`] if another process held the lock for `wait`.
pub(in crate::store) fn lock_folder_of(path: &Path, wait: Duration) -> Result<File, OpenError> {
    let io_error = |error: io::Error| OpenError::from_io(path, &error);
    let folder = File::open(folder_of(path)).map_err(io_error)?;
    if !lock_file(&folder, wait).map_err(io_error)? {
        return Err(OpenError::Locked(path.to_owned()));
    }
    Ok(folder)
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
