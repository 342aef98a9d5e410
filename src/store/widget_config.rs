//! The stored form of a project's widget settings: a JSON object with the
//! settings that differ from the defaults.

use serde::Deserialize;

use crate::domain::{ChatWidgetConfig, WidgetOffset, WidgetPosition};

/// Returns the settings in `json`, completed with the defaults. If `json` is
/// invalid, logs a warning and returns the defaults.
pub(super) fn parse(json: &str) -> ChatWidgetConfig {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let config = StoredConfig::deserialize(&mut deserializer)
        .and_then(|config| deserializer.end().map(|()| config));
    config.unwrap_or_else(|error| {
        log::warn!("invalid widget settings of a project, using the defaults: {error}");
        ChatWidgetConfig::default()
    })
}

#[derive(Deserialize)]
#[serde(
    remote = "ChatWidgetConfig",
    rename_all = "camelCase",
    default = "ChatWidgetConfig::default"
)]
struct StoredConfig {
    welcome_message: String,
    input_placeholder: String,
    user_message_bubble_color: String,
    user_message_bubble_color_dark: Option<String>,
    brand_color: String,
    brand_color_dark: Option<String>,
    display_name: Option<String>,
    width: f64,
    max_height: f64,
    #[serde(with = "StoredOffset")]
    offset: WidgetOffset,
    #[serde(with = "StoredPosition")]
    position: WidgetPosition,
    bubble_radius: f64,
    base_font_size: f64,
    open_delay: f64,
    assistant_avatar: Option<String>,
    chat_button_icon: Option<String>,
    chat_button_color: Option<String>,
    #[serde(rename = "customCSSStyles")]
    custom_css_styles: String,
}

#[derive(Deserialize)]
#[serde(remote = "WidgetOffset")]
struct StoredOffset {
    x: f64,
    y: f64,
}

#[derive(Deserialize)]
#[serde(remote = "WidgetPosition", rename_all = "kebab-case")]
enum StoredPosition {
    BottomLeft,
    BottomRight,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_settings_replace_defaults() {
        let json = r##"{"brandColor":"#123456","offset":{"x":1,"y":2},"position":"bottom-left"}"##;
        let expected = ChatWidgetConfig {
            brand_color: "#123456".to_owned(),
            offset: WidgetOffset { x: 1.0, y: 2.0 },
            position: WidgetPosition::BottomLeft,
            ..ChatWidgetConfig::default()
        };
        assert_eq!(parse(json), expected);
    }

    #[test]
    fn invalid_settings_become_the_defaults() {
        assert_eq!(parse("{"), ChatWidgetConfig::default());
        assert_eq!(parse(r#"{"width":"wide"}"#), ChatWidgetConfig::default());
    }
}
