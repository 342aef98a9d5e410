//! Directives, which begin with two points.

use super::super::indented::{indentation, is_blank, take_indented};
use super::{Converter, MAX_DEPTH, is_field};

const CODE_DIRECTIVES: &str = "code-block sourcecode code prompt parsed-literal productionlist";
const DROPPED_DIRECTIVES: &str = "literalinclude include toctree contents raw index meta highlight \
    currentmodule default-role math graphviz mermaid role tags sectionauthor";
const GROUP_DIRECTIVES: &str = "only ifconfig container tabs tab-set grid hlist";
/// Directives whose argument is a title.
const TITLED_DIRECTIVES: &str = "rubric centered admonition topic sidebar tab tab-item group-tab \
    dropdown card grid-item-card glossary describe option confval envvar function method class \
    attribute data module exception setting django-admin option-list csv-table";

/// The words that Sphinx writes for a change.
fn change(directive: &str) -> Option<&'static str> {
    match directive {
        "versionadded" => Some("New in version"),
        "versionchanged" => Some("Changed in version"),
        "deprecated" => Some("Deprecated since version"),
        _ => None,
    }
}

impl Converter {
    /// Converts a directive, or leaves a comment or target out.
    pub(super) fn explicit(&mut self, line: &str, text: &str, lines: &[&str]) -> usize {
        let own = indentation(line);
        let (content, count) = take_indented(&lines[1..], own);
        if let Some((label, note)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
            let note = self.inline(&[note.trim(), &content.join(" ")].join(" "));
            self.out.push_str(&format!("\n{label}: {}\n", note.trim()));
            return count + 1;
        }
        let Some((name, argument)) = text.split_once("::").filter(|(name, _)| is_directive(name))
        else {
            return count + 1;
        };
        let (options, body) = split_options(&content);
        self.directive(name.trim(), argument.trim(), &options, &body, own);
        count + 1
    }

    pub(super) fn directive(
        &mut self,
        name: &str,
        argument: &str,
        options: &[&str],
        body: &[&str],
        own: usize,
    ) {
        let name = name.rsplit(':').next().unwrap_or(name);
        let is_in = |names: &str| names.split_whitespace().any(|each| each == name);
        if is_in(CODE_DIRECTIVES) {
            self.code(argument, body, own);
        } else if is_in(DROPPED_DIRECTIVES) {
            // Neither a text nor a title.
        } else if is_in(GROUP_DIRECTIVES) {
            self.nested(body, own);
        } else if matches!(name, "image" | "figure") {
            let mut alternatives = options.iter().map(|line| line.trim().strip_prefix(":alt:"));
            let alternative = alternatives.find_map(|alternative| alternative);
            if body.is_empty() {
                self.paragraph(alternative.unwrap_or_default(), own);
            }
            self.nested(body, own);
        } else if name == "list-table" {
            self.list_table(argument, body, own);
        } else if let Some(change) = change(name) {
            self.paragraph(&format!("{change} {argument}:"), own);
            self.nested(body, own);
        } else if name == "dropdown" && argument.ends_with('?') {
            let marks = "#".repeat((self.level + 1).min(6));
            self.out.push_str(&format!("\n{marks} {argument}\n\n"));
            self.nested(body, own);
        } else if is_in(TITLED_DIRECTIVES) {
            self.bold(argument, own);
            self.nested(body, own);
        } else {
            // The text of an admonition may begin on its first line.
            let first = (!argument.is_empty()).then_some(argument);
            let text: Vec<_> = first.into_iter().chain(body.iter().copied()).collect();
            self.nested(&text, own);
        }
    }

    pub(super) fn bold(&mut self, title: &str, own: usize) {
        if !title.is_empty() {
            let title = self.inline(title);
            let blanks = " ".repeat(own);
            self.out
                .push_str(&format!("\n{blanks}**{}**\n\n", title.replace('*', "")));
        }
    }

    pub(super) fn paragraph(&mut self, text: &str, own: usize) {
        if !text.trim().is_empty() {
            let text = self.inline(text.trim());
            let blanks = " ".repeat(own);
            self.out.push_str(&format!("\n{blanks}{text}\n"));
        }
    }

    /// Converts the content of a directive with the indentation of the directive.
    pub(super) fn nested(&mut self, body: &[&str], own: usize) {
        if self.depth == MAX_DEPTH || body.is_empty() {
            return;
        }
        self.depth += 1;
        let outer = std::mem::take(&mut self.out);
        self.blocks(body);
        let inner = std::mem::replace(&mut self.out, outer);
        self.depth -= 1;
        let blanks = " ".repeat(own);
        self.out.push('\n');
        for line in inner.lines() {
            if !line.is_empty() {
                self.out.push_str(&blanks);
            }
            self.out.push_str(line);
            self.out.push('\n');
        }
        self.out.push('\n');
    }

    pub(super) fn code(&mut self, language: &str, code: &[&str], own: usize) {
        let code = code.join("\n");
        let code = code.trim_matches('\n');
        if code.is_empty() {
            return;
        }
        let blanks = " ".repeat(own);
        let language = if language.contains(' ') { "" } else { language };
        self.out.push_str(&format!("\n{blanks}```{language}\n"));
        for line in code.lines() {
            self.out.push_str(&blanks);
            self.out.push_str(line);
            self.out.push('\n');
        }
        self.out.push_str(&format!("{blanks}```\n\n"));
    }
}

fn is_directive(name: &str) -> bool {
    let name = name.trim();
    !name.is_empty()
        && name
            .chars()
            .all(|char| char.is_alphanumeric() || "-_:+.".contains(char))
}

/// The options of a directive (`:name: value`), and its content without them.
fn split_options<'l>(content: &[&'l str]) -> (Vec<&'l str>, Vec<&'l str>) {
    let count = content
        .iter()
        .take_while(|line| is_field(line.trim_start()))
        .count();
    let (options, body) = content.split_at(count);
    let blanks = body.iter().take_while(|line| is_blank(line)).count();
    (options.to_vec(), body[blanks..].to_vec())
}
