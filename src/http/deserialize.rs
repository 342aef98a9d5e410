//! Deserializers for JSON bodies and query strings whose errors name the field.
//!
//! Both pass only the fields of the target struct to serde, in the order of the
//! struct, and skip all others. An error keeps the path of its field, and tells
//! a malformed field (absent or of the wrong type) from an invalid one (its
//! value breaks a rule).

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::value::SeqDeserializer;
use serde::de::{
    self, DeserializeSeed, Expected, IntoDeserializer, MapAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// Why a field was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldProblem {
    /// The field is absent or has the wrong type.
    Malformed(String),
    /// The value breaks a rule.
    Invalid(String),
}

/// A refused field with its path, such as `context.pageUrl`. The path of the
/// root is empty. List indexes are no part of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem:?}")]
pub struct FieldError {
    pub path: String,
    pub problem: FieldProblem,
}

impl FieldError {
    pub fn malformed(must: &str) -> Self {
        Self {
            path: String::new(),
            problem: FieldProblem::Malformed(must.to_owned()),
        }
    }

    pub fn invalid(reason: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            problem: FieldProblem::Invalid(reason.into()),
        }
    }

    pub fn reason(&self) -> &str {
        match &self.problem {
            FieldProblem::Malformed(reason) | FieldProblem::Invalid(reason) => reason,
        }
    }

    /// Prefixes the path with the name of the enclosing field.
    fn within(mut self, name: &str) -> Self {
        self.path = if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{name}.{}", self.path)
        };
        self
    }
}

impl de::Error for FieldError {
    fn custom<T: Display>(reason: T) -> Self {
        Self::invalid(reason.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::malformed(&format!("must be {expected}"))
    }

    fn missing_field(name: &'static str) -> Self {
        Self::malformed("is required").within(name)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::invalid(format!("must be one of: {}", expected.join(", ")))
    }
}

/// Deserializes a parsed JSON body.
pub fn from_json<'de, T: de::Deserialize<'de>>(value: &'de Value) -> Result<T, FieldError> {
    T::deserialize(JsonDeserializer {
        value,
        is_list_item: false,
    })
}

/// Deserializes decoded query parameters. A known name that occurs twice is
/// invalid.
pub fn from_query<'de, T: de::Deserialize<'de>>(
    pairs: &'de [(Cow<'de, str>, Cow<'de, str>)],
) -> Result<T, FieldError> {
    T::deserialize(QueryDeserializer { pairs })
}

#[derive(Clone, Copy)]
struct JsonDeserializer<'de> {
    value: &'de Value,
    is_list_item: bool,
}

impl<'de> IntoDeserializer<'de, FieldError> for JsonDeserializer<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for JsonDeserializer<'de> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => visitor.visit_i64(integer),
                None => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => Err(FieldError::malformed("must not be an object")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Value::Bool(flag) => visitor.visit_bool(*flag),
            _ => Err(FieldError::malformed("must be true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.value {
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(FieldError::malformed("must be a string")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match self.value {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(FieldError::malformed("must be a string")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.value.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let Value::Array(items) = self.value else {
            return Err(FieldError::malformed("must be a list"));
        };
        let items = items.iter().map(|value| JsonDeserializer {
            value,
            is_list_item: true,
        });
        visitor.visit_seq(SeqDeserializer::new(items))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let Value::Object(members) = self.value else {
            return Err(FieldError::malformed(if self.is_list_item {
                "must be a list of objects"
            } else {
                "must be an object"
            }));
        };
        visitor.visit_map(FieldAccess::new(fields, |name| {
            Ok(members.get(name).map(|value| JsonDeserializer {
                value,
                is_list_item: false,
            }))
        }))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit
        unit_struct tuple tuple_struct map identifier ignored_any
    }
}

struct QueryDeserializer<'de> {
    pairs: &'de [(Cow<'de, str>, Cow<'de, str>)],
}

impl<'de> QueryDeserializer<'de> {
    /// Returns the only value of `name`.
    fn value(&self, name: &str) -> Result<Option<QueryValue<'de>>, FieldError> {
        let mut values = self.pairs.iter().filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| QueryValue(value));
        match values.next() {
            None => Ok(value),
            Some(_) => Err(FieldError::invalid("must be given once").within(name)),
        }
    }
}

impl<'de> de::Deserializer<'de> for QueryDeserializer<'de> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_map(FieldAccess::new(fields, |name| self.value(name)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
        ignored_any
    }
}

/// The value of one query parameter. It is always a string.
#[derive(Clone, Copy)]
struct QueryValue<'de>(&'de str);

impl<'de> IntoDeserializer<'de, FieldError> for QueryValue<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for QueryValue<'de> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Visits the fields of a struct that `lookup` finds, in the order of the struct.
struct FieldAccess<V, F> {
    names: std::slice::Iter<'static, &'static str>,
    lookup: F,
    current: Option<(&'static str, V)>,
}

impl<V, F> FieldAccess<V, F> {
    fn new(names: &'static [&'static str], lookup: F) -> Self {
        Self {
            names: names.iter(),
            lookup,
            current: None,
        }
    }
}

impl<'de, V, F> MapAccess<'de> for FieldAccess<V, F>
where
    V: IntoDeserializer<'de, FieldError>,
    F: Fn(&'static str) -> Result<Option<V>, FieldError>,
{
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, FieldError> {
        for name in self.names.by_ref() {
            if let Some(value) = (self.lookup)(name)? {
                self.current = Some((name, value));
                return seed.deserialize((*name).into_deserializer()).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, FieldError> {
        let (name, value) = self
            .current
            .take()
            .ok_or_else(|| FieldError::invalid("has no value"))?;
        let result = seed.deserialize(value.into_deserializer());
        result.map_err(|error| error.within(name))
    }
}
