//! Converts reStructuredText to Markdown: headings, text, links, code, admonitions, lists and
//! tables. Other directives lose their marks.

mod directives;
mod inline;
mod tables;

use std::collections::HashMap;

use super::indented::{indentation, is_blank, take_indented};

/// Directives within directives.
const MAX_DEPTH: usize = 8;

/// The Markdown of a text.
pub fn to_markdown(text: &str) -> String {
    let text = text.replace('\t', "        ");
    let mut converter = Converter {
        out: String::with_capacity(text.len()),
        heading_marks: Vec::new(),
        targets: targets(&text),
        depth: 0,
        level: 0,
        has_text: false,
    };
    let lines: Vec<&str> = text.lines().collect();
    converter.blocks(&lines);
    converter.out
}

struct Converter {
    out: String,
    /// The marks of headings in the order of their levels: the character, and whether a
    /// line of marks is above the heading too.
    heading_marks: Vec<(char, bool)>,
    /// Addresses and replacements by name.
    targets: HashMap<String, String>,
    depth: usize,
    /// The level of the last heading.
    level: usize,
    /// Whether the text has begun, after its title.
    has_text: bool,
}

/// The addresses of `.. _name: address`, and the texts of `.. |name| replace:: text`.
fn targets(text: &str) -> HashMap<String, String> {
    let definitions = text.lines().filter_map(|line| {
        let line = line.trim_start().strip_prefix(".. ")?;
        if let Some(line) = line.strip_prefix('|') {
            let (name, rest) = line.split_once('|')?;
            let (directive, value) = rest.trim_start().split_once("::")?;
            let value = if directive == "replace" {
                value.trim()
            } else {
                ""
            };
            return Some((format!("|{name}|"), value.to_owned()));
        }
        let (name, address) = line.strip_prefix('_')?.split_once(": ")?;
        Some((
            name.trim_matches('`').to_lowercase(),
            address.trim().to_owned(),
        ))
    });
    definitions.collect()
}

impl Converter {
    fn blocks(&mut self, lines: &[&str]) {
        let mut at = 0;
        while at < lines.len() {
            at += self.block(&lines[at..]).max(1);
        }
    }

    /// Converts the block that begins on the first line. Returns the number of its lines.
    fn block(&mut self, lines: &[&str]) -> usize {
        let line = lines[0].trim_end();
        if let Some(count) = self.heading(lines) {
            return count;
        }
        if let Some(rest) = line.trim_start().strip_prefix("..") {
            let is_explicit = rest.is_empty() || rest.starts_with(' ');
            if is_explicit {
                return self.explicit(line, rest.trim(), lines);
            }
        }
        if let Some(count) = self.grid_table(lines).or_else(|| self.simple_table(lines)) {
            return count;
        }
        if is_rule(line) {
            self.out.push('\n');
            return 1;
        }
        if is_field(line) && !self.has_text {
            // The author and the date of the text.
            return 1;
        }
        if is_blank(line) {
            self.out.push('\n');
            return 1;
        }
        self.has_text = true;
        if line.trim_start().starts_with(">>> ") {
            let count = lines.iter().take_while(|line| !is_blank(line)).count();
            self.code("python", &lines[..count], 0);
            return count;
        }
        let definition = self.definition(line, lines);
        definition.unwrap_or_else(|| self.text_line(line, lines))
    }

    /// Converts a term whose definition is indented below it.
    fn definition(&mut self, line: &str, lines: &[&str]) -> Option<usize> {
        let own = indentation(line);
        let next = lines.get(1).filter(|next| !is_blank(next))?;
        let is_paragraph = self.out.is_empty() || self.out.ends_with("\n\n");
        let is_item = ["- ", "* ", "+ ", "#.", "| "]
            .iter()
            .any(|mark| line.trim_start().starts_with(mark));
        let is_number = line
            .trim_start()
            .starts_with(|char: char| char.is_ascii_digit());
        if indentation(next) <= own || !is_paragraph || is_item || is_number || line.ends_with("::")
        {
            return None;
        }
        self.bold(line.trim(), own);
        let (content, count) = take_indented(&lines[1..], own);
        self.nested(&content, own);
        Some(count + 1)
    }

    /// Converts a line of text, with the block of code that it announces.
    fn text_line(&mut self, line: &str, lines: &[&str]) -> usize {
        let indentation_blanks = " ".repeat(indentation(line));
        let content = line.trim_start();
        let literal = content.strip_suffix("::");
        let content = match literal {
            Some("") => "",
            Some(before) if before.ends_with(' ') => before.trim_end(),
            Some(before) => &format!("{before}:"),
            None => content,
        };
        let content = content
            .strip_prefix("| ")
            .map_or(content.to_owned(), |line| format!("{line}  "));
        let content = content.replacen("#. ", "1. ", usize::from(content.starts_with("#. ")));
        let content = self.inline(&content);
        self.out.push_str(&indentation_blanks);
        self.out.push_str(&content);
        self.out.push('\n');
        if literal.is_none() || lines.get(1).is_some_and(|line| !is_blank(line)) {
            return 1;
        }
        let (code, count) = take_indented(&lines[1..], indentation(line));
        self.code("", &code, indentation(line));
        count + 1
    }

