//! Rewrites the tags of components and templates.

use std::collections::HashMap;

use super::Context;
use super::attributes::{literal, quoted_text};
use super::modules::Values;
use super::roles::{TagRole, TitleKind, Titled, role_of};
use super::tags::{Lexer, MarkupToken, Tag};

/// Stands for a value that only the website's server knows.
const UNKNOWN_VALUE: &str = "…";

/// The end of the current line that is looked at.
const MAX_LINE_BYTES: usize = 4 << 10;
/// Components within components.
const MAX_DEPTH: usize = 100;

/// The text with its tags replaced by their titles.
pub fn rewrite(text: &str, context: Context<'_>, values: &Values) -> String {
    if !text.contains(['<', '{']) {
        return text.to_owned();
    }
    let mut ends = HashMap::new();
    for token in Lexer::new(text, context.is_mdx) {
        if let MarkupToken::Close(name) = token {
            *ends.entry(name).or_default() += 1;
        }
    }
    let mut writer = ComponentWriter {
        context,
        values,
        out: String::with_capacity(text.len()),
        open: Vec::new(),
        ends,
        removed_indentation: 0,
        line_indentation: 0,
        heading_level: 1,
    };
    let mut lexer = Lexer::new(text, context.is_mdx).peekable();
    while let Some(token) = lexer.next() {
        let next = lexer.peek();
        writer.write(token, next);
    }
    writer.out
}

/// A component that has not ended.
struct OpenComponent {
    name: String,
    /// Whether the component begins a line.
    is_block: bool,
    /// By how many blanks the lines of its content are shortened.
    removed_indentation: usize,
    /// Whether its content is left out.
    is_removed: bool,
    /// The names of its tabs.
    tabs: Vec<String>,
    /// The children that have begun: tabs or steps.
    children: usize,
}

struct ComponentWriter<'a> {
    context: Context<'a>,
    values: &'a Values,
    out: String,
    open: Vec<OpenComponent>,
    /// How many ends of each component follow.
    ends: HashMap<String, usize>,
    /// The sum over the open components.
    removed_indentation: usize,
    /// The indentation of the current line in the source.
    line_indentation: usize,
    /// The level of the last heading of the source.
    heading_level: usize,
}

