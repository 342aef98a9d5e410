//! Who answers a project's visitors.

use super::validation::{ValidationError, parse_enum};
use super::{AssistantId, AssistantSeq};

/// What stands behind an assistant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssistantMode {
    /// The model where the server has one, else the built-in answerer.
    Auto,
    /// The built-in answerer: what the project knows, in its own words.
    Builtin,
    /// The model that the server's settings name.
    Model,
}

impl AssistantMode {
    pub const NAMES: [(&'static str, AssistantMode); 3] = [
        ("auto", AssistantMode::Auto),
        ("builtin", AssistantMode::Builtin),
        ("model", AssistantMode::Model),
    ];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("answerer", text, &Self::NAMES)
    }

    /// Whether a model answers, where the server has one or has none.
    pub fn uses_model(self, model_available: bool) -> bool {
        model_available && self != AssistantMode::Builtin
    }

    pub fn as_str(self) -> &'static str {
        match self {
            AssistantMode::Auto => "auto",
            AssistantMode::Builtin => "builtin",
            AssistantMode::Model => "model",
        }
    }
}

/// An assistant of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assistant {
    pub seq: AssistantSeq,
    pub id: AssistantId,
    pub name: String,
    pub mode: AssistantMode,
    /// What the model is told first; none: parlor's own words.
    pub prompt: Option<String>,
    /// What is said where nothing is known; none: parlor's own words.
    pub fallback: Option<String>,
}
