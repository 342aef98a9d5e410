//! Splits Markdown into segments that can be quoted separately: sentences, list items,
//! table rows and code blocks. Segments that are of no use without each other are one
//! unit: a sentence that ends in a colon, and the list, table or code that it announces.

use std::ops::Range;

use super::sentences::sentence_ends;

/// A part of a Markdown text.
pub struct Segment<'b> {
    pub text: &'b str,
    /// The text between this segment and the previous one.
    pub separator: &'static str,
    /// The number of the unit.
    pub unit: usize,
    /// For a table row, the index of the table's header.
    pub table_header: Option<usize>,
    pub is_table_header: bool,
}

/// How many blocks may be between two steps of a numbered list.
const MAX_BLOCKS_BETWEEN_STEPS: usize = 3;

/// The minimum indentation of a block that continues a list item.
const MIN_CONTINUATION_INDENT: &str = "  ";

/// Returns the segments of a text in their order.
pub fn segments(markdown: &str) -> Vec<Segment<'_>> {
    let mut segments = Segments::default();
    for block in blocks(markdown) {
        segments.push_block(block);
    }
    segments.list
}

#[derive(Default)]
struct Segments<'b> {
    list: Vec<Segment<'b>>,
    /// The number of the next unit.
    unit: usize,
    /// The unit of the sentence that announces the current block.
    announcing: Option<usize>,
}

impl<'b> Segments<'b> {
    fn push_block(&mut self, block: &'b str) {
        let last = self.list.last();
        self.announcing = last.and_then(|last| announces(last.text).then_some(last.unit));
        let start = block.trim_start();
        if start.starts_with("```") || start.starts_with("~~~") || start.starts_with('>') {
            self.push(block, "\n\n");
        } else if start.starts_with('|') {
            self.push_table(block);
        } else if list_marker(start).is_some() {
            self.push_list(block);
        } else {
            self.push_sentences(block);
        }
    }

    fn push(&mut self, text: &'b str, separator: &'static str) {
        if text.trim().is_empty() {
            return;
        }
        let unit = self.announcing.unwrap_or(self.unit);
        self.unit += 1;
        self.list.push(Segment {
            text: text.trim_end(),
            separator,
            unit,
            table_header: None,
            is_table_header: false,
        });
    }

    /// Adds the header, with the delimiter row, and each row of a table.
    fn push_table(&mut self, block: &'b str) {
        let line_ends = block.match_indices('\n').map(|(index, _)| index + 1);
        let Some(header_end) = line_ends.take(2).last() else {
            self.push(block, "\n\n");
            return;
        };
        let header = self.list.len();
        self.push(&block[..header_end], "\n\n");
        self.list[header].is_table_header = true;
        for row in block[header_end..].lines() {
            self.push(row, "\n");
        }
        for row in &mut self.list[header + 1..] {
            row.table_header = Some(header);
        }
    }

    /// Adds each item of a list. A numbered list is one segment, because a step is of no
    /// use without the steps before it.
    fn push_list(&mut self, block: &'b str) {
        if step_number(block.trim_start()).is_some() {
            self.push(block, "\n\n");
            return;
        }
        let (mut start, mut position, mut separator) = (0, 0, "\n\n");
        for line in block.split_inclusive('\n') {
            if position > start && list_marker(line).is_some() {
                self.push(&block[start..position], separator);
                (start, separator) = (position, "\n");
            }
            position += line.len();
        }
        self.push(&block[start..], separator);
    }

    fn push_sentences(&mut self, block: &'b str) {
        let (mut start, mut separator) = (0, "\n\n");
        for end in sentence_ends(block) {
            self.push(block[start..end].trim_start(), separator);
            (start, separator) = (end, " ");
        }
        self.push(block[start..].trim_start(), separator);
    }
}

/// Whether a text ends in a colon, so that it is of no use without what follows.
fn announces(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_'));
    text.ends_with([':', '：'])
}

/// Splits a text at blank lines outside of code blocks. The items of a list are one
/// block.
fn blocks(markdown: &str) -> Vec<&str> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    let mut ranges = plain_blocks(markdown);
    ranges.reverse();
    while let Some(mut block) = ranges.pop() {
        while let Some(count) = continuation(markdown, &block, &ranges) {
            for next in ranges.split_off(ranges.len() - count) {
                block.end = block.end.max(next.end);
            }
        }
        merged.push(block);
    }
    merged.into_iter().map(|range| &markdown[range]).collect()
}

/// Returns how many of the next blocks belong to a list that `block` is part of. The next
/// block is the last one of `rest`.
fn continuation(markdown: &str, block: &Range<usize>, rest: &[Range<usize>]) -> Option<usize> {
    let text = &markdown[block.clone()];
    let marker = list_marker(text.trim_start())?;
    let next = &markdown[rest.last()?.clone()];
    let is_same_list = step_number(text.trim_start()).is_none()
        && list_marker(next) == Some(marker)
        && next.starts_with(marker);
    if next.starts_with(MIN_CONTINUATION_INDENT) || is_same_list {
        return Some(1);
    }
    let last_step = text.lines().filter_map(step_number).max()?;
    let following = rest.iter().rev().take(MAX_BLOCKS_BETWEEN_STEPS + 1);
    let mut steps = following.map(|range| step_number(&markdown[range.clone()]));
    let distance = steps.position(|number| number == Some(last_step + 1))?;
    Some(distance + 1)
}

fn plain_blocks(markdown: &str) -> Vec<Range<usize>> {
    let (mut blocks, mut start, mut position, mut is_code) = (Vec::new(), 0, 0, false);
    for line in markdown.split_inclusive('\n') {
        let line_start = line.trim_start();
        is_code ^= line_start.starts_with("```") || line_start.starts_with("~~~");
        if line.trim().is_empty() && !is_code {
            blocks.push(start..position);
            start = position + line.len();
        }
        position += line.len();
    }
    blocks.push(start..markdown.len());
    blocks.retain(|block| !markdown[block.clone()].trim().is_empty());
    blocks
}

/// Returns the mark of a list item: a bullet, or the end of the number.
fn list_marker(line: &str) -> Option<&'static str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let marks: &[&str] = if digits > 0 {
        &[". ", ") "]
    } else {
        &["- ", "* ", "+ "]
    };
    marks
        .iter()
        .find(|mark| line[digits..].starts_with(**mark))
        .copied()
}

/// Returns the number of a numbered item.
fn step_number(line: &str) -> Option<u32> {
    list_marker(line)?;
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    line[..digits].parse().ok()
}
