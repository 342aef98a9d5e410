//! Whether the last commit succeeded, for the readiness of the server.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::batch::BatchOutput;
use super::error::StoreError;

/// The result of the last commit of a batch with statements.
#[derive(Debug, Clone, Default)]
pub struct LastCommit {
    /// When the last commit succeeded.
    pub succeeded_at: Option<Instant>,
    /// Why the last commit failed. None if it succeeded.
    pub error: Option<StoreError>,
}

/// The writer thread sets it after each commit.
#[derive(Debug, Default)]
pub(super) struct CommitStatus(Mutex<LastCommit>);

impl CommitStatus {
    pub fn last(&self) -> LastCommit {
        self.lock().clone()
    }

    /// Records the result of a commit group. Rejected batches are no failure of the
    /// store.
    pub fn record(&self, result: &Result<Vec<Result<BatchOutput, StoreError>>, StoreError>) {
        let error = match result {
            Err(error) => Some(error),
            Ok(results) => results
                .iter()
                .filter_map(|result| result.as_ref().err())
                .find(|error| matches!(error, StoreError::Corrupt(_))),
        };
        let mut last = self.lock();
        last.error = error.cloned();
        if error.is_none() {
            last.succeeded_at = Some(Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, LastCommit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Rejection;

    #[test]
    fn failure_is_the_last_result_until_a_commit_succeeds() {
        let status = CommitStatus::default();
        status.record(&Err(StoreError::Full));
        assert!(matches!(status.last().error, Some(StoreError::Full)));
        assert!(status.last().succeeded_at.is_none());
        let rejected = Err(StoreError::Rejected(Rejection::NotFound));
        status.record(&Ok(vec![rejected]));
        assert!(status.last().error.is_none());
        assert!(status.last().succeeded_at.is_some());
    }

    #[test]
    fn damage_in_one_batch_is_a_failure() {
        let status = CommitStatus::default();
        let damaged = Err(StoreError::Corrupt(String::new()));
        status.record(&Ok(vec![Ok(BatchOutput::default()), damaged]));
        assert!(matches!(status.last().error, Some(StoreError::Corrupt(_))));
    }
}
