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
    pub fn seconds_until_next_month(self) -> u64 {
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
        let moment = OffsetDateTime::from_unix_timestamp(clamped.div_euclid(1000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        text.copy_from_slice(b"0000-00-00T00:00:00.000Z");
        digits(&mut text[0..4], year as u32);
        digits(&mut text[5..7], month as u32);
        digits(&mut text[8..10], day.into());
        digits(&mut text[11..13], hour.into());
        digits(&mut text[14..16], minute.into());
        digits(&mut text[17..19], second.into());
        digits(&mut text[20..23], clamped.rem_euclid(1000) as u32);
        std::str::from_utf8(text).unwrap_or_default()
    }
}

fn digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
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
    fn months_are_counted_from_january_1970() {
        assert_eq!(Timestamp(0).month(), 0);
        assert_eq!(Timestamp(-1).month(), -1);
        assert_eq!(Timestamp(1_705_314_600_000).month(), 54 * 12);
        assert_eq!(Timestamp(0).seconds_until_next_month(), 31 * 86_400);
        // The middle of December.
        assert_eq!(
            Timestamp(1_702_598_400_000).seconds_until_next_month(),
            17 * 86_400
        );
    }

    #[test]
    fn a_moment_outside_the_form_is_written_as_its_nearest_end() {
        assert_eq!(written(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(written(i64::MIN), "0000-01-01T00:00:00.000Z");
    }
}
