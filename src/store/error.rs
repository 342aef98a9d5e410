//! Why a read or a write failed.

use rusqlite::ErrorCode;

use super::rejection::Rejection;
use super::search_queue::SEARCH_TIMEOUT;

/// Why a read or a write failed. The texts are for the log, never for a client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Overload: the same call may succeed later.
    #[error("the database is busy: no connection in time, or too many writes in the queue")]
    Busy,
    /// The query took too long, and was interrupted.
    #[error("the search took longer than {} seconds", SEARCH_TIMEOUT.as_secs())]
    TooSlow,
    /// The first build of the search index has not reached all texts of a project.
    #[error("the search index is being built; the log shows its progress")]
    IndexIncomplete,
    #[error("the disk is full")]
    Full,
    #[error("the database is closed: parlor is shutting down")]
    Closed,
    /// The open file is not the file at its path any more. A write would be lost.
    #[error("{0}")]
    FileReplaced(String),
    /// A page of the file is damaged, or the file is no database any more.
    #[error("the database file is damaged: {0}; `parlor check` shows what is damaged")]
    Corrupt(String),
    /// An expectation of the batch was not met; nothing was written.
    #[error("the write was rejected: {0:?}")]
    Rejected(Rejection),
    /// The batch may or may not be committed: the result was lost. A caller who
    /// repeats the write with the same ids learns which.
    #[error("the result of a commit was lost: {0}")]
    Unknown(String),
    #[error("{0}")]
    Internal(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(text),
            Some(ErrorCode::ConstraintViolation) => constraint(text),
            _ => StoreError::Internal(text),
        }
    }
}

impl From<rusqlite::types::FromSqlError> for StoreError {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        StoreError::Internal(format!("a column has an unexpected value: {error}"))
    }
}

/// SQLite names the columns of the unique index that a row violates.
fn constraint(text: String) -> StoreError {
    if text.ends_with("conversation.project_seq, conversation.id") {
        return StoreError::Rejected(Rejection::ConversationExists);
    }
    if text.ends_with("idempotency_key.caller, idempotency_key.key") {
        return StoreError::Rejected(Rejection::IdempotencyKeyUsed);
    }
    StoreError::Internal(text)
}
