//! Preformatted text: one code block with its language.

use std::rc::Rc;

use markup5ever_rcdom::NodeData;

use super::super::dom::{self, Node, attribute, tag};
use super::disclosures::SECTION;

/// The most elements around a code block that may name its language.
const MAX_WRAPPERS: usize = 3;
/// Elements that begin a line in preformatted text.
const LINES: [&str; 5] = ["div", "p", "li", "tr", "table"];

/// Writes preformatted text as a fenced code block.
pub fn write_block(pre: &Rc<Node>) -> String {
    let text = code_text(pre);
    if text.trim().is_empty() {
        return String::new();
    }
    let longest = text.split(|char| char != '`').map(str::len).max();
    let fence = "`".repeat(longest.map_or(3, |length| (length + 1).max(3)));
    let language = language(pre).unwrap_or_default();
    format!("\n\n{fence}{language}\n{text}\n{fence}\n\n")
}

/// Prepares code within a line: code alone has a text and no marks. Code of several lines
/// becomes preformatted text.
pub fn convert_inline(node: &mut Rc<Node>) {
    if !matches!(tag(node), "code" | "kbd" | "samp" | "tt") {
        return;
    }
    if dom::contains_any(node, &["pre"]) {
        *node = dom::renamed(node, "div");
    } else if dom::contains_any(node, &["br"]) && tag(node) == "code" {
        *node = dom::renamed(node, "pre");
    } else {
        let text = dom::text(node);
        let name = if text.is_empty() { "span" } else { "code" };
        *node = dom::renamed(node, name);
        dom::set_text(node, &text);
    }
}

/// The text of code with its line breaks.
fn code_text(pre: &Rc<Node>) -> String {
    let mut text = String::new();
    let mut pending = vec![(pre.clone(), false)];
    while let Some((node, is_end)) = pending.pop() {
        let begins_line = LINES.contains(&tag(&node));
        if (begins_line || is_end) && !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if is_end {
            continue;
        }
        match &node.data {
            NodeData::Text { contents } => text.push_str(&contents.borrow()),
            _ if tag(&node) == "br" => text.push('\n'),
            _ => {
                if begins_line {
                    pending.push((node.clone(), true));
                }
                let children = node.children.borrow();
                pending.extend(children.iter().rev().map(|child| (child.clone(), false)));
            }
        }
    }
    let text = text.strip_prefix('\n').unwrap_or(&text);
    text.trim_end().to_owned()
}

/// The language that the classes of a code block or of the elements around it name.
fn language(pre: &Rc<Node>) -> Option<String> {
    let code = dom::child_elements(pre)
        .into_iter()
        .find(|child| tag(child) == "code");
    if let Some(language) = code.and_then(|code| own_language(&code)) {
        return Some(language);
    }
    let mut node = Some(pre.clone());
    for _ in 0..=MAX_WRAPPERS {
        let element = node?;
        if let Some(language) = own_language(&element) {
            return Some(language);
        }
        node = dom::parent(&element)
            .filter(|parent| matches!(tag(parent), "div" | "figure" | SECTION));
    }
    None
}

fn own_language(element: &Node) -> Option<String> {
    let class = attribute(element, "class").unwrap_or_default();
    let mut words = class.split_whitespace();
    let prefixed = |word: &str| {
        let prefixes = ["language-", "lang-", "highlight-source-", "highlight-"];
        let language = prefixes.iter().find_map(|prefix| word.strip_prefix(prefix));
        language.map(str::to_owned)
    };
    let after = |name: &str| {
        let mut words = class
            .split_whitespace()
            .skip_while(move |word| word.trim_end_matches([':', ';']) != name);
        words
            .nth(1)
            .map(|word| word.trim_end_matches(';').to_owned())
    };
    let language = words
        .find_map(prefixed)
        .or_else(|| attribute(element, "data-language"))
        .or_else(|| attribute(element, "data-lang"))
        .or_else(|| after("brush"))
        .or_else(|| after("sourceCode"))?;
    let is_name = !language.is_empty()
        && language.len() <= 20
        && language
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || "+#-_.".contains(char));
    let is_unknown = matches!(
        language.to_ascii_lowercase().as_str(),
        "none" | "default" | "plaintext" | "text" | "plain" | "notranslate" | "auto"
    );
    (is_name && !is_unknown).then_some(language)
}
