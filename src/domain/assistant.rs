//! Who answers a project's visitors.

use super::rule::{Invalid, choose};
use super::{AssistantId, AssistantSeq};

/// What stands behind an assistant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswererKind {
    /// The model where the server has one, else the built-in answerer.
    Auto,
    /// The built-in answerer: what the project knows, in its own words.
    Builtin,
    /// The model that the server's settings name.
    Model,
}

impl AnswererKind {
    pub const NAMES: [(&'static str, AnswererKind); 3] = [
        ("auto", AnswererKind::Auto),
        ("builtin", AnswererKind::Builtin),
        ("model", AnswererKind::Model),
    ];

    pub fn parse(text: &str) -> Result<Self, Invalid> {
        choose("answerer", text, &Self::NAMES)
    }

    /// Whether a model answers, where the server has one or has none.
    pub fn asks_model(self, there_is_one: bool) -> bool {
        there_is_one && self != AnswererKind::Builtin
    }

    pub fn as_str(self) -> &'static str {
        match self {
            AnswererKind::Auto => "auto",
            AnswererKind::Builtin => "builtin",
            AnswererKind::Model => "model",
        }
    }
}

/// An assistant of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assistant {
    pub seq: AssistantSeq,
    pub id: AssistantId,
    pub name: String,
    pub answerer: AnswererKind,
    /// What the model is told first; none: parlor's own words.
    pub prompt: Option<String>,
    /// What is said where nothing is known; none: parlor's own words.
    pub fallback: Option<String>,
}
