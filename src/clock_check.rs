//! Whether the clock of the machine can be trusted to delete expired rows.
//!
//! A clock that is wrong makes valid rows look expired. Such rows are only refused
//! while the clock is wrong; what is deleted cannot return. So rows are deleted only
//! after the clock has run steadily for some time, an hour by default.

use std::time::Duration;

use crate::domain::Timestamp;

/// A difference between the clock and the uptime that is no jump.
const MAX_DRIFT: Duration = Duration::from_secs(60);

/// Compares the clock with the time that the process has run (monotonic).
#[derive(Debug)]
pub struct ClockCheck {
    /// How long the clock must run without a jump.
    steady_time: Duration,
    /// The start of the process by the clock, as the last check computed it.
    started_at: Timestamp,
    /// The uptime at the start or at the last jump of the clock.
    steady_since: Duration,
}

impl ClockCheck {
    /// Begins with the start of the process at `now`. The clock must run for
    /// `steady_time` without a jump.
    pub fn new(now: Timestamp, steady_time: Duration) -> Self {
        Self {
            steady_time,
            started_at: now,
            steady_since: Duration::ZERO,
        }
    }

    /// Whether the clock has not jumped for the steady time. Call it regularly: a jump that
    /// is undone between two calls is not noticed.
    pub fn is_steady(&mut self, uptime: Duration, now: Timestamp) -> bool {
        let started_at = now.minus(uptime);
        let drift = started_at.0.abs_diff(self.started_at.0);
        if u128::from(drift) > MAX_DRIFT.as_millis() {
            log::warn!(
                "the clock of the machine has jumped by {} s; expired data is not deleted for {} \
                 minutes",
                drift / 1000,
                self.steady_time.as_secs() / 60
            );
            self.steady_since = uptime;
        }
        // Slow drift is no jump.
        self.started_at = started_at;
        uptime.saturating_sub(self.steady_since) >= self.steady_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_800_000_000_000);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    /// Checks every ten minutes from `from` to `to` (minutes of uptime) with a clock
    /// that is `offset` ahead. Returns the results.
    fn check(clock: &mut ClockCheck, from: u64, to: u64, offset: Duration) -> Vec<bool> {
        let uptimes = (from..=to).step_by(10).map(minutes);
        let check = |uptime| clock.is_steady(uptime, START.plus(uptime).plus(offset));
        uptimes.map(check).collect()
    }

    #[test]
    fn nothing_is_deleted_in_the_first_hour() {
        let mut clock = ClockCheck::new(START, minutes(60));
        assert_eq!(check(&mut clock, 0, 50, Duration::ZERO), [false; 6]);
        assert_eq!(check(&mut clock, 60, 90, Duration::ZERO), [true; 4]);
    }

    #[test]
    fn jump_in_either_direction_postpones_deletion_by_an_hour() {
        let mut clock = ClockCheck::new(START, minutes(60));
        assert_eq!(check(&mut clock, 0, 60, Duration::ZERO)[6..], [true]);
        assert_eq!(check(&mut clock, 70, 120, YEAR), [false; 6]);
        assert_eq!(check(&mut clock, 130, 130, YEAR), [true]);
        assert_eq!(check(&mut clock, 140, 190, Duration::ZERO), [false; 6]);
        assert_eq!(check(&mut clock, 200, 200, Duration::ZERO), [true]);
    }

    #[test]
    fn slow_drift_is_no_jump() {
        let mut clock = ClockCheck::new(START, minutes(60));
        for round in 0..100 {
            let drift = Duration::from_secs(30 * round);
            let [steady] = check(&mut clock, 10 * round, 10 * round, drift)[..] else {
                panic!("one check");
            };
            assert_eq!(steady, round >= 6, "{round}");
        }
    }
}
