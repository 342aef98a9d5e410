//! Prepares Markdown for the split into sections: removes the front matter,
//! makes links absolute and converts HTML.

use std::borrow::Cow;

use pulldown_cmark::Options;

use super::front_matter::FrontMatter;
use super::link_resolver::LinkResolver;
use super::{Format, asciidoc, front_matter, html_in_markdown, markup, restructured_text};
use crate::domain::MAX_DOCUMENT_DESCRIPTION_CHARS;

/// The extensions of CommonMark that are recognized.
pub const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES);

/// A text without its front matter.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MarkdownPage {
    pub title: Option<String>,
    /// Empty if the front matter has none.
    pub description: String,
    pub body: String,
}

/// Reads the front matter, and makes the text plain Markdown: without HTML and the syntax of
/// generators of websites. Pictures become their alternative text.
pub fn normalize(text: &str, links: &LinkResolver<'_>, format: Format) -> MarkdownPage {
    let (mut front_matter, text) = if format.has_front_matter() {
        front_matter::split(text)
    } else {
        (FrontMatter::default(), text)
    };
    let body = match format {
        Format::RestructuredText => restructured_text::to_markdown(text),
        Format::AsciiDoc => {
            let (body, mut attributes) = asciidoc::to_markdown(text);
            let description = || attributes.remove("description");
            front_matter.description = front_matter.description.or_else(description);
            body
        }
        _ => {
            let title = front_matter.title.as_deref();
            markup::without_generator_syntax(text, title, format == Format::Mdx)
        }
    };
    let body = links.rewrite_all(&body);
    let description = front_matter.description.unwrap_or_default();
    MarkdownPage {
        title: front_matter.title,
        description: shorten_description(&description),
        body: html_in_markdown::convert(&body, links),
    }
}

/// Cuts a description to the longest one that is stored.
fn shorten_description(text: &str) -> String {
    text.chars().take(MAX_DOCUMENT_DESCRIPTION_CHARS).collect()
}

/// The Markdown of an answer that may be written in HTML.
pub fn markdown_of_answer(answer: &str) -> Cow<'_, str> {
    if !html_in_markdown::contains_elements(answer) {
        return Cow::Borrowed(answer);
    }
    Cow::Owned(
        html_in_markdown::convert(answer, &LinkResolver::new(None, None))
            .trim()
            .to_owned(),
    )
}
