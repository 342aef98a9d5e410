//! Repeats requests that a website refuses for a time: responses 429 and 503.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use crate::retry_after::retry_after;

/// The requests for one page.
const MAX_ATTEMPTS: u32 = 5;
/// The longest wait without `Retry-After`.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// The sum of all waits of a run if nothing else is said.
pub const DEFAULT_RETRY_LIMIT: Duration = Duration::from_secs(300);

/// How long a run waits for a website.
#[derive(Debug, Clone, Copy)]
pub struct RetryTimes {
    /// The first wait without `Retry-After`; each further one is twice as long.
    pub first_wait: Duration,
    /// The sum of all waits of a run.
    pub limit: Duration,
}

impl Default for RetryTimes {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(1),
            limit: DEFAULT_RETRY_LIMIT,
        }
    }
}

/// The waits of a run. All requests of the run wait together.
#[derive(Debug)]
pub struct Retries {
    times: RetryTimes,
    state: Mutex<RetryState>,
}

#[derive(Debug, Default)]
struct RetryState {
    /// No request is sent before.
    pause_end: Option<Instant>,
    waited: Duration,
}

impl Retries {
    pub fn new(times: RetryTimes) -> Self {
        Self {
            times,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, RetryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until requests may be sent.
    pub async fn wait(&self) {
        loop {
            let pause_end = self.lock().pause_end;
            match pause_end {
                Some(end) if end > Instant::now() => tokio::time::sleep_until(end).await,
                _ => return,
            }
        }
    }

    /// Whether the request of a response should be sent again. `attempt`: the requests so
    /// far. Delays all requests of the run then.
    pub fn should_repeat(&self, status: StatusCode, headers: &HeaderMap, attempt: u32) -> bool {
        let is_refusal =
            status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE;
        if !is_refusal || attempt >= MAX_ATTEMPTS {
            return false;
        }
        let wait = retry_after(headers, SystemTime::now());
        let wait = wait.unwrap_or_else(|| self.backoff(attempt));
        let now = Instant::now();
        let mut state = self.lock();
        let paused = state.pause_end.unwrap_or(now).max(now);
        let Some(end) = now.checked_add(wait) else {
            return false;
        };
        let longer = end.saturating_duration_since(paused);
        if state.waited + longer > self.times.limit {
            return false;
        }
        state.waited += longer;
        state.pause_end = Some(paused.max(end));
        true
    }

    /// A wait of a random length, so that several programs do not return at the same time.
    fn backoff(&self, attempt: u32) -> Duration {
        let doubled = self.times.first_wait * 2_u32.saturating_pow(attempt - 1);
        doubled.min(MAX_BACKOFF).mul_f64(0.5 + fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderValue, RETRY_AFTER};

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let value = HeaderValue::from_str(value).expect("a value");
        HeaderMap::from_iter([(RETRY_AFTER, value)])
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").expect("a date");
        for (value, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Wed, 21 Oct 2026 07:28:09 GMT", Some(9)),
            ("Wed, 21 Oct 2026 07:27:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let wait = retry_after(&headers(value), now);
            assert_eq!(wait, seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn waits_of_a_run_are_limited_together() {
        let retries = Retries::new(RetryTimes {
            first_wait: Duration::from_secs(1),
            limit: Duration::from_secs(10),
        });
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        assert!(retries.should_repeat(busy, &headers("6"), 1));
        // At the same time as the first wait.
        assert!(retries.should_repeat(busy, &headers("6"), 1));
        assert!(!retries.should_repeat(busy, &headers("11"), 2));
        assert!(!retries.should_repeat(busy, &headers("18446744073709551615"), 2));
        assert!(!retries.should_repeat(busy, &headers("0"), MAX_ATTEMPTS));
        assert!(!retries.should_repeat(StatusCode::NOT_FOUND, &headers("1"), 1));
    }

    #[test]
    fn wait_without_retry_after_grows_up_to_a_limit() {
        let retries = Retries::new(RetryTimes::default());
        for (attempt, seconds) in [(1, 1.0), (2, 2.0), (4, 8.0), (60, 30.0)] {
            let wait = retries.backoff(attempt).as_secs_f64();
            let range = seconds * 0.5..=seconds * 1.5;
            assert!(range.contains(&wait), "{attempt}: {wait}");
        }
    }
}
