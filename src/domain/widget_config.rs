//! The look of a project's chat widget (docs/api-contract.md, section 5.5).
//!
//! [`WIDGET_SETTINGS`] defines each setting once: its key, its type with the
//! range, and its default. The API, the command line, the stored form and the
//! OpenAPI document use this table.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::color::Color;
use super::validation::bounded_text;
use super::web_url::{bounded_web_url, web_url_rule};

/// The corner of the window that shows the chat button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WidgetPosition {
    BottomLeft,
    BottomRight,
}

impl WidgetPosition {
    pub const NAMES: [(&'static str, WidgetPosition); 2] = [
        ("bottom-left", WidgetPosition::BottomLeft),
        ("bottom-right", WidgetPosition::BottomRight),
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            WidgetPosition::BottomLeft => "bottom-left",
            WidgetPosition::BottomRight => "bottom-right",
        }
    }
}

/// The distance from the corner of the window in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WidgetOffset {
    pub x: f64,
    pub y: f64,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum WidgetValue {
    Text(Cow<'static, str>),
    Number(f64),
    Offset(WidgetOffset),
    Position(WidgetPosition),
}

impl fmt::Display for WidgetValue {
    /// The form in which the command line reads and prints the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WidgetValue::Text(text) => f.write_str(text),
            WidgetValue::Number(number) => write!(f, "{number}"),
            WidgetValue::Offset(WidgetOffset { x, y }) => write!(f, "{x},{y}"),
            WidgetValue::Position(position) => f.write_str(position.as_str()),
        }
    }
}

/// The type of a setting with its range. `default: None` means that the default
/// is null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WidgetType {
    /// A text of `min` to `max` characters.
    Text {
        min: usize,
        max: usize,
        default: Option<&'static str>,
    },
    /// `#rgb` or `#rrggbb`, because clients compute contrasts from it.
    Color {
        default: Option<&'static str>,
        surface: Surface,
    },
    /// The `http` or `https` URL of a picture or a page; null by default.
    Url,
    Number {
        min: f64,
        max: f64,
        default: f64,
    },
    /// Two numbers from 0 to `max`.
    Offset {
        max: f64,
        default: WidgetOffset,
    },
    Position {
        default: WidgetPosition,
    },
}

/// What a colour is seen with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// A white window, and white text on the colour.
    Light,
    /// A window in dark mode.
    Dark,
    /// Text on the colour. Clients show it in black or white, whichever has more
    /// contrast, so that every colour is valid.
    Bubble,
}

/// A value as a client or an operator wrote it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RawWidgetValue<'a> {
    Text(&'a str),
    Number(f64),
    Offset { x: f64, y: f64 },
}

/// A setting of the chat widget.
#[derive(Debug, PartialEq)]
pub struct WidgetSetting {
    /// The name in the API.
    pub key: &'static str,
    pub description: &'static str,
    pub value_type: WidgetType,
}

