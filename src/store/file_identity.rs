//! Detects that the files of an open database were deleted or replaced.
//!
//! SQLite continues to write into an unlinked file, and the writes are lost when the
//! process ends. The identity of a file is its device and inode.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::StoreError;
use super::open::with_suffix;

/// How often the log repeats that the file is gone.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The database file, its write-ahead log and its shared memory, as they were
/// when the connection was opened.
pub(super) struct FileIdentity {
    files: Vec<(PathBuf, (u64, u64))>,
    logged_at: Option<Instant>,
}

impl FileIdentity {
    /// The files of a connection that has read from its database. A database in
    /// memory has no files.
    pub fn of(connection: &Connection) -> Self {
        let path = connection.path().filter(|path| !path.is_empty());
        let paths = path
            .into_iter()
            .flat_map(|path| ["", "-wal", "-shm"].map(|suffix| with_suffix(path.as_ref(), suffix)));
        let files = paths.filter_map(|path| {
            let identity = identity(&path)?;
            Some((path, identity))
        });
        Self {
            files: files.collect(),
            logged_at: None,
        }
    }

    /// # Errors
    /// [`StoreError::FileReplaced`] if a path does not lead to the open file.
    pub fn check(&self) -> Result<(), StoreError> {
        for (path, opened) in &self.files {
            let change = match identity(path) {
                Some(found) if found == *opened => continue,
                Some(_) => "replaced",
                None => "deleted or moved",
            };
            let text = format!("{} was {change} while parlor used it", path.display());
            return Err(StoreError::FileReplaced(text));
        }
        Ok(())
    }

    /// Logs if the files are gone, once a minute, and if they are back.
    pub fn log_changes(&mut self) {
        match self.check() {
            Ok(()) if self.logged_at.take().is_some() => {
                log::info!("the database file is back; writes are accepted again");
            }
            Ok(()) => {}
            Err(error) => {
                if self.logged_at.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
                    log::error!(
                        "{error}; writes are refused (503). Move the same file back, or restart \
                         parlor to use the file that is there now"
                    );
                    self.logged_at = Some(Instant::now());
                }
            }
        }
    }
}

/// The device and the inode of the file at a path. None if the file cannot be
/// found.
fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
