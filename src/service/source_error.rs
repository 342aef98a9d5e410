//! Why a use case of sources fails.

use std::sync::Arc;

use crate::domain::{SourceId, ValidationError};
use crate::store::StoreError;

/// Why a source could not be learned or deleted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    #[error("the project has no source {0}")]
    NotFound(SourceId),
    #[error("the project has a source of the address")]
    Exists,
    #[error("the project has as many sources as it may have")]
    TooMany,
    /// The project learns a source already.
    #[error("a source of the project is being learned")]
    Running,
    /// Other projects learn sources.
    #[error("the server learns as many sources as it may")]
    Busy,
    #[error("the server learns websites only")]
    Folder,
    /// A cancelled run has not ended in time.
    #[error("the run of the source does not end")]
    StillRunning,
    #[error("the address is invalid")]
    Url(#[from] InvalidUrl),
    #[error("a thread could not be started: {0}")]
    Thread(Arc<std::io::Error>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An address that cannot be a source.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .0.reason)]
pub struct InvalidUrl(pub ValidationError);
