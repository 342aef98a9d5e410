//! Learned documents and their sections.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{DocumentId, LearnedDocument, Section, Timestamp};

/// A page or a file that was learned.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LearnedDocument)]
pub struct DocumentJson<'a> {
    object: DocumentObject,
    id: DocumentId,
    /// Where it stands. A file without an address has `file:` and its path.
    url: &'a str,
    title: &'a str,
    learned_at: Timestamp,
    /// How many pieces of it can be found.
    passages: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum DocumentObject {
    Document,
}

impl<'a> From<&LearnedDocument<'a>> for DocumentJson<'a> {
    fn from(document: &LearnedDocument<'a>) -> Self {
        Self {
            object: DocumentObject::Document,
            id: document.id,
            url: document.url,
            title: document.title,
            learned_at: document.learned_at,
            passages: document.passages,
        }
    }
}

/// A piece of a document that can be shown and cited by itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Section)]
pub struct SectionJson<'a> {
    /// Those above it come first, with ` › ` in between. Empty where the text
    /// has none.
    heading: &'a str,
    /// Markdown.
    body: &'a str,
}

impl<'a> From<&'a Section> for SectionJson<'a> {
    fn from(section: &'a Section) -> Self {
        Self {
            heading: &section.heading,
            body: &section.body,
        }
    }
}
