//! The stored form of a project's widget settings: a JSON object with the
//! settings that differ from the defaults.

use serde_json::{Map, Value, json};

use crate::domain::{
    ChatWidgetConfig, RawWidgetValue, WidgetChange, WidgetOffset, WidgetSetting, WidgetValue,
};

/// Returns the stored settings. A setting with an invalid value has its default,
/// and causes a warning in the log.
pub(super) fn parse(json: &str) -> ChatWidgetConfig {
    let mut config = ChatWidgetConfig::default();
    let stored: Map<String, Value> = serde_json::from_str(json).unwrap_or_else(|error| {
        log::warn!("invalid widget settings of a project, using the defaults: {error}");
        Map::new()
    });
    for (key, value) in &stored {
        let Some(setting) = WidgetSetting::find(key) else {
            continue;
        };
        match raw_value(value).map(|raw| setting.check(raw)) {
            Some(Ok(value)) => config.set(setting, value),
            _ if value.is_null() => {}
            _ => log::warn!("invalid widget setting {key} of a project, using the default"),
        }
    }
    config
}

fn raw_value(value: &Value) -> Option<RawWidgetValue<'_>> {
    match value {
        Value::String(text) => Some(RawWidgetValue::Text(text)),
        Value::Number(number) => number.as_f64().map(RawWidgetValue::Number),
        Value::Object(members) => {
            let length = |name| members.get(name).and_then(Value::as_f64);
            let (x, y) = (length("x")?, length("y")?);
            Some(RawWidgetValue::Offset { x, y })
        }
        _ => None,
    }
}

/// A change as a JSON merge patch (RFC 7396). A null removes the stored value.
pub(super) fn merge_patch(change: &WidgetChange) -> String {
    let members = change.0.iter().map(|(setting, value)| {
        let value = match value {
            None => Value::Null,
            Some(WidgetValue::Text(text)) => text.as_ref().into(),
            Some(WidgetValue::Number(number)) => (*number).into(),
            Some(WidgetValue::Offset(WidgetOffset { x, y })) => json!({ "x": x, "y": y }),
            Some(WidgetValue::Position(position)) => position.as_str().into(),
        };
        (setting.key.to_owned(), value)
    });
    Value::Object(members.collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{WIDGET_SETTINGS, WidgetPosition};

    fn setting(key: &str) -> &'static WidgetSetting {
        WidgetSetting::find(key).expect("a setting")
    }

    #[test]
    fn stored_settings_replace_defaults() {
        let json = r##"{"brandColor":"#123456","offset":{"x":1,"y":2},"position":"bottom-left"}"##;
        let mut expected = ChatWidgetConfig::default();
        for (key, value) in [
            ("brandColor", WidgetValue::Text("#123456".into())),
            (
                "offset",
                WidgetValue::Offset(WidgetOffset { x: 1.0, y: 2.0 }),
            ),
            (
                "position",
                WidgetValue::Position(WidgetPosition::BottomLeft),
            ),
        ] {
            expected.set(setting(key), value);
        }
        assert_eq!(parse(json), expected);
    }

    #[test]
    fn invalid_settings_become_the_defaults() {
        for json in [
            "{",
            "[]",
            r#"{"width":"wide"}"#,
            r#"{"width":1}"#,
            r#"{"offset":{"x":1}}"#,
        ] {
            assert_eq!(parse(json), ChatWidgetConfig::default(), "{json}");
        }
        let config = parse(r##"{"width":"wide","brandColor":"#123456","other":1}"##);
        assert!(config.is_set(setting("brandColor")));
        assert!(!config.is_set(setting("width")));
    }

    #[test]
    fn merge_patch_is_read_as_it_was_written() {
        let values = WIDGET_SETTINGS
            .iter()
            .map(|setting| (setting, setting.default()));
        let change = WidgetChange(values.collect());
        let config = parse(&merge_patch(&change));
        for (setting, default) in change.0 {
            assert_eq!(config.is_set(setting), default.is_some(), "{}", setting.key);
            assert_eq!(config.value(setting), default);
        }
    }
}
