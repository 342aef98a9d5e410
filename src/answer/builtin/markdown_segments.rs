//! Splits Markdown into segments that can be quoted separately: sentences, list
//! items, table rows and code blocks.

/// A part of a Markdown text.
pub struct Segment<'b> {
    pub text: &'b str,
    /// The text between this segment and the previous one.
    pub separator: &'static str,
    /// For a table row, the index of the table's header.
    pub table_header: Option<usize>,
}

/// Returns the segments of a text in their order.
pub fn segments(markdown: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    for block in blocks(markdown) {
        let start = block.trim_start();
        if start.starts_with("```") || start.starts_with("~~~") || start.starts_with('>') {
            push(&mut segments, block, "\n\n", None);
        } else if start.starts_with('|') {
            push_table(block, &mut segments);
        } else if is_list_item(start) {
            push_list(block, &mut segments);
        } else {
            push_sentences(block, &mut segments);
        }
    }
    segments
}

fn push<'b>(
    segments: &mut Vec<Segment<'b>>,
    text: &'b str,
    separator: &'static str,
    table_header: Option<usize>,
) {
    if !text.trim().is_empty() {
        segments.push(Segment {
            text: text.trim_end(),
            separator,
            table_header,
        });
    }
}

/// Splits a text at blank lines outside of code blocks.
fn blocks(markdown: &str) -> Vec<&str> {
    let (mut blocks, mut start, mut position, mut is_code) = (Vec::new(), 0, 0, false);
    for line in markdown.split_inclusive('\n') {
        let line_start = line.trim_start();
        is_code ^= line_start.starts_with("```") || line_start.starts_with("~~~");
        if line.trim().is_empty() && !is_code {
            blocks.push(&markdown[start..position]);
            start = position + line.len();
        }
        position += line.len();
    }
    blocks.push(&markdown[start..]);
    blocks.retain(|block| !block.trim().is_empty());
    blocks
}

/// Adds the header, with the delimiter row, and each row of a table.
fn push_table<'b>(block: &'b str, segments: &mut Vec<Segment<'b>>) {
    let line_ends = block.match_indices('\n').map(|(index, _)| index + 1);
    let Some(header_end) = line_ends.take(2).last() else {
        push(segments, block, "\n\n", None);
        return;
    };
    let header = segments.len();
    push(segments, &block[..header_end], "\n\n", None);
    for row in block[header_end..].lines() {
        push(segments, row, "\n", Some(header));
    }
}

fn is_list_item(line: &str) -> bool {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let is_numbered = digits > 0
        && [". ", ") "]
            .iter()
            .any(|end| line[digits..].starts_with(end));
    is_numbered || ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark))
}

/// Adds each item of a list. A numbered list is one segment, because a step is of
/// no use without the steps before it.
fn push_list<'b>(block: &'b str, segments: &mut Vec<Segment<'b>>) {
    if block.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
        push(segments, block, "\n\n", None);
        return;
    }
    let (mut start, mut position, mut separator) = (0, 0, "\n\n");
    for line in block.split_inclusive('\n') {
        if position > start && is_list_item(line) {
            push(segments, &block[start..position], separator, None);
            (start, separator) = (position, "\n");
        }
        position += line.len();
    }
    push(segments, &block[start..], separator, None);
}

/// Adds each sentence of a paragraph. A sentence does not end inside emphasis,
/// code or a link.
fn push_sentences<'b>(block: &'b str, segments: &mut Vec<Segment<'b>>) {
    let (mut start, mut separator) = (0, "\n\n");
    for (index, c) in block.char_indices() {
        let next = index + c.len_utf8();
        let is_end = match c {
            '.' | '!' | '?' => block[next..].starts_with([' ', '\n']),
            '。' | '！' | '？' => true,
            _ => false,
        };
        if is_end && has_balanced_marks(&block[start..next]) {
            push(segments, block[start..next].trim_start(), separator, None);
            (start, separator) = (next, " ");
        }
    }
    push(segments, block[start..].trim_start(), separator, None);
}

fn has_balanced_marks(text: &str) -> bool {
    let is_even = |mark: &str| text.matches(mark).count().is_multiple_of(2);
    let count = |c: char| text.matches(c).count();
    ["**", "*", "`", "_"].into_iter().all(is_even)
        && count('[') == count(']')
        && count('(') == count(')')
}
