//! Types of request fields. Each type is parsed from a string of a body or a
//! query and describes itself in the OpenAPI document. Both uses share its
//! limits.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::{
    AgentRole, AssistantId, CONTROL_CHARS, CloseReason, ConversationId, DeviceId, Direction,
    EmailAddress, ExternalId, Feedback, INVISIBLE_CHARS, Label, Limit, MAX_EMAIL_BYTES,
    MAX_MESSAGE_QUOTA, MAX_PASSWORD_CHARS, MAX_URI_BYTES, MIN_PASSWORD_CHARS, MessageContent,
    MessageStatus, Offset, Origin, Password, PhoneNumber, Role, SearchLimit, Sort, Status,
    TimeOfDay, Timestamp, ValidationError, VisitorId, bounded_text, bounded_web_url, parse_enum,
    parse_uri, text_prefix,
};
use crate::http::params::UUID_EXPECTED;
use crate::learn::Format;

/// A text of `MIN` to `MAX` characters, none of them NUL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text<const MIN: usize, const MAX: usize>(pub String);

/// The first `MAX` characters of a text, without NUL. A longer text is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix<const MAX: usize>(pub String);

/// An absolute URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri(pub String);

/// The URL of a picture or of a server on the web: http or https.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebUrl(pub String);

/// A flag in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub bool);

impl Flag {
    fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("", text, &[("true", Self(true)), ("false", Self(false))])
    }
}

/// A time in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Time {
    fn parse(text: &str) -> Result<Self, ValidationError> {
        let expected = "must be a date or a time such as 2024-01-15, 2024-01-15T10:30:00Z or \
                        2024-01-15T12:30:00+02:00";
        let time = Timestamp::parse_iso8601(text).map(Self);
        time.ok_or_else(|| ValidationError::new("", expected))
    }
}

/// What a list of conversations can include.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListInclude {
    Visitor,
}

impl ListInclude {
    const NAMES: [(&'static str, Self); 1] = [("visitor", Self::Visitor)];

    fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("", text, &Self::NAMES)
    }
}

/// An item of a [`BoundedList`].
pub trait Item {
    /// The plural noun, for error texts.
    const PLURAL: &'static str;
}

/// A list of `MIN` to `MAX` items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundedList<T, const MIN: usize, const MAX: usize>(pub Vec<T>);

/// A website: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Website(pub Origin);

impl Item for Website {
    const PLURAL: &'static str = "websites";
}

/// Messages that visitors may send in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageQuota(pub u32);

impl<'de> Deserialize<'de> for MessageQuota {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(MessageQuotaVisitor)
    }
}

struct MessageQuotaVisitor;

impl Visitor<'_> for MessageQuotaVisitor {
    type Value = MessageQuota;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<MessageQuota, E> {
        let quota = u32::try_from(number).ok();
        let quota = quota.filter(|quota| *quota <= MAX_MESSAGE_QUOTA);
        let reason = || {
            E::custom(format!(
                "must be a whole number from 0 to {MAX_MESSAGE_QUOTA}"
            ))
        };
        quota.map(MessageQuota).ok_or_else(reason)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<MessageQuota, E> {
        // JSON has one type of numbers: 5.0 is a whole number.
        let whole = (number.fract() == 0.0).then_some(number as i64);
        self.visit_i64(whole.unwrap_or(-1))
    }
}

/// The maximum number of messages in a list of messages
/// (docs/api-contract.md, section 4.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageLimit(pub u32);

impl MessageLimit {
    pub const MAX: u32 = 1000;

    fn parse(text: &str) -> Result<Self, ValidationError> {
        let limit = text
            .parse()
            .ok()
            .filter(|limit| (1..=Self::MAX).contains(limit));
        let reason = || format!("must be a whole number from 1 to {}", Self::MAX);
        limit
            .map(Self)
            .ok_or_else(|| ValidationError::new("limit", reason()))
    }
}

/// The number of days of statistics (docs/api-contract.md, section 4.25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatisticsDays(pub u32);

impl StatisticsDays {
    const MAX: u32 = 90;

    fn parse(text: &str) -> Result<Self, ValidationError> {
        let days = text
            .parse()
            .ok()
            .filter(|days| (1..=Self::MAX).contains(days));
        let reason = || format!("must be a whole number from 1 to {}", Self::MAX);
        days.map(Self)
            .ok_or_else(|| ValidationError::new("days", reason()))
    }
}

impl Default for StatisticsDays {
    fn default() -> Self {
        Self(30)
    }
}

