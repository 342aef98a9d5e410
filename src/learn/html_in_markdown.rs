//! HTML within Markdown. Each block with HTML is rendered to HTML and converted as a page
//! is, so that one converter decides what a reader sees. Other blocks stay as they are.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, TagEnd, html as renderer};

use super::html;
use super::link_resolver::LinkResolver;
use super::markdown::OPTIONS;

/// Elements whose end is searched for. Those inside more open elements are not.
const MAX_OPEN_ELEMENTS: usize = 100;

/// Converts the blocks that contain HTML. An element that begins in one block and ends in
/// another one is converted with all blocks between.
pub fn convert(text: &str, links: &LinkResolver<'_>) -> String {
    if !text.contains('<') {
        return text.to_owned();
    }
    let mut converted = String::with_capacity(text.len());
    let mut position = 0;
    for range in ranges_with_html(text) {
        converted.push_str(&text[position..range.start]);
        position = range.end;
        let mut page = String::new();
        renderer::push_html(&mut page, Parser::new_ext(&text[range], OPTIONS));
        converted.push('\n');
        let block = links.rewrite(html::convert_fragment(&page, links.base()));
        converted.push_str(block.trim());
        converted.push_str("\n\n");
    }
    converted.push_str(&text[position..]);
    converted
}

/// Whether the text contains an element of HTML outside of code.
pub fn contains_elements(text: &str) -> bool {
    let mut tags = Parser::new_ext(text, OPTIONS).flat_map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => tags(&html)
            .map(|tag| tag.is_end || VOID_ELEMENTS.contains(&&*tag.name))
            .collect(),
        _ => Vec::new(),
    });
    tags.any(|is_complete| is_complete)
}

/// A block of the text that is not within another one.
struct HtmlBlock {
    range: Range<usize>,
    has_html: bool,
    /// The index of the last block that is converted with this one.
    last: usize,
}

/// The ranges of the text to convert, in their order.
fn ranges_with_html(text: &str) -> Vec<Range<usize>> {
    let blocks = blocks(text);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut next = 0;
    while let Some(block) = blocks.get(next) {
        let first = next;
        let mut last = block.last;
        // The blocks between may contain elements that end after them.
        while next < last {
            next += 1;
            last = last.max(blocks[next].last);
        }
        next += 1;
        if block.has_html {
            ranges.push(blocks[first].range.start..blocks[last].range.end);
        }
    }
    ranges
}

fn blocks(text: &str) -> Vec<HtmlBlock> {
    let mut blocks: Vec<HtmlBlock> = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
        let is_html_block = matches!(event, Event::End(TagEnd::HtmlBlock));
        let is_html = is_html_block || matches!(event, Event::InlineHtml(_));
        match event {
            Event::Start(_) => {
                if depth == 0 {
                    blocks.push(HtmlBlock {
                        range: line_start(text, range.start)..range.end,
                        has_html: false,
                        last: blocks.len(),
                    });
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if is_html && !blocks.is_empty() {
            read_tags(&text[range], is_html_block, &mut blocks, &mut open);
        }
    }
    blocks
}

/// The begin of the line if only blanks precede `at` on the line. A block with its
/// indentation is parsed as it was within the text.
fn line_start(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let is_indentation = text[start..at]
        .bytes()
        .all(|byte| matches!(byte, b' ' | b'\t'));
    if is_indentation { start } else { at }
}

/// Notes the tags in the last block, and joins it with the block in which an element began
/// that ends here.
fn read_tags(
    html: &str,
    is_html_block: bool,
    blocks: &mut [HtmlBlock],
    open: &mut Vec<(String, usize)>,
) {
    let current = blocks.len() - 1;
    blocks[current].has_html |= is_html_block || html.starts_with("<!--");
    for tag in tags(html) {
        blocks[current].has_html = true;
        if !tag.is_end {
            if !VOID_ELEMENTS.contains(&&*tag.name) && open.len() < MAX_OPEN_ELEMENTS {
                open.push((tag.name, current));
            }
        } else if let Some(at) = open.iter().rposition(|(name, _)| *name == tag.name) {
            let first = open[at].1;
            open.truncate(at);
            blocks[first].last = blocks[first].last.max(current);
        }
    }
}

struct HtmlTag {
    /// In lower case.
    name: String,
    is_end: bool,
}

/// The tags of elements of HTML. Other names are no tags: authors write `<name>` for a
/// value that the reader fills in.
fn tags(html: &str) -> impl Iterator<Item = HtmlTag> {
    html.split('<').skip(1).filter_map(|piece| {
        let (is_end, piece) = match piece.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, piece),
        };
        let end = piece.find(|char: char| !char.is_ascii_alphanumeric());
        let name = piece[..end.unwrap_or(piece.len())].to_ascii_lowercase();
        let is_custom = piece[name.len()..].starts_with(['-', ':', '@', '.']);
        let is_element = ELEMENTS
            .split(' ')
            .chain(VOID_ELEMENTS)
            .any(|element| element == name);
        (is_element && !is_custom).then_some(HtmlTag { name, is_end })
    })
}

const VOID_ELEMENTS: [&str; 10] = [
    "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr",
];

const ELEMENTS: &str = "\
    a abbr address article aside audio b bdi bdo big blockquote body button canvas caption \
    center cite code colgroup data dd del details dfn dialog div dl dt em fieldset figcaption \
    figure font footer form h1 h2 h3 h4 h5 h6 head header html i iframe ins kbd label legend \
    li main mark menu nav noscript object ol p picture pre q s samp script section select \
    small span strike strong style sub summary sup svg table tbody td template textarea tfoot \
    th thead time tr tt u ul var video";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_with_html_are_converted_and_others_stay() {
        for (markdown, expected) in [
            (
                "a *b*\n\n| a | b |\n|---|---|\n",
                "a *b*\n\n| a | b |\n|---|---|\n",
            ),
            ("`<b>` and <name> and 1 < 2", "`<b>` and <name> and 1 < 2"),
            ("a <span style='display:none'>b</span> c", "\na c\n\n"),
            ("<div hidden>\n\n*a*\n\n- b\n\n</div>\n\n*c*", "\n\n\n*c*"),
            ("a\n\n<!-- b -->\n\nc\n", "a\n\n\n\n\n\nc\n"),
            ("- a <br> b\n- `c`\n", "\n- a  \nb\n- `c`\n\n"),
        ] {
            let converted = convert(markdown, &LinkResolver::new(None, None));
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(words(&converted), words(expected), "{markdown}");
        }
    }

    #[test]
    fn only_elements_outside_of_code_are_elements() {
        for html in ["a<br>b", "<p>x</p>", "x <b>y</b>", "<ul><li>x</ul>"] {
            assert!(contains_elements(html), "{html}");
        }
        for text in [
            "a < b > c",
            "`<b>x</b>`",
            "press <Enter>",
            "a <b c",
            "<https://x.example/>",
        ] {
            assert!(!contains_elements(text), "{text}");
        }
    }
}
