//! Prepares Markdown for the split into sections: removes the front matter,
//! makes links absolute and converts HTML.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use url::Url;

use super::{html_in_markdown, links};

/// The extensions of CommonMark that are recognized.
pub const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES);

/// Returns the title of the front matter and the text after the front matter.
/// Links are resolved against `base`; pictures become their alternative text.
pub fn normalize(text: &str, base: Option<&Url>) -> (Option<String>, String) {
    let (title, body) = split_front_matter(text);
    let body = rewrite_links(body, base);
    (title, html_in_markdown::convert(&body, base))
}

/// The Markdown of an answer that may be written in HTML.
pub fn markdown_of_answer(answer: &str) -> Cow<'_, str> {
    if !html_in_markdown::contains_elements(answer) {
        return Cow::Borrowed(answer);
    }
    Cow::Owned(html_in_markdown::convert(answer, None).trim().to_owned())
}

/// Splits the front matter off: `---`, some lines, and `---` or `...`.
fn split_front_matter(text: &str) -> (Option<String>, &str) {
    let Some(rest) = text.strip_prefix("---\n") else {
        return (None, text);
    };
    let mut title = None;
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        end += line.len();
        match line.trim_end() {
            "---" | "..." => return (title, &rest[end..]),
            line => title = title.or_else(|| parse_title_line(line)),
        }
    }
    // Without an end, the first line is a horizontal rule.
    (None, text)
}

fn parse_title_line(line: &str) -> Option<String> {
    let value = line.strip_prefix("title:")?.trim();
    let unquoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    let title = unquoted('"').or_else(|| unquoted('\'')).unwrap_or(value);
    (!title.is_empty()).then(|| title.to_owned())
}

fn rewrite_links(text: &str, base: Option<&Url>) -> String {
    let parser = Parser::new_ext(text, OPTIONS);
    let definitions = parser.reference_definitions().iter();
    let removed = definitions.map(|(_, definition)| (definition.span.clone(), String::new()));
    let mut rewriter = LinkRewriter {
        base,
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
    base: Option<&'t Url>,
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
            Tag::Link { dest_url, .. } => Some(links::absolute(dest_url, self.base)),
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
