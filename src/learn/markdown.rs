//! Markdown as its authors write it, made fit to be cut: without front matter,
//! with links that stand alone, and without HTML around it.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use url::Url;

use super::{html, links};

/// What is understood beyond CommonMark.
pub const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_HEADING_ATTRIBUTES);

/// The title that the front matter gives, and the text after it.
pub fn read(text: &str, base: Option<&Url>) -> (Option<String>, String) {
    let (title, body) = front_matter(text);
    (title, rewrite_links(body, base))
}

/// Splits `---`, some lines and `---` (or `...`) off the beginning.
fn front_matter(text: &str) -> (Option<String>, &str) {
    let Some(rest) = text.strip_prefix("---\n") else {
        return (None, text);
    };
    let mut title = None;
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        end += line.len();
        match line.trim_end() {
            "---" | "..." => return (title, &rest[end..]),
            line => title = title.or_else(|| title_line(line)),
        }
    }
    // It never ends: the dashes were a rule.
    (None, text)
}

fn title_line(line: &str) -> Option<String> {
    let value = line.strip_prefix("title:")?.trim();
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    let plain = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    (!plain.is_empty()).then(|| plain.to_owned())
}

/// The text without what only its own page understands.
fn rewrite_links(text: &str, base: Option<&Url>) -> String {
    let parser = Parser::new_ext(text, OPTIONS);
    let definitions = parser.reference_definitions().iter();
    let gone = definitions.map(|(_, definition)| (definition.span.clone(), String::new()));
    let mut rewriter = LinkRewriter {
        text,
        base,
        edits: gone.collect(),
        open: Vec::new(),
        depth: 0,
    };
    for (event, range) in parser.into_offset_iter() {
        rewriter.see(event, range);
    }
    apply(text, rewriter.edits)
}

/// A place in the text, and what comes there instead.
type TextEdit = (Range<usize>, String);

struct LinkRewriter<'t> {
    text: &'t str,
    base: Option<&'t Url>,
    edits: Vec<TextEdit>,
    /// The links and pictures that have begun, the innermost last.
    open: Vec<OpenLink>,
    depth: usize,
}

/// A link or a picture that has begun.
struct OpenLink {
    range: Range<usize>,
    /// Where it leads; None: only its text is kept.
    to: Option<Url>,
    /// What is shown of it.
    inner: Option<Range<usize>>,
}

impl LinkRewriter<'_> {
    fn see(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => {
                self.start(&tag, range);
                self.depth += 1;
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                if matches!(tag, TagEnd::Link | TagEnd::Image) {
                    self.end(&range);
                }
            }
            _ => self.reach(&range),
        }
    }

    fn start(&mut self, tag: &Tag<'_>, range: Range<usize>) {
        let to = match tag {
            Tag::HtmlBlock if self.depth == 0 => {
                let block = html::fragment(&self.text[range.clone()], self.base);
                return self.edits.push((range, format!("\n{block}\n\n")));
            }
            // `<https://…>` stands alone already.
            Tag::Link { link_type, .. } if is_autolink(*link_type) => None,
            Tag::Link { dest_url, .. } => Some(links::absolute(dest_url, self.base)),
            Tag::Image { .. } => Some(None),
            _ => None,
        };
        match to {
            Some(to) => self.open.push(OpenLink {
                range,
                to,
                inner: None,
            }),
            None => self.reach(&range),
        }
    }

    /// The innermost link shows what stands in `range`.
    fn reach(&mut self, range: &Range<usize>) {
        if let Some(open) = self.open.last_mut() {
            let inner = open.inner.get_or_insert_with(|| range.clone());
            inner.start = inner.start.min(range.start);
            inner.end = inner.end.max(range.end);
        }
    }

    fn end(&mut self, range: &Range<usize>) {
        let Some(closed) = self.open.pop_if(|open| open.range == *range) else {
            return;
        };
        self.reach(range);
        let Some(inner) = closed.inner else {
            return self.edits.push((closed.range, String::new()));
        };
        let (before, after) = match closed.to {
            Some(url) => ("[", format!("]({})", links::in_brackets(&url))),
            None => ("", String::new()),
        };
        let head = closed.range.start..inner.start;
        self.edits.push((head, before.to_owned()));
        self.edits.push((inner.end..closed.range.end, after));
    }
}

fn is_autolink(link: LinkType) -> bool {
    matches!(link, LinkType::Autolink | LinkType::Email)
}

/// The text with each edit made; of two that overlap, the first.
fn apply(text: &str, mut edits: Vec<TextEdit>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut edited = String::with_capacity(text.len());
    let mut at = 0;
    for (range, instead) in edits {
        if range.start < at || range.end < range.start {
            continue;
        }
        edited.push_str(&text[at..range.start]);
        edited.push_str(&instead);
        at = range.end;
    }
    edited.push_str(&text[at..]);
    edited
}
