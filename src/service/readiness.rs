//! Whether the server can do its work: reads, writes, and holds the lock on its file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::Mutex;

use super::Services;
use crate::config::ReadinessIntervals;
use crate::domain::Timestamp;
use crate::store::{Batch, ServerLock, StoreError, project};

/// Why the server is not ready. The names are all that a client learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    ShuttingDown,
    LockLost,
    FileReplaced,
    DiskFull,
    FileCorrupt,
    DatabaseBusy,
    DatabaseError,
}

impl NotReady {
    /// The reasons with their names and descriptions.
    pub const REASONS: [(Self, &'static str, &'static str); 7] = [
        (
            Self::ShuttingDown,
            "shutting-down",
            "parlor is shutting down; it serves requests until the time of --shutdown-delay is over",
        ),
        (
            Self::LockLost,
            "lock-lost",
            "the lock file was deleted or replaced, so another parlor can use the database file",
        ),
        (
            Self::FileReplaced,
            "file-replaced",
            "the database file was deleted, moved or replaced",
        ),
        (
            Self::DiskFull,
            "disk-full",
            "the last write failed because the disk is full",
        ),
        (
            Self::FileCorrupt,
            "file-corrupt",
            "a read or write met a damaged page",
        ),
        (
            Self::DatabaseBusy,
            "database-busy",
            "no database connection was free in time, or another program locks the file",
        ),
        (
            Self::DatabaseError,
            "database-error",
            "a read or write failed for another reason",
        ),
    ];

    pub fn name(self) -> &'static str {
        let reason = Self::REASONS.iter().find(|(reason, ..)| *reason == self);
        reason.map_or("database-error", |(_, name, _)| name)
    }
}

impl From<&StoreError> for NotReady {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::TooSlow | StoreError::IndexIncomplete => {
                Self::DatabaseBusy
            }
            StoreError::Full => Self::DiskFull,
            StoreError::Corrupt(_) => Self::FileCorrupt,
            StoreError::FileReplaced(_) => Self::FileReplaced,
            StoreError::Closed => Self::ShuttingDown,
            StoreError::Rejected(_) | StoreError::Unknown(_) | StoreError::Internal(_) => {
                Self::DatabaseError
            }
        }
    }
}

/// Checks the store on demand.
#[derive(Debug, Default)]
pub struct Readiness {
    intervals: ReadinessIntervals,
    is_shutting_down: AtomicBool,
    last: Mutex<LastCheck>,
}

#[derive(Debug, Default)]
struct LastCheck {
    /// When the store was checked, and the result.
    result: Option<(Instant, Result<(), NotReady>)>,
    probed_at: Option<Instant>,
}

impl Readiness {
    pub fn new(intervals: ReadinessIntervals) -> Self {
        Self {
            intervals,
            ..Self::default()
        }
    }

    /// The server is not ready from now on.
    pub fn begin_shutdown(&self) {
        self.is_shutting_down.store(true, Ordering::Relaxed);
    }

    pub fn is_shutting_down(&self) -> bool {
        self.is_shutting_down.load(Ordering::Relaxed)
    }

    /// Checks that reads and writes work. `lock` is the server's lock on its file.
    ///
    /// # Errors
    /// Why the server is not ready.
    pub async fn check(
        &self,
        services: &Services,
        lock: Option<&ServerLock>,
    ) -> Result<(), NotReady> {
        if self.is_shutting_down() {
            return Err(NotReady::ShuttingDown);
        }
        // One check at a time.
        let mut last = self.last.lock().await;
        if let Some((at, result)) = last.result
            && at.elapsed() < self.intervals.check
        {
            return result;
        }
        let before = last.result.map(|(_, result)| result);
        let result = self.check_now(services, lock, &mut last.probed_at).await;
        last.result = Some((Instant::now(), result));
        log_change(before, result);
        result
    }

    async fn check_now(
        &self,
        services: &Services,
        lock: Option<&ServerLock>,
        probed_at: &mut Option<Instant>,
    ) -> Result<(), NotReady> {
        if lock.is_some_and(|lock| !lock.is_held()) {
            return Err(NotReady::LockLost);
        }
        let store = &services.store;
        let read = store.read(project::first).await;
        read.map_err(|error| NotReady::from(&error))?;
        let is_old = |at: Option<Instant>| at.is_none_or(|at| at.elapsed() >= self.intervals.probe);
        let needs_probe = is_old(store.last_commit().succeeded_at) && is_old(*probed_at);
        let batch = if needs_probe {
            *probed_at = Some(Instant::now());
            // One row, which is there to be written again and again, and is in no list.
            services.lease.renewal(Timestamp::now())
        } else {
            // Writes nothing, but fails if the file was replaced or is locked.
            Batch::default()
        };
        let written = store.write(batch).await;
        written.map_err(|error| NotReady::from(&error))?;
        match &store.last_commit().error {
            // The empty batch would have failed, too.
            None | Some(StoreError::Busy | StoreError::FileReplaced(_)) => Ok(()),
            Some(error) => Err(error.into()),
        }
    }
}

/// Logs when the server becomes ready or not ready.
fn log_change(before: Option<Result<(), NotReady>>, now: Result<(), NotReady>) {
    match (before, now) {
        (Some(Err(_)), Ok(())) => log::info!("the server is ready again"),
        (before, Err(reason)) if before != Some(now) => {
            log::error!("the server is not ready: {}", reason.name());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own() {
        let names = NotReady::REASONS.map(|(reason, name, _)| {
            assert_eq!(reason.name(), name);
            name
        });
        for name in names {
            assert_eq!(names.iter().filter(|other| **other == name).count(), 1);
        }
    }
}
