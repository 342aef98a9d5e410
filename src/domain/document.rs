//! Documents that a project has learned, and their sections
//! (docs/api-contract.md, section 4.15).

use super::{DocumentId, Timestamp};

/// The content of a page or file, divided into sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The address, which identifies the document within its project. A file
    /// without an address has `file:` and its path in the folder.
    pub url: String,
    pub title: String,
    /// In the order of the text.
    pub sections: Vec<Section>,
}

/// A part of a document that search finds and answers cite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The headings above the section and its own, outermost first, separated
    /// by ` › `. Empty if the text has no heading.
    pub heading: String,
    /// Markdown.
    pub body: String,
}

/// A stored document without its sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedDocument<'a> {
    pub id: DocumentId,
    /// See [`Document::url`].
    pub url: &'a str,
    pub title: &'a str,
    pub learned_at: Timestamp,
    /// The number of sections that are stored as passages.
    pub passages: u64,
}
