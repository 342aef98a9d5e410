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
    /// The name of the website.
    #[schema(max_length = 100)]
    name: &'a str,
    /// What the website is about.
    #[schema(max_length = 500, required)]
    description: Option<&'a str>,
    chat_widget_config: ChatWidgetConfigJson<'a>,
}

/// The type of the object.
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

/// The look of the chat widget.
///
/// Colours are `#rgb` or `#rrggbb`, because clients compute contrasts from them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = ChatWidgetConfig)]
struct ChatWidgetConfigJson<'a> {
    /// The first text of an empty conversation.
    #[schema(max_length = 500, required)]
    welcome_message: &'a str,
    /// The text of the empty input field.
    #[schema(max_length = 100, required)]
    input_placeholder: &'a str,
    /// The colour of the visitor's messages.
    #[schema(max_length = 64, required)]
    user_message_bubble_color: &'a str,
    /// The same colour in dark mode.
    #[schema(max_length = 64, required)]
    user_message_bubble_color_dark: Option<&'a str>,
    /// The colour of the widget.
    #[schema(max_length = 64, required)]
    brand_color: &'a str,
    /// The same colour in dark mode.
    #[schema(max_length = 64, required)]
    brand_color_dark: Option<&'a str>,
    /// Replaces the project's name in the widget.
    #[schema(required)]
    display_name: Option<&'a str>,
    /// The width of the chat in pixels.
    #[schema(required)]
    width: f64,
    /// The maximum height of the chat in pixels.
    #[schema(required)]
    max_height: f64,
    #[schema(required)]
    offset: WidgetOffsetJson,
    #[schema(required)]
    position: WidgetPosition,
    /// The radius of the corners of messages in pixels.
    #[schema(required)]
    bubble_radius: f64,
    /// The size of the text in pixels.
    #[schema(minimum = 8, maximum = 32, required)]
    base_font_size: f64,
    /// Milliseconds until the chat opens without a click; 0 disables it.
    #[schema(required)]
    open_delay: f64,
    /// The address of the picture of the assistant.
    #[schema(format = "uri", required)]
    assistant_avatar: Option<&'a str>,
    /// The address of the icon of the button that opens the chat.
    #[schema(format = "uri", required)]
    chat_button_icon: Option<&'a str>,
    /// The colour of the button that opens the chat.
    #[schema(required)]
    chat_button_color: Option<&'a str>,
    /// CSS that is added to the widget.
    #[schema(required)]
    #[serde(rename = "customCSSStyles")]
    custom_css_styles: &'a str,
}

/// The distance from the corner of the window in pixels.
#[derive(Serialize, ToSchema)]
#[schema(as = WidgetOffset)]
struct WidgetOffsetJson {
    /// From the left or the right edge.
    x: f64,
    /// From the bottom edge.
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
