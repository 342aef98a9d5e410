//! HTML and links to code in the text of a page. Markdown would take text that looks like
//! tags or links for HTML and links, which the chat of a website may show to a visitor.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag};
use url::Url;

use super::links;
use super::markdown::OPTIONS;

/// Escapes may turn other text into HTML, such as the lines after a comment. So many
/// passes suffice for pages that are not made to need more.
const MAX_PASSES: usize = 4;

/// The tags that stay HTML.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RetainedTags {
    None,
    /// Of [`FORMATTING_TAGS`], without attributes. Authors of Markdown use them.
    Formatting,
}

const FORMATTING_TAGS: [&str; 14] = [
    "b", "br", "code", "del", "em", "i", "ins", "kbd", "mark", "s", "strong", "sub", "sup", "u",
];

/// A part of the text and its replacement.
type Edit = (Range<usize>, &'static str);

/// Returns the Markdown with HTML, and with links that lead to no page, as text. HTML
/// comments are removed if some tags are retained.
pub fn escape(mut markdown: String, retained: RetainedTags) -> String {
    for _ in 0..MAX_PASSES {
        let edits = edits(&markdown, retained);
        if edits.is_empty() {
            return markdown;
        }
        markdown = apply(&markdown, &edits);
    }
    // Not Markdown any more.
    markdown.replace('<', "&lt;").replace('[', "&#91;")
}

/// The changes that the text needs, in its order.
fn edits(markdown: &str, retained: RetainedTags) -> Vec<Edit> {
    if !markdown.contains(['<', '[']) {
        return Vec::new();
    }
    let mut edits = Vec::new();
    let escape_at = |at: usize| (at..at, "\\");
    for (event, range) in Parser::new_ext(markdown, OPTIONS).into_offset_iter() {
        match event {
            Event::InlineHtml(html) if retained == RetainedTags::Formatting => {
                if html.starts_with("<!--") {
                    edits.push((range, ""));
                } else if !is_formatting_tag(&html) {
                    edits.push(escape_at(range.start));
                }
            }
            Event::Html(_) | Event::InlineHtml(_) => {
                let tags = markdown[range.clone()].match_indices('<');
                let places = tags.map(|(at, _)| range.start + at);
                let places = places.filter(|at| !is_escaped(&markdown[..*at]));
                edits.extend(places.map(escape_at));
            }
            Event::Start(Tag::Link { dest_url, .. }) if !leads_to_page(&dest_url) => {
                edits.push(escape_at(range.start));
            }
            Event::Start(Tag::Image { dest_url, .. }) if !leads_to_page(&dest_url) => {
                edits.push(escape_at(range.start + "!".len()));
            }
            _ => {}
        }
    }
    edits
}

fn is_formatting_tag(html: &str) -> bool {
    let tag = html.strip_prefix('<').and_then(|tag| tag.strip_suffix('>'));
    let name = tag.map(|tag| tag.trim_start_matches('/').trim_end_matches('/').trim_end());
    name.is_some_and(|name| FORMATTING_TAGS.contains(&&*name.to_ascii_lowercase()))
}

/// Whether the target is relative or has a scheme of [`links::has_link_scheme`].
fn leads_to_page(target: &str) -> bool {
    Url::parse(target).is_ok_and(|url| links::has_link_scheme(&url))
        || Url::parse(target) == Err(url::ParseError::RelativeUrlWithoutBase)
}

/// Whether the character after `before` has a backslash that is not escaped itself.
fn is_escaped(before: &str) -> bool {
    let text = before.trim_end_matches('\\');
    (before.len() - text.len()) % 2 == 1
}

fn apply(text: &str, edits: &[Edit]) -> String {
    let mut result = String::with_capacity(text.len() + edits.len());
    let mut start = 0;
    for (range, replacement) in edits {
        result.push_str(&text[start..range.start]);
        result.push_str(replacement);
        start = range.end;
    }
    result + &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_text() {
        for (markdown, expected) in [
            ("a <b>c</b>", r"a \<b>c\</b>"),
            ("<script>\nx\n</script>", "\\<script>\nx\n\\</script>"),
            (r"a \<b> \\<c>", r"a \<b> \\\<c>"),
            ("<!-- x", r"\<!-- x"),
            ("[a <b>](javascript:x)", r"\[a \<b>](javascript:x)"),
        ] {
            assert_eq!(escape(markdown.to_owned(), RetainedTags::None), expected);
        }
    }

    #[test]
    fn links_that_lead_to_no_page_become_text() {
        for (markdown, expected) in [
            ("[a](javascript:x)", r"\[a](javascript:x)"),
            ("![a](data:x)", r"!\[a](data:x)"),
            ("<vbscript:x>", r"\<vbscript:x>"),
            (
                "[a][r]\n\n[r]: JavaScript:x",
                "\\[a]\\[r]\n\n[r]: JavaScript:x",
            ),
            ("[a](java&Tab;script:x)", r"\[a](java&Tab;script:x)"),
        ] {
            assert_eq!(escape(markdown.to_owned(), RetainedTags::None), expected);
        }
    }

    #[test]
    fn other_text_is_unchanged() {
        for markdown in [
            "1 < 2 `<b>` <https://x.example/> [a](/b) [c](mailto:d@e.example) [f]",
            "```\n<script>\n```",
        ] {
            assert_eq!(escape(markdown.to_owned(), RetainedTags::None), markdown);
        }
    }

    #[test]
    fn formatting_tags_of_markdown_are_retained() {
        for (markdown, expected) in [
            ("<kbd>a</kbd> b<br />c<BR/>", "<kbd>a</kbd> b<br />c<BR/>"),
            ("a <b onclick=x>c</b>", r"a \<b onclick=x>c</b>"),
            ("a <script>b</script>", r"a \<script>b\</script>"),
            ("a <!-- b --> c", "a  c"),
            ("a <!--> <i d> -->", r"a  \<i d> -->"),
        ] {
            let escaped = escape(markdown.to_owned(), RetainedTags::Formatting);
            assert_eq!(escaped, expected);
        }
    }

    #[test]
    fn result_has_no_active_content() {
        for retained in [RetainedTags::None, RetainedTags::Formatting] {
            for text in [
                "<!--\n",
                "\n\n<?a\n",
                "<a\n\n",
                "<b>`",
                "- <p>\n",
                "\\<i>",
                "[a](x:y\n",
                "[<b](",
                "a <!--",
                "a <!-- b --> <p>",
            ] {
                let escaped = escape(text.repeat(500), retained);
                assert_eq!(edits(&escaped, retained), [], "{text}");
            }
        }
    }
}
