//! Learned documents and their sections (docs/api-contract.md, section 4.15).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{DocumentId, LearnedDocument, Section, Timestamp};

/// A learned page or file.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LearnedDocument)]
pub struct DocumentJson<'a> {
    object: DocumentObject,
    id: DocumentId,
    /// The address. A file without an address has `file:` and its path.
    url: &'a str,
    /// The title of the page.
    title: &'a str,
    /// A summary of the page, which search uses and answers do not quote. Empty if there is
    /// none.
    description: &'a str,
    /// When the document was last learned.
    learned_at: Timestamp,
    /// The number of passages that search can find.
    passages: u64,
}

/// The type of the object.
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
            description: document.description,
            learned_at: document.learned_at,
            passages: document.passages,
        }
    }
}

/// A part of a document that search finds and answers cite.
#[derive(Serialize, ToSchema)]
#[schema(as = DocumentSection)]
pub struct SectionJson<'a> {
    /// The headings above the section and its own, outermost first, separated
    /// by ` › `. Empty if the text has no heading.
    heading: &'a str,
    /// The text in Markdown.
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
