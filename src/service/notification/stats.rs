//! Counts of notifications, for the metrics and for the readiness.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use super::outcome::Outcome;
use crate::domain::{NotificationKind, Timestamp};

/// Failures in a row after which `/ready` has a warning.
const WARNING_FAILURES: u32 = 3;

/// The notifications of this process, and those that are to be sent.
#[derive(Debug, Default)]
pub struct NotificationStats {
    delivered: [AtomicU64; NotificationKind::NAMES.len()],
    failed: [AtomicU64; NotificationKind::NAMES.len()],
    /// Attempts to send an e-mail that failed since the last success.
    email_failures: AtomicU32,
    pending: AtomicU64,
    /// When the oldest notification was created that is due; 0: none is.
    oldest_pending: AtomicI64,
}

impl NotificationStats {
    pub(super) fn record(&self, kind: NotificationKind, outcome: &Outcome) {
        let counts = match outcome {
            Outcome::Delivered => &self.delivered,
            _ => &self.failed,
        };
        counts[index(kind)].fetch_add(1, Ordering::Relaxed);
        match (kind, outcome) {
            (NotificationKind::Webhook, _) | (_, Outcome::Failed { .. } | Outcome::Gone) => {}
            (_, Outcome::Delivered) => self.email_failures.store(0, Ordering::Relaxed),
            (_, Outcome::Retry { .. }) => {
                self.email_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn set_pending(&self, count: u64, oldest: Option<Timestamp>) {
        self.pending.store(count, Ordering::Relaxed);
        let oldest = oldest.map_or(0, |time| time.0);
        self.oldest_pending.store(oldest, Ordering::Relaxed);
    }

    /// The attempts of a kind that delivered.
    pub fn delivered(&self, kind: NotificationKind) -> u64 {
        self.delivered[index(kind)].load(Ordering::Relaxed)
    }

    /// The attempts of a kind that failed.
    pub fn failed(&self, kind: NotificationKind) -> u64 {
        self.failed[index(kind)].load(Ordering::Relaxed)
    }

    /// Whether the mail server has failed repeatedly.
    pub fn has_email_failed(&self) -> bool {
        self.email_failures.load(Ordering::Relaxed) >= WARNING_FAILURES
    }

    /// The notifications that are to be sent.
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    /// The age of the oldest notification that is due, in seconds.
    pub fn oldest_pending_seconds(&self, now: Timestamp) -> f64 {
        match self.oldest_pending.load(Ordering::Relaxed) {
            0 => 0.0,
            created_at => (now.0 - created_at).max(0) as f64 / 1000.0,
        }
    }
}

fn index(kind: NotificationKind) -> usize {
    kind as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_server_has_failed_after_three_failures_in_a_row() {
        let stats = NotificationStats::default();
        let record = |outcome| stats.record(NotificationKind::Email, &outcome);
        for _ in 0..2 {
            record(Outcome::retry("x"));
            stats.record(NotificationKind::Webhook, &Outcome::retry("x"));
            record(Outcome::failed("x"));
        }
        assert!(!stats.has_email_failed());
        record(Outcome::retry("x"));
        assert!(stats.has_email_failed());
        record(Outcome::Delivered);
        assert!(!stats.has_email_failed());
        assert_eq!(stats.delivered(NotificationKind::Email), 1);
        assert_eq!(stats.failed(NotificationKind::Email), 5);
        assert_eq!(stats.failed(NotificationKind::Webhook), 2);
    }
}
