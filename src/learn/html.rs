//! Converts an HTML page to Markdown: its content without navigation, headers
//! and footers.
//!
//! The tree of the page is changed until it has only what a reader sees, in elements that
//! Markdown can express: hidden panels are opened (`disclosures`), what is no content is
//! removed (`boilerplate`, `boxes`), headings get their levels (`outline`). Then `htmd` writes it.

mod boilerplate;
mod boxes;
mod code;
mod content;
mod definition_lists;
mod disclosures;
mod head;
mod outline;
mod phrases;
mod prune;
pub mod robots;
mod tables;
mod text;
mod writer;

use url::Url;

use super::dom;

/// The content of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HtmlPage {
    /// The text of `<title>`.
    pub title: Option<String>,
    /// The description in the head of the page; empty if there is none.
    pub description: String,
    pub markdown: String,
    pub directives: PageDirectives,
}

/// What the head of a page asks of search engines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PageDirectives {
    /// `<link rel="canonical">`, if it is on the same website.
    pub canonical: Option<Url>,
    /// A robots directive forbids indexing.
    pub noindex: bool,
}

/// Converts a page whose address is `address`.
pub fn convert(html: &str, address: Option<&Url>) -> HtmlPage {
    if dom::exceeds_parser_limits(html) {
        return text_only(html);
    }
    let converter = writer::converter();
    let Ok(document) = converter.html_to_tree(html) else {
        return text_only(html);
    };
    let mut head = head::read(&document, address);
    let content = content::content_element(&document);
    let title = head.title.as_deref().unwrap_or_default();
    if let Some(title) = head::title_beside_content(&document, &content, title) {
        head.title = Some(title);
    }
    text::clean(&content);
    disclosures::reveal(&content);
    boxes::remove_boxes_by_text(&content);
    prune::prune(&content, head.base.as_ref());
    outline::number(&content, head.title.as_deref());
    HtmlPage {
        title: head.title,
        description: head.description,
        markdown: converter.tree_to_markdown(&content),
        directives: head.directives,
    }
}

/// Converts a block of HTML within a Markdown text.
pub fn convert_fragment(html: &str, base: Option<&Url>) -> String {
    convert(html, base).markdown
}

fn text_only(html: &str) -> HtmlPage {
    HtmlPage {
        markdown: text::visible_text(&dom::strip_tags(html)).into_owned(),
        ..HtmlPage::default()
    }
}