    fn heading(&mut self, lines: &[&str]) -> Option<usize> {
        let (title, mark, has_overline, count) = match *lines {
            [over, title, under, ..]
                if is_rule(over) && over.trim_end() == under.trim_end() && !is_blank(title) =>
            {
                (title, over, true, 3)
            }
            [title, under, ..] if is_rule(under) && is_title(title) => (title, under, false, 2),
            _ => return None,
        };
        let is_long = mark.trim_end().chars().count() >= 3;
        if !is_long || is_rule(title) {
            return None;
        }
        let key = (mark.chars().next()?, has_overline);
        let known = self.heading_marks.iter().position(|each| *each == key);
        let level = known.unwrap_or_else(|| {
            self.heading_marks.push(key);
            self.heading_marks.len() - 1
        });
        let title = self.inline(title.trim());
        self.level = level + 1;
        let marks = "#".repeat(self.level.min(6));
        self.out.push_str(&format!("\n{marks} {title}\n\n"));
        Some(count)
    }
}

/// Whether a line is of one mark alone, as below headings.
fn is_rule(line: &str) -> bool {
    let line = line.trim_end();
    let first = line.chars().next().filter(char::is_ascii_punctuation);
    first.is_some_and(|first| {
        line.len() >= 2 && line.chars().all(|char| char == first) && !line.starts_with("..")
    }) || line.len() >= 4 && line.bytes().all(|byte| byte == b'.')
}

fn is_title(line: &str) -> bool {
    !is_blank(line) && !line.starts_with([' ', '.'])
}

fn is_field(line: &str) -> bool {
    let rest = line.strip_prefix(':');
    rest.and_then(|rest| rest.split_once(':'))
        .is_some_and(|(name, value)| {
            !name.is_empty() && !name.contains('`') && (value.is_empty() || value.starts_with(' '))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(text: &str, expected: &str) {
        let converted = to_markdown(text);
        let lines = |text: &str| -> Vec<String> {
            let lines = text.lines().map(|line| line.trim_end().to_owned());
            lines.filter(|line| !line.is_empty()).collect()
        };
        assert_eq!(lines(&converted), lines(expected), "{converted}");
    }

    #[test]
    fn headings_directives_and_code() {
        expect(
            ":author: x\n\n=====\nTitle\n=====\n\n.. _label:\n\nShort text::\n\n    code ``x``\n\n      more\n\nHead\n====\n\n.. note::\n   Mind\n   this.\n\n\
             .. admonition:: Own title\n   :class: x\n\n   Text\n\n   .. code-block:: sh\n      :linenos:\n\n      ls\n\n.. toctree::\n   a\n   b\n\n.. image:: x.png\n   :alt: A ship\n\n.. comment\n   more\n\nSub\n---\nEnd",
            "# Title\nShort text:\n```\ncode ``x``\n  more\n```\n## Head\nMind\nthis.\n**Own title**\nText\n```sh\nls\n```\nA ship\n### Sub\nEnd",
        );
    }

    #[test]
    fn links_roles_and_replacements() {
        expect(
            "See `the guide <https://x.example/>`_, :doc:`/a/b-c`, :doc:`other <d>`, :ref:`text <label>`, Python_, ``a_b``, \
             :kbd:`Ctrl`, :py:func:`~os.path`, |name| and snake_case.\n\n.. _Python: https://python.example/\n.. |name| replace:: Parlor",
            "See [the guide](<https://x.example/>), [b c](</a/b-c.rst>), [other](<d.rst>), text, [Python](<https://python.example/>), `a_b`, Ctrl, `os.path`, Parlor and snake_case.",
        );
    }

    #[test]
    fn tables() {
        expect(
            "+---+---+\n| a | b |\n+===+===+\n| c | d |\n|   | e |\n+---+---+\nx",
            "| a | b |\n| --- | --- |\n| c | d e |\nx",
        );
        expect(
            "===  ===\na    b\n===  ===\nc    d\n     e\n===  ===\n\nx",
            "| a | b |\n| --- | --- |\n| c | d e |\nx",
        );
        expect(
            ".. list-table:: T\n   :header-rows: 1\n\n   * - a\n     - b\n   * - c\n     - d\n       e",
            "**T**\n| a | b |\n| --- | --- |\n| c | d e |",
        );
    }
}
