//! Progress and cancellation of a long operation.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, InterruptHandle};

use super::CopyError;

/// Cancels an operation from another thread.
#[derive(Default)]
pub struct Cancellation {
    is_cancelled: AtomicBool,
    /// The statement that runs now.
    statement: Mutex<Option<InterruptHandle>>,
}

impl Cancellation {
    /// Ends the operation soon. Later operations end at once. A statement that begins at
    /// this moment is interrupted by a second call only.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::SeqCst);
        self.with_statement(|statement| {
            if let Some(statement) = statement {
                statement.interrupt();
            }
        });
    }

    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::SeqCst)
    }

    /// Whether a statement runs that can be interrupted.
    #[cfg(test)]
    pub(super) fn has_statement(&self) -> bool {
        let mut has_statement = false;
        self.with_statement(|statement| has_statement = statement.is_some());
        has_statement
    }

    fn with_statement(&self, use_statement: impl FnOnce(&mut Option<InterruptHandle>)) {
        let lock = self.statement.lock();
        use_statement(&mut lock.unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// Reports the progress of an operation and says whether the operation is cancelled.
pub struct Monitor<'a> {
    cancellation: &'a Cancellation,
    /// Called with the finished part, the whole and the name of the phase. The whole
    /// is 0 if it is unknown.
    progress: &'a (dyn Fn(u64, u64, &str) + Sync),
}

impl<'a> Monitor<'a> {
    pub fn new(
        cancellation: &'a Cancellation,
        progress: &'a (dyn Fn(u64, u64, &str) + Sync),
    ) -> Self {
        Self {
            cancellation,
            progress,
        }
    }

    /// A monitor that reports nothing.
    pub fn silent(cancellation: &'a Cancellation) -> Self {
        Self::new(cancellation, &|_, _, _| ())
    }

    pub fn progress(&self, done: u64, total: u64, phase: &str) {
        (self.progress)(done, total, phase);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// # Errors
    /// [`CopyError::Cancelled`] after a cancellation.
    pub fn check(&self) -> Result<(), CopyError> {
        if self.is_cancelled() {
            return Err(CopyError::Cancelled);
        }
        Ok(())
    }

    /// Runs statements that a cancellation interrupts.
    pub(in crate::store) fn interruptible<T>(
        &self,
        connection: &Connection,
        run: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let set = |handle| self.cancellation.with_statement(|slot| *slot = handle);
        set(Some(connection.get_interrupt_handle()));
        // A cancellation before this moment has interrupted nothing.
        let result = if self.is_cancelled() {
            Err(rusqlite::Error::QueryReturnedNoRows)
        } else {
            run()
        };
        set(None);
        result
    }
}
