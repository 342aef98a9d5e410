//! The JSON of `project.business_hours`, which is the form of the API.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{BusinessHours, DAY_NAMES, HourRange, TimeOfDay};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredHours {
    time_zone: String,
    /// Only the days with hours.
    days: BTreeMap<String, Vec<StoredRange>>,
}

#[derive(Serialize, Deserialize)]
struct StoredRange {
    from: String,
    to: String,
}

/// Parses stored hours. Hours that this version cannot read, such as those of a time zone
/// that it does not know, are `None`: always open.
pub(super) fn parse(json: &str) -> Option<BusinessHours> {
    let stored: StoredHours = serde_json::from_str(json).ok()?;
    let range = |range: &StoredRange| {
        let (from, to) = (TimeOfDay::parse(&range.from), TimeOfDay::parse(&range.to));
        HourRange::new(from.ok()?, to.ok()?).ok()
    };
    let days = DAY_NAMES.map(|day| {
        let ranges = stored.days.get(day).into_iter().flatten();
        ranges.filter_map(range).collect()
    });
    BusinessHours::new(&stored.time_zone, days).ok()
}

pub(super) fn to_json(hours: &BusinessHours) -> String {
    let days = DAY_NAMES.iter().zip(hours.days());
    let days = days.filter(|(_, ranges)| !ranges.is_empty());
    let stored = StoredHours {
        time_zone: hours.time_zone().to_owned(),
        days: days
            .map(|(day, ranges)| {
                let ranges = ranges.iter().map(|range| StoredRange {
                    from: range.from().to_string(),
                    to: range.to().to_string(),
                });
                ((*day).to_owned(), ranges.collect())
            })
            .collect(),
    };
    serde_json::to_string(&stored).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_hours_are_read_again() {
        let range = |from, to| {
            let time = |text| TimeOfDay::parse(text).expect("a time");
            HourRange::new(time(from), time(to)).expect("a range")
        };
        let mut days: [Vec<HourRange>; 7] = Default::default();
        days[0] = vec![range("09:00", "12:30"), range("13:00", "24:00")];
        days[5] = vec![range("22:00", "02:00")];
        let hours = BusinessHours::new("Europe/Berlin", days).expect("hours");
        let json = to_json(&hours);
        let expected = r#"{"timeZone":"Europe/Berlin","days":{"monday":[{"from":"09:00","to":"12:30"},{"from":"13:00","to":"24:00"}],"saturday":[{"from":"22:00","to":"02:00"}]}}"#;
        assert_eq!(json, expected);
        assert_eq!(parse(&json), Some(hours));
        for invalid in ["", "null", "{}", r#"{"timeZone":"Nowhere/X","days":{}}"#] {
            assert_eq!(parse(invalid), None, "{invalid}");
        }
    }
}
