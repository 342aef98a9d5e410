//! Text in sections: one for each heading, none so long that it could not be
//! shown, none so short that it would say nothing by itself.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::block_split::{BlockKind, split_block};
use super::markdown::OPTIONS;
use crate::domain::Section;

/// Characters that a section has at most, or a little more.
const MAX_SECTION_CHARS: usize = 1500;
/// A section with fewer goes together with the next.
const MIN_SECTION_CHARS: usize = 40;
/// Headings without a text that are put together at most.
const MAX_MERGED_SECTIONS: usize = 50;
/// Characters of a title and of a heading at most.
const MAX_HEADING_CHARS: usize = 300;

/// A text's title, where it has one, and its sections.
#[derive(Debug, PartialEq, Eq)]
pub struct SectionedText {
    pub title: Option<String>,
    pub sections: Vec<Section>,
}

/// Markdown by its headings. Its title is the given one, else its first
/// heading of the first level.
pub fn from_markdown(text: &str, title: Option<String>) -> SectionedText {
    let parts = parts(text);
    let title = title.or_else(|| first_heading(&parts));
    outline(&parts, title)
}

/// The same for a page, whose own heading says better what it is than the
/// title of its window.
pub fn from_html_page(text: &str, title: Option<String>) -> SectionedText {
    let parts = parts(text);
    let title = first_heading(&parts).or(title);
    outline(&parts, title)
}

/// Plain text by its paragraphs. A first paragraph of one short line is the
/// title.
pub fn from_plain_text(text: &str) -> SectionedText {
    let text = text.trim();
    let (first, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let is_title = !first.contains('\n') && first.chars().count() <= 100 && !rest.is_empty();
    let (title, rest) = match is_title {
        true => (Some(shortened(first)), rest),
        false => (None, text),
    };
    let blocks = rest.split("\n\n").map(|paragraph| MarkdownBlock {
        text: paragraph.trim_matches('\n'),
        kind: BlockKind::Other,
    });
    let part = HeadingPart {
        blocks: blocks.collect(),
        ..HeadingPart::under(0)
    };
    outline(&[part], title)
}

/// A heading and what stands under it, up to the next heading.
struct HeadingPart<'t> {
    /// 0 before the first heading.
    level: usize,
    heading: String,
    blocks: Vec<MarkdownBlock<'t>>,
}

struct MarkdownBlock<'t> {
    text: &'t str,
    kind: BlockKind,
}

