//! Splits a text into sections: one for each heading. Longer sections are
//! split, shorter ones are merged with the next.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::block_split::{BlockKind, split_block};
use super::markdown::OPTIONS;
use crate::domain::{MAX_HEADING_CHARS, Section};

/// The length of a section; repeated table headers and fences may exceed it a
/// little.
const MAX_SECTION_CHARS: usize = 1500;
/// A shorter section is merged with the next.
const MIN_SECTION_CHARS: usize = 40;
/// Sections that are merged into one.
const MAX_MERGED_SECTIONS: usize = 50;
/// The first paragraph of a plain text is its title if it is one line of at
/// most this length.
const MAX_TITLE_LINE_CHARS: usize = 100;

/// Separates the headings of a section, the outermost first.
const HEADING_SEPARATOR: &str = " › ";

/// A text as sections, and its title if it has one.
#[derive(Debug, PartialEq, Eq)]
pub struct SectionedText {
    pub title: Option<String>,
    pub sections: Vec<Section>,
}

/// Splits Markdown at its headings. The title is `title`, else the first
/// heading of level 1.
pub fn from_markdown(text: &str, title: Option<String>) -> SectionedText {
    let parts = split_at_headings(text);
    let title = title.or_else(|| first_heading(&parts));
    sectioned(&parts, title)
}

/// Splits the Markdown of an HTML page at its headings. The first heading of
/// level 1 takes precedence over `title`, the text of `<title>`.
pub fn from_html_page(text: &str, title: Option<String>) -> SectionedText {
    let parts = split_at_headings(text);
    let title = first_heading(&parts).or(title);
    sectioned(&parts, title)
}

