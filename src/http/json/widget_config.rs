//! The settings of a chat widget as JSON, in responses and in changes. Their
//! schemas are made from the table of settings.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::{
    ChatWidgetConfig, MAX_URI_BYTES, RawWidgetValue, WIDGET_SETTINGS, WidgetChange, WidgetOffset,
    WidgetPosition, WidgetSetting, WidgetType, WidgetValue,
};

/// The look of the chat widget.
pub struct ChatWidgetConfigJson<'a>(pub &'a ChatWidgetConfig);

impl Serialize for ChatWidgetConfigJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(WIDGET_SETTINGS.len()))?;
        for setting in &WIDGET_SETTINGS {
            map.serialize_entry(setting.key, &self.0.value(setting))?;
        }
        map.end()
    }
}

impl Serialize for WidgetValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            WidgetValue::Text(text) => text.serialize(serializer),
            WidgetValue::Number(number) => number.serialize(serializer),
            WidgetValue::Offset(WidgetOffset { x, y }) => {
                json!({ "x": x, "y": y }).serialize(serializer)
            }
            WidgetValue::Position(position) => position.serialize(serializer),
        }
    }
}

/// The settings to change.
pub struct WidgetChangeJson(pub WidgetChange);

/// The keys of all settings.
static KEYS: [&str; WIDGET_SETTINGS.len()] = {
    let mut keys = [""; WIDGET_SETTINGS.len()];
    let mut index = 0;
    while index < keys.len() {
        keys[index] = WIDGET_SETTINGS[index].key;
        index += 1;
    }
    keys
};

impl<'de> Deserialize<'de> for WidgetChangeJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("ChatWidgetConfigChange", &KEYS, ChangeVisitor)
    }
}

struct ChangeVisitor;

impl<'de> Visitor<'de> for ChangeVisitor {
    type Value = WidgetChangeJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<WidgetChangeJson, A::Error> {
        let mut change = WidgetChange::default();
        while let Some(key) = members.next_key::<String>()? {
            let setting = WidgetSetting::find(&key)
                .ok_or_else(|| A::Error::custom(format!("{key} is no setting")))?;
            change.0.push((setting, members.next_value_seed(setting)?));
        }
        Ok(WidgetChangeJson(change))
    }
}

impl<'de> DeserializeSeed<'de> for &'static WidgetSetting {
    type Value = Option<WidgetValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let check = |raw: RawWidgetValue<'_>| self.check(raw).map_err(D::Error::custom);
        Ok(match self.value_type {
            WidgetType::Number { .. } => {
                let number = Option::<Number>::deserialize(deserializer)?;
                let number = number.map(|Number(number)| check(RawWidgetValue::Number(number)));
                number.transpose()?
            }
            WidgetType::Offset { .. } => {
                let offset = Option::<OffsetRequest>::deserialize(deserializer)?;
                let offset = offset
                    .map(|OffsetRequest { x, y }| check(RawWidgetValue::Offset { x: x.0, y: y.0 }));
                offset.transpose()?
            }
            _ => {
                let text = Option::<String>::deserialize(deserializer)?;
                let text = text.map(|text| check(RawWidgetValue::Text(&text)));
                text.transpose()?
            }
        })
    }
}

#[derive(Deserialize)]
struct OffsetRequest {
    x: Number,
    y: Number,
}

/// Any JSON number.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
        Ok(Number(number))
    }
}

// ── Schemas ──

impl PartialSchema for ChatWidgetConfigJson<'_> {
    fn schema() -> RefOr<Schema> {
        let description = "The look of the chat widget. Colours are `#rgb` or `#rrggbb`, because \
                           clients compute contrasts from them.";
        let mut object = ObjectBuilder::new().description(Some(description));
        for setting in &WIDGET_SETTINGS {
            let is_nullable = setting.default().is_none();
            let default = json!(setting.default());
            let value = value_schema(setting, is_nullable).default(Some(default));
            object = object.property(setting.key, value);
            object = object.required(setting.key);
        }
        RefOr::T(object.into())
    }
}

impl ToSchema for ChatWidgetConfigJson<'_> {
    fn name() -> Cow<'static, str> {
        "ChatWidgetConfig".into()
    }
}

impl PartialSchema for WidgetChangeJson {
    fn schema() -> RefOr<Schema> {
        let description = "The settings to change. A setting that is left out stays as it is. \
                           `null` restores the default.";
        let mut object = ObjectBuilder::new().description(Some(description));
        for setting in &WIDGET_SETTINGS {
            object = object.property(setting.key, value_schema(setting, true));
        }
        RefOr::T(object.into())
    }
}

impl ToSchema for WidgetChangeJson {
    fn name() -> Cow<'static, str> {
        "ChatWidgetConfigChange".into()
    }
}

fn value_schema(setting: &WidgetSetting, is_nullable: bool) -> ObjectBuilder {
    let object = ObjectBuilder::new().description(Some(setting.description));
    let typed = |kind| {
        if is_nullable {
            SchemaType::from_iter([kind, Type::Null])
        } else {
            SchemaType::new(kind)
        }
    };
    let (kind, object) = match setting.value_type {
        WidgetType::Text { min, max, .. } => {
            let text = object.min_length((min > 0).then_some(min));
            let text = text.max_length(Some(max)).pattern(Some("^[^\\u0000]*$"));
            (Type::String, text)
        }
        WidgetType::Color { .. } => {
            let pattern = "^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$";
            (Type::String, object.pattern(Some(pattern)))
        }
        WidgetType::Url => {
            let format = SchemaFormat::Custom("uri".to_owned());
            let uri = object.format(Some(format)).max_length(Some(MAX_URI_BYTES));
            (Type::String, uri.pattern(Some("^[Hh][Tt][Tt][Pp][Ss]?:")))
        }
        WidgetType::Number { min, max, .. } => {
            let number = object
                .minimum(Some(min as usize))
                .maximum(Some(max as usize));
            (Type::Number, number)
        }
        WidgetType::Offset { max, .. } => (Type::Object, offset_members(object, max)),
        WidgetType::Position { .. } => {
            let names = WidgetPosition::NAMES.map(|(name, _)| json!(name));
            let null = is_nullable.then_some(serde_json::Value::Null);
            (
                Type::String,
                object.enum_values(Some(names.into_iter().chain(null))),
            )
        }
    };
    object.schema_type(typed(kind))
}

fn offset_members(object: ObjectBuilder, max: f64) -> ObjectBuilder {
    [
        ("x", "From the left or the right edge."),
        ("y", "From the bottom edge."),
    ]
    .into_iter()
    .fold(object, |object, (name, description)| {
        let length = ObjectBuilder::new().schema_type(Type::Number);
        let length = length.description(Some(description));
        let length = length.minimum(Some(0)).maximum(Some(max as usize));
        object.property(name, length).required(name)
    })
}
