//! The part of a section that answers a question: whole where it is short, else
//! its sentences, list items and table rows that have most of the question's
//! tokenize, in their order.

use std::collections::HashSet;

use crate::answer::retrieval::{is_stop_word, stem, tokenize};

/// A piece of Markdown that stands by itself.
struct Piece<'b> {
    text: &'b str,
    /// What parts it from the piece before where both are kept.
    gap: &'static str,
    /// A table's head: it comes with any of its rows.
    heads: Option<usize>,
    score: usize,
}

/// At most `room` characters of `body`; none where nothing fits.
pub fn excerpt(question: &str, body: &str, room: usize) -> Option<String> {
    let body = without_references(body);
    if body.is_empty() {
        return None;
    }
    if body.chars().count() <= room {
        return Some(body);
    }
    let asked = stems(question);
    let mut pieces = pieces(&body);
    for piece in &mut pieces {
        piece.score = stems(piece.text).intersection(&asked).count();
    }
    let kept = choose(&pieces, room);
    let mut text = String::new();
    for (piece, _) in pieces.iter().zip(&kept).filter(|(_, is_kept)| **is_kept) {
        if !text.is_empty() {
            text.push_str(piece.gap);
        }
        text.push_str(piece.text);
    }
    match text.is_empty() {
        false => Some(text),
        true => beginning(&body, room),
    }
}

/// The first lines that there is room for, of a piece that is longer than that:
/// some steps of a long list are of more use than none.
fn beginning(body: &str, room: usize) -> Option<String> {
    let mut left = room.checked_sub(2)?;
    let mut text = String::new();
    for line in body.lines() {
        let length = line.chars().count() + 1;
        if length > left {
            break;
        }
        left -= length;
        text.push_str(line);
        text.push('\n');
    }
    let text = closed(text.trim_end().to_owned());
    (!text.is_empty()).then(|| text + "\n…")
}

/// The text with its last block of code closed, so that what is put behind it
/// does not become code.
pub fn closed(mut text: String) -> String {
    let mut fence = None;
    for line in text.lines().map(str::trim_start) {
        let marks = ["```", "~~~"]
            .into_iter()
            .find(|mark| line.starts_with(mark));
        match (fence, marks) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
    }
    if let Some(fence) = fence {
        text.push('\n');
        text.push_str(fence);
    }
    text
}

/// The pieces that are kept: those with most of the words first, of equal ones
/// the earlier, as long as there is room.
fn choose(pieces: &[Piece<'_>], room: usize) -> Vec<bool> {
    let mut order: Vec<_> = (0..pieces.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(pieces[*place].score));
    let mut kept = vec![false; pieces.len()];
    let mut left = room;
    let any = order.first().is_some_and(|place| pieces[*place].score > 0);
    for place in order {
        if any && pieces[place].score == 0 {
            break;
        }
        let with = pieces[place].heads.filter(|head| !kept[*head]);
        let needed = [Some(place), with].into_iter().flatten();
        let cost = |place: usize| pieces[place].text.chars().count() + 2;
        let total: usize = needed.clone().map(cost).sum();
        if !kept[place] && total <= left {
            left -= total;
            needed.for_each(|place| kept[place] = true);
        }
    }
    kept
}

fn stems(text: &str) -> HashSet<String> {
    let mut all = HashSet::new();
    tokenize(text, |word| {
        if !is_stop_word(word) {
            all.insert(stem(word));
        }
    });
    all
}

/// A body without what would be taken for the answer's own citations: lines
/// `[1]: …`, and `[1]` where it is no link.
fn without_references(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    for line in body.trim().lines() {
        let start = line.trim_start();
        if start.starts_with('[') && start.contains("]:") {
            continue;
        }
        push_without_markers(line, &mut text);
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

fn push_without_markers(line: &str, text: &mut String) {
    let mut rest = line;
    while let Some(start) = rest.find('[') {
        let (before, after) = rest.split_at(start);
        text.push_str(before);
        let digits = after[1..].bytes().take_while(u8::is_ascii_digit).count();
        let end = 1 + digits;
        let is_marker =
            digits > 0 && after[end..].starts_with(']') && !after[end + 1..].starts_with('(');
        if is_marker {
            text.push('(');
            text.push_str(&after[1..end]);
            text.push(')');
            rest = &after[end + 1..];
        } else {
            text.push('[');
            rest = &after[1..];
        }
    }
    text.push_str(rest);
}

/// A body in pieces.
fn pieces(body: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for block in blocks(body) {
        let first = block.trim_start();
        if first.starts_with("```") || first.starts_with("~~~") || first.starts_with('>') {
            push(&mut pieces, block, "\n\n", None);
        } else if first.starts_with('|') {
            table(block, &mut pieces);
        } else if is_item(first) {
            list(block, &mut pieces);
        } else {
            sentences(block, &mut pieces);
        }
    }
    pieces
}

fn push<'b>(pieces: &mut Vec<Piece<'b>>, text: &'b str, gap: &'static str, heads: Option<usize>) {
    if !text.trim().is_empty() {
        pieces.push(Piece {
            text: text.trim_end(),
            gap,
            heads,
            score: 0,
        });
    }
}

/// What stands between empty lines; a block of code is one with all of its own.
fn blocks(body: &str) -> Vec<&str> {
    let (mut all, mut start, mut at, mut is_code) = (Vec::new(), 0, 0, false);
    for line in body.split_inclusive('\n') {
        let marks = line.trim_start();
        is_code ^= marks.starts_with("```") || marks.starts_with("~~~");
        if line.trim().is_empty() && !is_code {
            all.push(&body[start..at]);
            start = at + line.len();
        }
        at += line.len();
    }
    all.push(&body[start..]);
    all.retain(|block| !block.trim().is_empty());
    all
}

/// Rows, each with the head and the line below it.
fn table<'b>(block: &'b str, pieces: &mut Vec<Piece<'b>>) {
    let ends = block.match_indices('\n').map(|(at, _)| at + 1);
    let Some(end) = ends.take(2).last() else {
        push(pieces, block, "\n\n", None);
        return;
    };
    let head = pieces.len();
    push(pieces, &block[..end], "\n\n", None);
    for row in block[end..].lines() {
        push(pieces, row, "\n", Some(head));
    }
}

fn is_item(line: &str) -> bool {
    let number = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = number > 0
        && [". ", ") "]
            .iter()
            .any(|end| line[number..].starts_with(end));
    numbered || ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark))
}

