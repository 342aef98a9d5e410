//! Converts AsciiDoc to Markdown: headings, text, links, code, admonitions, lists and tables.

mod inline;
mod table;

use std::collections::HashMap;

use table::Table;

/// The Markdown of a text, and its attributes, such as `title` and `description`.
pub fn to_markdown(text: &str) -> (String, HashMap<String, String>) {
    let mut converter = Converter::default();
    let mut lines = text.lines().map(str::trim_end).peekable();
    while let Some(line) = lines.next() {
        let level = lines.peek().and_then(|next| underline_level(line, next));
        match level.filter(|_| converter.is_in_text()) {
            Some(level) => {
                lines.next();
                converter.heading(level, line);
            }
            None => converter.line(line),
        }
    }
    converter.end_block();
    (converter.out, converter.attributes)
}

#[derive(Default)]
struct Converter {
    out: String,
    attributes: HashMap<String, String>,
    /// The delimiter of the block of code or comment around the line.
    verbatim: Option<Verbatim>,
    /// The language of the next block of code.
    language: String,
    /// The cells of the table around the line.
    table: Option<Table>,
    /// Whether indented lines are the text of a list.
    is_in_list: bool,
}

struct Verbatim {
    delimiter: String,
    is_comment: bool,
}

impl Converter {
    fn line(&mut self, line: &str) {
        if let Some(verbatim) = &self.verbatim {
            if line == verbatim.delimiter {
                self.end_block();
            } else if !verbatim.is_comment {
                self.out.push_str(without_callout(line));
                self.out.push('\n');
            }
            return;
        }
        if line == "|===" || line == "!===" {
            return self.table_mark();
        }
        if let Some(table) = &mut self.table {
            table.line(line);
            return;
        }
        if is_delimiter(line) {
            return self.delimiter(line);
        }
        if self.attribute(line) || self.block_attributes(line) || is_left_out(line) {
            return;
        }
        self.text(line);
    }

    fn is_in_text(&self) -> bool {
        self.verbatim.is_none() && self.table.is_none()
    }

    fn heading(&mut self, level: usize, title: &str) {
        let title = self.inline(title.trim());
        let marks = "#".repeat(level);
        self.is_in_list = false;
        self.out.push_str(&format!("\n{marks} {title}\n\n"));
    }

    fn end_block(&mut self) {
        if let Some(verbatim) = self.verbatim.take()
            && !verbatim.is_comment
        {
            self.out.push_str("```\n\n");
        }
        if self.table.is_some() {
            self.table_mark();
        }
    }

    fn delimiter(&mut self, line: &str) {
        let is_code = line.starts_with(['-', '.', '`', '+']) && line.len() >= 3 && line != "--";
        let is_comment = line.starts_with("//") || line.starts_with("++++");
        if is_code || is_comment {
            self.verbatim = Some(Verbatim {
                delimiter: line
                    .chars()
                    .take_while(|char| !char.is_alphanumeric())
                    .collect(),
                is_comment,
            });
            if !is_comment {
                let named = line.trim_start_matches('`');
                let language = if named.is_empty() || named == line {
                    &self.language
                } else {
                    named
                };
                self.out.push_str(&format!("\n```{language}\n"));
            }
            self.language.clear();
        } else {
            // Examples, sidebars and quotes have text.
            self.out.push('\n');
        }
    }

    /// `:name: value` at the begin of the text.
    fn attribute(&mut self, line: &str) -> bool {
        let Some((name, value)) = line.strip_prefix(':').and_then(|line| line.split_once(':'))
        else {
            return false;
        };
        let is_name = |char: char| char.is_alphanumeric() || "-_!".contains(char);
        let is_attribute = !name.is_empty() && name.chars().all(is_name);
        if is_attribute {
            let value = self.references(value.trim());
            self.attributes.insert(name.to_owned(), value);
        }
        is_attribute
    }

