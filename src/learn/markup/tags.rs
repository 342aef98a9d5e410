//! Finds the tags of components and templates in a text.

use std::collections::HashSet;

use super::attributes::{Attributes, enclosed_length};

/// The longest tag.
const MAX_TAG_BYTES: usize = 8 << 10;

/// A part of a text.
#[derive(Debug)]
pub enum MarkupToken<'t> {
    Text(&'t str),
    /// The begin of a component, or a component without content.
    Open(Tag),
    /// The end of a component.
    Close(String),
    /// An element of HTML whose attributes have expressions; its tag without them.
    Html(String),
    /// An expression of a template, without its braces.
    Expression(&'t str),
}

#[derive(Debug)]
pub struct Tag {
    /// In lower case, without other characters than letters and digits.
    pub name: String,
    pub attributes: Attributes,
    /// Whether the tag says that it has no content.
    pub is_empty: bool,
}

/// Reads the tokens of a text.
pub struct Lexer<'t> {
    text: &'t str,
    is_mdx: bool,
    /// The names of the components that end in the text.
    ends: HashSet<&'t str>,
    /// The bytes that may still be read without a result. The limit keeps the time linear.
    budget: usize,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str, is_mdx: bool) -> Self {
        let ends = text.split("</").skip(1).filter_map(|rest| {
            let name = &rest[..name_length(rest)];
            name.starts_with(char::is_uppercase).then_some(name)
        });
        Self {
            text,
            is_mdx,
            ends: ends.collect(),
            budget: 20 * text.len() + (1 << 16),
        }
    }

    /// The tag at the begin of `rest`, and the text after it.
    fn tag(&mut self, rest: &'t str) -> Option<(MarkupToken<'t>, &'t str)> {
        if let Some(inner) = rest.strip_prefix("{{") {
            return self.template(inner);
        }
        if let Some(inner) = rest.strip_prefix("{%") {
            let (tag, after) = self.until(inner, "%}")?;
            return Some((liquid(tag)?, after));
        }
        if rest.starts_with('{') {
            return self.expression(rest);
        }
        self.component(rest)
    }

    /// The text before `end`, and the text after it.
    fn until(&mut self, text: &'t str, end: &str) -> Option<(&'t str, &'t str)> {
        let limit = text.floor_char_boundary(MAX_TAG_BYTES.min(self.budget));
        let Some(at) = text[..limit].find(end) else {
            self.budget -= limit;
            return None;
        };
        Some((&text[..at], &text[at + end.len()..]))
    }

    /// A shortcode of Hugo or an expression.
    fn template(&mut self, inner: &'t str) -> Option<(MarkupToken<'t>, &'t str)> {
        for (begin, end) in [("<", ">}}"), ("%", "%}}")] {
            if let Some(tag) = inner.strip_prefix(begin) {
                let (tag, after) = self.until(tag, end)?;
                return Some((shortcode(tag), after));
            }
        }
        let (expression, after) = self.until(inner, "}}")?;
        let is_expression = !expression.contains('\n') || expression.contains('|');
        is_expression.then(|| {
            (
                MarkupToken::Expression(expression.trim()),
                after.trim_start_matches('}'),
            )
        })
    }

    /// An expression of MDX in single braces.
    fn expression(&mut self, rest: &'t str) -> Option<(MarkupToken<'t>, &'t str)> {
        if !self.is_mdx {
            return None;
        }
        let limit = rest.floor_char_boundary(MAX_TAG_BYTES.min(self.budget));
        let Some(length) = enclosed_length(&rest[..limit]) else {
            self.budget -= limit;
            return None;
        };
        Some((
            MarkupToken::Expression(rest[1..length - 1].trim()),
            &rest[length..],
        ))
    }

    /// A tag of JSX.
    fn component(&mut self, rest: &'t str) -> Option<(MarkupToken<'t>, &'t str)> {
        let inner = rest.strip_prefix('<')?;
        if self.is_mdx
            && let Some(after) = inner.strip_prefix('>').or_else(|| inner.strip_prefix("/>"))
        {
            return Some((MarkupToken::Close(String::new()), after));
        }
        let (is_end, inner) = match inner.strip_prefix('/') {
            Some(inner) => (true, inner),
            None => (false, inner),
        };
        let (name, after_name) = inner.split_at(name_length(inner));
        let is_component = name.starts_with(char::is_uppercase);
        if name.is_empty() || !is_component && (!self.is_mdx || is_end) {
            return None;
        }
        let Some(length) = tag_length(
            &after_name[..after_name.floor_char_boundary(MAX_TAG_BYTES.min(self.budget))],
        ) else {
            self.budget -= MAX_TAG_BYTES.min(self.budget).min(after_name.len());
            return None;
        };
        let (attributes, after) = (&after_name[..length], &after_name[length + 1..]);
        let is_empty = attributes.ends_with('/');
        let attributes = attributes.strip_suffix('/').unwrap_or(attributes);
        if !is_component {
            // Only attributes with expressions are not HTML.
            let end = if is_empty { " /" } else { "" };
            let html = || format!("<{name}{}{end}>", Attributes::parse(attributes).to_html());
            return attributes
                .contains('{')
                .then(|| (MarkupToken::Html(html()), after));
        }
        if matches!(name, "Link" | "NavLink" | "A") && !is_empty {
            return Some((link_tag(is_end, attributes), after));
        }
        if !self.is_mdx && !is_empty && !self.ends.contains(name) {
            return None;
        }
        let name = normal_name(name);
        let token = if is_end {
            MarkupToken::Close(name)
        } else {
            let attributes = Attributes::parse(attributes);
            MarkupToken::Open(Tag {
                name,
                attributes,
                is_empty,
            })
        };
        Some((token, after))
    }
}