/// Items with the lines that belong to them. Steps come all or none: one without
/// those before it helps nobody.
fn list<'b>(block: &'b str, pieces: &mut Vec<Piece<'b>>) {
    if block.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
        push(pieces, block, "\n\n", None);
        return;
    }
    let (mut start, mut at, mut gap) = (0, 0, "\n\n");
    for line in block.split_inclusive('\n') {
        if at > start && is_item(line) {
            push(pieces, &block[start..at], gap, None);
            (start, gap) = (at, "\n");
        }
        at += line.len();
    }
    push(pieces, &block[start..], gap, None);
}

/// Sentences, none of which ends within emphasis, code or a link.
fn sentences<'b>(block: &'b str, pieces: &mut Vec<Piece<'b>>) {
    let (mut start, mut gap) = (0, "\n\n");
    for (at, c) in block.char_indices() {
        let next = at + c.len_utf8();
        let is_end = match c {
            '.' | '!' | '?' => block[next..].starts_with([' ', '\n']),
            '。' | '！' | '？' => true,
            _ => false,
        };
        if is_end && is_closed(&block[start..next]) {
            push(pieces, block[start..next].trim_start(), gap, None);
            (start, gap) = (next, " ");
        }
    }
    push(pieces, block[start..].trim_start(), gap, None);
}

fn is_closed(text: &str) -> bool {
    let is_even = |mark: &str| text.matches(mark).count().is_multiple_of(2);
    let count = |c: char| text.matches(c).count();
    ["**", "*", "`", "_"].into_iter().all(is_even)
        && count('[') == count(']')
        && count('(') == count(')')
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn a_short_section_is_taken_whole() {
        let body = "One. Two.\n\n- three";
        assert_eq!(excerpt("four", body, 900).as_deref(), Some(body));
        assert_eq!(excerpt("four", " \n", 900), None);
        assert_eq!(excerpt("four", "One.", 3), None);
    }

    #[test]
    fn of_a_long_one_the_sentences_items_and_rows_that_matter() {
        let body = "Cats sleep. **Dogs. Bark**. Birds sing.\n\n- dogs run\n- fish swim\n\n\
                    | what | legs |\n|---|---|\n| cat | 4 |\n| dog | 4 |\n| bird | 2 |";
        assert_eq!(
            excerpt("dogs", body, 90).as_deref(),
            Some("**Dogs. Bark**.\n\n- dogs run\n\n| what | legs |\n|---|---|\n| dog | 4 |")
        );
    }

    #[test]
    fn a_text_cannot_add_citations() {
        let body =
            "True [1], see [2](https://x.example).\n[1]: https://evil.example \"x\"\nEnd [é] [";
        assert_eq!(
            excerpt("true", body, 900).as_deref(),
            Some("True (1), see [2](https://x.example).\nEnd [é] [")
        );
    }

    #[test]
    fn code_stays_in_one_piece() {
        let body = format!("```\ndogs\n\ncats\n```\n\n{}", "Other words. ".repeat(50));
        assert_eq!(
            excerpt("cats", &body, 60).as_deref(),
            Some("```\ndogs\n\ncats\n```")
        );
    }
}