    /// `[source,sh]`, `[NOTE]`, `[[anchor]]` and others on a line of their own.
    fn block_attributes(&mut self, line: &str) -> bool {
        let Some(inner) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        else {
            return false;
        };
        if let Some(language) = inner
            .strip_prefix("source,")
            .or_else(|| inner.strip_prefix(","))
        {
            let language = language.split([',', '%']).next().unwrap_or_default();
            self.language = language.trim().trim_matches('"').to_owned();
        }
        true
    }

    fn text(&mut self, line: &str) {
        let marks = line.len() - line.trim_start_matches('=').len();
        if (1..=6).contains(&marks) && line[marks..].starts_with(' ') {
            self.heading(marks, &line[marks..]);
            return;
        }
        if line == "+" {
            self.out.push('\n');
            return;
        }
        let title = line
            .strip_prefix('.')
            .filter(|title| title.starts_with(char::is_alphanumeric));
        if let Some(title) = title {
            let title = self.inline(title);
            self.out
                .push_str(&format!("\n**{}**\n\n", title.replace("**", "")));
            return;
        }
        let line = without_admonition(line);
        if let Some((depth, mark, item)) = list_item(line) {
            self.is_in_list = true;
            let item = self.inline(item);
            self.out
                .push_str(&format!("{}{mark} {item}\n", "   ".repeat(depth - 1)));
            return;
        }
        if let Some((term, text)) = definition(line) {
            self.is_in_list = true;
            let (term, text) = (self.inline(term), self.inline(text));
            self.out
                .push_str(&format!("\n**{}**: {text}\n", term.replace("**", "")));
            return;
        }
        let is_paragraph = self.out.ends_with("\n\n");
        let is_indented = line.starts_with([' ', '\t']);
        if is_indented && is_paragraph && !self.is_in_list {
            // An indented paragraph is code.
            self.out.push_str(&format!("    {}\n\n", line.trim_start()));
            return;
        }
        self.is_in_list &= line.is_empty() || is_indented || !is_paragraph;
        let text = self.inline(line.strip_suffix(" +").unwrap_or(line));
        self.out.push_str(text.trim_start());
        self.out.push('\n');
    }
}

fn is_delimiter(line: &str) -> bool {
    let Some(first) = line.chars().next() else {
        return false;
    };
    let is_fence = line.starts_with("```");
    let is_line =
        line.len() >= 4 && "-=.*_+/".contains(first) && line.chars().all(|char| char == first);
    is_fence || is_line || line == "--"
}

/// Comments, conditions and included files.
fn is_left_out(line: &str) -> bool {
    let words = [
        "include::",
        "ifdef::",
        "ifndef::",
        "endif::",
        "ifeval::",
        "toc::",
        "video::",
    ];
    line.starts_with("//")
        || words.iter().any(|word| line.starts_with(word))
        || matches!(line, "'''" | "<<<")
}

/// A line of code without the number of a remark.
fn without_callout(line: &str) -> &str {
    let Some((code, number)) = line
        .strip_suffix('>')
        .and_then(|line| line.rsplit_once(" <"))
    else {
        return line;
    };
    let is_number =
        number == "." || !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { code.trim_end() } else { line }
}

fn without_admonition(line: &str) -> &str {
    let names = ["NOTE: ", "TIP: ", "IMPORTANT: ", "WARNING: ", "CAUTION: "];
    names
        .iter()
        .find_map(|name| line.strip_prefix(name))
        .unwrap_or(line)
}

/// The depth, the mark in Markdown and the text of a list item.
fn list_item(line: &str) -> Option<(usize, &'static str, &str)> {
    let line = line.trim_start();
    let first = line.chars().next().filter(|char| "*.-<".contains(*char))?;
    if first == '<' {
        let (number, item) = line[1..].split_once("> ")?;
        let is_number = number == "." || number.bytes().all(|byte| byte.is_ascii_digit());
        return is_number.then_some((1, "1.", item));
    }
    let item = line.trim_start_matches(first);
    let depth = line.len() - item.len();
    let mark = if first == '.' { "1." } else { "-" };
    (depth <= 5).then_some((depth, mark, item.strip_prefix(' ')?))
}

