//! What can go wrong with the file.

use rusqlite::ErrorCode;

/// Something that may exist only once and does already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The project has a conversation of that id.
    ConversationId,
    /// The caller has sent a request with that Idempotency-Key.
    Request,
}

/// Why a read or a write failed. The texts are for the log, never for a client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Nothing is broken; the same may work a little later.
    #[error("the database is busy: no connection in time, or too many writes waiting")]
    Busy,
    #[error("the disk is full")]
    Full,
    #[error("the database is closed: parlor is shutting down")]
    Closed,
    #[error("{0:?} is taken")]
    Taken(Taken),
    #[error("{0}")]
    Internal(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::ConstraintViolation) => constraint(text),
            _ => StoreError::Internal(text),
        }
    }
}

/// SQLite names the columns of a unique index that a row would break.
fn constraint(text: String) -> StoreError {
    if text.ends_with("conversation.project_seq, conversation.id") {
        return StoreError::Taken(Taken::ConversationId);
    }
    if text.ends_with("idempotency_key.caller, idempotency_key.key") {
        return StoreError::Taken(Taken::Request);
    }
    StoreError::Internal(text)
}
