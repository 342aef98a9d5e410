//! A project: one website's conversations (section 4.5).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ProjectId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProjectObject {
    Project,
}

/// A website whose visitors talk here, and how its chat looks.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    pub object: ProjectObject,
    pub id: ProjectId,
    #[schema(max_length = 100)]
    pub name: String,
    #[schema(max_length = 500, required)]
    pub description: Option<String>,
    pub chat_widget_config: ChatWidgetConfig,
}

impl Project {
    pub fn new(
        id: ProjectId,
        name: String,
        description: Option<String>,
        chat_widget_config: ChatWidgetConfig,
    ) -> Self {
        Self {
            object: ProjectObject::Project,
            id,
            name,
            description,
            chat_widget_config,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WidgetPosition {
    BottomLeft,
    BottomRight,
}

/// Pixels from the corner of the window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WidgetOffset {
    pub x: f64,
    pub y: f64,
}

/// How the chat looks. The file keeps what differs from the defaults.
///
/// Colours are `#rgb` or `#rrggbb`: the client computes contrasts from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ChatWidgetConfig {
    #[schema(max_length = 500)]
    pub welcome_message: String,
    #[schema(max_length = 100)]
    pub input_placeholder: String,
    #[schema(max_length = 64)]
    pub user_message_bubble_color: String,
    #[schema(max_length = 64, required)]
    pub user_message_bubble_color_dark: Option<String>,
    #[schema(max_length = 64)]
    pub brand_color: String,
    #[schema(max_length = 64, required)]
    pub brand_color_dark: Option<String>,
    /// Shown in place of the project's name.
    #[schema(required)]
    pub display_name: Option<String>,
    /// Pixels.
    pub width: f64,
    /// Pixels.
    pub max_height: f64,
    pub offset: WidgetOffset,
    pub position: WidgetPosition,
    /// Pixels.
    pub bubble_radius: f64,
    /// Pixels.
    #[schema(minimum = 8, maximum = 32)]
    pub base_font_size: f64,
    /// Milliseconds until the chat opens by itself; 0: it does not.
    pub open_delay: f64,
    #[schema(format = "uri")]
    pub assistant_avatar: Option<String>,
    #[schema(format = "uri")]
    pub chat_button_icon: Option<String>,
    pub chat_button_color: Option<String>,
    #[serde(rename = "customCSSStyles")]
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