fn definition(line: &str) -> Option<(&str, &str)> {
    let (term, text) = match line.strip_suffix("::") {
        Some(term) => (term, ""),
        None => line.split_once("::")?,
    };
    let is_macro = text.contains('[') && !text.starts_with(' ');
    let is_term = !term.is_empty() && !term.contains("::") && term.len() < 500;
    let is_definition = text.is_empty() || text.starts_with(' ') || text == ":";
    let is_found = is_term && is_definition && !is_macro;
    is_found.then(|| {
        (
            term.trim().trim_end_matches(':'),
            text.trim_matches([':', ' ']),
        )
    })
}

/// The level of a heading that has a line of marks of about its length below.
fn underline_level(title: &str, line: &str) -> Option<usize> {
    let mark = line.chars().next()?;
    let level = "=-~^+".find(mark)? + 1;
    let (length, marks) = (title.chars().count(), line.chars().count());
    let is_title = title.starts_with(char::is_alphanumeric) && !title.ends_with('.');
    let is_line = marks >= 3 && line.chars().all(|char| char == mark);
    (is_title && is_line && length.abs_diff(marks) <= 2).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(text: &str, expected: &str) {
        let (converted, _) = to_markdown(text);
        let lines = |text: &str| -> Vec<String> {
            let lines = text.lines().map(|line| line.trim_end().to_owned());
            lines.filter(|line| !line.is_empty()).collect()
        };
        assert_eq!(lines(&converted), lines(expected), "{converted}");
    }

    #[test]
    fn blocks() {
        expect(
            "= Title\n:product: Tern\n:toc:\n\n[[anchor]]\n== Head\nAbout {product}.\n\nNOTE: Mind this.\n\n[WARNING]\n====\nHot.\n====\n\n\
             .Listing\n[source,sh]\n----\nls {product} <1>\n----\n<1> Lists.\n\n* a\n** b\n. c\n+\nd\n\nTerm:: Text\n\n// no\n////\nno\n////\ninclude::x.adoc[]\n\nimage::x.png[A ship, 200]\n\n|===\n|a |b\n\n|c\n|d\n|===",
            "# Title\n## Head\nAbout Tern.\nMind this.\nHot.\n**Listing**\n```sh\nls {product}\n```\n1. Lists.\n- a\n   - b\n1. c\nd\n**Term**: Text\nA ship\n| a | b |\n| --- | --- |\n| c | d |",
        );
    }

    #[test]
    fn headings_with_lines_of_marks_and_terms() {
        expect(
            "git-stash(1)\n============\n\nNAME\n----\nText:\n\n  $ ls\n\npush [-p|--patch] [<a>]::\n\n\tSaves it.\n+\nMore.\n\n----\ncode\n----",
            "# git-stash(1)\n## NAME\nText:\n    $ ls\n**push [-p|--patch] [<a>]**:\nSaves it.\nMore.\n```\ncode\n```",
        );
    }

    #[test]
    fn macros_of_extensions_become_their_text() {
        expect(
            "See linkgit:git-log[1], issue:1234[], ui:Save[role=button] and jira:AB-1[the issue, window=_blank].\n\n\
             chart::sales.csv[Sales of 2024,width=300]\n\nThe time is 10:30[1], a:b[c] and x::y[z] stay; so does Name: [it].",
            "See git-log(1), 1234, Save and the issue.\nSales of 2024\n\
             The time is 10:30[1], a:b[c] and x::y[z] stay; so does Name: [it].",
        );
    }

    #[test]
    fn marks_within_lines() {
        expect(
            "*Bold* _it_ `code` `+x+` https://x.example/[Site^], link:a.html[A], xref:mod:b.adoc#c[B], <<id,the part>>, \
             kbd:[Ctrl+C], menu:File[Save > As], word footnote:[Note.], a*b*c, [.role]#marked# 2 * 3 * 4",
            "**Bold** _it_ `code` `x` [Site](<https://x.example/>), [A](<a.html>), [B](<b.adoc#c>), the part, Ctrl+C, File › Save › As, word  (Note), a*b*c, [.role]marked 2 * 3 * 4",
        );
    }
}
