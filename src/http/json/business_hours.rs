//! Business hours and availability (docs/api-contract.md, section 5.5).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    Availability, BusinessHours, HourRange, MAX_RANGES_PER_DAY, TimeOfDay, ValidationError,
};

/// Whether visitors can reach a person.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Availability)]
pub struct AvailabilityJson<'a> {
    /// Whether an agent is online, not away, and within the business hours.
    is_online: bool,
    /// Whether the team is notified of a conversation that waits for a person.
    can_notify: bool,
    /// The message that is shown while no agent is online; null while one is online.
    #[schema(required)]
    away_message: Option<&'a str>,
}

impl<'a> From<&'a Availability> for AvailabilityJson<'a> {
    fn from(availability: &'a Availability) -> Self {
        Self {
            is_online: availability.is_online,
            can_notify: availability.can_notify,
            away_message: availability.away_message.as_deref(),
        }
    }
}

/// The weekly hours in which agents answer.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BusinessHours)]
pub struct BusinessHoursJson {
    /// A time zone of the IANA database.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// The hours of each day. A day that is left out has none.
    #[serde(default)]
    days: DaysJson,
}

/// The hours of each day.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[schema(as = BusinessDays)]
struct DaysJson {
    #[serde(default)]
    monday: Vec<HourRangeJson>,
    #[serde(default)]
    tuesday: Vec<HourRangeJson>,
    #[serde(default)]
    wednesday: Vec<HourRangeJson>,
    #[serde(default)]
    thursday: Vec<HourRangeJson>,
    #[serde(default)]
    friday: Vec<HourRangeJson>,
    #[serde(default)]
    saturday: Vec<HourRangeJson>,
    #[serde(default)]
    sunday: Vec<HourRangeJson>,
}

/// A range of a day. If `to` is before `from`, the range ends on the next day.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[schema(as = HourRange)]
struct HourRangeJson {
    #[schema(inline)]
    from: TimeOfDay,
    #[schema(inline)]
    to: TimeOfDay,
}

impl From<&BusinessHours> for BusinessHoursJson {
    fn from(hours: &BusinessHours) -> Self {
        let ranges = |ranges: &Vec<HourRange>| {
            let ranges = ranges.iter().map(|range| HourRangeJson {
                from: range.from(),
                to: range.to(),
            });
            ranges.collect()
        };
        let [
            monday,
            tuesday,
            wednesday,
            thursday,
            friday,
            saturday,
            sunday,
        ] = hours.days().each_ref().map(ranges);
        Self {
            time_zone: hours.time_zone().to_owned(),
            days: DaysJson {
                monday,
                tuesday,
                wednesday,
                thursday,
                friday,
                saturday,
                sunday,
            },
        }
    }
}

impl TryFrom<BusinessHoursJson> for BusinessHours {
    type Error = ValidationError;

    fn try_from(json: BusinessHoursJson) -> Result<Self, ValidationError> {
        let days = json.days;
        let days = [
            (days.monday, "businessHours.days.monday"),
            (days.tuesday, "businessHours.days.tuesday"),
            (days.wednesday, "businessHours.days.wednesday"),
            (days.thursday, "businessHours.days.thursday"),
            (days.friday, "businessHours.days.friday"),
            (days.saturday, "businessHours.days.saturday"),
            (days.sunday, "businessHours.days.sunday"),
        ];
        let mut parsed: [Vec<HourRange>; 7] = Default::default();
        for (day, (ranges, field)) in parsed.iter_mut().zip(days) {
            if ranges.len() > MAX_RANGES_PER_DAY {
                let reason = format!("must have at most {MAX_RANGES_PER_DAY} ranges");
                return Err(ValidationError::new(field, reason));
            }
            for range in ranges {
                let range = HourRange::new(range.from, range.to);
                day.push(range.map_err(|error| ValidationError::new(field, error.reason))?);
            }
        }
        BusinessHours::new(&json.time_zone, parsed)
    }
}
