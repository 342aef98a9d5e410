//! The formats that a document can be written in.

use crate::domain::{ValidationError, parse_enum};

/// The format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Markdown,
    Html,
    Text,
}

impl Format {
    /// The names that requests use.
    pub const NAMES: [(&'static str, Format); 3] = [
        ("markdown", Format::Markdown),
        ("html", Format::Html),
        ("text", Format::Text),
    ];

    /// # Errors
    /// A text that is not one of [`Self::NAMES`].
    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("format", text, &Self::NAMES)
    }
}
