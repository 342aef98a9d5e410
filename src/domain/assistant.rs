//! Assistants: the automatic answerers of a project.

use super::validation::{ValidationError, parse_enum};
use super::{AssistantId, AssistantSeq};

/// The maximum length of an assistant's prompt and of its fallback, in characters.
pub const MAX_ASSISTANT_TEXT_CHARS: usize = 20_000;

/// Which answer provider an assistant uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssistantMode {
    /// The model if the server has one, otherwise the built-in provider.
    Auto,
    /// The built-in provider, which quotes the project's own texts.
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

    /// Whether the model answers, given whether the server has a model.
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
    /// The system prompt for the model; `None` uses the default prompt.
    pub prompt: Option<String>,
    /// The answer when the project's texts contain none; `None` uses the default text.
    pub fallback: Option<String>,
}
