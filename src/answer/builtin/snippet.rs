//! Extracts the part of a passage that answers a query. A short passage is
//! returned whole. From a longer passage, the segments with most words of the query
//! are returned in their order.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::markdown_segments::{Segment, segments};
use crate::answer::retrieval::{is_stop_word, stem, tokenize};

/// The maximum length of the best unit of a passage, in percent of the length of a quote.
/// The steps of an instruction are of no use without each other. Longer units are cut.
const MAX_UNIT_PERCENT: usize = 178;

/// Returns about `max_chars` characters of `body`. Returns `None` if nothing fits.
pub fn snippet(query: &str, body: &str, max_chars: usize) -> Option<String> {
    let body = without_markup(body);
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

/// Puts the heading of the section before a quote that is not understandable without it:
/// a table, list or code, or a quote that lacks words of the question that the heading
/// has.
pub fn with_heading(query: &str, heading: &str, quote: String) -> String {
    let own = heading.rsplit(" › ").next().unwrap_or_default().trim();
    let own = own.trim_end_matches([':', '?', '*', '#']);
    if own.is_empty() || own.contains(['*', '`', '[', ']', '\n']) {
        return quote;
    }
    let (query, in_quote, in_heading) = (stems(query), stems(&quote), stems(own));
    let mut missing = in_heading.intersection(&query);
    let lacks_words = missing.any(|stem| !in_quote.contains(stem));
    let is_block = quote.starts_with(['|', '-', '*', '+', '`', '~']) && !quote.starts_with("**")
        || quote.starts_with(|c: char| c.is_ascii_digit()) && quote.contains("\n2");
    if lacks_words || (is_block && !in_heading.is_empty()) {
        return format!("**{own}**\n\n{quote}");
    }
    quote
}

/// Joins the segments that have most words of the query.
fn best_segments(query: &str, segments: &[Segment<'_>], max_chars: usize) -> String {
    let query = stems(query);
    let is_selected = Selection::new(segments, &query).select(max_chars);
    let mut text = String::new();
    for (segment, _) in segments.iter().zip(is_selected).filter(|(_, is)| *is) {
        if !text.is_empty() {
            text.push_str(segment.separator);
        }
        text.push_str(segment.text);
    }
    text
}

/// Selects segments: the units with the highest scores first, and among equal scores the
/// earlier, as long as they fit.
struct Selection<'s, 'b> {
    segments: &'s [Segment<'b>],
    /// By segment: the number of words of the query.
    scores: Vec<usize>,
    is_selected: Vec<bool>,
}

impl<'s, 'b> Selection<'s, 'b> {
    fn new(segments: &'s [Segment<'b>], query: &HashSet<String>) -> Self {
        let scores = segments
            .iter()
            .map(|segment| stems(segment.text).intersection(query).count());
        Self {
            segments,
            scores: scores.collect(),
            is_selected: vec![false; segments.len()],
        }
    }

    fn select(mut self, max_chars: usize) -> Vec<bool> {
        let mut units: Vec<usize> = self.segments.iter().map(|segment| segment.unit).collect();
        units.dedup();
        units.sort_by_key(|unit| Reverse(self.unit_score(*unit)));
        units.dedup();
        let has_match = units.first().is_some_and(|unit| self.unit_score(*unit) > 0);
        let mut remaining = max_chars;
        for (position, unit) in units.into_iter().enumerate() {
            if has_match && self.unit_score(unit) == 0 {
                break;
            }
            let members = self.members(unit);
            let cost = self.cost(&members);
            if cost <= remaining || (position == 0 && cost * 100 <= max_chars * MAX_UNIT_PERCENT) {
                remaining = remaining.saturating_sub(cost);
                members
                    .iter()
                    .for_each(|index| self.is_selected[*index] = true);
            } else if position == 0 {
                remaining = self.select_part(&members, remaining);
            }
        }
        self.is_selected
    }

    /// Returns the segments of a unit. A row of a table needs the header. A header is
    /// quoted with its rows only.
    fn members(&self, unit: usize) -> Vec<usize> {
        let of_unit = |index: &usize| self.segments[*index].unit == unit;
        let mut members: Vec<usize> = (0..self.segments.len()).filter(of_unit).collect();
        if let [only] = members[..] {
            let header = self.segments[only].table_header;
            members.splice(0..0, header.filter(|header| !self.is_selected[*header]));
            if self.segments[only].is_table_header {
                members.extend(self.rows(only));
            }
        }
        members.retain(|index| !self.is_selected[*index]);
        members
    }

    fn rows(&self, header: usize) -> impl Iterator<Item = usize> {
        let is_row = move |index: &usize| self.segments[*index].table_header == Some(header);
        (0..self.segments.len()).filter(is_row)
    }

    /// Selects the segments of a long unit that have most words of the query, after the
    /// sentence that announces them and the header of a table. Returns the remaining
    /// number of characters.
    fn select_part(&mut self, members: &[usize], mut remaining: usize) -> usize {
        let is_first = |index: usize| index == members[0] || self.segments[index].is_table_header;
        let mut order: Vec<usize> = members.to_vec();
        order.sort_by_key(|index| (!is_first(*index), Reverse(self.scores[*index])));
        for index in order {
            let cost = self.cost(&[index]);
            if cost <= remaining {
                remaining -= cost;
                self.is_selected[index] = true;
            }
        }
        remaining
    }

    fn unit_score(&self, unit: usize) -> usize {
        let of_unit = self.segments.iter().zip(&self.scores);
        let scores = of_unit.filter(|(segment, _)| segment.unit == unit);
        scores.map(|(_, score)| *score).max().unwrap_or(0)
    }

    /// Returns the number of characters of segments with their separators, which have at
    /// most two.
    fn cost(&self, members: &[usize]) -> usize {
        let chars = |index: &usize| self.segments[*index].text.chars().count() + 2;
        members.iter().map(chars).sum()
    }
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

/// Returns a body without text that a client would read as citations of the answer
/// (lines `[1]: …`, and `[1]` without a link target) and without raw markup.
fn without_markup(body: &str) -> String {
    let mut text = String::with_capacity(body.len());
    let mut is_code = false;
    for line in body.trim().lines() {
        let start = line.trim_start();
        is_code ^= start.starts_with("```") || start.starts_with("~~~");
        let is_definition = start.starts_with('[') && start.contains("]:");
        if is_definition || (!is_code && is_raw_markup(start)) {
            continue;
        }
        push_without_markers(line, &mut text);
        text.push('\n');
    }
    text.trim().to_owned()
}

/// Whether a line is for a website generator, not for a reader.
fn is_raw_markup(line: &str) -> bool {
    let is_import = line.starts_with("import ") && line.ends_with([';', '\'', '"']);
    let is_export = line.starts_with("export ") && line.contains(['=', '{']);
    let tags = [":::", "{%", "{{<", "{{%", "<!--", "{/*"];
    is_import || is_export || tags.iter().any(|tag| line.starts_with(tag))
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
    use super::{snippet, with_heading};

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
    fn what_a_sentence_announces_is_quoted_with_it() {
        let filler = "Other words stand here for a while. ".repeat(20);
        for announced in [
            "- dogs\n- cats\n- birds",
            "- dogs\n\n- cats\n\n- birds",
            "| animal |\n|---|\n| dog |\n| cat |",
            "```\nfeed(dog)\n```",
            "1. Take the dog.\n\n2. Wash it.\n\n   Use soap.\n\nIt may bark.\n\n3. Dry it.",
        ] {
            let body = format!("{filler}\n\nYou can feed:\n\n{announced}\n\n{filler}");
            let quote = snippet("what can I feed", &body, 300).unwrap_or_default();
            let lines = announced.lines().filter(|line| !line.is_empty());
            for line in lines {
                assert!(quote.contains(line), "{line:?} in {quote:?}");
            }
            assert!(!quote.contains("Other"), "{quote}");
        }
    }

    #[test]
    fn steps_are_quoted_completely() {
        let steps: Vec<_> = (1..=9).map(|n| format!("{n}. Turn knob {n} of the okapi mill to the mark and wait until the light goes out, then go on.")).collect();
        let body = format!("{}\n\n{}", "Other words. ".repeat(80), steps.join("\n\n"));
        let quote = snippet("turn the knob", &body, 700).unwrap_or_default();
        assert!(
            quote.starts_with("1. Turn") && quote.contains("9. Turn"),
            "{quote}"
        );
    }

    #[test]
    fn table_header_is_not_quoted_without_rows() {
        let rows: Vec<_> = (1..=60)
            .map(|n| format!("| place {n} | {n} euro |"))
            .collect();
        let body = format!("| country | price |\n|---|---|\n{}", rows.join("\n"));
        let quote = snippet("price", &body, 200).unwrap_or_default();
        assert!(
            quote.starts_with("| country | price |") && quote.contains("| place"),
            "{quote}"
        );
    }

    #[test]
    fn raw_markup_is_not_quoted() {
        let body = "import Tabs from '@theme/Tabs';\n\n:::note\nTrue.\n:::\n\n```\nimport os\n```";
        assert_eq!(
            snippet("true", body, 900).as_deref(),
            Some("True.\n\n```\nimport os\n```")
        );
    }

    #[test]
    fn heading_is_quoted_if_the_quote_needs_it() {
        for (query, heading, quote, has_heading) in [
            ("price to Norway", "Shipping › Norway", "It costs €9.", true),
            (
                "how much is it",
                "Shipping › Costs",
                "| a |\n|---|\n| 1 |",
                true,
            ),
            (
                "price to Norway",
                "Shipping › Norway",
                "To Norway it costs €9.",
                false,
            ),
            ("how much is it", "Costs", "It costs €9.", false),
            ("how much is it", "", "- €9", false),
        ] {
            let text = with_heading(query, heading, quote.to_owned());
            assert_eq!(text != quote, has_heading, "{text}");
        }
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
