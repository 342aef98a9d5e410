//! Rewrites marks at the begin of lines: containers with colons, alerts in quotes, tables of
//! contents, attributes, and snippets of other files. Compacts the rows of tables.

use super::attributes::Attributes;
use super::shield::has_code;

/// The longest attributes in braces.
const MAX_ATTRIBUTES_BYTES: usize = 300;

/// The text without the marks. Titles become paragraphs in bold.
pub fn rewrite(text: &str) -> String {
    let mut writer = BlockWriter {
        out: String::with_capacity(text.len()),
        heading_level: 1,
        is_in_snippets: false,
        is_in_tabs: false,
    };
    for line in text.split_inclusive('\n') {
        let (content, end) = match line.strip_suffix('\n') {
            Some(content) => (content, "\n"),
            None => (line, ""),
        };
        writer.line(content);
        writer.out.push_str(end);
    }
    writer.out
}

struct BlockWriter {
    out: String,
    heading_level: usize,
    /// Whether the lines name files, until the next mark.
    is_in_snippets: bool,
    /// Whether the lines are those of tabs of VitePress.
    is_in_tabs: bool,
}

/// Lines that a table of contents takes the place of.
const CONTENTS_MARKS: [&str; 7] = [
    "[[toc]]",
    "[toc]",
    "[[_toc_]]",
    "@[toc]",
    "${toc}",
    "{:toc}",
    "{: toc}",
];

impl BlockWriter {
    /// Writes a line without its end.
    fn line(&mut self, line: &str) {
        let content = line.trim();
        let indentation = &line[..line.len() - line.trim_start().len()];
        if content.contains("--8<--") || content.contains("-8<-") {
            self.is_in_snippets ^= content.trim_matches([';', '-', '8', '<']).is_empty();
        } else if self.is_in_snippets || is_inclusion(content) {
        } else if is_contents_mark(content) {
            self.remove_list_item();
        } else if is_attribute_line(content) {
        } else if let Some(title) = container_title(content) {
            self.is_in_tabs = content.trim_start_matches([':', ' ']).starts_with("tabs");
            self.title(indentation, &title);
        } else if let Some(tab) = content.strip_prefix("== ").filter(|_| self.is_in_tabs) {
            self.title(indentation, tab.trim_start_matches("tab "));
        } else if let Some((prefix, title)) = alert(line) {
            self.out.push_str(prefix);
            if !title.is_empty() {
                self.out
                    .push_str(&format!("**{title}**\n{}", prefix.trim_end()));
            }
        } else if is_row(content) {
            self.out.push_str(indentation);
            push_compact_row(content, &mut self.out);
        } else {
            self.note_heading(line);
            push_without_attributes(line, &mut self.out);
        }
    }

    fn note_heading(&mut self, line: &str) {
        let level = line.len() - line.trim_start_matches('#').len();
        if (1..=6).contains(&level) && line[level..].starts_with(' ') {
            self.heading_level = level;
        }
    }

    /// Writes the title of a container as a paragraph; a question becomes a heading.
    fn title(&mut self, indentation: &str, title: &str) {
        if title.is_empty() {
            return;
        }
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
        let title = if title.ends_with(['?', '？']) && indentation.is_empty() {
            format!("{} {title}", "#".repeat((self.heading_level + 1).min(6)))
        } else {
            format!("**{}**", title.replace("**", ""))
        };
        self.out.push_str(&format!("{indentation}{title}\n"));
    }

    /// Removes the list item before `{:toc}`.
    fn remove_list_item(&mut self) {
        let before = self.out.strip_suffix('\n').unwrap_or(&self.out);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let item = before[start..].trim_start();
        if ["-", "*", "+", "1."]
            .iter()
            .any(|mark| item.starts_with(mark))
        {
            self.out.truncate(start);
        }
    }
}

/// Lines that stand for a file.
fn is_inclusion(line: &str) -> bool {
    let is_file = |begin: &str, end: &str| line.starts_with(begin) && line.ends_with(end);
    is_file("{!", "!}")
        || is_file("!!!include(", ")!!!")
        || line.starts_with("<<< ")
        || line.starts_with("@include ")
        || matches!(line, "\\newpage" | "\\pagebreak")
}

fn is_contents_mark(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    CONTENTS_MARKS.contains(&&*line) || line.starts_with("{:toc ") || line.starts_with("{: toc ")
}

/// Whether a line has only the attributes of the block before or after it.
fn is_attribute_line(line: &str) -> bool {
    let Some(inner) = line
        .strip_prefix('{')
        .and_then(|line| line.strip_suffix('}'))
    else {
        return false;
    };
    inner.starts_with([':', '#', '.']) && !inner.contains(['{', '}']) && !has_code(inner)
}

