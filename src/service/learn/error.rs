//! Why a run failed.

use std::io;

use crate::learn::SourceError;
use crate::store::StoreError;

/// Why a source could not be learned.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What could be read is stored, and nothing is deleted.
    #[error("{0}")]
    Incomplete(String),
    #[error("{0}: it is being learned already, by `parlor learn` or the server; wait for its end")]
    Running(String),
    #[error("a lock file beside the database file could not be created: {0}")]
    Lock(io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}
