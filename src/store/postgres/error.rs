//! Errors of PostgreSQL as errors of the store.

use tokio_postgres::error::{DbError, SqlState};

use super::PostgresAddress;
use crate::store::error::StoreError;
use crate::store::rejection::Rejection;

/// Why a database on a PostgreSQL server could not be opened. Each text names the server
/// and a remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(
        "cannot connect to {0}: {1}; check that the server runs and accepts connections of this user"
    )]
    Unreachable(PostgresAddress, String),
    #[error("a connection to {0} could not be used: {1}")]
    Failed(PostgresAddress, String),
}

/// The error of a statement.
pub(super) fn store_error(error: &tokio_postgres::Error) -> StoreError {
    match error.as_db_error() {
        Some(error) => of_server(error),
        // The connection is lost, or could not be opened. The same call may succeed on the
        // next connection.
        None => {
            log::warn!("the connection to PostgreSQL failed: {error}");
            StoreError::Busy
        }
    }
}

fn of_server(error: &DbError) -> StoreError {
    let code = error.code();
    let text = || format!("PostgreSQL: {} ({})", error.message(), code.code());
    if *code == SqlState::UNIQUE_VIOLATION {
        return unique_violation(error.constraint())
            .unwrap_or_else(|| StoreError::Internal(text()));
    }
    if *code == SqlState::QUERY_CANCELED {
        return StoreError::TooSlow;
    }
    if *code == SqlState::DISK_FULL {
        return StoreError::Full;
    }
    if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED {
        return StoreError::Corrupt(text());
    }
    if is_temporary(code) {
        log::warn!("{}", text());
        return StoreError::Busy;
    }
    StoreError::Internal(text())
}

/// Whether the same statement may succeed later, perhaps on another server.
fn is_temporary(code: &SqlState) -> bool {
    const CODES: [SqlState; 8] = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        // The server has become a replica.
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    CODES.contains(code) || code.code().starts_with("08")
}

/// The rejection that a violated unique index stands for.
fn unique_violation(index: Option<&str>) -> Option<StoreError> {
    let reason = match index? {
        "conversation_by_id" => Rejection::ConversationExists,
        "idempotency_key_pkey" => Rejection::IdempotencyKeyUsed,
        _ => return None,
    };
    Some(StoreError::Rejected(reason))
}
