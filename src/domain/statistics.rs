//! What the conversations of the last days amount to.

use super::Timestamp;

/// Milliseconds of a day. Days are those of UTC.
pub const DAY_MS: i64 = 86_400_000;

/// The conversations of the last days, and what became of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Statistics {
    /// Each day of the period, the oldest first.
    pub days: Vec<DayStatistics>,
    /// Conversations with a message.
    pub with_message: u64,
    /// Those in which no agent took part, and which do not wait for one.
    pub without_agent: u64,
    /// Half of the visitors who waited for an agent waited at most this time.
    pub median_wait_ms: Option<u64>,
    /// Messages that visitors rated in the period.
    pub likes: u64,
    pub dislikes: u64,
}

/// One day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayStatistics {
    /// The begin of the day.
    pub at: Timestamp,
    /// The conversations that were started.
    pub conversations: u64,
}

impl Statistics {
    pub fn conversations(&self) -> u64 {
        self.days.iter().map(|day| day.conversations).sum()
    }

    /// The share of the conversations that the assistant answered alone. `None` without
    /// conversations.
    pub fn answered_by_assistant(&self) -> Option<f64> {
        (self.with_message > 0).then(|| self.without_agent as f64 / self.with_message as f64)
    }
}
