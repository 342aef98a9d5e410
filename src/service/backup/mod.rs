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
    let path = if target.is_dir() {
        let name = BackupName(now).to_string();
        resolve(&target.join(name))?
    } else {
        check_folder(target)?;
        resolve(target)?
    };
    let database = resolve(database)?;
    check_target(&database, &path)?;
    let new = NewFile::create(&path)?;
    let contents = backup::copy(&database, &new, monitor)?;
    let manifest = at_low_priority(|| Manifest::of(new.temporary_path(), contents, now, monitor))?;
    monitor.check()?;
    new.persist_new()?;
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
    let database = resolve(database)?;
    let new = NewFile::create(&with_suffix(&database, ".upload"))?;
    let contents = backup::copy(&database, &new, monitor)?;
    let manifest = at_low_priority(|| Manifest::of(new.temporary_path(), contents, now, monitor))?;
    let name = BackupName(now);
    bucket.upload(new.temporary_path(), name, &manifest, monitor)?;
    Ok(UploadedBackup { name, manifest })
}

fn check_folder(target: &Path) -> Result<(), BackupError> {
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
    for file in [path.to_owned(), Manifest::path(path)] {
        if fs::symlink_metadata(&file).is_ok() {
            return Err(CopyError::from(OpenError::Exists(file)).into());
        }
    }
    Ok(())
}
