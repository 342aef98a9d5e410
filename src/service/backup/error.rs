//! Why a backup could not be made or restored.

use std::path::PathBuf;

use crate::store::OpenError;
use crate::store::backup::CopyError;

/// Why a backup could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Copy(#[from] CopyError),
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
