//! Projects and the look of their chat widget (docs/api-contract.md, section
//! 5.5).

use std::sync::LazyLock;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{ChatWidgetConfig, Project, ProjectId, WidgetOffset, WidgetPosition};

/// A website and the look of its chat widget.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Project)]
pub struct ProjectJson<'a> {
    object: ProjectObject,
    id: ProjectId,
    #[schema(max_length = 100)]
    name: &'a str,
    #[schema(max_length = 500, required)]
    description: Option<&'a str>,
    chat_widget_config: ChatWidgetConfigJson<'a>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ProjectObject {
    Project,
}

impl<'a> From<&'a Project> for ProjectJson<'a> {
    fn from(project: &'a Project) -> Self {
        Self {
            object: ProjectObject::Project,
            id: project.id,
            name: &project.name,
            description: project.description.as_deref(),
            chat_widget_config: ChatWidgetConfigJson::from(&project.chat_widget_config),
        }
    }
}

/// The look of the chat widget. Only settings that differ from the defaults are
/// stored.
///
/// Colours are `#rgb` or `#rrggbb`, because clients compute contrasts from them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = ChatWidgetConfig)]
struct ChatWidgetConfigJson<'a> {
    #[schema(max_length = 500)]
    welcome_message: &'a str,
    #[schema(max_length = 100)]
    input_placeholder: &'a str,
    #[schema(max_length = 64)]
    user_message_bubble_color: &'a str,
    #[schema(max_length = 64, required)]
    user_message_bubble_color_dark: Option<&'a str>,
    #[schema(max_length = 64)]
    brand_color: &'a str,
    #[schema(max_length = 64, required)]
    brand_color_dark: Option<&'a str>,
    /// Replaces the project's name in the widget.
    #[schema(required)]
    display_name: Option<&'a str>,
    /// Pixels.
    width: f64,
    /// Pixels.
    max_height: f64,
    offset: WidgetOffsetJson,
    position: WidgetPosition,
    /// Pixels.
    bubble_radius: f64,
    /// Pixels.
    #[schema(minimum = 8, maximum = 32)]
    base_font_size: f64,
    /// Milliseconds until the chat opens without a click; 0 disables it.
    open_delay: f64,
    #[schema(format = "uri")]
    assistant_avatar: Option<&'a str>,
    #[schema(format = "uri")]
    chat_button_icon: Option<&'a str>,
    chat_button_color: Option<&'a str>,
    #[serde(rename = "customCSSStyles")]
    custom_css_styles: &'a str,
}

/// The distance from the corner of the window in pixels.
#[derive(Serialize, ToSchema)]
#[schema(as = WidgetOffset)]
struct WidgetOffsetJson {
    x: f64,
    y: f64,
}

impl<'a> From<&'a ChatWidgetConfig> for ChatWidgetConfigJson<'a> {
    fn from(config: &'a ChatWidgetConfig) -> Self {
        let WidgetOffset { x, y } = config.offset;
        Self {
            welcome_message: &config.welcome_message,
            input_placeholder: &config.input_placeholder,
            user_message_bubble_color: &config.user_message_bubble_color,
            user_message_bubble_color_dark: config.user_message_bubble_color_dark.as_deref(),
            brand_color: &config.brand_color,
            brand_color_dark: config.brand_color_dark.as_deref(),
            display_name: config.display_name.as_deref(),
            width: config.width,
            max_height: config.max_height,
            offset: WidgetOffsetJson { x, y },
            position: config.position,
            bubble_radius: config.bubble_radius,
            base_font_size: config.base_font_size,
            open_delay: config.open_delay,
            assistant_avatar: config.assistant_avatar.as_deref(),
            chat_button_icon: config.chat_button_icon.as_deref(),
            chat_button_color: config.chat_button_color.as_deref(),
            custom_css_styles: &config.custom_css_styles,
        }
    }
}

/// The defaults that the schema shows.
impl Default for ChatWidgetConfigJson<'_> {
    fn default() -> Self {
        static DEFAULT: LazyLock<ChatWidgetConfig> = LazyLock::new(ChatWidgetConfig::default);
        Self::from(&*DEFAULT)
    }
}
