//! The names of backups in a folder: `parlor-20261126T013000Z.db`.

use std::fmt;

use time::{Date, Month, Time};

use crate::domain::Timestamp;

const PREFIX: &str = "parlor-";
const SUFFIX: &str = ".db";

/// The name of a backup: its time to the second, and a number if several backups were made
/// in the same second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackupName {
    pub time: Timestamp,
    /// 0 for the first backup of the second.
    pub number: u32,
}

impl BackupName {
    /// The name of the first backup at this time.
    pub fn at(time: Timestamp) -> Self {
        Self { time, number: 0 }
    }

    /// Parses the name of a file. None if parlor does not give such a name.
    pub fn parse(name: &str) -> Option<Self> {
        let text = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let (time, count) = text.split_once('-').unwrap_or((text, "0"));
        let number = |range| -> Option<u16> {
            let digits: &str = time.get(range)?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse().ok())?
        };
        let small = |range| number(range).map(|number| number as u8);
        let month = Month::try_from(small(4..6)?).ok()?;
        let date = Date::from_calendar_date(number(0..4)?.into(), month, small(6..8)?).ok()?;
        let clock = Time::from_hms(small(9..11)?, small(11..13)?, small(13..15)?).ok()?;
        let seconds = date.with_time(clock).assume_utc().unix_timestamp();
        let parsed = Self {
            time: Timestamp(seconds * 1000),
            number: count.parse().ok()?,
        };
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", compact_time(self.time))?;
        if self.number > 0 {
            write!(f, "-{}", self.number)?;
        }
        f.write_str(SUFFIX)
    }
}

/// The backups that are deleted so that `count` of them stay: the oldest ones.
pub fn surplus(mut names: Vec<BackupName>, count: usize) -> Vec<BackupName> {
    // A clock that was ahead has made names later than now. They count as the oldest, so
    // that they do not displace new backups.
    let now = Timestamp::now();
    names.sort_unstable_by_key(|name| (name.time <= now, *name));
    names.truncate(names.len().saturating_sub(count));
    names
}

/// A time to the second as a part of a file name, such as `20261126T013000Z`.
pub fn compact_time(time: Timestamp) -> String {
    let mut text = [0; 24];
    let seconds = &time.format_iso8601(&mut text)[..19];
    seconds.replace(['-', ':'], "") + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_the_time_and_is_parsed_to_the_second() {
        let name = BackupName::at(Timestamp(1_705_314_600_789));
        assert_eq!(name.to_string(), "parlor-20240115T103000Z.db");
        let parsed = BackupName::parse("parlor-20240115T103000Z.db");
        let expected = BackupName::at(Timestamp(1_705_314_600_000));
        assert_eq!(parsed, Some(expected));
    }

    #[test]
    fn backups_of_the_same_second_have_numbers_and_are_in_order() {
        let texts = [
            "parlor-20240115T103000Z.db",
            "parlor-20240115T103000Z-2.db",
            "parlor-20240115T103000Z-10.db",
            "parlor-20240115T103001Z.db",
        ];
        let names = texts.map(|text| BackupName::parse(text).expect(text));
        assert!(names.is_sorted());
        assert_eq!(names.map(|name| name.to_string()), texts);
        assert_eq!(surplus(names.to_vec(), 1), names[..3]);
    }

    #[test]
    fn names_of_other_files_are_not_backups() {
        for name in [
            "parlor-20240115T103000Z.db.json",
            "parlor-20240115T103000Z.db.part",
            "parlor-20240115T103000.db",
            "parlor-20240115T103000Z-0.db",
            "parlor-20240115T103000Z-01.db",
            "parlor-20240115T103000Z-.db",
            "parlor-20240115T103000Z-+1.db",
            "parlor-20240115T103000Z-1-1.db",
            "parlor-20241315T103000Z.db",
            "parlor-2024é115T10300Z.db",
            "parlor-+0240115T103000Z.db",
            "parlor.db",
            "2024-01-15.db",
        ] {
            assert_eq!(BackupName::parse(name), None, "{name}");
        }
    }
}
