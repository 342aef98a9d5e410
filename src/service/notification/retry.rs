//! When a notification that failed is sent again.

use std::time::Duration;

/// The waits before the retries, as multiples of the first. With 5 seconds: 5 s, 30 s,
/// 2 min, 10 min, 30 min, 2 h, 5 h, 10 h, 14 h, 16 h, together about two days.
const WAITS: [u32; 10] = [1, 6, 24, 120, 360, 1440, 3600, 7200, 10_080, 11_520];

/// The wait before the next attempt after `attempts`, with up to a fifth more or less, so
/// that notifications that failed together are not sent together again. None: the last
/// attempt was made.
pub fn wait_after(attempts: u32, first: Duration) -> Option<Duration> {
    let index = attempts.checked_sub(1)?;
    let wait = first * *WAITS.get(index as usize)?;
    Some(wait.mul_f64(0.8 + 0.4 * fastrand::f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_end_after_two_days() {
        let first = Duration::from_secs(5);
        let waits: Vec<_> = (1..).map_while(|count| wait_after(count, first)).collect();
        assert_eq!(waits.len(), WAITS.len());
        let total: Duration = waits.iter().sum();
        let hours = total.as_secs_f64() / 3600.0;
        assert!((38.0..58.0).contains(&hours), "{hours}");
        assert_eq!(wait_after(0, first), None);
    }
}
