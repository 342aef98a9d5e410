//! What identifies a database file: which program wrote it, and with which schema.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::OpenError;
use super::path::with_suffix;
use super::read_only::connect_read_only;
use super::{APPLICATION_ID, SCHEMA_VERSION};

/// Whether `path` is a file that parlor wrote.
pub fn is_parlor_file(path: &Path) -> bool {
    path.exists()
        && Header::read_file(path).is_ok_and(|header| header.application_id == APPLICATION_ID)
}

/// Refuses files of other programs and of newer versions. Rolls back what an
/// interrupted process has left in a rollback journal.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    let header = match Header::read_file(path) {
        Err(error) if is_journal_pending(path, &error) && may_be_parlor_file(path) => {
            Header::recover_file(path)
        }
        read => read,
    };
    let header = header.map_err(|error| OpenError::from_reading(path, &error))?;
    if !header.is_new() && header.application_id != APPLICATION_ID {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    if header.schema_version > SCHEMA_VERSION {
        return Err(OpenError::Newer(path.to_owned(), header.schema_version));
    }
    Ok(())
}

/// What identifies a file and its schema.
pub(in crate::store) struct Header {
    application_id: i64,
    pub schema_version: i64,
    /// Tables, indexes and triggers.
    object_count: i64,
}

impl Header {
    /// Reads the header of a file without changing the file.
    fn read_file(path: &Path) -> rusqlite::Result<Self> {
        Self::read(&connect_read_only(path)?)
    }

    /// Reads the header of a file and rolls back its journal first.
    fn recover_file(path: &Path) -> rusqlite::Result<Self> {
        log::warn!(
            "{} was being written when a process ended; the unfinished change is rolled back",
            path.display()
        );
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        Self::read(&Connection::open_with_flags(path, flags)?)
    }

    pub fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let number = |sql| connection.query_row(sql, [], |row| row.get(0));
        Ok(Self {
            application_id: number("PRAGMA application_id")?,
            schema_version: number("PRAGMA user_version")?,
            object_count: number("SELECT count(*) FROM sqlite_schema")?,
        })
    }

    /// Whether the file is empty and belongs to no program.
    pub fn is_new(&self) -> bool {
        self.application_id == 0 && self.object_count == 0
    }
}

/// Whether a read-only connection failed because the file has a journal to roll
/// back.
fn is_journal_pending(path: &Path, error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ReadOnly) && with_suffix(path, "-journal").exists()
}

/// Whether the first bytes of a file allow that parlor wrote the file. The journal of
/// another program's file is left alone.
fn may_be_parlor_file(path: &Path) -> bool {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    const APPLICATION_ID_OFFSET: usize = 68;
    let mut header = [0; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Err(error) => error.kind() == ErrorKind::UnexpectedEof,
        Ok(()) => {
            let id = header[APPLICATION_ID_OFFSET..].first_chunk();
            let id = id.map_or(0, |bytes| i64::from(u32::from_be_bytes(*bytes)));
            // The first page of an interrupted creation may not be written yet.
            let is_blank = header.iter().all(|byte| *byte == 0);
            is_blank || (header.starts_with(MAGIC) && (id == 0 || id == APPLICATION_ID))
        }
    }
}
