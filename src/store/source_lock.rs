//! The lock of a source while it is learned.
//!
//! Two runs of one source would delete each other's documents. A run holds an exclusive
//! lock on a side file of the database, in every process: `parlor learn` and the server.
//! The system releases the lock when the process ends, however it ends. The run removes the
//! side file; one that a killed process left does no harm. On PostgreSQL, the lock is an
//! advisory lock of the database.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use super::Store;
use super::open::{adopt_owner, with_suffix};
use super::postgres::AdvisoryLock;
use crate::domain::ProjectSeq;

/// The lock of a run. Dropping it releases the lock.
#[derive(Debug)]
pub struct SourceLock(#[expect(dead_code, reason = "unlocks when it is dropped")] EngineLock);

#[derive(Debug)]
#[expect(dead_code, reason = "unlocks when it is dropped")]
enum EngineLock {
    File(FileLock),
    Postgres(AdvisoryLock),
}

impl SourceLock {
    /// Locks a source. `None`: another run holds the lock.
    ///
    /// # Errors
    /// The side file cannot be created, or the server of the database is not reachable.
    pub fn try_acquire(
        store: &Store,
        project: ProjectSeq,
        location: &str,
    ) -> io::Result<Option<Self>> {
        let hash = Sha256::digest(format!("{} {location}", project.0));
        let mut number = [0; 8];
        number.copy_from_slice(&hash[..8]);
        let lock = if let Some(address) = store.address() {
            let key = i64::from_be_bytes(number);
            AdvisoryLock::try_acquire(address.clone(), key)?.map(EngineLock::Postgres)
        } else if let Some(database) = store.path() {
            let name = format!(".learn-{:016x}", u64::from_be_bytes(number));
            FileLock::try_acquire(database, &name)?.map(EngineLock::File)
        } else {
            None
        };
        Ok(lock.map(Self))
    }
}

#[derive(Debug)]
struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Locks a side file of the database.
    fn try_acquire(database: &Path, suffix: &str) -> io::Result<Option<Self>> {
        let path = with_suffix(database, suffix);
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).mode(0o600);
            options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
            let file = options.open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            let path = path.clone();
            let lock = Self { file, path };
            // Another run may have removed the file before it was locked.
            if lock.is_current() {
                adopt_owner(&lock.file, database)?;
                return Ok(Some(lock));
            }
        }
    }

    fn is_current(&self) -> bool {
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let own = self.file.metadata().map(identity);
        let found = fs::symlink_metadata(&self.path).map(identity);
        matches!((own, found), (Ok(own), Ok(found)) if own == found)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        if self.is_current() {
            let _ = fs::remove_file(&self.path);
        }
    }
}
