//! The Markdown of a reply, as HTML and as plain text for an e-mail. Replies are hostile: HTML
//! in them is text, and only links to web pages and e-mail addresses become links.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use crate::domain::parse_web_url;

/// The extensions of CommonMark that the inbox and the widget show.
const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH);

/// The HTML of a text. It has only elements of text, and links.
pub fn to_html(markdown: &str) -> String {
    let mut output = String::with_capacity(markdown.len());
    let mut is_link = Vec::new();
    let events = Parser::new_ext(markdown, OPTIONS);
    html::push_html(
        &mut output,
        events.filter_map(|event| safe(event, &mut is_link)),
    );
    output
}

/// An event without HTML, pictures, and links to something else than pages and addresses.
fn safe<'a>(event: Event<'a>, is_link: &mut Vec<bool>) -> Option<Event<'a>> {
    Some(match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        // As in a chat, a line break is one.
        Event::SoftBreak => Event::HardBreak,
        // The alternative text of the picture follows.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
        Event::Start(Tag::Link { ref dest_url, .. }) => {
            is_link.push(is_linkable(dest_url));
            return is_link
                .last()
                .is_some_and(|is_link| *is_link)
                .then_some(event);
        }
        Event::End(TagEnd::Link) => return is_link.pop().unwrap_or(false).then_some(event),
        other => other,
    })
}

fn is_linkable(url: &str) -> bool {
    parse_web_url(url).is_some() || url.starts_with("mailto:")
}

/// The readable text of a Markdown text: without marks of emphasis, and with the addresses of
/// links.
pub fn to_text(markdown: &str) -> String {
    let mut text = PlainText::default();
    for event in Parser::new_ext(markdown, OPTIONS) {
        text.push(event);
    }
    text.output.trim_end().to_owned()
}

#[derive(Default)]
struct PlainText<'a> {
    output: String,
    /// The numbers of the next items of the open lists. None: a list without numbers.
    lists: Vec<Option<u64>>,
    /// The open links: where their text begins, and their addresses.
    links: Vec<(usize, CowStr<'a>)>,
}

impl<'a> PlainText<'a> {
    fn push(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                self.output.push_str(&text);
            }
            Event::SoftBreak | Event::HardBreak => self.break_line(),
            Event::Rule => self.output.push_str("---\n\n"),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        match tag {
            Tag::List(first) => {
                if !self.lists.is_empty() {
                    self.end_line();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.end_line();
                let depth = self.lists.len().saturating_sub(1);
                self.output.push_str(&"  ".repeat(depth));
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        self.output.push_str(&format!("{number}. "));
                        *number += 1;
                    }
                    _ => self.output.push_str("- "),
                }
            }
            Tag::Link { dest_url, .. } => self.links.push((self.output.len(), dest_url)),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) if self.lists.is_empty() => self.end_block(),
            TagEnd::CodeBlock | TagEnd::Table | TagEnd::BlockQuote(_) => self.end_block(),
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item => self.end_line(),
            TagEnd::TableRow | TagEnd::TableHead => self.end_line(),
            TagEnd::TableCell => self.output.push_str("  "),
            TagEnd::List(_) => {
                self.lists.pop();
                if self.lists.is_empty() {
                    self.end_block();
                }
            }
            TagEnd::Link => {
                if let Some((start, url)) = self.links.pop()
                    && self.output.get(start..) != Some(url.as_ref())
                {
                    self.output.push_str(&format!(" ({url})"));
                }
            }
            _ => {}
        }
    }

    /// Breaks a line within a paragraph, at the indentation of its list.
    fn break_line(&mut self) {
        self.output.push('\n');
        self.output.push_str(&"  ".repeat(self.lists.len()));
    }

    fn end_line(&mut self) {
        let end = self.output.trim_end_matches(' ').len();
        self.output.truncate(end);
        if !self.output.is_empty() && !self.output.ends_with('\n') {
            self.output.push('\n');
        }
    }

    fn end_block(&mut self) {
        self.end_line();
        if !self.output.is_empty() && !self.output.ends_with("\n\n") {
            self.output.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_readable_text() {
        let markdown = "# Your parcel\n\nIt is **on its way**, see [tracking](https://a.example/1).\n\
                        Call `+49 30` or <https://a.example/>:\n\n- one\n- two\n  1. first\n  2. second\n\n\
                        | a | b |\n|---|---|\n| c | d |\n\nBye ~~now~~";
        let text = "Your parcel\n\nIt is on its way, see tracking (https://a.example/1).\n\
                    Call +49 30 or https://a.example/:\n\n- one\n- two\n  1. first\n  2. second\n\n\
                    a  b\nc  d\n\nBye now";
        assert_eq!(to_text(markdown), text);
        assert_eq!(to_text("one\ntwo"), "one\ntwo");
        assert_eq!(to_text("2 < 3 & <b>x</b>"), "2 < 3 & <b>x</b>");
    }

    #[test]
    fn markdown_becomes_html() {
        let html = to_html("It is **on its way**:\n[tracking](https://a.example/1?a&b)\n\n- one");
        assert_eq!(
            html,
            "<p>It is <strong>on its way</strong>:<br />\n\
             <a href=\"https://a.example/1?a&amp;b\">tracking</a></p>\n\
             <ul>\n<li>one</li>\n</ul>\n"
        );
    }

    #[test]
    fn hostile_markdown_becomes_text() {
        for markdown in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "a <b onclick=alert(1)>b</b>",
            "<!-- x --><iframe src=//evil.example></iframe>",
            "[x](javascript:alert(1))",
            "[x](JavaScript:alert(1) \"t\")",
            "[x](data:text/html,<script>)",
            "[x](vbscript:x)",
            "[x](//evil.example)",
            "[x](/inbox)",
            "![x](https://evil.example/pixel.png)",
            "[![x](https://evil.example/pixel.png)](javascript:x)",
            "<javascript:alert(1)>",
            "[x]: javascript:alert(1)\n\n[x]",
            "`<b>` \\<b>",
        ] {
            let html = to_html(markdown).to_lowercase();
            for part in ["<script", "<img", "<b", "<iframe", "<!--", "href", "src=\""] {
                let is_break = part == "<b" && html.contains("<br");
                assert!(!html.contains(part) || is_break, "{markdown}: {html}");
            }
        }
        let quoted = to_html("[x](https://a.example/\"onclick=\"alert(1))");
        assert!(!quoted.contains("\"onclick"), "{quoted}");
    }
}
