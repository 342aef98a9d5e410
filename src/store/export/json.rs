//! The JSON form of the values of records.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::record::InvalidRecord;
use crate::domain::{
    AgentId, AssistantMode, DocumentId, KeyId, KeyKind, MessageId, NoteId, ProjectId, QnaId,
    SavedReplyId, SessionId, SourceId, SourceKind, Timestamp, WaitingReason, parse_enum,
};

/// Parses JSON. The error names the member, if it is known.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T, InvalidRecord> {
    let error = match serde_json::from_str::<T>(json) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // The second time, to find the path of the member.
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let path = serde_path_to_error::deserialize::<_, T>(&mut deserializer);
    let path = path.err().map(|error| error.path().to_string());
    let path = path.filter(|path| !path.contains(['.', '?']) || path.len() > 1);
    let reason = reason(&error);
    Err(InvalidRecord(match path {
        // These errors of serde name the member.
        Some(path) if !reason.contains("field `") => format!("{path}: {reason}"),
        _ => reason,
    }))
}

/// The text of an error without its position in the line and without lists of names.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(&*text, |(text, _)| text);
    match text.split_once(", expected one of `") {
        Some((text, _)) => text.to_owned(),
        None => text.to_owned(),
    }
}

/// JSON text of an object or array. It is stored as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// `text` must be valid JSON, as stored JSON is. Line breaks between its tokens become
    /// blanks, because a record is one line.
    pub fn from_stored(text: &str) -> Self {
        Self(text.replace(['\n', '\r'], " "))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_inner(self) -> String {
        self.0
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(String::from(Box::<str>::from(raw))))
    }
}

/// Bytes as hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> Hex<N> {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("must be {} hexadecimal digits", 2 * N);
        let digits = text.as_bytes();
        if digits.len() != 2 * N {
            return Err(expected());
        }
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| (digit as char).to_digit(16).ok_or_else(expected);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

/// A calendar month in UTC; 0 is January 1970. In JSON `2026-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month(pub i64);

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (year, month) = (1970 + self.0.div_euclid(12), 1 + self.0.rem_euclid(12));
        serializer.collect_str(&format_args!("{year:04}-{month:02}"))
    }
}

impl Month {
    fn parse(text: &str) -> Result<Self, String> {
        // The first day of the month.
        let day = Timestamp::parse_utc(&format!("{text}-01T00:00:00Z"));
        let month = day.map(|day| Self(day.month()));
        month.ok_or_else(|| "must be a month such as 2026-01".to_owned())
    }
}

/// Passes the text of a string to a parser.
struct TextVisitor<F>(F);

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for TextVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// Deserializes a type from a string.
macro_rules! from_text {
    ($($type:ty: $parse:expr;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(TextVisitor($parse))
            }
        }
    )*};
}

fn uuid<T>(id: Option<T>) -> Result<T, String> {
    id.ok_or_else(|| "must be a UUID".to_owned())
}

fn name<T: Copy>(text: &str, names: &[(&str, T)]) -> Result<T, String> {
    parse_enum("", text, names).map_err(|error| error.reason)
}

fn timestamp(text: &str) -> Result<Timestamp, String> {
    let expected = "must be a time in UTC such as 2026-01-15T10:30:00.000Z";
    Timestamp::parse_utc(text).ok_or_else(|| expected.to_owned())
}

from_text! {
    AgentId: |text: &str| uuid(Self::parse(text));
    AssistantMode: |text: &str| Self::parse(text).map_err(|error| error.reason);
    DocumentId: |text: &str| uuid(Self::parse(text));
    Hex<32>: Self::parse;
    KeyId: |text: &str| uuid(Self::parse(text));
    KeyKind: |text: &str| Self::parse(text).map_err(|error| error.reason);
    MessageId: |text: &str| uuid(Self::parse(text));
    Month: Self::parse;
    NoteId: |text: &str| uuid(Self::parse(text));
    ProjectId: |text: &str| uuid(Self::parse(text));
    QnaId: |text: &str| uuid(Self::parse(text));
    SavedReplyId: |text: &str| uuid(Self::parse(text));
    SessionId: |text: &str| uuid(Self::parse(text));
    SourceId: |text: &str| uuid(Self::parse(text));
    SourceKind: |text: &str| name(text, &Self::NAMES);
    Timestamp: timestamp;
    WaitingReason: |text: &str| name(text, &Self::NAMES);
}

/// Serializes a type as its text.
macro_rules! as_text {
    ($($type:ty: $text:expr;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let text: fn(&Self) -> _ = $text;
                serializer.collect_str(&text(self))
            }
        }
    )*};
}

as_text! {
    AssistantMode: |mode| mode.as_str();
    SessionId: |id| *id;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_hashes_are_parsed_from_their_json() {
        for (month, text) in [
            (0, "\"1970-01\""),
            (681, "\"2026-10\""),
            (-1, "\"1969-12\""),
        ] {
            assert_eq!(serde_json::to_string(&Month(month)).expect("JSON"), text);
            assert_eq!(parse::<Month>(text), Ok(Month(month)));
        }
        for text in ["\"2026-13\"", "\"2026\"", "\"20261-01\"", "1"] {
            assert!(parse::<Month>(text).is_err(), "{text}");
        }
        let hash = Hex([0xa7; 32]);
        let text = serde_json::to_string(&hash).expect("JSON");
        assert_eq!(parse::<Hex<32>>(&text), Ok(hash));
        for text in [
            "\"a7\"".to_owned(),
            text.replace('7', "g"),
            text.replace("a7a7", "é"),
        ] {
            assert!(parse::<Hex<32>>(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn json_text_keeps_its_bytes_in_one_line() {
        let stored = JsonText::from_stored("{\"a\": [1.0,\n 2e5]}");
        let json = serde_json::to_string(&stored).expect("JSON");
        assert_eq!(json, "{\"a\": [1.0,  2e5]}");
        assert_eq!(parse::<JsonText>(&json), Ok(stored));
    }
}
