//! Why a backup could not be made or restored.

use std::path::PathBuf;

use super::ManifestError;
use crate::config::NO_OBJECT_STORAGE;
use crate::domain::BucketUrl;
use crate::store::OpenError;
use crate::store::backup::CopyError;

/// Why a backup could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Copy(CopyError),
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("{0} is not the name of a file; name a new file, or a folder that exists")]
    NotAFile(PathBuf),
    #[error("{0}: a name in this path is too long; name another file for the backup")]
    NameTooLong(PathBuf),
    #[error("{0}: the symbolic links in this path form a loop; name another file for the backup")]
    LinkLoop(PathBuf),
    #[error("{0} is on a file system that is mounted read-only; name another file for the backup")]
    ReadOnlyFileSystem(PathBuf),
    #[error("{0} belongs to the database; name another file for the backup")]
    OwnFile(PathBuf),
    #[error("the folder {0} does not exist; create the folder, or name another file")]
    NoFolder(PathBuf),
    #[error(
        "the folder cannot be used: {1}; check that {0} is a folder that parlor can write to, or set another one with --backup-dir"
    )]
    Folder(PathBuf, std::io::Error),
}

impl From<CopyError> for BackupError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Target(error) => Self::of_target(error),
            error => Self::Copy(error),
        }
    }
}

impl BackupError {
    /// The error of an operation on the file that is to become the backup.
    pub(super) fn of_target(error: OpenError) -> Self {
        match error {
            OpenError::NotAName(path) | OpenError::NotAFile(path, _) => Self::NotAFile(path),
            OpenError::NoFolder(path) => Self::NoFolder(path),
            OpenError::NameTooLong(path) => Self::NameTooLong(path),
            OpenError::LinkLoop(path) => Self::LinkLoop(path),
            OpenError::ReadOnlyFileSystem(path) => Self::ReadOnlyFileSystem(path),
            error => Self::Copy(CopyError::Target(error)),
        }
    }
}

/// Why object storage could not be used.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    #[error("object storage cannot be used: {reason}; {remedy}")]
    Failed {
        reason: String,
        remedy: &'static str,
    },
    #[error("{NO_OBJECT_STORAGE}")]
    NotBuilt,
    #[error("{0} has no complete backup; check the URL and AWS_ENDPOINT_URL")]
    NoBackup(BucketUrl),
    #[error("{1} in {0} is not the backup that {1}.json describes: {2}; restore another backup")]
    Damaged(BucketUrl, String, String),
    #[error("the requests to object storage could not be prepared: {0}")]
    Runtime(std::io::Error),
    #[error(transparent)]
    Copy(#[from] CopyError),
}

impl From<OpenError> for BucketError {
    fn from(error: OpenError) -> Self {
        Self::Copy(CopyError::Target(error))
    }
}
