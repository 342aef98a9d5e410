//! Blocks of Markdown that are too long to be one passage, cut where it hurts
//! least: a table between rows, code between lines, prose between sentences.

/// What a block is, as far as cutting it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    Code,
    Table,
    Other,
}

/// The block in pieces of about `most` characters. A piece of a table has the
/// table's head, a piece of code its fences.
pub fn split_block(block: &str, kind: BlockKind, most: usize) -> Vec<String> {
    if block.chars().count() <= most {
        return vec![block.to_owned()];
    }
    match kind {
        BlockKind::Table => split_table(block, most),
        BlockKind::Code if fence(block).is_some() => split_code(block, most),
        _ => pack_lines(block.lines(), most),
    }
}

fn split_table(block: &str, most: usize) -> Vec<String> {
    let mut lines = block.lines();
    let head: Vec<_> = lines.by_ref().take(2).collect();
    let head = head.join("\n");
    if head.chars().count() > most / 2 {
        return pack_lines(block.lines(), most);
    }
    let rows = pack_lines(lines, most);
    rows.iter().map(|rows| format!("{head}\n{rows}")).collect()
}

fn split_code(block: &str, most: usize) -> Vec<String> {
    let opening = block.lines().next().unwrap_or_default();
    let fence = fence(block).unwrap_or_default();
    let inside = block.lines().skip(1);
    let inside = inside.filter(|line| line.trim() != fence);
    let pieces = pack_lines(inside, most);
    let fenced = pieces
        .iter()
        .map(|piece| format!("{opening}\n{piece}\n{fence}"));
    fenced.collect()
}

/// The run of backticks or tildes that a code block begins with.
fn fence(block: &str) -> Option<&str> {
    let line = block.trim_start();
    let mark = line.chars().next().filter(|one| "`~".contains(*one))?;
    let end = line.find(|one| one != mark).unwrap_or(line.len());
    (end >= 3).then(|| &line[..end])
}

/// Lines put together again, `most` characters at a time.
fn pack_lines<'l>(lines: impl Iterator<Item = &'l str>, most: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut room = 0;
    for line in lines.flat_map(|line| split_line(line, most)) {
        let length = line.chars().count();
        match pieces.last_mut() {
            Some(piece) if length < room => {
                piece.push('\n');
                piece.push_str(line);
                room -= length + 1;
            }
            _ => {
                pieces.push(line.to_owned());
                room = most.saturating_sub(length);
            }
        }
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// A line in parts of at most `most` characters: after a sentence where there
/// is one to end, else after a word, else anywhere.
fn split_line(mut line: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    while let Some((limit, _)) = line.char_indices().nth(most) {
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

/// Just after the last sentence that ends in `text`.
fn sentence_end(text: &str) -> Option<usize> {
    let mut ends = text.char_indices().rev();
    let mut after = ' ';
    loop {
        let (at, one) = ends.next()?;
        let wide = matches!(one, '。' | '！' | '？');
        if wide || matches!(one, '.' | '!' | '?') && after.is_whitespace() && at + 1 < text.len() {
            return Some(at + one.len_utf8());
        }
        after = one;
    }
}
