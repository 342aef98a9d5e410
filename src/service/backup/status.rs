//! How the backups of a server went, for its readiness and its metrics.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::BackupName;
use crate::domain::Timestamp;

/// The results of the scheduled backups.
#[derive(Debug, Default)]
pub struct BackupStatus {
    is_scheduled: AtomicBool,
    /// Milliseconds since 1970; 0: never.
    last_success: AtomicI64,
    last_duration_ms: AtomicU64,
    failures: AtomicU64,
    last_failed: AtomicBool,
}

impl BackupStatus {
    /// Begins with the newest backup of the folder or the bucket.
    pub(super) fn start(&self, newest: Option<BackupName>) {
        self.is_scheduled.store(true, Ordering::Relaxed);
        let newest = newest.map_or(0, |name| name.time.0);
        self.last_success.store(newest, Ordering::Relaxed);
    }

    pub(super) fn succeed(&self, at: Timestamp, duration: Duration) {
        self.last_success.store(at.0, Ordering::Relaxed);
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.last_duration_ms.store(millis, Ordering::Relaxed);
        self.last_failed.store(false, Ordering::Relaxed);
    }

    pub(super) fn fail(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.last_failed.store(true, Ordering::Relaxed);
    }

    /// The places of the backups can be used again, and no backup is due.
    pub(super) fn clear_failure(&self) {
        self.last_failed.store(false, Ordering::Relaxed);
    }

    /// Whether the server makes backups.
    pub fn is_scheduled(&self) -> bool {
        self.is_scheduled.load(Ordering::Relaxed)
    }

    /// The time of the newest backup, also one from before the start.
    pub fn last_success(&self) -> Option<Timestamp> {
        let millis = self.last_success.load(Ordering::Relaxed);
        (millis != 0).then_some(Timestamp(millis))
    }

    /// How long the last successful backup took. None: none since the start.
    pub fn last_duration(&self) -> Option<Duration> {
        let millis = self.last_duration_ms.load(Ordering::Relaxed);
        (millis != 0).then_some(Duration::from_millis(millis))
    }

    /// The number of failed backups since the start.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether the last backup failed.
    pub fn has_failed(&self) -> bool {
        self.last_failed.load(Ordering::Relaxed)
    }
}
