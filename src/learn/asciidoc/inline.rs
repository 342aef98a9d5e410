//! Macros and marks within a text.

use super::super::bounded::split_near;
use super::Converter;

impl Converter {
    /// Replaces `{name}` by the attribute.
    pub(super) fn references(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let known = split_near(after, "}").and_then(|(name, after)| {
                let value = match name {
                    "nbsp" | "sp" => " ",
                    "empty" | "blank" | "zwsp" => "",
                    name => self
                        .attributes
                        .get(name)
                        .filter(|value| value.len() < 500)?,
                };
                Some((value, after))
            });
            match known {
                Some((value, after)) => {
                    out.push_str(value);
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out + rest
    }

    /// Converts macros and marks within a text.
    pub(super) fn inline(&self, text: &str) -> String {
        let text = self.references(text);
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let at = rest
                .find(['[', '`', '<', '*', '+', '#'])
                .unwrap_or(rest.len());
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            rest = mark(rest, &mut out);
        }
        out
    }
}

/// Converts the mark at the begin of a text, and returns the text after the mark.
fn mark<'t>(text: &'t str, out: &mut String) -> &'t str {
    let Some(first) = text.chars().next() else {
        return text;
    };
    let is_word_start = !out.ends_with(char::is_alphanumeric);
    let converted = match first {
        '[' => macro_text(text, out),
        '`' => code(text, out),
        '<' if text.starts_with("<<") => cross_reference(text, out),
        '*' if text.starts_with("**") => enclosed(text, "**", "**", out),
        '*' if is_word_start => enclosed(text, "*", "**", out),
        '+' if is_word_start && !text.starts_with("+ ") => enclosed(text, "+", "`", out),
        '#' if is_word_start => enclosed(text, "#", "", out),
        _ => None,
    };
    converted.unwrap_or_else(|| {
        out.push(first);
        &text[first.len_utf8()..]
    })
}

/// Writes the text between `sign` and the next one with `mark` around it.
fn enclosed<'t>(text: &'t str, sign: &str, mark: &str, out: &mut String) -> Option<&'t str> {
    let (inner, after) = split_near(text.strip_prefix(sign)?, sign)?;
    let is_unpadded = !inner.is_empty() && inner.trim() == inner;
    let ends_word = !after.starts_with(char::is_alphanumeric);
    if !is_unpadded || !ends_word {
        return None;
    }
    out.push_str(&format!("{mark}{inner}{mark}"));
    Some(after)
}

fn code<'t>(text: &'t str, out: &mut String) -> Option<&'t str> {
    let (inner, after) = split_near(text.strip_prefix('`')?, "`")?;
    let inner = inner
        .strip_prefix('+')
        .and_then(|inner| inner.strip_suffix('+'))
        .unwrap_or(inner);
    out.push_str(&format!("`{inner}`"));
    Some(after)
}

/// `<<id,text>>` becomes its text.
fn cross_reference<'t>(text: &'t str, out: &mut String) -> Option<&'t str> {
    let (inner, after) = split_near(text.strip_prefix("<<")?, ">>")?;
    let label = inner.split_once(',').map_or(inner, |(_, label)| label);
    out.push_str(label.trim().trim_start_matches('#'));
    Some(after)
}

/// The longest name and target of a macro.
const MAX_TARGET_BYTES: usize = 1000;

/// A macro such as `link:target[text]`, whose name and target are written already.
fn macro_text<'t>(text: &'t str, out: &mut String) -> Option<&'t str> {
    let (label, after) = split_near(text.strip_prefix('[')?, "]")?;
    let near = out.ceil_char_boundary(out.len().saturating_sub(MAX_TARGET_BYTES));
    let start = out[near..].rfind(|char: char| char.is_whitespace() || "(\"'".contains(char));
    let start = start.map_or(near, |at| {
        let at = near + at;
        at + out[at..].chars().next().map_or(0, char::len_utf8)
    });
    let call = out[start..].trim_start_matches([',', ';']).to_owned();
    let start = out.len() - call.len();
    let label = label
        .split(",window=")
        .next()
        .unwrap_or(label)
        .trim_end_matches('^')
        .trim_matches('"');
    let replacement = if call.starts_with("http://") || call.starts_with("https://") {
        link(label, &call)
    } else {
        let (name, target) = call.split_once(':')?;
        let target = target.trim_start_matches(':');
        match name {
            "link" | "xref" | "mailto" => link(
                label,
                &if name == "mailto" {
                    call.clone()
                } else {
                    xref(target)
                },
            ),
            "image" => label.split(',').next().unwrap_or_default().to_owned(),
            "kbd" | "btn" => label.to_owned(),
            "menu" => format!("{target} › {}", label.replace('>', "›")),
            "footnote" => format!(" ({})", label.trim_end_matches('.')),
            "icon" | "indexterm" | "anchor" | "video" | "audio" => String::new(),
            "pass" | "stem" | "latexmath" | "asciimath" => label.to_owned(),
            name if is_macro_name(name) => other_macro(target, label),
            _ => return None,
        }
    };
    out.truncate(start);
    out.push_str(&replacement);
    Some(after)
}

/// Whether this can be the name of a macro that an extension defines.
fn is_macro_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_lowercase())
        && name.len() > 1
        && chars.all(|char| char.is_ascii_alphanumeric() || "-_".contains(char))
}

/// The text of a macro that an extension defines: its label, else its target. A number is
/// the section of a manual page, as in `linkgit:git-log[1]`.
fn other_macro(target: &str, label: &str) -> String {
    let positional = label.split(',').map(str::trim);
    let text = positional.filter(|part| !part.contains('='));
    match text.collect::<Vec<_>>().join(", ").as_str() {
        "" => target.to_owned(),
        section if is_manual_section(section) && !target.is_empty() => {
            format!("{target}({section})")
        }
        text => text.to_owned(),
    }
}

fn is_manual_section(text: &str) -> bool {
    text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The target of a cross reference without the names of components of Antora.
fn xref(target: &str) -> String {
    if target.contains("://") {
        return target.to_owned();
    }
    target
        .rsplit([':', '$'])
        .next()
        .unwrap_or(target)
        .to_owned()
}

fn link(label: &str, target: &str) -> String {
    let label = match label.split(',').next().unwrap_or_default() {
        "" => target,
        _ => label,
    };
    format!("[{label}](<{target}>)")
}
