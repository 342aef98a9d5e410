//! Timestamps (docs/api-contract.md, section 1.2).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, Month, OffsetDateTime, Time};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.unwrap_or_default().as_millis() as i64)
    }

    /// Parses a timestamp of the years 0 to 9999 in UTC, such as
    /// `2024-01-15T10:30:00.000Z`, with up to nine decimals of the second. Decimals after
    /// the third are cut.
    pub fn parse_utc(text: &str) -> Option<Self> {
        let text = text.strip_suffix('Z')?;
        let (date_time, decimals) = text.split_once('.').unwrap_or((text, "0"));
        number(decimals).filter(|_| (1..=9).contains(&decimals.len()))?;
        let (date, time) = date_time.split_once('T')?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        let milliseconds = number(&format!("{decimals:0<3}")[..3])?;
        let month = Month::try_from(month as u8).ok()?;
        let date = Date::from_calendar_date(year as i32, month, day as u8).ok()?;
        let time = Time::from_hms(hour as u8, minute as u8, second as u8).ok()?;
        let seconds = date.with_time(time).assume_utc().unix_timestamp();
        Some(Self(seconds * 1000 + i64::from(milliseconds)))
    }

    /// Parses a time in ISO 8601: a date, or a date and a time with `Z` or with an
    /// offset. A space is accepted in place of `+`, which the query of a URL encodes a
    /// space as.
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        if text.len() == "2024-01-15".len() {
            return Self::parse_utc(&format!("{text}T00:00:00Z"));
        }
        let Some((date_time, offset)) = text.split_at_checked(text.len().checked_sub(6)?) else {
            return Self::parse_utc(text);
        };
        let (sign, offset) = match offset.split_at_checked(1)? {
            ("+" | " ", offset) => (1, offset),
            ("-", offset) => (-1, offset),
            _ => return Self::parse_utc(text),
        };
        let [hours, minutes] = numbers(offset, ':', [2, 2])?;
        if hours > 23 || minutes > 59 {
            return None;
        }
        let offset = i64::from(hours * 60 + minutes) * 60_000;
        let local = Self::parse_utc(&format!("{date_time}Z"))?;
        Some(Self(local.0 - sign * offset))
    }

    /// Returns whole seconds since 1970-01-01T00:00:00Z, the unit of JWT claims.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns the calendar month in UTC; 0 is January 1970.
    pub fn month(self) -> i64 {
        let moment = OffsetDateTime::from_unix_timestamp(self.seconds());
        let (year, month, _) = moment
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_calendar_date();
        i64::from(year - 1970) * 12 + i64::from(u8::from(month)) - 1
    }

    /// Returns the seconds until the next calendar month in UTC begins, at least 1.
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

    /// The time before a duration.
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// The time after a duration.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_millis() as i64))
    }

    /// Formats the timestamp in `text` as `2024-01-15T10:30:00.000Z`.
    ///
    /// Timestamps outside the years 0 to 9999 become the nearest one inside.
    /// The formatter of the `time` crate is not used because it is slower and a
    /// page of ten conversations contains sixty timestamps.
    pub fn format_iso8601(self, text: &mut [u8; 24]) -> &str {
        let clamped = self.0.clamp(-62_167_219_200_000, 253_402_300_799_999);
        let moment = OffsetDateTime::from_unix_timestamp(clamped.div_euclid(1000))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        text.copy_from_slice(b"0000-00-00T00:00:00.000Z");
        write_digits(&mut text[0..4], year as u32);
        write_digits(&mut text[5..7], month as u32);
        write_digits(&mut text[8..10], day.into());
        write_digits(&mut text[11..13], hour.into());
        write_digits(&mut text[14..16], minute.into());
        write_digits(&mut text[17..19], second.into());
        write_digits(&mut text[20..23], clamped.rem_euclid(1000) as u32);
        std::str::from_utf8(text).unwrap_or_default()
    }
}

