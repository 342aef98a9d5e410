//! Numbers the sources of an answer, and rewrites what the model writes about sources
//! (docs/api-contract.md, section 5.3): markers become `[n]` or `[n] [m]`, and link
//! definitions of the model are left out, because the list of sources is appended here.

use crate::answer::builtin::{citable_url, source_label};

use super::excerpts::Excerpt;
use super::text_position::TextPosition;

/// The maximum length of a text in brackets that can be a marker, and of the
/// destination of a link after a marker, in bytes.
const MAX_LABEL_BYTES: usize = 200;
const MAX_DESTINATION_BYTES: usize = 2_048;

/// Words beside the numbers in a marker, in lower case.
const MARKER_WORDS: [&str; 22] = [
    "source",
    "sources",
    "excerpt",
    "excerpts",
    "ref",
    "reference",
    "references",
    "document",
    "and",
    "quelle",
    "quellen",
    "auszug",
    "und",
    "fuente",
    "fuentes",
    "y",
    "fonte",
    "fonti",
    "e",
    "et",
    "bron",
    "källa",
];

/// Returns the number of each excerpt in the prompt and in the answer. Excerpts of one
/// page have one number. An excerpt without a web address has none, and cannot be cited.
pub fn source_numbers(excerpts: &[Excerpt]) -> Vec<Option<usize>> {
    let mut pages: Vec<String> = Vec::new();
    let number = |excerpt: &Excerpt| {
        let url = citable_url(excerpt.url.as_deref()?)?;
        let page = url.split('#').next().unwrap_or_default().to_owned();
        let known = pages.iter().position(|known| *known == page);
        Some(
            known.unwrap_or_else(|| {
                pages.push(page);
                pages.len() - 1
            }) + 1,
        )
    };
    excerpts.iter().map(number).collect()
}

/// Returns an answer without its list of sources and without the markers.
pub fn without_sources(answer: &str) -> String {
    let mut lines: Vec<&str> = answer.lines().collect();
    let with_sources = lines.len();
    while lines.last().is_some_and(|line| is_source_line(line)) {
        lines.pop();
    }
    if lines.len() == with_sources {
        return answer.to_owned();
    }
    let mut text = String::new();
    for part in lines.join("\n").split_inclusive(']') {
        match part.rsplit_once('[') {
            Some((before, number)) if is_number(number.trim_end_matches(']')) => {
                text.push_str(before.trim_end_matches(' '));
            }
            _ => text.push_str(part),
        }
    }
    text.trim_end().to_owned()
}

