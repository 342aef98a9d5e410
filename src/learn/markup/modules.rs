//! Lines of programs in MDX: imports and exports.

use std::collections::HashMap;

use super::attributes::literal;

/// The values of exported constants by name.
pub type Values = HashMap<String, String>;

/// The longest statement.
const MAX_LINES: usize = 300;

/// Removes imports and exports. In Markdown that is not MDX, only statements that no
/// sentence looks like are removed.
pub fn remove(text: &str, is_mdx: bool) -> (String, Values) {
    let mut kept = String::with_capacity(text.len());
    let mut values = Values::new();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if !begins_statement(line, is_mdx) {
            kept.push_str(line);
            continue;
        }
        let mut statement = line.to_owned();
        let mut depth = depth_change(line);
        let is_import = line.starts_with("import");
        for _ in 0..MAX_LINES {
            let is_open = depth > 0 || is_import && !statement.contains(['"', '\'']);
            let next = lines.next_if(|next| is_open || !is_import && is_continuation(next));
            let Some(next) = next else { break };
            depth += depth_change(next);
            statement.push_str(next);
        }
        values.extend(constant(&statement));
    }
    (kept, values)
}

fn begins_statement(line: &str, is_mdx: bool) -> bool {
    if let Some(rest) = line
        .strip_prefix("import ")
        .or_else(|| line.strip_prefix("import{"))
    {
        let rest = rest.trim_start();
        let is_path = rest.starts_with(['"', '\'']);
        let has_path = line.contains(" from ") && line.contains(['"', '\'']);
        let is_open = line.trim_end().ends_with('{');
        return is_path || has_path || is_open || is_mdx && rest.starts_with(['{', '*']);
    }
    let Some(rest) = line.strip_prefix("export ") else {
        return false;
    };
    let words = [
        "const ",
        "default ",
        "function ",
        "let ",
        "async function ",
        "{",
        "* from ",
    ];
    words.iter().any(|word| rest.starts_with(word)) && (is_mdx || line.contains(['=', '(', '{']))
}

/// How many more braces, brackets and parentheses the line opens than it closes.
fn depth_change(line: &str) -> i32 {
    line.bytes().fold(0, |depth, byte| match byte {
        b'{' | b'[' | b'(' => depth + 1,
        b'}' | b']' | b')' => depth - 1,
        _ => depth,
    })
}

/// Whether an export goes on: only a blank line ends it.
fn is_continuation(line: &str) -> bool {
    line.starts_with([' ', '\t', '}', ')', ']', ';']) && !line.trim().is_empty()
}

/// The name and the text of `export const name = "text"`.
fn constant(statement: &str) -> Option<(String, String)> {
    let (name, value) = statement.strip_prefix("export const ")?.split_once('=')?;
    let value = value.trim().trim_end_matches(';').trim_end();
    let is_number = value.parse::<f64>().is_ok();
    let text = if is_number {
        Some(value.to_owned())
    } else {
        literal(value)
    };
    let name = name.split(':').next().unwrap_or_default();
    Some((name.trim().to_owned(), text?))
}
