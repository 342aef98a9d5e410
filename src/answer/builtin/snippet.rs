//! Extracts the part of a passage that answers a query. A short passage is
//! returned whole. From a longer passage, the segments with most words of the query
//! are returned in their order.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::markdown_segments::{Segment, segments};
use crate::answer::retrieval::{is_stop_word, stem, tokenize};

/// Returns at most `max_chars` characters of `body`. Returns `None` if nothing
/// fits.
pub fn snippet(query: &str, body: &str, max_chars: usize) -> Option<String> {
    let body = without_citations(body);
    if body.is_empty() {
        return None;
    }
    if body.chars().count() <= max_chars {
        return Some(body);
    }
    let segments = segments(&body);
    let text = best_segments(query, &segments, max_chars);
    if text.is_empty() {
        return first_lines(&body, max_chars);
    }
    Some(text)
}

/// Joins the segments that have most words of the query.
fn best_segments(query: &str, segments: &[Segment<'_>], max_chars: usize) -> String {
    let query = stems(query);
    let scores: Vec<_> = segments
        .iter()
        .map(|segment| stems(segment.text).intersection(&query).count())
        .collect();
    let is_selected = select(segments, &scores, max_chars);
    let mut text = String::new();
    for (segment, _) in segments.iter().zip(is_selected).filter(|(_, is)| *is) {
        if !text.is_empty() {
            text.push_str(segment.separator);
        }
        text.push_str(segment.text);
    }
    text
}

/// Returns whether each segment is selected. Takes the segments with the highest
/// scores first, and among equal scores the earlier, as long as they fit.
fn select(segments: &[Segment<'_>], scores: &[usize], max_chars: usize) -> Vec<bool> {
    let mut order: Vec<_> = (0..segments.len()).collect();
    order.sort_by_key(|index| Reverse(scores[*index]));
    let mut is_selected = vec![false; segments.len()];
    let mut remaining = max_chars;
    let has_match = order.first().is_some_and(|index| scores[*index] > 0);
    for index in order {
        if has_match && scores[index] == 0 {
            break;
        }
        let header = segments[index].table_header;
        let header = header.filter(|header| !is_selected[*header]);
        let needed = [Some(index), header].into_iter().flatten();
        // The separator has at most two characters.
        let cost = |index: usize| segments[index].text.chars().count() + 2;
        let total: usize = needed.clone().map(cost).sum();
        if !is_selected[index] && total <= remaining {
            remaining -= total;
            needed.for_each(|index| is_selected[index] = true);
        }
    }
    is_selected
}

fn stems(text: &str) -> HashSet<String> {
    let mut stems = HashSet::new();
    tokenize(text, |token| {
        if !is_stop_word(token) {
            stems.insert(stem(token));
        }
    });
    stems
}

/// Returns the first lines that fit, followed by an ellipsis: the first steps of a
/// long list are better than none. Returns `None` if no line fits.
fn first_lines(body: &str, max_chars: usize) -> Option<String> {
    // The ellipsis and its line break.
    let mut remaining = max_chars.checked_sub(2)?;
    let mut text = String::new();
    for line in body.lines() {
        let length = line.chars().count() + 1;
        if length > remaining {
            break;
        }
        remaining -= length;
        text.push_str(line);
        text.push('\n');
    }
    let text = close_code_block(text.trim_end().to_owned());
    (!text.is_empty()).then(|| text + "\n…")
}

/// Closes the last code block of a text, so that text after it is not part of the
/// block.
pub fn close_code_block(mut text: String) -> String {
    let mut open_fence = None;
    for line in text.lines().map(str::trim_start) {
        let fence = ["```", "~~~"]
            .into_iter()
            .find(|fence| line.starts_with(fence));
        match (open_fence, fence) {
            (None, Some(fence)) => open_fence = Some(fence),
            (Some(open), Some(fence)) if open == fence => open_fence = None,
            _ => {}
        }
    }
    if let Some(fence) = open_fence {
        text.push('\n');
        text.push_str(fence);
    }
    text
}

/// Returns a body without text that a client would read as citations of the
/// answer: lines `[1]: …`, and `[1]` without a link target.
fn without_citations(body: &str) -> String {
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

/// Appends a line. Replaces `[1]` by `(1)`.
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

#[cfg(test)]
mod tests {
    use super::snippet;

    #[test]
    fn short_passage_is_returned_whole() {
        let body = "One. Two.\n\n- three";
        assert_eq!(snippet("four", body, 900).as_deref(), Some(body));
        assert_eq!(snippet("four", " \n", 900), None);
        assert_eq!(snippet("four", "One.", 3), None);
    }

    #[test]
    fn long_passage_is_reduced_to_matching_sentences_items_and_rows() {
        let body = "Cats sleep. **Dogs. Bark**. Birds sing.\n\n- dogs run\n- fish swim\n\n\
                    | what | legs |\n|---|---|\n| cat | 4 |\n| dog | 4 |\n| bird | 2 |";
        assert_eq!(
            snippet("dogs", body, 90).as_deref(),
            Some("**Dogs. Bark**.\n\n- dogs run\n\n| what | legs |\n|---|---|\n| dog | 4 |")
        );
    }

    #[test]
    fn citations_in_a_passage_are_removed() {
        let body =
            "True [1], see [2](https://x.example).\n[1]: https://evil.example \"x\"\nEnd [é] [";
        assert_eq!(
            snippet("true", body, 900).as_deref(),
            Some("True (1), see [2](https://x.example).\nEnd [é] [")
        );
    }

    #[test]
    fn code_block_is_not_split() {
        let body = format!("```\ndogs\n\ncats\n```\n\n{}", "Other words. ".repeat(50));
        assert_eq!(
            snippet("cats", &body, 60).as_deref(),
            Some("```\ndogs\n\ncats\n```")
        );
    }
}
