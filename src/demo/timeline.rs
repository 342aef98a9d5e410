//! When things happen: a desk that grows for a year and a half, busier on
//! weekdays, in office hours and before Christmas. Whole numbers only, so that
//! every machine gives the same moments.

use fastrand::Rng;

/// 2026-06-30T18:00:00Z, the demo's present: nothing in it is later.
pub const NOW: i64 = 1_782_842_400_000;
/// 18 months: how long the desk has been there.
pub const SPAN: i64 = DAYS * DAY;
pub const SECOND: i64 = 1000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

const DAYS: i64 = 548;

/// How busy each hour of a day is, in UTC.
const HOURS: [u64; 24] = [
    2, 1, 1, 1, 2, 3, 6, 11, 16, 19, 20, 18, 15, 17, 19, 18, 16, 14, 12, 11, 11, 9, 6, 4,
];

/// How busy each day of a week is, from Sunday on.
const WEEKDAYS: [u64; 7] = [4, 12, 11, 11, 10, 9, 5];

/// The moments at which conversations begin, in order.
///
/// The weights of all hours add up to one line, which is cut into as many equal
/// pieces as there are conversations; each begins somewhere in its piece.
pub struct Arrivals {
    /// The weight of all hours up to the end of each.
    ends: Vec<u64>,
    count: u64,
    given: u64,
    hour: usize,
    last: i64,
    tied: bool,
}

impl Arrivals {
    pub fn new(count: u32) -> Self {
        let ends = (0..SPAN / HOUR).scan(0, |total, hour| {
            *total += weight(NOW - SPAN + hour * HOUR);
            Some(*total)
        });
        Self {
            ends: ends.collect(),
            count: count.into(),
            given: 0,
            hour: 0,
            last: NOW - SPAN,
            tied: false,
        }
    }

    pub fn next(&mut self, rng: &mut Rng) -> i64 {
        let moment = self.fresh(rng);
        // Now and then several begin in the same millisecond, so that an order
        // by time has ties to break.
        self.tied = self.given > 1 && rng.u32(0..1000) < if self.tied { 400 } else { 12 };
        if !self.tied {
            self.last = moment;
        }
        self.last
    }

    fn fresh(&mut self, rng: &mut Rng) -> i64 {
        let total = self.ends[self.ends.len() - 1];
        let place = u128::from(self.given) * u128::from(total) + u128::from(rng.u64(0..total));
        let place = (place / u128::from(self.count)) as u64;
        self.given += 1;
        while self.ends[self.hour] <= place {
            self.hour += 1;
        }
        let start = if self.hour == 0 {
            0
        } else {
            self.ends[self.hour - 1]
        };
        let weight = self.ends[self.hour] - start;
        let into = (place - start) * HOUR as u64 / weight;
        NOW - SPAN + self.hour as i64 * HOUR + into as i64
    }
}

/// How busy the hour from `start` on is, finer than there are milliseconds in it.
fn weight(start: i64) -> u64 {
    let day = start.div_euclid(DAY);
    let growth = 100 + 2 * SPAN.min(start - (NOW - SPAN)) / (4 * DAY);
    let (month, date) = month_and_day(start);
    let christmas = matches!((month, date), (11, 20..) | (12, ..=20));
    let season = if christmas { 16 } else { 10 };
    let weekday = WEEKDAYS[(day + 4).rem_euclid(7) as usize];
    let hour = HOURS[(start.rem_euclid(DAY) / HOUR) as usize];
    growth as u64 * season * weekday * hour * 50
}

/// The month and the day of the month, each from 1 on, by Howard Hinnant's
/// `civil_from_days`.
pub fn month_and_day(moment: i64) -> (u32, u32) {
    let day = moment.div_euclid(DAY) + 719_468;
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    ((month + 2) as u32 % 12 + 1, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_days_are_those_of_the_calendar() {
        assert_eq!(month_and_day(NOW), (6, 30));
        assert_eq!(month_and_day(0), (1, 1));
        assert_eq!(month_and_day(1_709_210_096_007), (2, 29));
        assert_eq!(month_and_day(1_767_225_599_999), (12, 31));
    }

    #[test]
    fn arrivals_come_in_order_within_the_span() {
        let mut rng = Rng::with_seed(1);
        let mut arrivals = Arrivals::new(5000);
        let moments: Vec<_> = (0..5000).map(|_| arrivals.next(&mut rng)).collect();
        assert!(moments.is_sorted());
        assert!(moments[0] >= NOW - SPAN && moments[4999] < NOW);
        assert!(moments.windows(2).any(|two| two[0] == two[1]));
    }
}