impl Default for MessageLimit {
    fn default() -> Self {
        Self(Self::MAX)
    }
}

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    pub fn parse(field: &'static str, text: &str) -> Result<Self, ValidationError> {
        bounded_text(field, text, MIN, MAX).map(Self)
    }
}

/// Deserializes a field that must be present and may be `null`. Without this
/// function, serde takes an absent `Option` for `null`.
pub fn required_nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// Deserializes an optional field that may be `null`: absent is `None`, `null` is
/// `Some(None)`. Needs `#[serde(default)]`.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Deserializes an optional field that must not be `null`. Needs
/// `#[serde(default)]` and `#[schema(nullable = false)]`.
pub fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Deserializes a type with `$parse`.
macro_rules! parsed_from_string {
    ($($type:ty: $parse:expr;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(StringVisitor($parse))
            }
        }
    )*};
}

// The deserializer knows the path of the field, so the name that `$parse`
// reports is not used.
parsed_from_string! {
    AgentRole: Self::parse;
    AssistantId: |text: &str| Self::parse(text).ok_or_else(uuid_expected);
    CloseReason: Self::parse;
    ConversationId: |text: &str| Self::parse(text).ok_or_else(uuid_expected);
    DeviceId: |text: &str| Self::parse("", text);
    Direction: Self::parse;
    EmailAddress: |text: &str| Self::parse("", text);
    ExternalId: |text: &str| Self::parse("", text);
    Feedback: Self::parse;
    Flag: Self::parse;
    Format: Self::parse;
    Limit: Self::parse;
    ListInclude: Self::parse;
    MessageContent: Self::parse;
    MessageLimit: Self::parse;
    MessageStatus: Self::parse;
    Offset: Self::parse;
    Password: |text: &str| Self::parse("", text);
    PhoneNumber: |text: &str| Self::parse("", text);
    Role: Self::parse;
    SearchLimit: Self::parse;
    Sort: Self::parse;
    StatisticsDays: Self::parse;
    Status: Self::parse;
    Time: Self::parse;
    WebUrl: |text: &str| bounded_web_url("", text).map(WebUrl);
    TimeOfDay: Self::parse;
    Uri: |text: &str| parse_uri("", text).map(Uri);
    VisitorId: |text: &str| Self::parse(text).ok_or_else(uuid_expected);
    Website: |text: &str| Origin::parse(text).map(Website);
}

/// Describes a type by `$schema`, under the name `$name` if it has one.
macro_rules! described_by {
    ($($type:ident$( as $name:literal)?: $schema:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                RefOr::T($schema.into())
            }
        }

        impl ToSchema for $type {
            $(fn name() -> Cow<'static, str> {
                $name.into()
            })?
        }
    )*};
}

described_by! {
    CloseReason: text(0, Self::MAX_CHARS);
    DeviceId: text(1, Self::MAX_CHARS);
    Direction as "OrderDirection": choice("The direction of an order.", &Self::NAMES);
    EmailAddress: string().description(Some("An e-mail address."))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
        .max_length(Some(MAX_EMAIL_BYTES));
    ExternalId: text(1, Self::MAX_CHARS);
    Flag: ObjectBuilder::new().schema_type(Type::Boolean);
    Format as "DocumentFormat": choice("The format of the text of a document.", &Self::NAMES);
    Limit: integer(1, Self::MAX).default(Some(Self::default().get().into()));
    ListInclude: string().enum_values(Some(Self::NAMES.map(|(name, _)| name)));
    MessageContent: text(1, Self::MAX_CHARS);
    MessageLimit: integer(1, Self::MAX.into()).default(Some(Self::default().0.into()));
    MessageQuota: integer(0, MAX_MESSAGE_QUOTA.into());
    Offset: integer(0, Self::MAX).default(Some(0.into()));
    PhoneNumber: string()
        .description(Some("A phone number: 6 to 15 digits, with `+` before them in the international form."))
        .pattern(Some(PhoneNumber::PATTERN));
    Password: text(MIN_PASSWORD_CHARS, MAX_PASSWORD_CHARS);
    SearchLimit: integer(1, Self::MAX).default(Some(Self::default().get().into()));
    StatisticsDays: integer(1, Self::MAX.into()).default(Some(Self::default().0.into()));
    Sort as "ConversationOrder": choice("A field by which conversations are ordered.", &Self::NAMES);
    Time: string().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    WebUrl: string().format(Some(SchemaFormat::Custom("uri".to_owned())))
        .max_length(Some(MAX_URI_BYTES));
    TimeOfDay: string().description(Some("A time of the day from 00:00 to 24:00."))
        .pattern(Some("^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"));
    Uri: string().format(Some(SchemaFormat::Custom("uri".to_owned())))
        .max_length(Some(MAX_URI_BYTES));
    Website: string().format(Some(SchemaFormat::Custom("uri".to_owned())))
        .description(Some("A website: scheme, host and port."));
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(StringVisitor(|text: &str| Self::parse("", text)))
    }
}

