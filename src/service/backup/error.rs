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
    Copy(#[from] CopyError),
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("{0} belongs to the database; name another file for the backup")]
    OwnFile(PathBuf),
    #[error("the folder {0} does not exist; create the folder, or name another file")]
    NoFolder(PathBuf),
    #[error(
        "the folder cannot be used: {1}; check that {0} is a folder that parlor can write to, or set another one with --backup-dir"
    )]
    Folder(PathBuf, std::io::Error),
}

impl From<OpenError> for BackupError {
    fn from(error: OpenError) -> Self {
        Self::Copy(error.into())
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
        Self::Copy(error.into())
    }
}
