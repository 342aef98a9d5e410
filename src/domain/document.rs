//! Documents that a project has learned, and their sections
//! (docs/api-contract.md, section 4.15).

use super::{DocumentId, Timestamp};

/// The maximum length of the title of a document and of the heading of a section in
/// characters, with the ellipsis of a shortened one.
pub const MAX_HEADING_CHARS: usize = 301;

/// The maximum length of the description of a document in characters. Descriptions of
/// pages are cut to it.
pub const MAX_DOCUMENT_DESCRIPTION_CHARS: usize = 1000;

/// The maximum length of the address of a document, and of the address or path of its
/// source, in bytes.
pub const MAX_DOCUMENT_URL_BYTES: usize = 8 << 10;

/// The maximum length of the body of a section in bytes. Converters split much earlier,
/// but merge short sections and escape characters.
pub const MAX_SECTION_BYTES: usize = 1 << 20;

/// The content of a page or file, divided into sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The address, which identifies the document within its project. A file
    /// without an address has `file:` and its path in the folder.
    pub url: String,
    pub title: String,
    /// A summary of the page, which search uses and answers do not quote. Empty if the page
    /// has none.
    pub description: String,
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
    /// See [`Document::description`].
    pub description: &'a str,
    pub learned_at: Timestamp,
    /// The number of sections that are stored as passages.
    pub passages: u64,
}
