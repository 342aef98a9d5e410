//! Restores a backup as the database file.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::backup::{Manifest, ManifestError, compact_time};
use crate::domain::Timestamp;
use crate::store::backup::{self, Contents, CopyError, Monitor};
use crate::store::{LockError, NewFile, OpenError, ServerLock, resolve, with_suffix};

/// Why a backup could not be restored. The database file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("{0} does not exist; check the name of the backup")]
    NoBackup(PathBuf),
    #[error("{0} is the database file itself; name a backup")]
    SameFile(PathBuf),
    #[error("{0} exists already; --force replaces it and keeps it under another name")]
    Exists(PathBuf),
    #[error(
        "{0} is in use by another program; end that program (`fuser -v {0}` shows it) and restore again"
    )]
    InUse(PathBuf),
}

impl From<OpenError> for RestoreError {
    fn from(error: OpenError) -> Self {
        Self::Copy(error.into())
    }
}

/// A backup that was restored.
#[derive(Debug)]
pub struct Restored {
    pub path: PathBuf,
    pub contents: Contents,
    /// The file that was replaced.
    pub previous: Option<PathBuf>,
}

/// Verifies a backup and restores it as `database`. If `database` exists, `force`
/// replaces it; the file is kept as `FILE.replaced-TIME`.
///
/// # Errors
/// A server or another program uses the file, or the backup has faults. The file that
/// exists stays as it was.
pub fn restore(
    backup: &Path,
    database: &Path,
    force: bool,
    monitor: &Monitor,
) -> Result<Restored, RestoreError> {
    if !backup.exists() {
        return Err(RestoreError::NoBackup(backup.to_owned()));
    }
    let (backup, path) = (resolve(backup)?, resolve(database)?);
    if is_same_file(&backup, &path) {
        return Err(RestoreError::SameFile(path));
    }
    // No server can start until the file is restored.
    let _lock = ServerLock::acquire(&path, Duration::ZERO)?;
    let exists = path.exists();
    if exists && !force {
        return Err(RestoreError::Exists(path));
    }
    let new = NewFile::create(&path)?;
    let contents = copy_verified(&backup, &new, monitor)?;
    monitor.check()?;
    if exists && backup::is_in_use(&path)? {
        return Err(RestoreError::InUse(path));
    }
    let previous = unused_name(&path);
    backup::replace(new, &previous)?;
    Ok(Restored {
        path,
        contents,
        previous: exists.then_some(previous),
    })
}

/// A name for the file that is replaced, which no file has.
fn unused_name(path: &Path) -> PathBuf {
    let suffix = format!(".replaced-{}", compact_time(Timestamp::now()));
    let mut name = with_suffix(path, &suffix);
    let mut number = 1;
    while name.symlink_metadata().is_ok() {
        name = with_suffix(path, &format!("{suffix}-{number}"));
        number += 1;
    }
    name
}

/// Copies the backup, if it is the file that its manifest describes.
fn copy_verified(
    backup: &Path,
    new: &NewFile,
    monitor: &Monitor,
) -> Result<Contents, RestoreError> {
    let manifest = Manifest::read(backup)?;
    if let Some(manifest) = &manifest {
        manifest.check_file(backup, monitor)?;
    }
    let contents = backup::copy(backup, new, monitor)?;
    if let Some(manifest) = &manifest {
        manifest.check_contents(backup, contents)?;
    }
    Ok(contents)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| -> io::Result<_> {
        let metadata = fs::metadata(path)?;
        Ok((metadata.dev(), metadata.ino()))
    };
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}
