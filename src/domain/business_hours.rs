//! The weekly hours in which agents answer (docs/api-contract.md, section 5.5).

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::Timestamp;
use super::validation::ValidationError;

/// The names of the days, from Monday on.
pub const DAY_NAMES: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The maximum number of ranges of a day.
pub const MAX_RANGES_PER_DAY: usize = 10;

const MINUTES_PER_DAY: u16 = 24 * 60;

/// Weekly hours in a time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct BusinessHours {
    time_zone: TimeZone,
    /// The ranges of each day, from Monday on.
    days: [Vec<HourRange>; 7],
}

impl BusinessHours {
    /// Returns the hours of a time zone of the IANA database.
    ///
    /// # Errors
    /// The time zone is unknown, or a day has too many ranges.
    pub fn new(time_zone: &str, days: [Vec<HourRange>; 7]) -> Result<Self, ValidationError> {
        let too_long = days
            .iter()
            .position(|ranges| ranges.len() > MAX_RANGES_PER_DAY);
        if let Some(day) = too_long {
            let reason = format!("must have at most {MAX_RANGES_PER_DAY} ranges");
            return Err(ValidationError::new(DAY_FIELDS[day], reason));
        }
        let time_zone = TimeZone::get(time_zone).map_err(|_| {
            let reason = "must be a time zone of the IANA database, such as Europe/Berlin";
            ValidationError::new("businessHours.timeZone", reason)
        })?;
        Ok(Self { time_zone, days })
    }

    /// The name of the time zone.
    pub fn time_zone(&self) -> &str {
        self.time_zone.iana_name().unwrap_or("UTC")
    }

    /// The ranges of each day, from Monday on.
    pub fn days(&self) -> &[Vec<HourRange>; 7] {
        &self.days
    }

    /// Whether `at` is within the hours. Where clocks are changed, the time that the clocks
    /// show counts.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let Ok(at) = jiff::Timestamp::from_millisecond(at.0) else {
            return false;
        };
        let local = self.time_zone.to_datetime(at);
        let minute = local.hour().unsigned_abs() as u16 * 60 + local.minute().unsigned_abs() as u16;
        let ranges = |day: Weekday| self.days[day.to_monday_zero_offset() as usize].iter();
        let today = local.weekday();
        ranges(today).any(|range| range.contains(minute))
            || ranges(today.previous()).any(|range| range.contains(minute + MINUTES_PER_DAY))
    }
}

/// The fields of the days, from Monday on.
const DAY_FIELDS: [&str; 7] = [
    "businessHours.days.monday",
    "businessHours.days.tuesday",
    "businessHours.days.wednesday",
    "businessHours.days.thursday",
    "businessHours.days.friday",
    "businessHours.days.saturday",
    "businessHours.days.sunday",
];

/// A time of the day in minutes, from 00:00 to 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Parses `HH:MM`.
    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        let parsed = text.split_once(':').and_then(|(hours, minutes)| {
            let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
            let total = hours * 60 + minutes;
            (minutes < 60 && total <= MINUTES_PER_DAY).then_some(Self(total))
        });
        parsed.ok_or_else(|| {
            ValidationError::new("", "must be a time from 00:00 to 24:00, such as 09:30")
        })
    }
}

impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

fn two_digits(text: &str) -> Option<u16> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// A range of a day. If it ends before it begins, it ends on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourRange {
    from: TimeOfDay,
    to: TimeOfDay,
}

impl HourRange {
    /// # Errors
    /// The range is empty.
    pub fn new(from: TimeOfDay, to: TimeOfDay) -> Result<Self, ValidationError> {
        if from == to {
            let reason = "must differ from `from`; a whole day is 00:00 to 24:00";
            return Err(ValidationError::new("to", reason));
        }
        Ok(Self { from, to })
    }

    pub fn from(self) -> TimeOfDay {
        self.from
    }

    pub fn to(self) -> TimeOfDay {
        self.to
    }

    /// Whether the range contains a minute, counted from the beginning of its day.
    fn contains(self, minute: u16) -> bool {
        let end = if self.to < self.from {
            self.to.0 + MINUTES_PER_DAY
        } else {
            self.to.0
        };
        (self.from.0..end).contains(&minute)
    }
}