impl<const MIN: usize, const MAX: usize> PartialSchema for Text<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        RefOr::T(text(MIN, MAX).into())
    }
}

impl<const MIN: usize, const MAX: usize> ToSchema for Text<MIN, MAX> {}

impl<'de, const MAX: usize> Deserialize<'de> for Label<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(StringVisitor(|text: &str| Self::parse("", text)))
    }
}

impl<const MAX: usize> PartialSchema for Label<MAX> {
    fn schema() -> RefOr<Schema> {
        let label = string().min_length(Some(1)).max_length(Some(MAX));
        RefOr::T(label.pattern(Some(label_pattern())).into())
    }
}

impl<const MAX: usize> ToSchema for Label<MAX> {}

/// No control character, and at least one character that is visible.
fn label_pattern() -> String {
    let control = character_class(&CONTROL_CHARS);
    let invisible = character_class(&INVISIBLE_CHARS);
    format!("^[^{control}]*[^{control}{invisible}][^{control}]*$")
}

/// The inside of a character class of a regular expression.
fn character_class(ranges: &[RangeInclusive<char>]) -> String {
    let mut class = String::new();
    for range in ranges {
        let [start, end] = [range.start(), range.end()].map(|char| u32::from(*char));
        // Writing to a string does not fail.
        let _ = write!(class, "\\u{start:04x}");
        if end > start {
            let _ = write!(class, "-\\u{end:04x}");
        }
    }
    class
}

impl<'de, const MAX: usize> Deserialize<'de> for Prefix<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let cut = |text: &str| Ok(Self(text_prefix(text, MAX)));
        deserializer.deserialize_str(StringVisitor(cut))
    }
}

impl<const MAX: usize> PartialSchema for Prefix<MAX> {
    fn schema() -> RefOr<Schema> {
        RefOr::T(string().into())
    }
}

impl<const MAX: usize> ToSchema for Prefix<MAX> {}

impl<'de, T, const MIN: usize, const MAX: usize> Deserialize<'de> for BoundedList<T, MIN, MAX>
where
    T: Deserialize<'de> + Item,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::deserialize(deserializer)?;
        if (MIN..=MAX).contains(&items.len()) {
            return Ok(Self(items));
        }
        let reason = format!("must have {MIN} to {MAX} {}", T::PLURAL);
        Err(D::Error::custom(reason))
    }
}

impl<T: ToSchema, const MIN: usize, const MAX: usize> PartialSchema for BoundedList<T, MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new().items(utoipa::openapi::Ref::from_schema_name(T::name()));
        RefOr::T(items.min_items(Some(MIN)).max_items(Some(MAX)).into())
    }
}

impl<T: ToSchema, const MIN: usize, const MAX: usize> ToSchema for BoundedList<T, MIN, MAX> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// Passes the text of a string to a parser.
struct StringVisitor<F>(F);

impl<T, F: FnOnce(&str) -> Result<T, ValidationError>> Visitor<'_> for StringVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(|error| E::custom(error.reason))
    }
}

fn uuid_expected() -> ValidationError {
    ValidationError::new("", UUID_EXPECTED)
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn text(min: usize, max: usize) -> ObjectBuilder {
    let text = string().min_length((min > 0).then_some(min));
    text.max_length(Some(max)).pattern(Some("^[^\\u0000]*$"))
}

/// A whole number from `min` to `max`.
fn integer(min: u64, max: u64) -> ObjectBuilder {
    let format = if u32::try_from(max).is_ok() {
        KnownFormat::Int32
    } else {
        KnownFormat::Int64
    };
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(format)))
        .minimum(Some(min as usize))
        .maximum(Some(max as usize))
}

/// One of `names`. The default is the first name of the default value.
fn choice<T: Copy + PartialEq + Default>(
    description: &'static str,
    names: &[(&'static str, T)],
) -> ObjectBuilder {
    let default = names.iter().find(|(_, value)| *value == T::default());
    string()
        .description(Some(description))
        .enum_values(Some(names.iter().map(|(name, _)| *name)))
        .default(default.map(|(name, _)| (*name).into()))
}