/// Parses numbers with the given digits.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u32; N]> {
    let mut parts = text.split(separator);
    let mut parsed = [0; N];
    for (parsed, digits) in parsed.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        *parsed = number(part)?;
    }
    parts.next().is_none().then_some(parsed)
}

/// Parses a number of digits alone.
fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// Writes `number` in decimal digits, padded with zeros.
/// The name of a month, which is counted from January 1970: `2024-01`.
pub fn month_name(month: i64) -> String {
    let (year, month) = (month.div_euclid(12) + 1970, month.rem_euclid(12) + 1);
    format!("{year:04}-{month:02}")
}

fn write_digits(target: &mut [u8], mut number: u32) {
    for digit in target.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(milliseconds: i64) -> String {
        Timestamp(milliseconds)
            .format_iso8601(&mut [0; 24])
            .to_owned()
    }

    #[test]
    fn timestamps_are_formatted_with_milliseconds_and_z() {
        assert_eq!(formatted(1_705_314_600_000), "2024-01-15T10:30:00.000Z");
        assert_eq!(formatted(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
        assert_eq!(formatted(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(formatted(0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn formatted_timestamps_are_parsed_and_others_are_refused() {
        for milliseconds in [
            0,
            -1,
            1_705_314_600_000,
            1_709_210_096_007,
            -62_167_219_200_000,
            253_402_300_799_999,
        ] {
            let parsed = Timestamp::parse_utc(&formatted(milliseconds));
            assert_eq!(parsed, Some(Timestamp(milliseconds)));
        }
        for (text, milliseconds) in [
            ("2024-01-15T10:30:00Z", 1_705_314_600_000),
            ("2024-01-15T10:30:00.5Z", 1_705_314_600_500),
            ("2024-01-15T10:30:00.123456789Z", 1_705_314_600_123),
        ] {
            let parsed = Timestamp::parse_utc(text);
            assert_eq!(parsed, Some(Timestamp(milliseconds)), "{text}");
        }
        for text in [
            "",
            "Z",
            "2024-01-15",
            "2024-01-15T10:30:00.000",
            "2024-01-15T10:30:00.Z",
            "2024-01-15T10:30:00.0000000000Z",
            "2024-01-15T10:30:00.00éZ",
            "2024-02-30T10:30:00.000Z",
            "2024-13-01T10:30:00.000Z",
            "2024-01-15T24:00:00.000Z",
            "2024-01-15T10:30:00.000+02:00",
            "+024-01-15T10:30:00.000Z",
            "12024-01-15T10:30:00.000Z",
        ] {
            assert_eq!(Timestamp::parse_utc(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_parsed_with_date_alone_z_or_offset() {
        let time = Timestamp(1_705_314_600_000);
        for text in [
            "2024-01-15T10:30:00Z",
            "2024-01-15T10:30:00.000Z",
            "2024-01-15T10:30:00+00:00",
            "2024-01-15T12:30:00+02:00",
            "2024-01-15T12:30:00 02:00",
            "2024-01-15T05:00:00.000-05:30",
        ] {
            assert_eq!(Timestamp::parse_iso8601(text), Some(time), "{text}");
        }
        let midnight = Some(Timestamp(1_705_276_800_000));
        assert_eq!(Timestamp::parse_iso8601("2024-01-15"), midnight);
        for text in [
            "",
            "2024",
            "2024-02-30",
            "2024-01-1é",
            "2024-01-15T10:30:00",
            "2024-01-15T10:30:00+2:00",
            "2024-01-15T10:30:00+24:00",
            "2024-01-15T10:30:00+02:60",
            "2024-01-15T10:30:00Z+02:00",
            "2024-01-15T10:30:00é02:00",
            "1705314600000",
            "now",
        ] {
            assert_eq!(Timestamp::parse_iso8601(text), None, "{text}");
        }
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
    fn timestamps_outside_the_years_0_to_9999_are_clamped() {
        assert_eq!(formatted(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(formatted(i64::MIN), "0000-01-01T00:00:00.000Z");
    }
}
