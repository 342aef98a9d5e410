//! Answers by provider and outcome.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::histogram::Histogram;

/// Who generates an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    Builtin,
    Model,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerOutcome {
    Complete,
    Failed,
    /// The client disconnected, an agent took over, or the server shut down.
    Cancelled,
}

/// The answers of all providers.
#[derive(Debug, Default)]
pub struct AnswerMetrics([ProviderMetrics; 2]);

/// The answers of a provider.
#[derive(Debug)]
pub struct ProviderMetrics {
    outcomes: [AtomicU64; 3],
    /// The time to the first text.
    pub first_texts: Histogram,
    /// The time to the end of complete answers.
    pub durations: Histogram,
}

impl Default for ProviderMetrics {
    fn default() -> Self {
        Self {
            outcomes: Default::default(),
            first_texts: Histogram::of_answers(),
            durations: Histogram::of_answers(),
        }
    }
}

impl AnswerMetrics {
    pub const PROVIDERS: [(ProviderKind, &'static str); 2] = [
        (ProviderKind::Builtin, "builtin"),
        (ProviderKind::Model, "model"),
    ];

    pub const OUTCOMES: [(AnswerOutcome, &'static str); 3] = [
        (AnswerOutcome::Complete, "complete"),
        (AnswerOutcome::Failed, "failed"),
        (AnswerOutcome::Cancelled, "cancelled"),
    ];

    pub fn provider(&self, kind: ProviderKind) -> &ProviderMetrics {
        &self.0[kind as usize]
    }
}

impl ProviderMetrics {
    /// Counts an answer that ended after `duration`.
    pub fn end(&self, outcome: AnswerOutcome, duration: Duration) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        if outcome == AnswerOutcome::Complete {
            self.durations.observe_duration(duration);
        }
    }

    pub fn count(&self, outcome: AnswerOutcome) -> u64 {
        self.outcomes[outcome as usize].load(Ordering::Relaxed)
    }
}