/// Whether visitors can reach a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Availability {
    /// An agent is online, not away, and within the business hours.
    pub is_online: bool,
    /// The team is notified of a conversation that waits.
    pub can_notify: bool,
    /// Shown while no agent is online.
    pub away_message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> HourRange {
        let time = |text| TimeOfDay::parse(text).expect(text);
        HourRange::new(time(from), time(to)).expect("a range")
    }

    fn hours(time_zone: &str, ranges: &[(usize, &str, &str)]) -> BusinessHours {
        let mut days: [Vec<HourRange>; 7] = Default::default();
        for (day, from, to) in ranges {
            days[*day].push(range(from, to));
        }
        BusinessHours::new(time_zone, days).expect("hours")
    }

    fn is_open(hours: &BusinessHours, time: &str) -> bool {
        hours.is_open(Timestamp::parse_iso8601(time).expect(time))
    }

    #[test]
    fn hours_are_those_of_the_time_zone() {
        // 2026-11-26 is a Thursday.
        let hours = hours(
            "Europe/Berlin",
            &[(3, "09:00", "12:00"), (3, "13:00", "17:00")],
        );
        for (time, expected) in [
            ("2026-11-26T07:59:59Z", false),
            ("2026-11-26T08:00:00Z", true),
            ("2026-11-26T10:59:59Z", true),
            ("2026-11-26T11:00:00Z", false),
            ("2026-11-26T12:00:00Z", true),
            ("2026-11-26T16:00:00Z", false),
            ("2026-11-25T10:00:00Z", false),
            ("2026-11-27T10:00:00Z", false),
        ] {
            assert_eq!(is_open(&hours, time), expected, "{time}");
        }
    }

    #[test]
    fn a_range_can_end_on_the_next_day() {
        // From Sunday evening to Monday morning.
        let hours = hours("UTC", &[(6, "22:00", "06:00")]);
        for (time, expected) in [
            ("2026-11-29T21:59:59Z", false),
            ("2026-11-29T22:00:00Z", true),
            ("2026-11-30T05:59:59Z", true),
            ("2026-11-30T06:00:00Z", false),
            ("2026-11-29T05:00:00Z", false),
        ] {
            assert_eq!(is_open(&hours, time), expected, "{time}");
        }
    }

    #[test]
    fn whole_days_have_no_gap_at_midnight() {
        let hours = hours(
            "Asia/Tokyo",
            &[(4, "00:00", "24:00"), (5, "00:00", "24:00")],
        );
        for (time, expected) in [
            ("2026-11-26T14:59:59Z", false),
            ("2026-11-26T15:00:00Z", true),
            ("2026-11-27T14:59:59Z", true),
            ("2026-11-27T15:00:00Z", true),
            ("2026-11-28T14:59:59Z", true),
            ("2026-11-28T15:00:00Z", false),
        ] {
            assert_eq!(is_open(&hours, time), expected, "{time}");
        }
    }

    #[test]
    fn the_time_that_clocks_show_counts_where_they_are_changed() {
        // Clocks go from 2:00 to 3:00 on 2026-03-29, and from 3:00 to 2:00 on 2026-10-25.
        let hours = hours(
            "Europe/Berlin",
            &[(6, "02:00", "03:00"), (0, "09:00", "17:00")],
        );
        for (time, expected) in [
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", false),
            ("2026-10-25T00:00:00Z", true),
            ("2026-10-25T01:30:00Z", true),
            ("2026-10-25T02:00:00Z", false),
            // 9:00 in winter and in summer.
            ("2026-03-23T08:00:00Z", true),
            ("2026-03-30T07:00:00Z", true),
            ("2026-03-30T06:59:59Z", false),
        ] {
            assert_eq!(is_open(&hours, time), expected, "{time}");
        }
    }

    #[test]
    fn invalid_times_ranges_and_time_zones_are_refused() {
        for text in [
            "",
            "9:00",
            "09:60",
            "24:01",
            "09:00:00",
            "0900",
            "+9:00",
            "٠٩:٠٠",
        ] {
            assert!(TimeOfDay::parse(text).is_err(), "{text:?}");
        }
        let nine = TimeOfDay::parse("09:00").expect("a time");
        assert!(HourRange::new(nine, nine).is_err());
        for zone in [
            "",
            "Berlin",
            "Europe/Nowhere",
            "+01:00",
            "EST5EDT,M3.2.0,M11.1.0",
        ] {
            let error = BusinessHours::new(zone, Default::default()).expect_err(zone);
            assert_eq!(error.field, "businessHours.timeZone");
        }
        let mut days: [Vec<HourRange>; 7] = Default::default();
        days[2] = vec![range("09:00", "10:00"); MAX_RANGES_PER_DAY + 1];
        let error = BusinessHours::new("UTC", days).expect_err("too many");
        assert_eq!(error.field, "businessHours.days.wednesday");
    }

    #[test]
    fn the_name_of_the_time_zone_is_kept() {
        for zone in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"] {
            assert_eq!(hours(zone, &[]).time_zone(), zone);
        }
        assert_eq!(hours("europe/berlin", &[]).time_zone(), "Europe/Berlin");
    }
}
