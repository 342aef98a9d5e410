//! Restores a backup as the database file.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::backup::{BackupName, Bucket, BucketError, Manifest, ManifestError, compact_time};
use crate::domain::{BucketUrl, Timestamp};
use crate::store::backup::{self, Contents, CopyError, Monitor, UnreadableBackup};
use crate::store::{LockError, NewFile, OpenError, ServerLock, resolve, with_suffix};

/// Why a backup could not be restored. The database file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Copy(CopyError),
    #[error(transparent)]
    Backup(#[from] UnreadableBackup),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Bucket(#[from] BucketError),
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
        Self::Copy(CopyError::Target(error))
    }
}

impl From<CopyError> for RestoreError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Source(error) => Self::Backup((*error).into()),
            error => Self::Copy(error),
        }
    }
}

/// The database file after a backup was restored.
#[derive(Debug)]
pub struct RestoredDatabase {
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
) -> Result<RestoredDatabase, RestoreError> {
    if backup.try_exists().is_ok_and(|exists| !exists) {
        return Err(RestoreError::NoBackup(backup.to_owned()));
    }
    let (backup, path) = (find_file(backup)?, resolve(database)?);
    if is_same_file(&backup, &path) {
        return Err(RestoreError::SameFile(path));
    }
    let target = Target::lock(path, force)?;
    let manifest = Manifest::read(&backup)?;
    if let Some(manifest) = &manifest {
        manifest.check_file(&backup, monitor)?;
    }
    target.replace_with(&backup, manifest.as_ref(), monitor)
}

/// The path of a backup, without symbolic links.
fn find_file(backup: &Path) -> Result<PathBuf, UnreadableBackup> {
    let path = resolve(backup)?;
    if path.is_dir() {
        return Err(UnreadableBackup::NotAFile(path, "a folder"));
    }
    Ok(path)
}

/// [`restore`] for a backup in object storage: the one that `url` names, or the newest
/// complete one in the folder that `url` names. Returns its name as well.
pub fn restore_from_bucket(
    url: &BucketUrl,
    database: &Path,
    force: bool,
    monitor: &Monitor,
) -> Result<(BackupName, RestoredDatabase), RestoreError> {
    let target = Target::lock(resolve(database)?, force)?;
    let (bucket, name) = find_backup(url, monitor)?;
    let download = NewFile::create(&with_suffix(&target.path, ".download"))?;
    let manifest = bucket.download(name, &download, monitor)?;
    let restored = target.replace_with(download.temporary_path(), Some(&manifest), monitor)?;
    Ok((name, restored))
}

/// The bucket and the name of the backup that `url` stands for.
fn find_backup(url: &BucketUrl, monitor: &Monitor) -> Result<(Bucket, BackupName), BucketError> {
    let named = url
        .split_last()
        .and_then(|(folder, name)| Some((folder, BackupName::parse(name)?)));
    let (folder, name) = match named {
        Some((folder, name)) => (folder, Some(name)),
        None => (url.clone(), None),
    };
    let bucket = Bucket::connect(&folder)?;
    let names = bucket.names(monitor)?;
    let found = match name {
        Some(name) => names.contains(&name).then_some(name),
        None => names.last().copied(),
    };
    let found = found.ok_or_else(|| BucketError::NoBackup(url.clone()))?;
    Ok((bucket, found))
}

/// The database file that a backup replaces.
struct Target {
    path: PathBuf,
    exists: bool,
    /// No server can start until the file is restored.
    _lock: ServerLock,
}

impl Target {
    fn lock(path: PathBuf, force: bool) -> Result<Self, RestoreError> {
        let lock = ServerLock::acquire(&path, Duration::ZERO)?;
        let exists = path.exists();
        if exists && !force {
            return Err(RestoreError::Exists(path));
        }
        Ok(Self {
            path,
            exists,
            _lock: lock,
        })
    }

    /// Copies and verifies the backup, and gives the copy the name of the database.
    fn replace_with(
        self,
        backup: &Path,
        manifest: Option<&Manifest>,
        monitor: &Monitor,
    ) -> Result<RestoredDatabase, RestoreError> {
        let new = NewFile::create(&self.path)?;
        let contents = backup::copy(backup, &new, monitor)?;
        if let Some(manifest) = manifest {
            manifest.check_contents(backup, contents)?;
        }
        monitor.check()?;
        if self.exists && backup::is_in_use(&self.path)? {
            return Err(RestoreError::InUse(self.path));
        }
        let previous = unused_name(&self.path);
        backup::replace(new, &previous)?;
        Ok(RestoredDatabase {
            path: self.path,
            contents,
            previous: self.exists.then_some(previous),
        })
    }
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

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| -> io::Result<_> {
        let metadata = fs::metadata(path)?;
        Ok((metadata.dev(), metadata.ino()))
    };
    matches!((identity(one), identity(other)), (Ok(one), Ok(other)) if one == other)
}
