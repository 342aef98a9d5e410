//! Projects and the look of their chat widget (docs/api-contract.md, section 5.5).

use super::ProjectId;

/// A website whose visitors write to it.
#[derive(Debug, Clone)]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    pub description: Option<String>,
    pub chat_widget_config: ChatWidgetConfig,
}

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

/// The look of the chat widget.
///
/// Colours are `#rgb` or `#rrggbb`, because clients compute contrasts from them.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatWidgetConfig {
    pub welcome_message: String,
    pub input_placeholder: String,
    pub user_message_bubble_color: String,
    pub user_message_bubble_color_dark: Option<String>,
    pub brand_color: String,
    pub brand_color_dark: Option<String>,
    /// Replaces the project's name in the widget.
    pub display_name: Option<String>,
    /// In pixels.
    pub width: f64,
    /// In pixels.
    pub max_height: f64,
    pub offset: WidgetOffset,
    pub position: WidgetPosition,
    /// In pixels.
    pub bubble_radius: f64,
    /// In pixels, 8 to 32.
    pub base_font_size: f64,
    /// Milliseconds until the chat opens without a click; 0 disables it.
    pub open_delay: f64,
    /// The URL of a picture.
    pub assistant_avatar: Option<String>,
    /// The URL of a picture.
    pub chat_button_icon: Option<String>,
    pub chat_button_color: Option<String>,
    pub custom_css_styles: String,
}

impl Default for ChatWidgetConfig {
    fn default() -> Self {
        Self {
            welcome_message: "Hello! How can we help?".to_owned(),
            input_placeholder: "Write a message".to_owned(),
            user_message_bubble_color: "#1f6f5c".to_owned(),
            user_message_bubble_color_dark: None,
            brand_color: "#1f6f5c".to_owned(),
            brand_color_dark: None,
            display_name: None,
            width: 400.0,
            max_height: 680.0,
            offset: WidgetOffset { x: 20.0, y: 20.0 },
            position: WidgetPosition::BottomRight,
            bubble_radius: 16.0,
            base_font_size: 16.0,
            open_delay: 0.0,
            assistant_avatar: None,
            chat_button_icon: None,
            chat_button_color: None,
            custom_css_styles: String::new(),
        }
    }
}