/// Every setting, in the order of the API.
pub static WIDGET_SETTINGS: [WidgetSetting; 20] = [
    WidgetSetting {
        key: "welcomeMessage",
        description: "The first text of an empty conversation.",
        value_type: WidgetType::Text {
            min: 0,
            max: 500,
            default: Some("Hello! How can we help?"),
        },
    },
    WidgetSetting {
        key: "inputPlaceholder",
        description: "The text of the empty input field.",
        value_type: WidgetType::Text {
            min: 0,
            max: 100,
            default: Some("Write a message"),
        },
    },
    WidgetSetting {
        key: "userMessageBubbleColor",
        description: "The colour of the visitor's messages.",
        value_type: color(Some("#dcefe8"), Surface::Bubble),
    },
    WidgetSetting {
        key: "userMessageBubbleColorDark",
        description: "The colour of the visitor's messages in dark mode.",
        value_type: color(None, Surface::Bubble),
    },
    WidgetSetting {
        key: "brandColor",
        description: "The colour of the widget.",
        value_type: color(Some("#1f6f5c"), Surface::Light),
    },
    WidgetSetting {
        key: "brandColorDark",
        description: "The colour of the widget in dark mode.",
        value_type: color(None, Surface::Dark),
    },
    WidgetSetting {
        key: "displayName",
        description: "Replaces the project's name in the widget.",
        value_type: WidgetType::Text {
            min: 1,
            max: 100,
            default: None,
        },
    },
    WidgetSetting {
        key: "width",
        description: "The width of the chat in pixels.",
        value_type: number(200.0, 2000.0, 400.0),
    },
    WidgetSetting {
        key: "maxHeight",
        description: "The maximum height of the chat in pixels.",
        value_type: number(200.0, 4000.0, 680.0),
    },
    WidgetSetting {
        key: "offset",
        description: "The distance from the corner of the window in pixels.",
        value_type: WidgetType::Offset {
            max: 1000.0,
            default: WidgetOffset { x: 20.0, y: 20.0 },
        },
    },
    WidgetSetting {
        key: "position",
        description: "The corner of the window in which the chat opens.",
        value_type: WidgetType::Position {
            default: WidgetPosition::BottomRight,
        },
    },
    WidgetSetting {
        key: "bubbleRadius",
        description: "The radius of the corners of messages in pixels.",
        value_type: number(0.0, 100.0, 16.0),
    },
    WidgetSetting {
        key: "baseFontSize",
        description: "The size of the text in pixels.",
        value_type: number(8.0, 32.0, 16.0),
    },
    WidgetSetting {
        key: "openDelay",
        description: "Milliseconds until the chat opens without a click; 0 disables it.",
        value_type: number(0.0, 3_600_000.0, 0.0),
    },
    WidgetSetting {
        key: "assistantAvatar",
        description: "The URL of the picture of the assistant.",
        value_type: WidgetType::Url,
    },
    WidgetSetting {
        key: "chatButtonIcon",
        description: "The URL of the icon of the button that opens the chat.",
        value_type: WidgetType::Url,
    },
    WidgetSetting {
        key: "chatButtonColor",
        description: "The colour of the button that opens the chat.",
        value_type: color(None, Surface::Light),
    },
    WidgetSetting {
        key: "customCSSStyles",
        description: "CSS that is added to the widget.",
        value_type: WidgetType::Text {
            min: 0,
            max: 20_000,
            default: Some(""),
        },
    },
    WidgetSetting {
        key: "starterQuestions",
        description: "Questions that an empty conversation offers, one on each line; the widget \
                      shows up to four.",
        value_type: WidgetType::Text {
            min: 0,
            max: 1000,
            default: Some(""),
        },
    },
    WidgetSetting {
        key: "privacyUrl",
        description: "The URL of the privacy notice, to which the widget links.",
        value_type: WidgetType::Url,
    },
];

const fn color(default: Option<&'static str>, surface: Surface) -> WidgetType {
    WidgetType::Color { default, surface }
}

const fn number(min: f64, max: f64, default: f64) -> WidgetType {
    WidgetType::Number { min, max, default }
}

impl WidgetSetting {
    /// Finds a setting by its key.
    pub fn find(key: &str) -> Option<&'static Self> {
        WIDGET_SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// The default. None: null.
    pub fn default(&self) -> Option<WidgetValue> {
        let text = |text| WidgetValue::Text(Cow::Borrowed(text));
        match self.value_type {
            WidgetType::Text { default, .. } | WidgetType::Color { default, .. } => {
                default.map(text)
            }
            WidgetType::Url => None,
            WidgetType::Number { default, .. } => Some(WidgetValue::Number(default)),
            WidgetType::Offset { default, .. } => Some(WidgetValue::Offset(default)),
            WidgetType::Position { default } => Some(WidgetValue::Position(default)),
        }
    }

    /// Checks the type and the range of a value.
    ///
    /// # Errors
    /// The valid values in words.
    pub fn check(&self, raw: RawWidgetValue<'_>) -> Result<WidgetValue, String> {
        let value = match (self.value_type, raw) {
            (WidgetType::Text { min, max, .. }, RawWidgetValue::Text(text)) => {
                let text = bounded_text(self.key, text, min, max).ok();
                text.map(|text| WidgetValue::Text(text.into()))
            }
            (WidgetType::Color { .. }, RawWidgetValue::Text(text)) => {
                Color::parse(text).map(|_| WidgetValue::Text(text.to_owned().into()))
            }
            (WidgetType::Url, RawWidgetValue::Text(text)) => {
                let url = bounded_web_url(self.key, text).ok();
                url.map(|url| WidgetValue::Text(url.into()))
            }
            (WidgetType::Position { .. }, RawWidgetValue::Text(text)) => {
                let mut names = WidgetPosition::NAMES.into_iter();
                let found = names.find(|(name, _)| *name == text);
                found.map(|(_, position)| WidgetValue::Position(position))
            }
            (WidgetType::Number { min, max, .. }, RawWidgetValue::Number(number)) => (min..=max)
                .contains(&number)
                .then_some(WidgetValue::Number(number)),
            (WidgetType::Offset { max, .. }, RawWidgetValue::Offset { x, y }) => {
                let is_valid = [x, y].iter().all(|length| (0.0..=max).contains(length));
                is_valid.then_some(WidgetValue::Offset(WidgetOffset { x, y }))
            }
            _ => None,
        };
        value.ok_or_else(|| self.range())
    }