impl<'t> Iterator for Lexer<'t> {
    type Item = MarkupToken<'t>;

    fn next(&mut self) -> Option<MarkupToken<'t>> {
        let mut at = 0;
        while let Some(next) = self.text[at..].find(['<', '{']) {
            at += next;
            if at > 0 {
                // The tag is read in the next round.
                let is_tag = self.budget > 0 && self.tag(&self.text[at..]).is_some();
                if is_tag {
                    let (text, rest) = self.text.split_at(at);
                    self.text = rest;
                    return Some(MarkupToken::Text(text));
                }
            } else if self.budget > 0
                && let Some((token, rest)) = self.tag(self.text)
            {
                self.text = rest;
                return Some(token);
            }
            at += 1;
        }
        let rest = std::mem::take(&mut self.text);
        (!rest.is_empty()).then_some(MarkupToken::Text(rest))
    }
}

/// The tag of HTML for a component that is a link.
fn link_tag<'t>(is_end: bool, attributes: &str) -> MarkupToken<'t> {
    let attributes = Attributes::parse(attributes);
    let target = attributes.get(&["to", "href"]).unwrap_or_default();
    MarkupToken::Html(if is_end {
        "</a>".to_owned()
    } else {
        format!("<a href=\"{}\">", target.replace('"', "&quot;"))
    })
}

fn name_length(text: &str) -> usize {
    let is_name =
        |char: char| char.is_ascii_alphanumeric() || char == '.' || char == '_' || char == '-';
    text.find(|char| !is_name(char)).unwrap_or(text.len())
}

fn normal_name(name: &str) -> String {
    let letters = name.chars().filter(|char| char.is_ascii_alphanumeric());
    letters.map(|char| char.to_ascii_lowercase()).collect()
}

/// The length of the rest of a tag of JSX before its `>`.
fn tag_length(text: &str) -> Option<usize> {
    let mut at = 0;
    let first = text.chars().next()?;
    if !first.is_whitespace() && !matches!(first, '>' | '/') {
        return None;
    }
    while at < text.len() {
        let rest = &text[at..];
        at += match rest.chars().next()? {
            '>' => return Some(at),
            '<' => return None,
            '{' => enclosed_length(rest)?,
            '\n' if rest[1..].trim_start_matches([' ', '\t']).starts_with('\n') => return None,
            quote @ ('"' | '\'') => rest[1..].find(quote)? + 2,
            char => char.len_utf8(),
        };
    }
    None
}

/// The words of Liquid that have no content of a page.
const CONTROL_WORDS: [&str; 24] = [
    "if",
    "elsif",
    "else",
    "unless",
    "case",
    "when",
    "for",
    "break",
    "continue",
    "cycle",
    "assign",
    "capture",
    "increment",
    "decrement",
    "tablerow",
    "seo",
    "feed_meta",
    "avatar",
    "layout",
    "extends",
    "block",
    "set",
    "import",
    "macro",
];

fn liquid(tag: &str) -> Option<MarkupToken<'_>> {
    let tag = tag.trim_matches('-').trim();
    let (word, arguments) = tag.split_at(name_length(tag));
    if word.is_empty() {
        return None;
    }
    let name = normal_name(word);
    if let Some(name) = name.strip_prefix("end") {
        return Some(MarkupToken::Close(name.to_owned()));
    }
    let arguments = if CONTROL_WORDS.contains(&&*name) {
        ""
    } else {
        arguments
    };
    Some(MarkupToken::Open(Tag {
        name,
        attributes: Attributes::parse(arguments),
        is_empty: false,
    }))
}

fn shortcode<'t>(tag: &str) -> MarkupToken<'t> {
    let tag = tag.trim();
    if let Some(name) = tag.strip_prefix('/') {
        return MarkupToken::Close(normal_name(name.trim()));
    }
    let (name, arguments) = tag.split_at(tag.find(char::is_whitespace).unwrap_or(tag.len()));
    let trimmed = arguments.trim_end();
    let is_empty = trimmed.ends_with('/') && !trimmed.ends_with("//");
    MarkupToken::Open(Tag {
        name: normal_name(name),
        attributes: Attributes::parse(
            trimmed
                .strip_suffix('/')
                .filter(|_| is_empty)
                .unwrap_or(trimmed),
        ),
        is_empty,
    })
}
