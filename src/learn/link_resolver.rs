//! Resolves the links of a Markdown text.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Parser, Tag, TagEnd};
use url::Url;

use super::folder_links::FolderLinks;
use super::links;
use super::markdown::OPTIONS;

/// Where the links of a page lead.
pub struct LinkResolver<'a> {
    /// The address that relative links refer to.
    base: Option<Url>,
    /// The folder, if the page is a file of a folder.
    folder: Option<&'a FolderLinks>,
}

impl<'a> LinkResolver<'a> {
    pub fn new(base: Option<Url>, folder: Option<&'a FolderLinks>) -> Self {
        let folder = folder.filter(|folder| folder.base_url.is_some());
        Self { base, folder }
    }

    pub fn base(&self) -> Option<&Url> {
        self.base.as_ref()
    }

    /// The absolute form of a link; see [`links::absolute`]. A link to a file of the folder
    /// becomes one to its page.
    fn resolve(&self, link: &str) -> Option<Url> {
        let url = links::absolute(link, self.base())?;
        Some(match self.folder {
            Some(folder) => folder.page_url(url),
            None => url,
        })
    }

    /// Makes each link absolute, or reduces it to its text.
    pub fn rewrite_all(&self, markdown: &str) -> String {
        rewrite_links(markdown, self)
    }

    /// Rewrites the links of Markdown that was made from HTML: they are absolute already,
    /// but may lead to files.
    pub fn rewrite(&self, markdown: String) -> String {
        match self.folder {
            Some(_) if markdown.contains("](") => rewrite_links(&markdown, self),
            _ => markdown,
        }
    }
}

fn rewrite_links(text: &str, links: &LinkResolver<'_>) -> String {
    let parser = Parser::new_ext(text, OPTIONS);
    let definitions = parser.reference_definitions().iter();
    let removed = definitions.map(|(_, definition)| (definition.span.clone(), String::new()));
    let mut rewriter = LinkRewriter {
        links,
        edits: removed.collect(),
        open_links: Vec::new(),
    };
    for (event, range) in parser.into_offset_iter() {
        rewriter.handle(event, range);
    }
    apply_edits(text, rewriter.edits)
}

/// A byte range of the text and its replacement.
type TextEdit = (Range<usize>, String);

/// Collects the edits that make each link absolute, or reduce it to its text.
struct LinkRewriter<'t> {
    links: &'t LinkResolver<'t>,
    edits: Vec<TextEdit>,
    /// The links and pictures around the current event, the innermost last.
    open_links: Vec<OpenLink>,
}

/// A link or picture whose end has not been read yet.
struct OpenLink {
    range: Range<usize>,
    /// `None`: only the text is kept.
    target: Option<Url>,
    /// The range of the content so far.
    content: Option<Range<usize>>,
}

impl LinkRewriter<'_> {
    fn handle(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag, range),
            Event::End(TagEnd::Link | TagEnd::Image) => self.end_link(&range),
            Event::End(_) => {}
            _ => self.extend_content(&range),
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        let target = match tag {
            // `<https://…>` is absolute already.
            Tag::Link { link_type, .. } if is_autolink(*link_type) => None,
            Tag::Link { dest_url, .. } => Some(self.links.resolve(dest_url)),
            Tag::Image { .. } => Some(None),
            _ => None,
        };
        match target {
            Some(target) => self.open_links.push(OpenLink {
                range,
                target,
                content: None,
            }),
            None => self.extend_content(&range),
        }
    }

    /// Adds `range` to the content of the innermost open link.
    fn extend_content(&mut self, range: &Range<usize>) {
        if let Some(link) = self.open_links.last_mut() {
            let content = link.content.get_or_insert_with(|| range.clone());
            content.start = content.start.min(range.start);
            content.end = content.end.max(range.end);
        }
    }

    fn end_link(&mut self, range: &Range<usize>) {
        let Some(link) = self.open_links.pop_if(|link| link.range == *range) else {
            return;
        };
        self.extend_content(range);
        let Some(content) = link.content else {
            return self.edits.push((link.range, String::new()));
        };
        let (before, after) = match link.target {
            Some(url) => ("[", format!("]({})", links::escape_parentheses(&url))),
            None => ("", String::new()),
        };
        let head = link.range.start..content.start;
        self.edits.push((head, before.to_owned()));
        self.edits.push((content.end..link.range.end, after));
    }
}

fn is_autolink(link: LinkType) -> bool {
    matches!(link, LinkType::Autolink | LinkType::Email)
}

/// Applies the edits; of two that overlap, only the first.
fn apply_edits(text: &str, mut edits: Vec<TextEdit>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut edited = String::with_capacity(text.len());
    let mut position = 0;
    for (range, replacement) in edits {
        if range.start < position || range.end < range.start {
            continue;
        }
        edited.push_str(&text[position..range.start]);
        edited.push_str(&replacement);
        position = range.end;
    }
    edited.push_str(&text[position..]);
    edited
}
