//! Backups: verified copies of the database file, each with a manifest.

#[cfg(feature = "s3")]
mod bucket;
#[cfg(not(feature = "s3"))]
mod bucket_absent;
mod error;
mod folder;
mod manifest;
mod name;
mod schedule;
mod status;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

#[cfg(feature = "s3")]
pub use bucket::Bucket;
#[cfg(not(feature = "s3"))]
pub use bucket_absent::AbsentBucket as Bucket;
pub use error::{BackupError, BucketError};
use folder::BackupFolder;
pub use manifest::{Manifest, ManifestError};
use name::surplus;
pub use name::{BackupName, compact_time};
pub use schedule::ScheduledBackups;
pub use status::BackupStatus;

use crate::domain::Timestamp;
use crate::store::backup::{self, CopyError, Monitor, at_low_priority};
use crate::store::{NewFile, OpenError, folder_of, resolve, with_suffix};

/// The files that SQLite and parlor keep beside a database file.
const SIDE_FILES: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];

/// A complete backup.
#[derive(Debug)]
pub struct BackupFile {
    pub path: PathBuf,
    pub manifest: Manifest,
}

/// Makes a backup of `database`. `target` is the name of the backup, or a folder, in
/// which the backup gets a name with the time.
///
/// The backup has everything that was committed before the call. It gets its name when
/// it is verified and on the disk. A failure leaves nothing under this name.
pub fn create(
    database: &Path,
    target: &Path,
    monitor: &Monitor,
) -> Result<BackupFile, BackupError> {
    let now = Timestamp::now();
    let database = find_database(database)?;
    let new = if target.is_dir() {
        new_file_in_folder(&database, target, now)?
    } else {
        new_file(&database, target)?
    };
    let path = new.path().to_owned();
    let contents = backup::copy(&database, &new, monitor)?;
    let manifest = at_low_priority(|| Manifest::of(new.temporary_path(), contents, now, monitor))?;
    monitor.check()?;
    new.persist_new().map_err(BackupError::of_target)?;
    if let Err(error) = manifest.write(&path) {
        // A failed backup leaves nothing under its name.
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(BackupFile { path, manifest })
}

/// A backup in object storage.
#[derive(Debug)]
pub struct UploadedBackup {
    pub name: BackupName,
    pub manifest: Manifest,
}

/// Makes a backup of `database` in a bucket. The backup is copied to a temporary file beside
/// the database, verified, and uploaded. A failure leaves no complete backup in the bucket.
pub fn create_in_bucket(
    database: &Path,
    bucket: &Bucket,
    monitor: &Monitor,
) -> Result<UploadedBackup, BackupError> {
    let now = Timestamp::now();
    let database = find_database(database)?;
    let new = NewFile::create(&with_suffix(&database, ".upload")).map_err(CopyError::Target)?;
    let contents = backup::copy(&database, &new, monitor)?;
    let manifest = at_low_priority(|| Manifest::of(new.temporary_path(), contents, now, monitor))?;
    let name = BackupName::at(now);
    bucket.upload(new.temporary_path(), name, &manifest, monitor)?;
    Ok(UploadedBackup { name, manifest })
}

fn find_database(path: &Path) -> Result<PathBuf, BackupError> {
    resolve(path).map_err(|error| CopyError::of_source(error).into())
}

/// Creates the file that becomes the backup `target`.
fn new_file(database: &Path, target: &Path) -> Result<NewFile, BackupError> {
    check_name(target)?;
    let path = resolve(target).map_err(BackupError::of_target)?;
    check_target(database, &path)?;
    NewFile::create(&path).map_err(BackupError::of_target)
}

/// Creates the file that becomes a backup in a folder. If several backups are made in the
/// same second, their names have numbers.
fn new_file_in_folder(
    database: &Path,
    folder: &Path,
    time: Timestamp,
) -> Result<NewFile, BackupError> {
    let folder = resolve(folder).map_err(BackupError::of_target)?;
    let mut name = BackupName::at(time);
    loop {
        let path = folder.join(name.to_string());
        if is_database_file(database, &path) {
            return Err(BackupError::OwnFile(path));
        }
        match NewFile::create(&path) {
            // As long as the new file exists, no other backup can get its name.
            Ok(new) if existing_file(&path).is_none() => return Ok(new),
            Ok(_) | Err(OpenError::Locked(_)) => name.number += 1,
            Err(error) => return Err(BackupError::of_target(error)),
        }
    }
}

/// Checks that a target that is no folder can be the name of a new file.
fn check_name(target: &Path) -> Result<(), BackupError> {
    let is_special = fs::metadata(target).is_ok_and(|target| !target.is_file());
    if target == "-" || is_special {
        return Err(BackupError::NotAFile(target.to_owned()));
    }
    if target.as_os_str().as_bytes().ends_with(b"/") {
        return Err(BackupError::NoFolder(target.to_owned()));
    }
    let folder = folder_of(target);
    if !folder.is_dir() {
        return Err(BackupError::NoFolder(folder.to_owned()));
    }
    Ok(())
}

/// Whether the database, SQLite or parlor use the file of a path, or its temporary name.
pub(super) fn is_database_file(database: &Path, path: &Path) -> bool {
    let mut side_files = SIDE_FILES.iter();
    side_files.any(|suffix| with_suffix(database, suffix) == *path)
        || path == database
        || NewFile::temporary_name(path) == *database
}

/// Refuses a target that would replace a file or that SQLite would use.
fn check_target(database: &Path, path: &Path) -> Result<(), BackupError> {
    if is_database_file(database, path) {
        return Err(BackupError::OwnFile(path.to_owned()));
    }
    match existing_file(path) {
        Some(file) => Err(BackupError::of_target(OpenError::Exists(file))),
        None => Ok(()),
    }
}

/// The file that has the name of a backup or of its manifest.
fn existing_file(backup: &Path) -> Option<PathBuf> {
    let mut files = [backup.to_owned(), Manifest::path(backup)].into_iter();
    files.find(|file| fs::symlink_metadata(file).is_ok())
}
