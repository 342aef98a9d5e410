//! The formats that a document can be written in.

use crate::domain::{ValidationError, parse_enum};

/// The format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Markdown,
    Html,
    Text,
    /// Markdown with components of JSX.
    Mdx,
    RestructuredText,
    AsciiDoc,
}

impl Format {
    /// The names that requests use. Files may have further formats.
    pub const NAMES: [(&'static str, Format); 3] = [
        ("markdown", Format::Markdown),
        ("html", Format::Html),
        ("text", Format::Text),
    ];

    pub fn is_markdown(self) -> bool {
        matches!(self, Self::Markdown | Self::Mdx)
    }

    /// Whether a text may begin with values of its page.
    pub fn has_front_matter(self) -> bool {
        self.is_markdown() || self == Self::AsciiDoc
    }

    /// # Errors
    /// A text that is not one of [`Self::NAMES`].
    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("format", text, &Self::NAMES)
    }
}
