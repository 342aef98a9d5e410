//! Roles, links and code within a text.

use super::super::bounded::split_near;
use super::Converter;

impl Converter {
    /// Converts roles, links and code within a text.
    pub(super) fn inline(&self, text: &str) -> String {
        if !text.contains(['`', '_', '|', '\\']) {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['`', '|', '\\', '_']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            rest = self.mark(rest, &mut out);
        }
        out.push_str(rest);
        out
    }

    /// Converts the mark at the begin of a text, and returns the text after the mark.
    pub(super) fn mark<'t>(&self, text: &'t str, out: &mut String) -> &'t str {
        if let Some(code) = text.strip_prefix("``")
            && let Some((code, after)) = split_near(code, "``")
        {
            out.push_str(&format!("`{code}`"));
            return after;
        }
        if let Some(inner) = text.strip_prefix('`')
            && let Some((inner, after)) = split_near(inner, "`")
        {
            return self.interpreted(inner, after, out);
        }
        if let Some(inner) = text.strip_prefix('|')
            && let Some((name, after)) = split_near(inner, "|")
            && let Some(value) = self.targets.get(&format!("|{name}|"))
        {
            out.push_str(value);
            return after.strip_prefix('_').unwrap_or(after);
        }
        if let Some(after) = text.strip_prefix("\\ ") {
            return after;
        }
        if let Some(after) = text.strip_prefix('_')
            && let Some(after) = self.reference(after, out)
        {
            return after;
        }
        let length = text.chars().next().map_or(0, char::len_utf8);
        out.push_str(&text[..length]);
        &text[length..]
    }

    /// Converts `name_` into a link, if the name has an address.
    pub(super) fn reference<'t>(&self, after: &'t str, out: &mut String) -> Option<&'t str> {
        let ends = !after.starts_with(|char: char| char.is_alphanumeric() || char == '_');
        if ends && out.ends_with(']') {
            // The mark of a footnote.
            return Some(after);
        }
        let start = word_start(out, "-.");
        let name = out[start..].to_owned();
        let address = self.targets.get(&name.to_lowercase()).filter(|_| ends)?;
        out.truncate(start);
        out.push_str(&link(&name, address));
        Some(after)
    }

    /// Converts the text between backticks by its role and what follows.
    pub(super) fn interpreted<'t>(&self, inner: &str, after: &'t str, out: &mut String) -> &'t str {
        let role = take_role(out);
        let (label, target) = match inner
            .strip_suffix('>')
            .and_then(|inner| inner.rsplit_once('<'))
        {
            Some((label, target)) => (label.trim(), Some(target)),
            None => (inner, None),
        };
        if let Some(after) = after.strip_prefix("__").or_else(|| after.strip_prefix('_')) {
            let known = self.targets.get(&label.to_lowercase()).map(String::as_str);
            out.push_str(&match target.or(known) {
                Some(target) => link(label, target),
                None => label.to_owned(),
            });
            return after;
        }
        let label = label.trim_start_matches(['~', '!']);
        out.push_str(&match role.as_deref() {
            Some("doc") => {
                let path = target.unwrap_or(inner);
                let name = path
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .replace(['-', '_'], " ");
                link(
                    if target.is_some() { label } else { &name },
                    &format!("{path}.rst"),
                )
            }
            Some(
                "download" | "ref" | "term" | "abbr" | "guilabel" | "menuselection" | "kbd" | "sub"
                | "sup" | "numref" | "strong" | "emphasis" | "title" | "rfc" | "pep" | "index"
                | "dfn",
            ) => label.replace("-->", "›"),
            Some(_) => format!("`{label}`"),
            None => label.to_owned(),
        });
        after
    }
}

/// The longest name of a role or reference.
const MAX_NAME_BYTES: usize = 200;

/// Removes `:role:` from the end of a text, and returns the name of the role.
fn take_role(out: &mut String) -> Option<String> {
    let before = out.strip_suffix(':')?;
    let start = word_start(before, "-+:.");
    let name = before[start..].strip_prefix(':')?;
    let name = name.rsplit(':').next()?.to_owned();
    out.truncate(start);
    Some(name)
}

/// The begin of the word of letters, digits and `signs` at the end of a text.
fn word_start(text: &str, signs: &str) -> usize {
    let near = text.ceil_char_boundary(text.len().saturating_sub(MAX_NAME_BYTES));
    let is_word = |char: &char| char.is_alphanumeric() || signs.contains(*char);
    let word = text[near..].chars().rev().take_while(is_word);
    text.len() - word.map(char::len_utf8).sum::<usize>()
}

fn link(label: &str, target: &str) -> String {
    let target = target.strip_suffix('_').unwrap_or(target);
    format!("[{label}](<{target}>)")
}
