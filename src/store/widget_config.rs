//! The stored form of a project's widget settings: a JSON object with the
//! settings that differ from the defaults.

use std::borrow::Cow;

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
        match check_setting(key, value) {
            Ok((setting, value)) => config.set(setting, value),
            Err(_) if value.is_null() || WidgetSetting::find(key).is_none() => {}
            Err(_) => log::warn!("invalid widget setting {key} of a project, using the default"),
        }
    }
    config
}

/// Checks settings in their stored form.
///
/// # Errors
/// The reason with the key of the setting.
pub fn check(json: &str) -> Result<(), String> {
    let stored = serde_json::from_str::<Map<String, Value>>(json);
    let stored = stored.map_err(|_| ": must be an object".to_owned())?;
    let mut settings = stored.iter();
    settings.try_for_each(|(key, value)| check_setting(key, value).map(drop))
}

/// The stored settings without invalid and unknown ones, which earlier versions may have
/// stored.
pub(super) fn valid_settings(json: &str) -> Cow<'_, str> {
    let Ok(mut stored) = serde_json::from_str::<Map<String, Value>>(json) else {
        return Cow::Borrowed("{}");
    };
    let count = stored.len();
    stored.retain(|key, value| check_setting(key, value).is_ok());
    if stored.len() == count {
        return Cow::Borrowed(json);
    }
    Cow::Owned(Value::Object(stored).to_string())
}

/// Checks a setting. The error names it.
fn check_setting(
    key: &str,
    value: &Value,
) -> Result<(&'static WidgetSetting, WidgetValue), String> {
    let Some(setting) = WidgetSetting::find(key) else {
        let key: String = key.chars().take(40).collect();
        return Err(format!(": {key:?} is no setting"));
    };
    let value = raw_value(value).map(|raw| setting.check(raw));
    let value = value.unwrap_or_else(|| Err("has the wrong type".to_owned()));
    let value = value.map_err(|reason| format!(".{key}: {reason}"))?;
    Ok((setting, value))
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
    fn settings_that_are_invalid_or_unknown_are_found_and_removed() {
        for (json, reason, valid) in [
            ("{", ": must be an object", "{}"),
            ("[]", ": must be an object", "{}"),
            (r#"{"other":1}"#, ": \"other\" is no setting", "{}"),
            (r#"{"width":1}"#, ".width: must be a number from", "{}"),
            (r#"{"width":null}"#, ".width: has the wrong type", "{}"),
            (
                r#"{"position":"bottom-left","brandColor":"red"}"#,
                ".brandColor: must be a colour",
                r#"{"position":"bottom-left"}"#,
            ),
        ] {
            let error = check(json).expect_err(json);
            assert!(error.starts_with(reason), "{error}");
            assert_eq!(valid_settings(json), valid);
        }
        let json = r##"{ "brandColor" : "#123456" }"##;
        assert_eq!(check(json), Ok(()));
        assert_eq!(valid_settings(json), json);
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