/// The title of a container that begins or ends on the line; empty if it has none.
fn container_title(line: &str) -> Option<String> {
    if let Some(rest) = line.strip_prefix("///") {
        let rest = rest.trim_start_matches('/').trim();
        let title = rest.split_once('|').map_or("", |(_, title)| title);
        let is_container =
            rest.is_empty() || rest.starts_with(|char: char| char.is_ascii_lowercase());
        return is_container.then(|| title.trim().to_owned());
    }
    if let Some(tab) = line.strip_prefix("@tab") {
        let tab = tab.strip_prefix(":active").unwrap_or(tab);
        return tab.starts_with(' ').then(|| tab.trim().to_owned());
    }
    let rest = line.strip_prefix(":::")?.trim_start_matches(':').trim();
    let rest = rest.strip_suffix(":::").unwrap_or(rest).trim_end();
    if let Some(image) = rest.strip_prefix("image ") {
        let alternative = Attributes::parse(image)
            .get(&["alt-text"])
            .map(str::to_owned);
        return Some(alternative.unwrap_or_default());
    }
    let rest = rest.strip_prefix('{').unwrap_or(rest);
    let end = rest.find(|char: char| !(char.is_alphanumeric() || "-_.".contains(char)));
    let (name, title) = rest.split_at(end.unwrap_or(rest.len()));
    if title.starts_with(|char: char| !(char.is_whitespace() || "[{}#".contains(char))) {
        // A sentence, such as `:::) laughs`.
        return rest.is_empty().then(String::new);
    }
    if matches!(name, "zone" | "row" | "column" | "column-end" | "moniker") {
        return Some(String::new());
    }
    Some(title_text(title))
}

/// The title after the name of a container: `Title`, `[Title]`, or the attribute `title`.
fn title_text(text: &str) -> String {
    let text = text.trim().trim_start_matches('}').trim();
    if let Some((title, _)) = text
        .strip_prefix('[')
        .and_then(|text| text.rsplit_once(']'))
    {
        return title.trim().to_owned();
    }
    let (title, attributes) = text.split_once('{').unwrap_or((text, ""));
    let attributes = Attributes::parse(attributes.trim_end_matches('}'));
    let title = match title.trim() {
        "" => attributes.get(&["title", "label"]).unwrap_or_default(),
        title => title,
    };
    title.trim_matches('"').to_owned()
}

/// An alert in a quote (`> [!NOTE] Title`): what precedes it, and its title.
fn alert(line: &str) -> Option<(&str, &str)> {
    let start = line.find("[!")?;
    let (prefix, rest) = line.split_at(start);
    let is_quote = prefix.contains('>') && prefix.chars().all(|char| " \t>".contains(char));
    let (name, title) = rest[2..].split_once(']')?;
    let is_name = |char: char| char.is_alphanumeric() || "-_|".contains(char);
    if !is_quote || name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    Some((prefix, title.trim_start_matches(['+', '-']).trim()))
}

fn is_row(line: &str) -> bool {
    line.len() > 1 && line.starts_with('|') && line.ends_with('|')
}

/// Writes a row of a table with each run of blanks as one, and each run of dashes below the
/// header as three.
fn push_compact_row(row: &str, out: &mut String) {
    let is_rule = row.bytes().all(|byte| b"|-: ".contains(&byte));
    let mut run = 0;
    let mut previous = '|';
    for char in row.chars() {
        run = if char == previous { run + 1 } else { 1 };
        previous = char;
        let max = match char {
            ' ' => 1,
            '-' if is_rule => 3,
            _ => usize::MAX,
        };
        if run <= max {
            out.push(char);
        }
    }
}

/// Writes a line without attributes of its heading, links and other text, such as
/// `{#id}` and `{: .lead}`.
fn push_without_attributes(line: &str, out: &mut String) {
    let is_heading = line.starts_with('#');
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        rest = after;
        let near = &after[..after.floor_char_boundary(MAX_ATTRIBUTES_BYTES)];
        let attributes = near.find('}').map(|end| (&after[..end], &after[end + 1..]));
        let attributes = attributes.filter(|(inner, after)| {
            let is_marked = inner.starts_with(':');
            let inner = inner.trim();
            let is_named =
                inner.starts_with(['#', '.']) || inner.contains('=') && !inner.contains('"');
            let is_end = is_heading
                && after.len() < MAX_ATTRIBUTES_BYTES
                && after.trim_matches(['#', ' ']).is_empty();
            let is_attached = before.ends_with([')', ']', '*', '_', '\u{e001}']);
            let is_line_end = is_class_list(inner) && after.len() < 3 && after.trim().is_empty();
            is_marked
                || is_line_end
                || is_named && (is_end || is_attached)
                || (is_attached || is_end) && is_html_like(inner)
        });
        match attributes {
            Some((_, after)) => {
                let is_word_end = after.is_empty() || after.starts_with(char::is_whitespace);
                if is_word_end {
                    out.truncate(out.trim_end_matches(' ').len());
                }
                rest = after;
            }
            None => out.push('{'),
        }
    }
    out.push_str(rest);
}

/// Whether braces contain only ids and classes.
fn is_class_list(inner: &str) -> bool {
    !inner.is_empty()
        && inner
            .split_whitespace()
            .all(|word| word.len() > 1 && word.starts_with(['#', '.']))
}

/// Whether braces contain attributes of HTML, such as `target="_blank"`.
fn is_html_like(inner: &str) -> bool {
    let name = inner.split('=').next().unwrap_or_default().trim();
    inner.contains("=\"")
        && !name.is_empty()
        && name
            .chars()
            .all(|char| char.is_ascii_lowercase() || char == '-')
}
