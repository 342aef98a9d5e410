//! The times of the demo data: 2 to 18 months of growing traffic with more
//! conversations on weekdays, in office hours and before Christmas. All times
//! are milliseconds since 1970; only integer arithmetic is used, so that every
//! machine computes the same times.

use std::ops::RangeInclusive;

use fastrand::Rng;

use super::DemoPlan;

pub const SECOND: i64 = 1000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// The bounds of the length of the data. Few conversations are spread over a short
/// time, so that each day has some.
const SPAN_DAYS: RangeInclusive<i64> = 60..=548;
/// Conversations a day, on average, before [`SPAN_DAYS`] bounds the length.
const CONVERSATIONS_PER_DAY: i64 = 4;
/// How much the traffic grows from the start to the end, in percent.
const GROWTH_PERCENT: i64 = 270;

/// The relative traffic of each hour of the day, in UTC.
const HOUR_WEIGHTS: [u64; 24] = [
    2, 1, 1, 1, 2, 3, 6, 11, 16, 19, 20, 18, 15, 17, 19, 18, 16, 14, 12, 11, 11, 9, 6, 4,
];

/// The relative traffic of each day of the week, from Sunday.
const WEEKDAY_WEIGHTS: [u64; 7] = [4, 12, 11, 11, 10, 9, 5];

/// The time that the data covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub start: i64,
    /// No generated time is later.
    pub end: i64,
}

impl Period {
    pub fn of(plan: &DemoPlan) -> Self {
        let days = i64::from(plan.conversations) / CONVERSATIONS_PER_DAY;
        let days = days.clamp(*SPAN_DAYS.start(), *SPAN_DAYS.end());
        Self {
            start: plan.end.0 - days * DAY,
            end: plan.end.0,
        }
    }

    fn length(self) -> i64 {
        self.end - self.start
    }
}

/// Generates the start times of conversations in ascending order.
///
/// The weights of all hours are laid end to end on a line. The line is divided
/// into as many equal segments as there are conversations, and each
/// conversation starts at a random point of its segment.
pub struct Arrivals {
    period: Period,
    /// The cumulative weight at the end of each hour.
    cumulative_weights: Vec<u64>,
    count: u64,
    generated: u64,
    hour: usize,
    last: i64,
    is_tie: bool,
}

impl Arrivals {
    pub fn new(count: u32, period: Period) -> Self {
        let cumulative_weights = (0..period.length() / HOUR).scan(0, |total, hour| {
            *total += hour_weight(period.start + hour * HOUR, period);
            Some(*total)
        });
        Self {
            period,
            cumulative_weights: cumulative_weights.collect(),
            count: count.into(),
            generated: 0,
            hour: 0,
            last: period.start,
            is_tie: false,
        }
    }

    /// The start of the next conversation.
    pub fn next(&mut self, rng: &mut Rng) -> i64 {
        let time = self.next_distinct(rng);
        // Some conversations start in the same millisecond, so that a sort by
        // time has ties to break.
        let tie_permille = if self.is_tie { 400 } else { 12 };
        self.is_tie = self.generated > 1 && rng.u32(0..1000) < tie_permille;
        if !self.is_tie {
            self.last = time;
        }
        self.last
    }

    fn next_distinct(&mut self, rng: &mut Rng) -> i64 {
        let total = self.cumulative_weights[self.cumulative_weights.len() - 1];
        let segments = u128::from(self.generated) * u128::from(total);
        let point = (segments + u128::from(rng.u64(0..total))) / u128::from(self.count);
        let point = point as u64;
        self.generated += 1;
        while self.cumulative_weights[self.hour] <= point {
            self.hour += 1;
        }
        let start = match self.hour {
            0 => 0,
            hour => self.cumulative_weights[hour - 1],
        };
        let weight = self.cumulative_weights[self.hour] - start;
        let offset = (point - start) * HOUR as u64 / weight;
        self.period.start + self.hour as i64 * HOUR + offset as i64
    }
}

/// The traffic of the hour that begins at `start`. The unit is fine enough that
/// each hour has more units than milliseconds.
fn hour_weight(start: i64, period: Period) -> u64 {
    let day = start.div_euclid(DAY);
    let growth = 100 + GROWTH_PERCENT * (start - period.start) / period.length();
    let is_before_christmas = matches!(month_and_day(start), (11, 20..) | (12, ..=20));
    let season = if is_before_christmas { 16 } else { 10 };
    let weekday = WEEKDAY_WEIGHTS[(day + 4).rem_euclid(7) as usize];
    let hour = HOUR_WEIGHTS[(start.rem_euclid(DAY) / HOUR) as usize];
    growth as u64 * season * weekday * hour * 50
}

/// The month and the day of the month, each from 1, by Howard Hinnant's
/// `civil_from_days`.
pub fn month_and_day(time: i64) -> (u32, u32) {
    let day = time.div_euclid(DAY) + 719_468;
    let day_of_era = day.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    ((month + 2) as u32 % 12 + 1, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn month_and_day_match_the_calendar() {
        assert_eq!(month_and_day(1_782_842_400_000), (6, 30));
        assert_eq!(month_and_day(0), (1, 1));
        assert_eq!(month_and_day(1_709_210_096_007), (2, 29));
        assert_eq!(month_and_day(1_767_225_599_999), (12, 31));
    }

    #[test]
    fn arrivals_are_sorted_within_the_span_and_have_ties() {
        let mut rng = Rng::with_seed(1);
        let period = Period {
            start: 1_735_000_000_000,
            end: 1_782_842_400_000,
        };
        let mut arrivals = Arrivals::new(5000, period);
        let times: Vec<_> = (0..5000).map(|_| arrivals.next(&mut rng)).collect();
        assert!(times.is_sorted());
        assert!(times[0] >= period.start && times[4999] < period.end);
        assert!(times.windows(2).any(|two| two[0] == two[1]));
    }
}
