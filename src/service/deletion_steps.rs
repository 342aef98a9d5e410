//! Deletion in steps of some milliseconds, so that other writers wait no longer than for
//! a normal commit. Visitors, projects and old conversations are deleted with it.

use std::time::{Duration, Instant};

use crate::store::{DeletedConversation, Deletion, Store, StoreError, erasure};

/// The number of rows of a step, which depends on the time of the step before.
pub(super) struct StepSize {
    pub rows: u32,
    min: u32,
    max: u32,
}

/// The maximum number of conversations of a step. A visitor with fewer conversations
/// disappears at once.
pub(super) const MAX_STEP_CONVERSATIONS: u32 = 200;

/// The time that a step should take.
const STEP_TIME: Duration = Duration::from_millis(10);

impl StepSize {
    pub fn new(min: u32, max: u32) -> Self {
        Self {
            rows: min,
            min,
            max,
        }
    }

    /// For conversations whose number does not have to change at once.
    pub fn of_conversations() -> Self {
        Self::new(10, MAX_STEP_CONVERSATIONS)
    }

    /// Sets the size of the next step after a step that took `time`. Waits as long as
    /// a step, because writers of other processes poll for the lock.
    async fn pause(&mut self, time: Duration) {
        self.adapt(time);
        tokio::time::sleep(time.min(STEP_TIME)).await;
    }

    /// Sets the size of the next step after a step that took `time`.
    pub fn adapt(&mut self, time: Duration) {
        self.rows = if time < STEP_TIME {
            (self.rows * 2).min(self.max)
        } else {
            (self.rows / 2).max(self.min)
        };
    }
}

/// How long a step is tried again while the database is busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a write again while the database is busy, for at most [`BUSY_TIMEOUT`].
///
/// # Errors
/// Errors of the write; [`StoreError::Busy`] after the timeout.
pub(super) async fn retry_busy<T, F>(run: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    retry_busy_for(BUSY_TIMEOUT, run).await
}

async fn retry_busy_for<T, F>(
    timeout: Duration,
    mut run: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let started_at = Instant::now();
    loop {
        match run().await {
            Err(StoreError::Busy) if started_at.elapsed() < timeout => {
                tokio::time::sleep(STEP_TIME).await;
            }
            result => return result,
        }
    }
}

/// Runs the steps of a write until a step returns that nothing remains. `run` gets the
/// number of rows, and returns whether rows remain.
///
/// # Errors
/// Errors of a step. A repeated call continues.
pub(super) async fn run_steps<F>(
    mut size: StepSize,
    mut run: impl FnMut(u32) -> F,
) -> Result<(), StoreError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    loop {
        let started_at = Instant::now();
        let rows = size.rows;
        if !retry_busy(|| run(rows)).await? {
            return Ok(());
        }
        size.pause(started_at.elapsed()).await;
    }
}

/// Deletes the conversations that `next` selects, at most as many as its argument in a
/// step, and their messages. `after_step` gets the conversations that each step has
/// deleted. Returns their number.
///
/// # Errors
/// Errors of the store. A repeated call continues.
pub(super) async fn delete_in_steps(
    store: &Store,
    mut size: StepSize,
    mut next: impl FnMut(u32) -> Deletion,
    mut after_step: impl FnMut(&[DeletedConversation]),
) -> Result<u64, StoreError> {
    let mut count = 0;
    loop {
        let started_at = Instant::now();
        let deletion = next(size.rows);
        let deleted = retry_busy(|| store.delete(deletion.clone())).await?;
        let time = started_at.elapsed();
        count += deleted.conversations.len() as u64;
        after_step(&deleted.conversations);
        purge(store).await?;
        if !deleted.has_more {
            return Ok(count);
        }
        size.pause(time).await;
    }
}

/// Deletes the messages of deleted conversations.
///
/// # Errors
/// Errors of the store. A repeated call continues.
pub async fn purge(store: &Store) -> Result<(), StoreError> {
    let run = async |rows| {
        let output = store.write(erasure::purge_messages(rows)).await?;
        Ok(erasure::has_more_messages(&output))
    };
    run_steps(StepSize::new(20, 1000), run).await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn busy_write_is_repeated_until_it_succeeds() {
        let calls = Cell::new(0);
        let run = async || {
            calls.set(calls.get() + 1);
            if calls.get() < 3 {
                return Err(StoreError::Busy);
            }
            Ok(calls.get())
        };
        let result = retry_busy_for(Duration::from_secs(60), run).await;
        assert!(matches!(result, Ok(3)), "{result:?}");
    }

    #[tokio::test]
    async fn busy_write_fails_after_the_timeout() {
        let run = async || Err::<(), _>(StoreError::Busy);
        let result = retry_busy_for(Duration::from_millis(50), run).await;
        assert!(matches!(result, Err(StoreError::Busy)), "{result:?}");
    }

    #[tokio::test]
    async fn other_errors_are_not_repeated() {
        let calls = Cell::new(0);
        let run = async || {
            calls.set(calls.get() + 1);
            Err::<(), _>(StoreError::Full)
        };
        let result = retry_busy_for(Duration::from_secs(60), run).await;
        assert!(matches!(result, Err(StoreError::Full)), "{result:?}");
        assert_eq!(calls.get(), 1);
    }
}