/// Splits plain text at its paragraphs.
pub fn from_plain_text(text: &str) -> SectionedText {
    let text = text.trim();
    let (first, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let is_short = first.chars().count() <= MAX_TITLE_LINE_CHARS;
    let (title, rest) = if is_short && !first.contains('\n') && !rest.is_empty() {
        (Some(shorten_heading(first)), rest)
    } else {
        (None, text)
    };
    let blocks = rest.split("\n\n").map(|paragraph| MarkdownBlock {
        text: paragraph.trim_matches('\n'),
        kind: BlockKind::Other,
    });
    let part = HeadingPart {
        blocks: blocks.collect(),
        ..HeadingPart::new(0)
    };
    sectioned(&[part], title)
}

/// A heading and the blocks between it and the next heading.
struct HeadingPart<'t> {
    /// 1 to 6; 0 before the first heading.
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

fn sectioned(parts: &[HeadingPart<'_>], title: Option<String>) -> SectionedText {
    let title = title.map(|title| shorten_heading(&title));
    let mut path: Vec<(usize, &str)> = Vec::new();
    let mut sections = Vec::new();
    for part in parts {
        path.retain(|(level, _)| *level < part.level);
        // The title is shown with every section, so it is not repeated.
        let is_title = part.level == 1 && title.as_deref() == Some(part.heading.as_str());
        if !is_title && !part.heading.is_empty() {
            path.push((part.level, &part.heading));
        }
        let names: Vec<_> = path.iter().map(|(_, name)| *name).collect();
        let heading = shorten_heading(&names.join(HEADING_SEPARATOR));
        let bodies = section_bodies(&part.blocks).into_iter();
        sections.extend(bodies.map(|body| Section {
            heading: heading.clone(),
            body,
        }));
    }
    let sections = merge_short_sections(sections);
    SectionedText { title, sections }
}

/// Joins white space to single spaces and truncates to [`MAX_HEADING_CHARS`].
pub fn shorten_heading(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MAX_HEADING_CHARS - 1) {
        Some((end, _)) => text[..end].trim_end().to_owned() + "…",
        None => text,
    }
}

/// Joins blocks to bodies of at most [`MAX_SECTION_CHARS`]; at least one body,
/// which may be empty.
fn section_bodies(blocks: &[MarkdownBlock<'_>]) -> Vec<String> {
    let mut bodies = vec![String::new()];
    let mut length = 0;
    let pieces = blocks
        .iter()
        .flat_map(|block| split_block(block.text, block.kind, MAX_SECTION_CHARS));
    for piece in pieces.filter(|piece| !piece.trim().is_empty()) {
        let piece_length = piece.chars().count();
        match bodies.last_mut() {
            Some(body) if length == 0 || length + piece_length <= MAX_SECTION_CHARS => {
                append_block(body, &piece);
                length += piece_length;
            }
            _ => {
                bodies.push(piece);
                length = piece_length;
            }
        }
    }
    bodies
}

fn append_block(body: &mut String, block: &str) {
    if !body.is_empty() && !block.is_empty() {
        body.push_str("\n\n");
    }
    body.push_str(block);
}

/// Merges each short section into the next section, and short sections at the
/// end into the one before them. The answer to a question stays a section of its own.
fn merge_short_sections(sections: Vec<Section>) -> Vec<Section> {
    let mut merged: Vec<Section> = Vec::new();
    let mut pending: Vec<Section> = Vec::new();
    let mut length = 0;
    for section in sections {
        length += section.body.chars().count();
        let is_answer = section.heading.ends_with(['?', '？']) && !section.body.is_empty();
        pending.push(section);
        if length >= MIN_SECTION_CHARS || is_answer || pending.len() == MAX_MERGED_SECTIONS {
            merged.extend(merge_into_last(&mut pending));
            length = 0;
        }
    }
    match merged.last_mut() {
        Some(last) => {
            for section in &pending {
                append_block(&mut last.body, &with_heading(section, &last.heading));
            }
        }
        None => merged.extend(merge_into_last(&mut pending)),
    }
    merged
}

/// Merges the sections into one, under the heading of the last. `None` if that
/// section would have neither heading nor body.
fn merge_into_last(sections: &mut Vec<Section>) -> Option<Section> {
    let last = sections.pop()?;
    let mut body = String::new();
    for section in sections.drain(..) {
        append_block(&mut body, &with_heading(&section, &last.heading));
    }
    append_block(&mut body, &last.body);
    if body.is_empty() {
        body = last.heading.clone();
    }
    (!body.is_empty()).then_some(Section { body, ..last })
}

/// The body of a section that is merged into another one: with its own heading
/// in bold, unless the other heading contains it.
fn with_heading(section: &Section, other_heading: &str) -> String {
    let mut names = section.heading.rsplit(HEADING_SEPARATOR);
    let own = names.next().unwrap_or_default();
    if own.is_empty() || other_heading.starts_with(&section.heading) {
        return section.body.clone();
    }
    let mut text = format!("**{own}**");
    append_block(&mut text, &section.body);
    text
}

/// The headings of a Markdown text, each with its blocks.
fn split_at_headings(text: &str) -> Vec<HeadingPart<'_>> {
    let mut parts = vec![HeadingPart::new(0)];
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
                        parts.push(HeadingPart::new(level as usize));
                    }
                    tag if depth == 1 => part.blocks.push(MarkdownBlock::new(text, range, &tag)),
                    _ => {}
                }
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                in_heading &= !matches!(tag, TagEnd::Heading(_));
            }
            Event::Text(name) | Event::Code(name) if in_heading => part.heading.push_str(&name),
            Event::SoftBreak | Event::HardBreak if in_heading => part.heading.push(' '),
            _ => {}
        }
    }
    for part in &mut parts {
        part.heading = shorten_heading(&part.heading);
    }
    parts
}

impl HeadingPart<'_> {
    fn new(level: usize) -> Self {
        Self {
            level,
            heading: String::new(),
            blocks: Vec::new(),
        }
    }
}

impl<'t> MarkdownBlock<'t> {
    fn new(text: &'t str, range: Range<usize>, tag: &Tag<'_>) -> Self {
        // Includes the indentation, which makes an indented code block.
        let line_start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let is_indented = text[line_start..range.start].trim().is_empty();
        let start = if is_indented { line_start } else { range.start };
        let kind = match tag {
            Tag::CodeBlock(_) => BlockKind::Code,
            Tag::Table(_) => BlockKind::Table,
            _ => BlockKind::Other,
        };
        let text = text[start..range.end].trim_end().trim_start_matches('\n');
        Self { text, kind }
    }
}
