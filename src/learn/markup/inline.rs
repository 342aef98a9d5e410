//! Rewrites marks within lines: footnotes, links of wikis, definitions, and signs that
//! Markdown does not have.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The longest footnote that is written where its mark stands.
const MAX_INLINE_NOTE_CHARS: usize = 400;

/// The longest text between two marks.
const MAX_INNER_BYTES: usize = 500;

/// The text with footnotes at their marks, and without other marks.
pub fn rewrite(text: &str) -> String {
    let (text, mut notes) = take_footnotes(text);
    let mut writer = LineWriter {
        out: String::with_capacity(text.len()),
        term: None,
        is_in_definition: false,
    };
    for line in text.split_inclusive('\n') {
        if is_abbreviation(line) {
            continue;
        }
        let line = place_footnotes(line, &mut notes);
        let line = wiki_links(&line);
        let line = icons(&line);
        let line = marks(&line);
        writer.line(&line);
    }
    writer.out
}

// ── Footnotes ──

/// Removes the footnotes that are short enough for their marks. Longer ones stay as
/// paragraphs.
fn take_footnotes(text: &str) -> (Cow<'_, str>, HashMap<String, String>) {
    let mut notes = HashMap::new();
    if !text.contains("[^") {
        return (Cow::Borrowed(text), notes);
    }
    let used: HashSet<_> = text.split("[^").skip(1).filter_map(mark).collect();
    let mut kept = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let Some((id, first)) = footnote(line) else {
            kept.push_str(line);
            continue;
        };
        let mut note = first.trim().to_owned();
        while let Some(next) = lines.next_if(|next| is_note_continuation(next)) {
            note.push(' ');
            note.push_str(next.trim());
        }
        let is_used = used.contains(id) && !notes.contains_key(id);
        if is_used && note.chars().count() <= MAX_INLINE_NOTE_CHARS {
            notes.insert(id.to_owned(), note);
        } else {
            kept.push_str(&note);
            kept.push('\n');
        }
    }
    (Cow::Owned(kept), notes)
}

/// The id at the begin of a text, unless it is that of the footnote itself.
fn mark(text: &str) -> Option<&str> {
    let near = &text[..text.floor_char_boundary(MAX_INNER_BYTES)];
    let (id, after) = near.split_once(']')?;
    (!after.starts_with(':')).then_some(id)
}

/// The id and the begin of a footnote.
fn footnote(line: &str) -> Option<(&str, &str)> {
    let (id, text) = line.strip_prefix("[^")?.split_once("]:")?;
    (!id.is_empty() && !id.contains(['[', ']', ' '])).then_some((id, text))
}

fn is_note_continuation(line: &str) -> bool {
    (line.starts_with("  ") || line.starts_with('\t')) && !line.trim().is_empty()
}

/// Writes each footnote in parentheses at its first mark, and removes the other marks.
fn place_footnotes<'l>(line: &'l str, notes: &mut HashMap<String, String>) -> Cow<'l, str> {
    replace(line, "[^", "]", |id| {
        let is_id = !id.is_empty() && !id.contains(['[', ' ']);
        is_id.then(|| match notes.remove(id) {
            Some(note) => format!(" ({})", without_marks(note.trim_end_matches('.'))),
            None => String::new(),
        })
    })
}

fn without_marks(note: &str) -> Cow<'_, str> {
    replace(note, "[^", "]", |_| Some(String::new()))
}

/// Replaces each text between `begin` and `end` for which `replacement` returns a text.
fn replace<'l>(
    line: &'l str,
    begin: &str,
    end: &str,
    mut replacement: impl FnMut(&str) -> Option<String>,
) -> Cow<'l, str> {
    if !line.contains(begin) {
        return Cow::Borrowed(line);
    }
    let mut replaced = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(begin) {
        replaced.push_str(before);
        rest = after;
        let near = &after[..after.floor_char_boundary(MAX_INNER_BYTES)];
        let Some((inner, _)) = near.split_once(end) else {
            replaced.push_str(begin);
            continue;
        };
        let after = &after[inner.len() + end.len()..];
        // Another begin within the text begins the text.
        match replacement(inner).filter(|_| !inner.contains(begin)) {
            Some(text) => {
                replaced.push_str(&text);
                rest = after;
            }
            None => replaced.push_str(begin),
        }
    }
    replaced.push_str(rest);
    Cow::Owned(replaced)
}

// ── Links and icons ──

/// Reduces `[[page|label]]` to its label.
fn wiki_links(line: &str) -> Cow<'_, str> {
    let label = |inner: &str| {
        let is_link = !inner.is_empty() && !inner.contains(['[', ']', '(']);
        let (page, label) = inner.split_once('|').unwrap_or((inner, inner));
        is_link.then(|| {
            if label.trim().is_empty() { page } else { label }
                .trim()
                .to_owned()
        })
    };
    match replace(line, "![[", "]]", |_| Some(String::new())) {
        Cow::Borrowed(line) => replace(line, "[[", "]]", label),
        Cow::Owned(line) => Cow::Owned(replace(&line, "[[", "]]", label).into_owned()),
    }
}