fn first_heading(parts: &[HeadingPart<'_>]) -> Option<String> {
    let first = parts.iter().find(|part| part.level == 1)?;
    (!first.heading.is_empty()).then(|| first.heading.clone())
}

fn outline(parts: &[HeadingPart<'_>], title: Option<String>) -> SectionedText {
    let title = title.map(|title| shortened(&title));
    let mut path: Vec<(usize, &str)> = Vec::new();
    let mut sections = Vec::new();
    for part in parts {
        path.retain(|(level, _)| *level < part.level);
        // The title is shown beside every heading as it is.
        let known = part.level == 1 && title.as_deref() == Some(part.heading.as_str());
        if !known && !part.heading.is_empty() {
            path.push((part.level, &part.heading));
        }
        let names: Vec<_> = path.iter().map(|(_, name)| *name).collect();
        let heading = shortened(&names.join(HEADING_SEPARATOR));
        sections.extend(bodies(&part.blocks).into_iter().map(|body| Section {
            heading: heading.clone(),
            body,
        }));
    }
    let sections = merged(sections);
    SectionedText { title, sections }
}

const HEADING_SEPARATOR: &str = " › ";

fn shortened(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MAX_HEADING_CHARS) {
        Some((end, _)) => text[..end].trim_end().to_owned() + "…",
        None => text,
    }
}

/// A part's text in as many pieces as it needs, one at least.
fn bodies(blocks: &[MarkdownBlock<'_>]) -> Vec<String> {
    let mut bodies = vec![String::new()];
    let mut length = 0;
    let pieces = blocks
        .iter()
        .flat_map(|block| split_block(block.text, block.kind, MAX_SECTION_CHARS));
    for piece in pieces.filter(|piece| !piece.trim().is_empty()) {
        let more = piece.chars().count();
        match bodies.last_mut() {
            Some(body) if length == 0 || length + more <= MAX_SECTION_CHARS => {
                join(body, &piece);
                length += more;
            }
            _ => {
                bodies.push(piece);
                length = more;
            }
        }
    }
    bodies
}

fn join(body: &mut String, more: &str) {
    if !body.is_empty() && !more.is_empty() {
        body.push_str("\n\n");
    }
    body.push_str(more);
}

/// Sections too short to stand alone, put before the next; the last ones, after
/// the one before.
fn merged(sections: Vec<Section>) -> Vec<Section> {
    let mut merged: Vec<Section> = Vec::new();
    let mut short: Vec<Section> = Vec::new();
    let mut length = 0;
    for section in sections {
        length += section.body.chars().count();
        short.push(section);
        if length >= MIN_SECTION_CHARS || short.len() == MAX_MERGED_SECTIONS {
            merged.extend(together(&mut short));
            length = 0;
        }
    }
    match merged.last_mut() {
        Some(last) => {
            for one in &short {
                join(&mut last.body, &under_its_heading(one, &last.heading));
            }
        }
        None => merged.extend(together(&mut short)),
    }
    merged
}

/// Takes sections as one, under the heading of the last.
fn together(short: &mut Vec<Section>) -> Option<Section> {
    let last = short.pop()?;
    let mut body = String::new();
    for one in short.drain(..) {
        join(&mut body, &under_its_heading(&one, &last.heading));
    }
    join(&mut body, &last.body);
    match body.is_empty() {
        // The heading is all that there is.
        true if last.heading.is_empty() => None,
        true => Some(Section {
            body: last.heading.clone(),
            ..last
        }),
        false => Some(Section { body, ..last }),
    }
}

/// A short section's text as it stands in another section: with its heading,
/// unless that one's begins with it.
fn under_its_heading(short: &Section, heading: &str) -> String {
    let own = short
        .heading
        .rsplit(HEADING_SEPARATOR)
        .next()
        .unwrap_or_default();
    if own.is_empty() || heading.starts_with(&short.heading) {
        return short.body.clone();
    }
    let mut text = format!("**{own}**");
    join(&mut text, &short.body);
    text
}

/// Markdown's headings and the blocks under each.
fn parts(text: &str) -> Vec<HeadingPart<'_>> {
    let mut parts = vec![HeadingPart::under(0)];
    let mut depth = 0_usize;
    let mut in_heading = false;
    for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
        let Some(part) = parts.last_mut() else { break };
        match event {
            Event::Start(tag) => {
                depth += 1;
                match tag {
                    Tag::Heading { level, .. } if depth == 1 => {
                        in_heading = true;
                        parts.push(HeadingPart::under(level as usize));
                    }
                    tag if depth == 1 => part.blocks.push(MarkdownBlock::at(text, range, &tag)),
                    _ => {}
                }
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                in_heading &= !matches!(tag, TagEnd::Heading(_));
            }
            Event::Text(some) | Event::Code(some) if in_heading => part.heading.push_str(&some),
            Event::SoftBreak | Event::HardBreak if in_heading => part.heading.push(' '),
            _ => {}
        }
    }
    for part in &mut parts {
        part.heading = shortened(&part.heading);
    }
    parts
}

impl HeadingPart<'_> {
    fn under(level: usize) -> Self {
        Self {
            level,
            heading: String::new(),
            blocks: Vec::new(),
        }
    }
}

impl<'t> MarkdownBlock<'t> {
    fn at(text: &'t str, range: Range<usize>, tag: &Tag<'_>) -> Self {
        // With the blanks before it, which are what makes some code code.
        let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let indent = text[line..range.start].trim().is_empty();
        let start = if indent { line } else { range.start };
        let kind = match tag {
            Tag::CodeBlock(_) => BlockKind::Code,
            Tag::Table(_) => BlockKind::Table,
            _ => BlockKind::Other,
        };
        let text = text[start..range.end].trim_end().trim_start_matches('\n');
        Self { text, kind }
    }
}