/// Whether a line is `[n]: URL`, with or without a label.
fn is_source_line(line: &str) -> bool {
    let number = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "));
    number.is_some_and(|(number, url)| is_number(number) && url.starts_with("http"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the number that a text of digits is.
fn source_number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|_| is_number(text))
}

/// Rewrites an answer in parts.
#[derive(Default)]
pub struct CitationWriter {
    /// By number, from 1.
    sources: Vec<CitedSource>,
    position: TextPosition,
    /// Text that can become a marker or a link definition.
    pending: Option<Pending>,
    /// The blank lines before the next text.
    blank: String,
    /// The number of the marker that the text ends with.
    last_marker: Option<usize>,
    /// Whether the rest of the line is a link definition.
    is_in_definition: bool,
}

struct CitedSource {
    /// A Markdown link definition.
    line: String,
    is_cited: bool,
}

struct Pending {
    text: String,
    is_at_line_start: bool,
    part: PendingPart,
}

#[derive(Clone, Copy, PartialEq)]
enum PendingPart {
    /// Inside the brackets.
    Label,
    /// After the closing bracket.
    Closed,
    /// After `[n](`.
    Link,
    /// After `[label]:`.
    Definition,
}

impl CitationWriter {
    pub fn new(excerpts: &[Excerpt]) -> Self {
        let mut sources: Vec<CitedSource> = Vec::new();
        for (excerpt, number) in excerpts.iter().zip(source_numbers(excerpts)) {
            let url = excerpt.url.as_deref().and_then(citable_url);
            if let (Some(number), Some(url)) = (number, url)
                && number > sources.len()
            {
                let label = source_label(&excerpt.title, &url);
                sources.push(CitedSource {
                    line: format!(r#"[{number}]: {url} "{label}""#),
                    is_cited: false,
                });
            }
        }
        Self {
            sources,
            ..Self::default()
        }
    }

    /// Reads the next part of the answer. Returns the text that is complete.
    pub fn push(&mut self, part: &str) -> String {
        let mut out = String::with_capacity(part.len());
        for c in part.chars() {
            self.read(c, &mut out);
        }
        out
    }

    /// Returns the text that is held back, because nothing can follow.
    pub fn flush(&mut self) -> String {
        let mut out = String::new();
        if let Some(pending) = self.pending.take() {
            match (pending.part, self.marker(&pending.text)) {
                (PendingPart::Closed | PendingPart::Link, Some(numbers)) => {
                    self.write_markers(&numbers, &mut out);
                }
                (PendingPart::Definition, _) if pending.is_definition() => {}
                _ => self.write_text(&pending.text, &mut out),
            }
        }
        out
    }

    /// Ends the answer. Returns its rest, with the list of the cited sources.
    pub fn finish(&mut self) -> String {
        let mut out = self.flush();
        let cited = self.sources.iter().filter(|source| source.is_cited);
        let lines: Vec<_> = cited.map(|source| source.line.as_str()).collect();
        if !lines.is_empty() {
            out.push_str("\n\n");
            out.push_str(&lines.join("\n"));
        }
        out
    }

    fn read(&mut self, c: char, out: &mut String) {
        if self.is_in_definition {
            self.is_in_definition = c != '\n';
            return;
        }
        if let Some(pending) = self.pending.take()
            && self.continue_pending(pending, c, out)
        {
            return;
        }
        if matches!(c, '[' | '【') && !self.position.is_in_code() {
            self.pending = Some(Pending {
                text: c.to_string(),
                is_at_line_start: self.position.is_at_line_start(),
                part: PendingPart::Label,
            });
            return;
        }
        self.write(c, out);
    }

    /// Reads a character after pending text. Returns whether it belongs to that text.
    fn continue_pending(&mut self, mut pending: Pending, c: char, out: &mut String) -> bool {
        let is_too_long = match pending.part {
            PendingPart::Label => pending.text.len() > MAX_LABEL_BYTES,
            _ => pending.text.len() > MAX_DESTINATION_BYTES,
        };
        let marker = self.marker(&pending.text);
        match (pending.part, c) {
            (PendingPart::Label, ']' | '】') if !is_too_long => {
                pending.part = PendingPart::Closed;
            }
            (PendingPart::Label, '[') if pending.text == "[" => {}
            (PendingPart::Label, c) if !is_too_long && !matches!(c, '\n' | '[' | '【') => {}
            (PendingPart::Closed, ']')
                if pending.text.starts_with("[[") && !pending.text.ends_with("]]") => {}
            (PendingPart::Closed, ':') if pending.is_at_line_start => {
                pending.part = PendingPart::Definition;
            }
            (PendingPart::Closed, '(') if marker.is_some() => pending.part = PendingPart::Link,
            (PendingPart::Closed, _) | (PendingPart::Link, '\n') => {
                match marker {
                    Some(numbers) => self.write_markers(&numbers, out),
                    None => self.write_text(&pending.text, out),
                }
                return false;
            }
            (PendingPart::Link, ')') => {
                self.write_markers(&marker.unwrap_or_default(), out);
                return true;
            }
            (PendingPart::Definition, ' ' | '\t') if pending.text.ends_with([':', ' ', '\t']) => {}
            (PendingPart::Definition, c) if c.is_whitespace() => {
                if pending.is_definition() {
                    self.is_in_definition = c != '\n';
                    return true;
                }
                self.write_text(&pending.text, out);
                return false;
            }
            (PendingPart::Link | PendingPart::Definition, _) if !is_too_long => {}
            _ => {
                self.write_text(&pending.text, out);
                return false;
            }
        }
        pending.text.push(c);
        self.pending = Some(pending);
        true
    }

    /// Returns the numbers of a marker, such as `[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `[Source 1]`
    /// or `【1†source】`, if there are sources with these numbers.
    fn marker(&self, text: &str) -> Option<Vec<usize>> {
        let end = text.find([']', '】'])?;
        let label = text[..end].trim_start_matches(['[', '【', '^']);
        let label = label.split('†').next().unwrap_or_default().to_lowercase();
        let parts = label.split([',', ';', ':', '#', '&', ' ']);
        let parts = parts.filter(|part| !part.is_empty() && !MARKER_WORDS.contains(part));
        let mut numbers = Vec::new();
        for part in parts {
            let (first, last) = part.split_once(['-', '–']).unwrap_or((part, part));
            let (first, last) = (source_number(first)?, source_number(last)?);
            if first == 0 || first > last || last > self.sources.len() {
                return None;
            }
            numbers.extend(first..=last);
        }
        (!numbers.is_empty()).then_some(numbers)
    }

    /// Writes markers. Adjacent markers are separated: `[1][2]` is one link in Markdown.
    fn write_markers(&mut self, numbers: &[usize], out: &mut String) {
        for &number in numbers {
            if self.last_marker == Some(number) {
                continue;
            }
            if self.last_marker.is_some() {
                out.push(' ');
            }
            self.write_text(&format!("[{number}]"), out);
            self.last_marker = Some(number);
            self.sources[number - 1].is_cited = true;
        }
    }

    fn write_text(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            self.write(c, out);
        }
    }

    /// Writes a character. Line ends are held back until the next text.
    fn write(&mut self, c: char, out: &mut String) {
        self.position.read(c);
        self.last_marker = None;
        if c == '\n' || c.is_whitespace() && !self.blank.is_empty() {
            self.blank.push(c);
        } else {
            out.push_str(&std::mem::take(&mut self.blank));
            out.push(c);
        }
    }
}

impl Pending {
    /// Whether a text that begins with `[label]:` defines a link.
    fn is_definition(&self) -> bool {
        let Some((label, destination)) = self.text.split_once("]:") else {
            return false;
        };
        let destination = destination.trim();
        is_number(label.trim_start_matches(['[', '^']))
            || destination.contains("://")
            || destination.starts_with(['<', '/', '#'])
    }
}

#[cfg(test)]
mod tests;