const ICON_SETS: [&str; 4] = ["material-", "octicons-", "fontawesome-", "simple-"];

/// Removes icons such as `:material-check:`.
fn icons(line: &str) -> Cow<'_, str> {
    if !ICON_SETS.iter().any(|set| line.contains(set)) {
        return Cow::Borrowed(line);
    }
    let removed = |name: &str| {
        let is_icon = ICON_SETS.iter().any(|set| name.starts_with(set));
        let is_name = !name.contains(|char: char| char.is_whitespace() || char == ':');
        (is_icon && is_name).then(String::new)
    };
    // The blank after an icon would change the indentation of a list item.
    let line = replace(line, ":", ": ", removed);
    Cow::Owned(replace(&line, ":", ":", removed).into_owned())
}

fn is_abbreviation(line: &str) -> bool {
    let rest = line.strip_prefix("*[");
    rest.and_then(|rest| rest.split_once("]:"))
        .is_some_and(|(word, _)| !word.contains('['))
}

// ── Signs ──

/// Removes the signs around `==marked==`, `++keys++`, `H~2~O` and `10^th^`.
fn marks(line: &str) -> Cow<'_, str> {
    let unpadded = |text: &str| !text.is_empty() && text.trim() == text;
    let marked = |text: &str| (unpadded(text) && !text.contains('=')).then(|| text.to_owned());
    let keys = |text: &str| {
        let is_key = |char: char| char.is_ascii_alphanumeric() || "+-_\"".contains(char);
        (unpadded(text) && text.chars().all(is_key)).then(|| text.replace('"', ""))
    };
    let line = edits(line);
    let line = match replace(&line, "==", "==", marked) {
        Cow::Borrowed(line) => replace(line, "++", "++", keys).into_owned(),
        Cow::Owned(line) => replace(&line, "++", "++", keys).into_owned(),
    };
    if !line.contains(['~', '^']) {
        return Cow::Owned(line);
    }
    let line = raised_or_lowered(&line, '~');
    Cow::Owned(raised_or_lowered(&line, '^'))
}

/// Applies the edits of CriticMarkup.
fn edits(line: &str) -> Cow<'_, str> {
    let kept = |text: &str| Some(text.to_owned());
    let removed = |_: &str| Some(String::new());
    if !line.contains('{') {
        return Cow::Borrowed(line);
    }
    let line = replace(line, "{==", "==}", kept);
    let line = replace(&line, "{++", "++}", kept).into_owned();
    let line = replace(&line, "{--", "--}", removed).into_owned();
    Cow::Owned(replace(&line, "{>>", "<<}", removed).into_owned())
}

/// Removes single signs around a word of letters, digits and signs of numbers.
fn raised_or_lowered(line: &str, sign: char) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(sign) {
        out.push_str(before);
        let is_single = !out.ends_with(sign) && !after.starts_with(sign);
        let word = after
            .split(sign)
            .next()
            .filter(|word| word.len() < after.len());
        let is_word = |char: char| char.is_alphanumeric() || "+-−,.".contains(char);
        let word = word.filter(|word| {
            let follows = &after[word.len() + 1..];
            let is_first = before.is_empty() || before.ends_with([' ', '(']);
            let is_short = word.chars().count() <= 12 && word.chars().all(is_word);
            is_single && !is_first && is_short && !follows.starts_with(sign)
        });
        match word {
            Some(word) => {
                out.push_str(word);
                rest = &after[word.len() + 1..];
            }
            None => {
                out.push(sign);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

// ── Definitions ──

struct LineWriter {
    out: String,
    /// The begin of a line that may be a term, in `out`.
    term: Option<usize>,
    /// Whether indented lines are paragraphs of a definition.
    is_in_definition: bool,
}

impl LineWriter {
    fn line(&mut self, line: &str) {
        let definition = line
            .strip_prefix(':')
            .filter(|rest| rest.starts_with([' ', '\t']));
        if let Some(definition) = definition
            && let Some(start) = self.term
        {
            self.definition(start, definition.trim_start());
            self.is_in_definition = true;
            return;
        }
        self.is_in_definition &= line.trim().is_empty() || line.starts_with("    ");
        let line = match line.strip_prefix("    ") {
            Some(text) if self.is_in_definition => text,
            _ => line,
        };
        let is_paragraph = self.out.is_empty() || self.out.ends_with("\n\n");
        let is_text = !line
            .starts_with(|char: char| char.is_whitespace() || "#-*+>|:<`~=\u{e000}".contains(char));
        if !line.trim().is_empty() {
            // Only a paragraph of one line is a term.
            self.term = (is_paragraph && is_text).then_some(self.out.len());
        }
        self.out.push_str(line);
    }

    /// Joins the first definition with its term.
    fn definition(&mut self, start: usize, definition: &str) {
        if self.out[start..].starts_with("**") {
            self.out.push('\n');
            self.out.push_str(definition);
            return;
        }
        let term = self.out[start..].trim().to_owned();
        self.out.truncate(start);
        self.out.push_str(&format!("**{term}**: {definition}"));
    }
}
