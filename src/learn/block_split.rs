//! Splits a Markdown block that is too long for one section: a table between
//! rows, code between lines, prose between sentences.

/// The kind of a block, as far as splitting it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    Code,
    Table,
    Other,
}

/// Splits `block` into pieces of about `max_chars` characters. Each piece of a
/// table repeats the table's header, each piece of code its fences.
pub fn split_block(block: &str, kind: BlockKind, max_chars: usize) -> Vec<String> {
    if block.chars().count() <= max_chars {
        return vec![block.to_owned()];
    }
    match kind {
        BlockKind::Table => split_table(block, max_chars),
        BlockKind::Code if fence(block).is_some() => split_code(block, max_chars),
        _ => pack_lines(block.lines(), max_chars),
    }
}

fn split_table(block: &str, max_chars: usize) -> Vec<String> {
    let mut lines = block.lines();
    let header: Vec<_> = lines.by_ref().take(2).collect();
    let header = header.join("\n");
    if header.chars().count() > max_chars / 2 {
        return pack_lines(block.lines(), max_chars);
    }
    let pieces = pack_lines(lines, max_chars);
    pieces
        .iter()
        .map(|rows| format!("{header}\n{rows}"))
        .collect()
}

fn split_code(block: &str, max_chars: usize) -> Vec<String> {
    let opening = block.lines().next().unwrap_or_default();
    if opening.chars().count() > max_chars / 2 {
        return pack_lines(block.lines(), max_chars);
    }
    let fence = fence(block).unwrap_or_default();
    let code = block.lines().skip(1).filter(|line| line.trim() != fence);
    let pieces = pack_lines(code, max_chars);
    pieces
        .iter()
        .map(|piece| format!("{opening}\n{piece}\n{fence}"))
        .collect()
}

/// The three or more backticks or tildes at the start of a fenced code block.
fn fence(block: &str) -> Option<&str> {
    let line = block.trim_start();
    let mark = line.chars().next().filter(|char| "`~".contains(*char))?;
    let end = line.find(|char| char != mark).unwrap_or(line.len());
    (end >= 3).then(|| &line[..end])
}

/// Joins lines to pieces of at most `max_chars` characters. Longer lines are
/// split first.
fn pack_lines<'l>(lines: impl Iterator<Item = &'l str>, max_chars: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut room = 0;
    for line in lines.flat_map(|line| split_line(line, max_chars)) {
        let length = line.chars().count();
        match pieces.last_mut() {
            Some(piece) if length < room => {
                piece.push('\n');
                piece.push_str(line);
                room -= length + 1;
            }
            _ => {
                pieces.push(line.to_owned());
                room = max_chars.saturating_sub(length);
            }
        }
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// Splits a line into parts of at most `max_chars` characters: after a
/// sentence, else after a word, else anywhere.
fn split_line(mut line: &str, max_chars: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    while let Some((limit, _)) = line.char_indices().nth(max_chars) {
        let within = &line[..limit];
        let end = sentence_end(within).filter(|end| *end > limit / 3);
        let end = end.or_else(|| within.rfind(' ').map(|at| at + 1));
        let (part, rest) = line.split_at(end.filter(|end| *end > 0).unwrap_or(limit));
        parts.push(part.trim_end());
        line = rest.trim_start_matches(' ');
    }
    parts.push(line);
    parts
}

/// The byte offset after the last sentence that ends within `text`.
fn sentence_end(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().rev();
    let mut next = ' ';
    loop {
        let (at, char) = chars.next()?;
        let is_wide = matches!(char, '。' | '！' | '？');
        let ends_word = next.is_whitespace() && at + 1 < text.len();
        if is_wide || matches!(char, '.' | '!' | '?') && ends_word {
            return Some(at + char.len_utf8());
        }
        next = char;
    }
}
