//! Sources of knowledge and the conversion of their files into documents.
//!
//! A source ([`FolderSource`], [`WebsiteSource`]) delivers [`RawDocument`]s:
//! bytes with an address. [`RawDocument::convert`] makes a
//! [`Document`](crate::domain::Document) in two steps. First the bytes become
//! Markdown (`decode`, then `html` or `markdown`). Then the Markdown becomes
//! sections (`sections`). A conversion cannot fail: any bytes give a document,
//! possibly one without sections. Its time and memory are bounded for malformed
//! input (`dom`, `html`).
//!
//! `service/learn.rs` stores the documents.

mod active_content;
mod asciidoc;
mod block_split;
mod bounded;
mod decode;
mod dom;
mod excerpt;
mod fetch;
mod file_names;
mod folder;
mod folder_links;
mod format;
mod front_matter;
#[doc(hidden)]
pub mod fuzz_api;
mod html;
mod html_in_markdown;
mod indented;
mod link_resolver;
mod links;
mod markdown;
mod markup;
mod raw_document;
mod restructured_text;
mod retry;
mod sections;
mod sitemap;
mod skipped_item;
mod tag_attributes;
mod website;

pub use decode::{binary_format, decode_unknown};
pub use excerpt::excerpt;
pub use folder::FolderSource;
pub use folder_links::FolderPage;
pub use format::Format;
pub use markdown::markdown_of_answer;
pub use raw_document::{Conversion, RawDocument};
pub use retry::DEFAULT_RETRY_LIMIT;
pub use skipped_item::SkippedItem;
pub use website::{CrawlPlan, FetchOutcome, NOINDEX, WebsiteSource};

/// Returns the Markdown of a passage from another database with active content as text, as
/// in passages of Markdown files that were learned.
pub fn escape_active_content(markdown: String) -> String {
    active_content::escape(markdown, active_content::RetainedTags::Formatting)
}

/// A source that cannot be read; the message tells the user why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(String);

#[cfg(test)]
mod tests;