impl ComponentWriter<'_> {
    fn write(&mut self, token: MarkupToken<'_>, next: Option<&MarkupToken<'_>>) {
        if let MarkupToken::Close(name) = token {
            return self.close(&name, next);
        }
        if self.open.iter().any(|component| component.is_removed) {
            return;
        }
        match token {
            MarkupToken::Text(text) => self.text(text),
            MarkupToken::Open(tag) => self.open_tag(tag, next),
            MarkupToken::Html(html) => self.out.push_str(&html),
            MarkupToken::Expression(expression) => self.expression(expression, next),
            MarkupToken::Close(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        for line in text.split_inclusive('\n') {
            let is_line_start = self.out.is_empty() || self.out.ends_with('\n');
            if is_line_start {
                self.line_start(line);
            } else {
                self.out.push_str(line);
            }
            if line.ends_with('\n') {
                self.line_indentation = 0;
            }
        }
    }

    /// Writes the begin of a line, or the whole line.
    fn line_start(&mut self, line: &str) {
        let content = line.trim_start_matches([' ', '\t']);
        self.line_indentation = width(&line[..line.len() - content.len()]);
        let marks = content.len() - content.trim_start_matches('#').len();
        if (1..=6).contains(&marks) && content[marks..].starts_with(' ') {
            self.heading_level = marks;
        }
        match self.removed_indentation {
            0 => self.out.push_str(line),
            removed => {
                let kept = self.line_indentation.saturating_sub(removed);
                self.out.push_str(&" ".repeat(kept));
                self.out.push_str(content);
            }
        }
    }

    /// The current line, or its end if the line is long.
    fn line(&self) -> &str {
        let start = self.out.len().saturating_sub(MAX_LINE_BYTES);
        let end = &self.out[self.out.ceil_char_boundary(start)..];
        end.rsplit('\n').next().unwrap_or_default()
    }

    /// Whether only blanks, marks of quotes and the mark of a list item precede on the line.
    fn is_at_line_start(&self) -> bool {
        let line = self.line().trim_start_matches([' ', '\t', '>']);
        matches!(line.trim_end(), "" | "-" | "*" | "+")
    }

    fn open_tag(&mut self, tag: Tag, next: Option<&MarkupToken<'_>>) {
        let has_end = !tag.is_empty && self.ends.get(&tag.name).is_some_and(|count| *count > 0);
        let tab = self.begin_child(&tag.name);
        let is_block = self.is_at_line_start();
        match role_of(&tag, tab.as_deref()) {
            TagRole::Text(text) => self.out.push_str(&text),
            TagRole::Titled(titled) if is_block => self.title(&titled),
            TagRole::Titled(titled) => self.out.push_str(&titled.title),
            TagRole::Removed if is_block && has_end && ends_line(next) => self.paragraph_break(),
            TagRole::RemovedWithContent if has_end && self.open.len() < MAX_DEPTH => {
                return self.push_open(&tag, is_block, None, true);
            }
            TagRole::Removed | TagRole::RemovedWithContent => {}
        }
        if has_end && self.open.len() < MAX_DEPTH {
            self.push_open(&tag, is_block, next, false);
        }
    }

    fn push_open(
        &mut self,
        tag: &Tag,
        is_block: bool,
        next: Option<&MarkupToken<'_>>,
        is_removed: bool,
    ) {
        let indentation = match next {
            Some(MarkupToken::Text(text)) if is_block => content_indentation(text),
            _ => None,
        };
        let own = self.line_indentation;
        let removed_indentation = indentation.map_or(0, |content| content.saturating_sub(own));
        self.removed_indentation += removed_indentation;
        let tabs = tag
            .attributes
            .get(&["items", "tabs", "labels", "values"])
            .unwrap_or_default();
        self.open.push(OpenComponent {
            name: tag.name.clone(),
            is_block,
            removed_indentation,
            is_removed,
            tabs: tabs.split(',').map(|tab| tab.trim().to_owned()).collect(),
            children: 0,
        });
    }

    /// Counts a child of the innermost component, and returns its name in the list of tabs.
    fn begin_child(&mut self, name: &str) -> Option<String> {
        if !name.contains("tab") && !name.contains("step") {
            return None;
        }
        let parent = self.open.last_mut()?;
        parent.children += 1;
        let tab = parent.tabs.get(parent.children - 1)?;
        (!tab.is_empty()).then(|| tab.clone())
    }

    fn close(&mut self, name: &str, next: Option<&MarkupToken<'_>>) {
        if let Some(count) = self.ends.get_mut(name) {
            *count = count.saturating_sub(1);
        }
        let Some(at) = self
            .open
            .iter()
            .rposition(|component| component.name == name)
        else {
            return;
        };
        let is_block = self.open[at].is_block;
        for component in self.open.drain(at..) {
            self.removed_indentation -= component.removed_indentation;
        }
        if is_block && ends_line(next) {
            self.paragraph_break();
        }
    }

    /// Ends the paragraph. The next line has the indentation of the current one, which may
    /// be that of a list item.
    fn paragraph_break(&mut self) {
        let indentation = self
            .line_indentation
            .saturating_sub(self.removed_indentation);
        let prefix = self.line().trim_end();
        if matches!(prefix, "-" | "*" | "+") || prefix.starts_with('>') {
            return;
        }
        self.out
            .truncate(self.out.trim_end_matches([' ', '\t']).len());
        if !self.out.is_empty() {
            self.out.push_str(if self.out.ends_with('\n') {
                "\n"
            } else {
                "\n\n"
            });
        }
        self.out.push_str(&" ".repeat(indentation));
    }

    fn title(&mut self, titled: &Titled) {
        let title = match &titled.link {
            Some(link) => format!("[{}]({link})", titled.title.replace("**", "")),
            None => titled.title.replace("**", ""),
        };
        self.paragraph_break();
        let steps = self.open.last().map_or(0, |parent| parent.children);
        let title = match titled.kind {
            TitleKind::Heading => {
                self.out.truncate(self.out.trim_end_matches(' ').len());
                let marks = "#".repeat((self.heading_level + 1).min(6));
                format!("{marks} {title}")
            }
            TitleKind::Step if steps > 0 => format!("**{steps}. {title}**"),
            TitleKind::Step | TitleKind::Bold => format!("**{title}**"),
        };
        self.out.push_str(&title);
        self.paragraph_break();
        if let Some(body) = &titled.body {
            self.out.push_str(body);
            self.paragraph_break();
        }
    }

    fn expression(&mut self, expression: &str, next: Option<&MarkupToken<'_>>) {
        let value = self.value(expression);
        let is_alone = self.is_at_line_start()
            && match next {
                Some(MarkupToken::Text(text)) => text.trim_start_matches(' ').starts_with('\n'),
                next => next.is_none(),
            };
        match value {
            Some(value) => self.out.push_str(&value),
            None if is_alone || self.is_in_target() => {}
            None => self.out.push_str(UNKNOWN_VALUE),
        }
    }

    /// The value of an expression, if it is known.
    fn value(&self, expression: &str) -> Option<String> {
        if let Some((text, after)) = quoted_text(expression) {
            return (!text.contains("${") && keeps_text(after)).then(|| text.to_owned());
        }
        if let Some(text) = literal(expression) {
            return Some(text);
        }
        let name = expression.split('|').next().unwrap_or_default().trim();
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        let is_title = TITLE_EXPRESSIONS.contains(&name);
        self.context.title.filter(|_| is_title).map(str::to_owned)
    }

    /// Whether the target of a link is being written.
    fn is_in_target(&self) -> bool {
        let line = self.line();
        line.rfind(['(', ')', ' ', '"', '\'']).is_some_and(|at| {
            let before = &line[..at];
            match line.as_bytes()[at] {
                b'(' => before.ends_with(']'),
                b'"' | b'\'' => before.ends_with('='),
                _ => false,
            }
        })
    }
}

const TITLE_EXPRESSIONS: [&str; 7] = [
    "title",
    "page.title",
    "$frontmatter.title",
    "frontmatter.title",
    "frontMatter.title",
    ".Title",
    "$page.title",
];

/// Filters after which a text is about the same.
const TEXT_FILTERS: [&str; 11] = [
    "relative_url",
    "absolute_url",
    "url",
    "t",
    "translate",
    "i18n",
    "escape",
    "safe",
    "markdownify",
    "upcase",
    "capitalize",
];

/// Whether the filters after a text keep the text.
fn keeps_text(filters: &str) -> bool {
    let filters = filters.split('|').map(str::trim);
    filters
        .filter(|filter| !filter.is_empty())
        .all(|filter| TEXT_FILTERS.contains(&filter))
}

/// Whether nothing else is on the line.
fn ends_line(next: Option<&MarkupToken<'_>>) -> bool {
    match next {
        Some(MarkupToken::Text(text)) => {
            let text = text.trim_start_matches([' ', '\t']);
            text.is_empty() || text.starts_with('\n')
        }
        _ => true,
    }
}

/// The width of blanks, with a tab as four.
fn width(blanks: &str) -> usize {
    blanks
        .chars()
        .map(|char| if char == '\t' { 4 } else { 1 })
        .sum()
}

/// The indentation of the first line with a text, if the text begins on another line than
/// the tag.
fn content_indentation(text: &str) -> Option<usize> {
    let (first, rest) = text.split_once('\n')?;
    if !first.trim().is_empty() {
        return None;
    }
    let mut lines = rest.split('\n').peekable();
    while let Some(line) = lines.next() {
        let content = line.trim_start_matches([' ', '\t']);
        // The last line may precede the next tag.
        if !content.is_empty() || lines.peek().is_none() {
            return Some(width(&line[..line.len() - content.len()]));
        }
    }
    None
}
