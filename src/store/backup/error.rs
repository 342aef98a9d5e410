//! Why a copy of a database file could not be made.

use std::path::{Path, PathBuf};

use crate::store::OpenError;

/// Why a file could not be copied or verified.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file that is copied or verified cannot be read.
    #[error(transparent)]
    Source(Box<OpenError>),
    /// The copy cannot be written.
    #[error(transparent)]
    Target(OpenError),
    #[error("{0} has faults: {1}; use an older backup, and check the disk")]
    Damaged(PathBuf, String),
    #[error("interrupted")]
    Cancelled,
}

impl CopyError {
    /// The error of reading the file that is copied.
    pub fn of_source(error: OpenError) -> Self {
        Self::Source(Box::new(error))
    }

    /// The error of the verification of a copy, in which `source` was copied with its faults.
    pub(super) fn of_copy(self, source: &Path) -> Self {
        let path = source.to_owned();
        match self {
            Self::Damaged(_, faults) => Self::Damaged(path, faults),
            Self::Source(error) => match *error {
                OpenError::Damaged(_, reason) => Self::of_source(OpenError::Damaged(path, reason)),
                OpenError::Foreign(_) => Self::of_source(OpenError::Foreign(path)),
                error => Self::Target(error),
            },
            error => error,
        }
    }
}

/// Why a backup cannot be read. The remedies are those for a backup, not for the database
/// file.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableBackup {
    #[error("{0:?} is not the name of a backup; name a file that `parlor backup` made")]
    NotAName(PathBuf),
    #[error("{0} is {1}, not a backup; name a file that `parlor backup` made")]
    NotAFile(PathBuf, &'static str),
    #[error("the folder {0} does not exist; check the name of the backup")]
    NoFolder(PathBuf),
    #[error("{0}: a name in this path is too long; check the name of the backup")]
    NameTooLong(PathBuf),
    #[error("{0}: the symbolic links in this path form a loop; check the name of the backup")]
    LinkLoop(PathBuf),
    #[error(
        "{0} is not a parlor file (or not an SQLite file at all); if the backup is compressed or encrypted, unpack it before (`gunzip`, `age -d`, `gpg -d`), or name another backup"
    )]
    Foreign(PathBuf),
    #[error("{0} is damaged: {1}; copy the backup again, or use an older one")]
    Damaged(PathBuf, String),
    #[error(transparent)]
    Other(Box<OpenError>),
}

impl From<OpenError> for UnreadableBackup {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotAName(path) => Self::NotAName(path),
            OpenError::NotAFile(path, kind) => Self::NotAFile(path, kind),
            OpenError::NoFolder(path) => Self::NoFolder(path),
            OpenError::NameTooLong(path) => Self::NameTooLong(path),
            OpenError::LinkLoop(path) => Self::LinkLoop(path),
            OpenError::Foreign(path) => Self::Foreign(path),
            OpenError::Damaged(path, reason) => Self::Damaged(path, reason),
            error => Self::Other(Box::new(error)),
        }
    }
}
