//! Moments: milliseconds inside, ISO 8601 in UTC outside.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A moment in milliseconds since 1970-01-01T00:00:00Z, written as
/// `2024-01-15T10:30:00.000Z` (section 3 of the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2024-01-15T10:30:00.000Z")]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.unwrap_or_default().as_millis() as i64)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, as a JWT counts.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The calendar month in UTC, counted from January 1970.
    pub fn month(self) -> i64 {
        let moment = OffsetDateTime::from_unix_timestamp(self.seconds());
        let (year, month, _) = moment
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_calendar_date();
        i64::from(year - 1970) * 12 + i64::from(u8::from(month)) - 1
    }

    /// Seconds until the next calendar month in UTC begins.
    pub fn to_next_month(self) -> u64 {
        let (year, month) = (
            (self.month() + 1).div_euclid(12) + 1970,
            (self.month() + 1).rem_euclid(12),
        );
        let month = time::Month::January.nth_next(month as u8);
        let next = time::Date::from_calendar_date(year as i32, month, 1);
        let next = next.map_or(0, |date| date.midnight().assume_utc().unix_timestamp());
        (next - self.seconds()).max(1).unsigned_abs()
    }

    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_millis() as i64))
    }

    /// Writes the 24 characters of the wire's form.
    ///
    /// By hand, because a page of ten conversations writes sixty of them.
    /// Years outside 0 to 9999 have no such form and are written as its ends.
    pub(super) fn text(self, text: &mut [u8; 24]) -> &str {
        let clamped = self.0.clamp(-62_167_219_200_000, 253_402_300_799_999);
        let (year, month, day) = date(clamped.div_euclid(DAY));
        let time = clamped.rem_euclid(DAY) as u32;
        let seconds = time / 1000;
        text.copy_from_slice(b"0000-00-00T00:00:00.000Z");
        pair(text, 0, year / 100);
        pair(text, 2, year % 100);
        pair(text, 5, month);
        pair(text, 8, day);
        pair(text, 11, seconds / 3600);
        pair(text, 14, seconds / 60 % 60);
        pair(text, 17, seconds % 60);
        pair(text, 20, time % 1000 / 10);
        text[22] = b'0' + (time % 10) as u8;
        std::str::from_utf8(text).unwrap_or_default()
    }
}

/// Writes a number below 100.
fn pair(text: &mut [u8; 24], at: usize, number: u32) {
    text[at] = b'0' + (number / 10) as u8;
    text[at + 1] = b'0' + (number % 10) as u8;
}

/// Milliseconds.
const DAY: i64 = 86_400_000;

/// Year, month and day of a day counted from 1970-01-01, from year 0 on. The
/// months are counted from March, so that a leap day is the last of its year
/// (H. Hinnant, "chrono-compatible low-level date algorithms").
fn date(day: i64) -> (u32, u32, u32) {
    let day = (day + 719_468 + 146_097) as u32;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + next - 400, month, day)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text(&mut [0; 24]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(milliseconds: i64) -> String {
        Timestamp(milliseconds).text(&mut [0; 24]).to_owned()
    }

    #[test]
    fn a_moment_is_written_with_milliseconds_and_z() {
        assert_eq!(written(1_705_314_600_000), "2024-01-15T10:30:00.000Z");
        assert_eq!(written(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
        assert_eq!(written(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(written(0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn every_day_has_its_date() {
        for day in (-719_528..=2_932_896).step_by(29).chain(-800..800) {
            let of_day = OffsetDateTime::from_unix_timestamp(day * 86_400).expect("a moment");
            let (year, month, in_month) = of_day.to_calendar_date();
            let expected = format!("{year:04}-{:02}-{in_month:02}T", u8::from(month));
            assert!(
                written(day * DAY + DAY - 1).starts_with(&expected),
                "{expected}"
            );
            assert!(written(day * DAY).starts_with(&expected), "{expected}");
        }
    }

    #[test]
    fn months_are_counted_from_january_1970() {
        assert_eq!(Timestamp(0).month(), 0);
        assert_eq!(Timestamp(-1).month(), -1);
        assert_eq!(Timestamp(1_705_314_600_000).month(), 54 * 12);
        assert_eq!(Timestamp(0).to_next_month(), 31 * 86_400);
        // The middle of December.
        assert_eq!(Timestamp(1_702_598_400_000).to_next_month(), 17 * 86_400);
    }

    #[test]
    fn a_moment_outside_the_form_is_written_as_its_nearest_end() {
        assert_eq!(written(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(written(i64::MIN), "0000-01-01T00:00:00.000Z");
    }
}
