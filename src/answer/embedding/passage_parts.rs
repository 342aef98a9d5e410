//! Divides passages into texts that fit into an embedding model.

use std::ops::Range;

/// The maximum number of texts of a passage. The rest of a longer passage is found by its
/// words alone.
pub const MAX_PARTS: usize = 64;

/// Divides a passage. Each text begins with `head`, so that it says what it is about.
/// `pieces` returns ranges of the body, of which each fits into the model beside the head.
pub fn parts(
    head: &str,
    body: &str,
    pieces: impl FnOnce(&str) -> Vec<Range<usize>>,
) -> Vec<String> {
    let body = body.trim();
    let pieces = pieces(body);
    if pieces.is_empty() {
        return vec![head.to_owned()];
    }
    let text = |piece: Range<usize>| format!("{head}\n{}", body[piece].trim());
    pieces.into_iter().take(MAX_PARTS).map(text).collect()
}

/// Returns the end of a piece that begins at `start` and ends at or before `limit`: after a
/// paragraph, a sentence or a word if one of these ends in the last third of the piece,
/// otherwise at `limit`.
pub fn piece_end(text: &str, start: usize, limit: usize) -> usize {
    if limit >= text.len() {
        return text.len();
    }
    let limit = text.floor_char_boundary(limit);
    let earliest = text.floor_char_boundary(start + (limit - start) * 2 / 3);
    let tail = &text[earliest..limit];
    let ends = ["\n\n", "\n", ". ", "。", " "];
    let end = ends
        .iter()
        .find_map(|end| Some(tail.rfind(end)? + end.len()));
    end.map_or(limit, |end| earliest + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_begins_with_the_head() {
        let halves = |body: &str| vec![0..4, 4..body.len()];
        assert_eq!(
            parts("Title", " abc def ", halves),
            ["Title\nabc", "Title\ndef"]
        );
        assert_eq!(parts("Title", "", |_| Vec::new()), ["Title"]);
        let many = |body: &str| vec![0..body.len(); 100];
        assert_eq!(parts("Title", "text", many).len(), MAX_PARTS);
    }

    #[test]
    fn piece_ends_after_a_paragraph_sentence_or_word() {
        for (text, limit, expected) in [
            ("Short.", 10, "Short."),
            ("One two three. Four five", 20, "One two three. "),
            ("One two three four five", 20, "One two three four "),
            ("One two.\n\nThree. Four", 12, "One two.\n\n"),
            ("ééééééééé", 7, "ééé"),
        ] {
            assert_eq!(&text[..piece_end(text, 0, limit)], expected);
        }
    }
}
