//! What a project learned: documents, in sections.

use serde::Serialize;
use utoipa::ToSchema;

use super::{DocumentId, Timestamp};

/// A page or a file, as it is learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it stands, which is also what it is known by within its project.
    /// A file without an address has `file:` and its path in the folder.
    pub url: String,
    pub title: String,
    /// In the order of the text.
    pub sections: Vec<Section>,
}

/// A piece of a document that can be shown and cited by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Section {
    /// Those above it come first, with ` › ` in between. Empty where the text
    /// has none.
    pub heading: String,
    /// Markdown.
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentObject {
    Document,
}

/// A page or a file that was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearnedDocument<'a> {
    pub object: DocumentObject,
    pub id: DocumentId,
    /// Where it stands. A file without an address has `file:` and its path.
    pub url: &'a str,
    pub title: &'a str,
    pub learned_at: Timestamp,
    /// How many pieces of it can be found.
    pub passages: u64,
}

impl<'a> LearnedDocument<'a> {
    pub fn new(
        id: DocumentId,
        url: &'a str,
        title: &'a str,
        learned_at: Timestamp,
        passages: u64,
    ) -> Self {
        Self {
            object: DocumentObject::Document,
            id,
            url,
            title,
            learned_at,
            passages,
        }
    }
}
