//! Errors of PostgreSQL as errors of the store.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::error::{DbError, Severity, SqlState};

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

/// Why a statement has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub(in crate::store) enum Failure {
    /// The connection cannot be used any more. The statement may succeed on another one.
    #[error("{0}")]
    Lost(String),
    /// The server refused the statement.
    #[error("{0}")]
    Statement(StoreError),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(reason) => {
                warn(&reason);
                StoreError::Busy
            }
            Failure::Statement(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(error) => of_server(error),
            None => Self::Lost(format!(
                "the connection to PostgreSQL is lost: {}",
                describe(&error)
            )),
        }
    }
}

/// The error with its cause, which the driver leaves out of its own text.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

fn of_server(error: &DbError) -> Failure {
    let code = error.code();
    let text = || format!("PostgreSQL: {} ({})", error.message(), code.code());
    if ends_connection(error) {
        return Failure::Lost(text());
    }
    Failure::Statement(if *code == SqlState::UNIQUE_VIOLATION {
        unique_violation(error.constraint()).unwrap_or_else(|| StoreError::Internal(text()))
    } else if *code == SqlState::QUERY_CANCELED {
        StoreError::TooSlow
    } else if *code == SqlState::DISK_FULL {
        StoreError::Full
    } else if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED {
        StoreError::Corrupt(text())
    } else if is_temporary(code) {
        warn(&text());
        StoreError::Busy
    } else {
        StoreError::Internal(text())
    })
}

/// Whether the connection cannot be used after the error.
fn ends_connection(error: &DbError) -> bool {
    let code = error.code();
    matches!(
        error.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    ) || code.code().starts_with("08")
        // The server has become a replica. Another one is the primary now.
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        // A prepared statement is missing, or does not fit the tables any more.
        || *code == SqlState::INVALID_SQL_STATEMENT_NAME
        || error.routine() == Some("RevalidateCachedQuery")
}

/// Whether the same statement may succeed later.
fn is_temporary(code: &SqlState) -> bool {
    const CODES: [SqlState; 5] = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::OUT_OF_MEMORY,
        SqlState::TOO_MANY_CONNECTIONS,
    ];
    CODES.contains(code)
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

/// The time between two warnings. While a server is not reachable, every call fails for
/// the same reason.
const WARNING_INTERVAL: Duration = Duration::from_secs(5);

/// Logs a warning about the server, unless there was another one a short time before.
pub(super) fn warn(text: &str) {
    static LIMIT: WarningLimit = WarningLimit::new();
    if let Some(omitted) = LIMIT.admit(Instant::now()) {
        match omitted {
            0 => log::warn!("{text}"),
            omitted => log::warn!("{text} ({omitted} warnings before this one are omitted)"),
        }
    }
}

/// When the last warning was logged, and how many were omitted since then.
struct WarningLimit(Mutex<(Option<Instant>, u64)>);

impl WarningLimit {
    const fn new() -> Self {
        Self(Mutex::new((None, 0)))
    }

    /// How many warnings were omitted before this one. None if this one is omitted too.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, omitted) = *state;
        if last.is_some_and(|last| now.saturating_duration_since(last) < WARNING_INTERVAL) {
            state.1 += 1;
            return None;
        }
        *state = (Some(now), 0);
        Some(omitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_omitted_for_an_interval_and_counted() {
        let (limit, start) = (WarningLimit::new(), Instant::now());
        assert_eq!(limit.admit(start), Some(0));
        assert_eq!(limit.admit(start + WARNING_INTERVAL / 2), None);
        assert_eq!(limit.admit(start + WARNING_INTERVAL / 2), None);
        assert_eq!(limit.admit(start + WARNING_INTERVAL), Some(2));
        assert_eq!(limit.admit(start + WARNING_INTERVAL * 2), Some(0));
    }
}
