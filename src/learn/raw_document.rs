//! A page or file as its source delivered it, and its conversion to a document.

use sha2::{Digest, Sha256};
use url::Url;

use super::active_content::RetainedTags;
use super::folder_links::FolderPage;
use super::format::Format;
use super::html::{self, PageDirectives};
use super::link_resolver::LinkResolver;
use super::{active_content, decode, markdown, sections};
use crate::domain::Document;

/// Part of every content hash. Increase it when a change of this module gives
/// other sections for the same bytes; documents are then stored again.
const CONVERTER_VERSION: u8 = 3;

/// A page or file before its conversion.
#[derive(Debug, Clone)]
pub struct RawDocument {
    /// The address of the document, unless the page names a canonical one.
    pub url: String,
    /// The title of a document that has none.
    pub name: String,
    pub format: Format,
    /// The charset of the `Content-Type` header.
    pub charset: Option<String>,
    pub bytes: Vec<u8>,
    /// The file of a folder that this is.
    pub folder: Option<FolderPage>,
}

/// The result of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversion {
    Document(Document),
    /// A robots directive of the page forbids indexing.
    NoIndex,
}

impl RawDocument {
    /// SHA-256 of everything that the conversion reads: the bytes, the format,
    /// the charset, and the addresses that links depend on.
    pub fn hash(&self) -> [u8; 32] {
        let head = format!(
            "{CONVERTER_VERSION} {:?} {} {} {}",
            self.format,
            self.url,
            self.charset.as_deref().unwrap_or_default(),
            self.folder
                .as_ref()
                .map(FolderPage::fingerprint)
                .unwrap_or_default(),
        );
        Sha256::new()
            .chain_update(head)
            .chain_update(&self.bytes)
            .finalize()
            .into()
    }

    /// Converts the bytes to a document and obeys the directives of the page:
    /// `noindex` and the canonical address.
    pub fn convert(&self) -> Conversion {
        let (document, directives) = self.parse();
        if directives.noindex {
            return Conversion::NoIndex;
        }
        Conversion::Document(Document {
            url: directives.canonical.map_or(document.url, Url::into),
            ..document
        })
    }

    /// Converts the bytes to a document under [`Self::url`], whatever the
    /// directives of the page are.
    pub fn convert_ignoring_directives(&self) -> Document {
        self.parse().0
    }

    fn link_resolver(&self) -> LinkResolver<'_> {
        let base = match &self.folder {
            Some(page) => page.links.source_url(&page.path),
            None => Url::parse(&self.url).ok().filter(Url::has_host),
        };
        let links = self.folder.as_ref().map(|page| &*page.links);
        LinkResolver::new(base, links)
    }

    fn parse(&self) -> (Document, PageDirectives) {
        let text = decode::decode(&self.bytes, self.charset.as_deref(), self.format);
        let links = self.link_resolver();
        let mut directives = PageDirectives::default();
        let mut description = String::new();
        let mut content = match self.format {
            Format::Markdown | Format::Mdx | Format::RestructuredText | Format::AsciiDoc => {
                let page = markdown::normalize(&text, &links, self.format);
                description = page.description;
                sections::from_markdown(&page.body, page.title)
            }
            Format::Text => sections::from_plain_text(&text),
            Format::Html => {
                let page = html::convert(&text, links.base());
                directives = page.directives;
                description = page.description;
                sections::from_html_page(&links.rewrite(page.markdown), page.title)
            }
        };
        let retained_tags = match self.format {
            Format::Markdown | Format::Mdx => RetainedTags::Formatting,
            _ => RetainedTags::None,
        };
        for section in &mut content.sections {
            let body = std::mem::take(&mut section.body);
            section.body = active_content::escape(body, retained_tags);
        }
        let title = content.title.filter(|title| !title.is_empty());
        let document = Document {
            url: self.url.clone(),
            title: title.unwrap_or_else(|| sections::shorten_heading(&self.name)),
            description,
            sections: content.sections,
        };
        (document, directives)
    }
}

/// The title of a page or file that has none: the last segment of its path,
/// without its extension.
pub(super) fn name_from_path(path: &str) -> String {
    let path = path.trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or_default();
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let name = stem.replace(['-', '_'], " ").trim().to_owned();
    if name.is_empty() {
        "Untitled".to_owned()
    } else {
        name
    }
}