    /// Parses a value that an operator wrote.
    ///
    /// # Errors
    /// The valid values in words.
    pub fn parse(&self, text: &str) -> Result<WidgetValue, String> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        let raw = match self.value_type {
            WidgetType::Number { .. } => number(text).map(RawWidgetValue::Number),
            WidgetType::Offset { .. } => text.split_once(',').and_then(|(x, y)| {
                let (x, y) = (number(x)?, number(y)?);
                Some(RawWidgetValue::Offset { x, y })
            }),
            _ => Some(RawWidgetValue::Text(text)),
        };
        let value = raw.and_then(|raw| self.check(raw).ok());
        value.ok_or_else(|| match self.value_type {
            WidgetType::Offset { .. } => {
                format!("{}; write it as x,y, such as 20,20", self.range())
            }
            _ => self.range(),
        })
    }

    /// The valid values in words.
    fn range(&self) -> String {
        match self.value_type {
            WidgetType::Text { min, max, .. } => {
                format!("must have {min} to {max} characters, none of them NUL")
            }
            WidgetType::Color { .. } => "must be a colour as #rgb or #rrggbb".to_owned(),
            WidgetType::Url => web_url_rule(),
            WidgetType::Number { min, max, .. } => format!("must be a number from {min} to {max}"),
            WidgetType::Offset { max, .. } => format!("must have x and y from 0 to {max}"),
            WidgetType::Position { .. } => {
                let names = WidgetPosition::NAMES.map(|(name, _)| name);
                format!("must be one of: {}", names.join(", "))
            }
        }
    }

    /// The warning about a colour that is hard to see, if `value` is one.
    pub fn contrast_warning(&self, value: &WidgetValue) -> Option<String> {
        let (WidgetType::Color { surface, .. }, WidgetValue::Text(text)) = (self.value_type, value)
        else {
            return None;
        };
        let (other, name, min_ratio) = match surface {
            Surface::Light => (Color::WHITE, "white", MIN_TEXT_CONTRAST),
            Surface::Dark => (Color::DARK_WINDOW, "a dark window", MIN_GRAPHICS_CONTRAST),
            Surface::Bubble => return None,
        };
        let ratio = Color::parse(text)?.contrast(other);
        if ratio >= min_ratio {
            return None;
        }
        let (key, remedy) = (
            self.key,
            if surface == Surface::Light {
                "darker"
            } else {
                "lighter"
            },
        );
        // Rounded down, so that a ratio below the minimum is not shown as the minimum.
        let shown = (ratio * 100.0).floor() / 100.0;
        Some(format!(
            "{key}: the contrast of {text} with {name} is {shown}:1, and readers with low vision \
             need {min_ratio}:1 (WCAG 2, level AA); choose a {remedy} colour"
        ))
    }
}

/// The least contrast of text (WCAG 2, success criterion 1.4.3).
const MIN_TEXT_CONTRAST: f64 = 4.5;
/// The least contrast of controls (WCAG 2, success criterion 1.4.11).
const MIN_GRAPHICS_CONTRAST: f64 = 3.0;

/// The settings of a project. Those that are not set have their defaults.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatWidgetConfig(BTreeMap<&'static str, WidgetValue>);

impl ChatWidgetConfig {
    pub fn set(&mut self, setting: &'static WidgetSetting, value: WidgetValue) {
        self.0.insert(setting.key, value);
    }

    /// Whether the setting differs from its default on purpose.
    pub fn is_set(&self, setting: &WidgetSetting) -> bool {
        self.0.contains_key(setting.key)
    }

    /// The value of a setting. None: null.
    pub fn value(&self, setting: &WidgetSetting) -> Option<WidgetValue> {
        let stored = self.0.get(setting.key).cloned();
        stored.or_else(|| setting.default())
    }
}

/// New values of settings. None: the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WidgetChange(pub Vec<(&'static WidgetSetting, Option<WidgetValue>)>);

#[cfg(test)]
mod tests;
