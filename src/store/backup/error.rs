//! Why a copy of a database file could not be made.

use std::path::PathBuf;

use crate::store::OpenError;

/// Why a file could not be copied or verified.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{0} has faults: {1}; check the disk, and use an older backup")]
    Damaged(PathBuf, String),
    #[error("interrupted")]
    Cancelled,
}
