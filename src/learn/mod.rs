//! Learning: pages and files of a website, read into documents that search and
//! the assistants draw on.
//!
//! What is found (`folder`, `site`) is bytes under an address. `read` makes a
//! [`Document`] of it in two steps: any format becomes Markdown (`markdown`,
//! `html`, `text`), and Markdown becomes sections (`sections`). No bytes make
//! it fail. `learner` stores what differs from last time and forgets what is
//! gone.

mod block_split;
mod decode;
mod dom;
mod excerpt;
mod fetch;
mod folder;
mod html;
mod html_tables;
mod learner;
mod links;
mod markdown;
mod sections;
mod sitemap;
mod website;

use sha2::{Digest, Sha256};
use url::Url;

pub use excerpt::excerpt;
pub use folder::FolderSource;
pub use learner::{LearnError, LearnSummary, Learner, ProgressObserver};
pub use website::WebsiteSource;

use crate::domain::{Document, ValidationError, parse_enum};
use crate::learn::html::PageDirectives;

/// Grows whenever the same bytes would give other sections: everything is then
/// stored again when it is next met.
const VERSION: u8 = 1;

/// What a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Markdown,
    Html,
    Text,
}

impl Format {
    pub const NAMES: [(&'static str, Format); 3] = [
        ("markdown", Format::Markdown),
        ("html", Format::Html),
        ("text", Format::Text),
    ];

    pub fn parse(text: &str) -> Result<Self, ValidationError> {
        parse_enum("format", text, &Self::NAMES)
    }
}

/// Something that can be learned, as it was found.
#[derive(Debug, Clone)]
pub struct RawDocument {
    /// The document's address, unless the page itself names a better one.
    pub url: String,
    /// What it is called where it does not say so itself.
    pub name: String,
    pub format: Format,
    /// As whoever delivered it says.
    pub charset: Option<String>,
    pub bytes: Vec<u8>,
}

/// What reading gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversion {
    Document(Document),
    /// The page asks not to be found by search.
    NoIndex,
}

impl RawDocument {
    /// Changes when the document could: with the bytes, with how they are read,
    /// and with the address that links are completed with.
    pub fn hash(&self) -> [u8; 32] {
        let head = format!(
            "{VERSION} {:?} {} {} ",
            self.format,
            self.url,
            self.charset.as_deref().unwrap_or_default()
        );
        Sha256::new()
            .chain_update(head)
            .chain_update(&self.bytes)
            .finalize()
            .into()
    }

    /// Reads it, heeding what the page itself wishes. Any bytes give a document,
    /// if only one without sections.
    pub fn read(&self) -> Conversion {
        let (document, wishes) = self.document();
        if wishes.noindex {
            return Conversion::NoIndex;
        }
        Conversion::Document(Document {
            url: wishes.canonical.map_or(document.url, Url::into),
            ..document
        })
    }

    /// Reads it for whoever wants just this under just this address.
    pub fn convert_ignoring_directives(&self) -> Document {
        self.document().0
    }

    fn document(&self) -> (Document, PageDirectives) {
        let text = decode::decode(&self.bytes, self.charset.as_deref(), self.format);
        let base = Url::parse(&self.url).ok().filter(Url::has_host);
        let mut wishes = PageDirectives::default();
        let outline = match self.format {
            Format::Markdown => {
                let (title, body) = markdown::read(&text, base.as_ref());
                sections::from_markdown(&body, title)
            }
            Format::Text => sections::from_plain_text(&text),
            Format::Html => {
                let page = html::read(&text, base.as_ref());
                wishes = page.wishes;
                sections::from_html_page(&page.markdown, page.title)
            }
        };
        let title = outline.title.filter(|title| !title.is_empty());
        let document = Document {
            url: self.url.clone(),
            title: title.unwrap_or_else(|| self.name.clone()),
            sections: outline.sections,
        };
        (document, wishes)
    }
}

/// What a page or a file is called after its address, where it has no title.
fn name_of(path: &str) -> String {
    let path = path.trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let name = stem.replace(['-', '_'], " ").trim().to_owned();
    match name.is_empty() {
        true => "Untitled".to_owned(),
        false => name,
    }
}

#[cfg(test)]
mod tests;
