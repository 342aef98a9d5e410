//! Removes what is no content, and replaces elements that Markdown cannot express.

use std::rc::Rc;

use markup5ever_rcdom::NodeData;
use url::Url;

use super::super::dom::{self, Node, attribute, child_elements, descendants, renamed, tag};
use super::super::links;
use super::disclosures::SECTION;
use super::outline::heading_level;
use super::{boilerplate, code, definition_lists, phrases, tables, text};

/// The deepest tree that is converted; below, only the text is kept. The
/// converter recurses.
const MAX_TREE_DEPTH: usize = 100;
/// The deepest nesting of lists and quotes; each level indents all its lines.
const MAX_LIST_DEPTH: usize = 10;

/// Removes all below `root` that is no content, prepares the rest for the converter and
/// makes links absolute.
pub fn prune(root: &Rc<Node>, base: Option<&Url>) {
    let is_whole_page = tag(root) == "body" || tag(root).is_empty();
    let mut pending = vec![(root.clone(), 0, 0, false)];
    while let Some((node, depth, mut list_depth, is_code)) = pending.pop() {
        let is_code = is_code || tag(&node) == "pre";
        let mut children = node.children.take();
        keep_labels(&node, &mut children);
        let is_links = is_within_heading(&node)
            && !children
                .iter()
                .any(|child| tag(child) != "a" && has_words(child));
        children.retain(|child| !boilerplate::is_dropped(child, is_whole_page, is_links));
        if is_code {
            dom::set_children(&node, children);
        } else {
            children.iter_mut().for_each(convert);
            dom::set_children(&node, separate_keys(children));
        }
        if tag(&node) == "a" {
            resolve_link(&node, base);
        }
        list_depth += usize::from(matches!(tag(&node), "ul" | "ol" | "blockquote"));
        if depth > MAX_TREE_DEPTH || list_depth > MAX_LIST_DEPTH {
            dom::replace_with_text(&node);
            continue;
        }
        let children = node.children.borrow();
        let children = children.iter();
        pending.extend(children.map(|child| (child.clone(), depth + 1, list_depth, is_code)));
    }
}

/// Replaces a button by its content where the button is the text: alone in a heading, or
/// within a sentence.
fn keep_labels(parent: &Rc<Node>, children: &mut [Rc<Node>]) {
    let is_button = |node: &Rc<Node>| {
        let is_button = tag(node) == "button" || dom::has_value(node, "role", "button");
        is_button && !boilerplate::is_hidden(node)
    };
    if !children.iter().any(is_button) {
        return;
    }
    let has_other_text = children
        .iter()
        .any(|child| !is_button(child) && has_words(child));
    let has_own_text = children
        .iter()
        .any(|child| tag(child).is_empty() && has_words(child));
    let is_heading = is_within_heading(parent);
    for child in children.iter_mut().filter(|child| is_button(child)) {
        let contains_heading = descendants(child).any(|node| heading_level(&node).is_some());
        let text = dom::text(child);
        let is_question = text.ends_with(['?', '？']) && text.split_whitespace().count() > 2;
        if contains_heading || is_question && !is_heading {
            *child = renamed_without_role(child, "div");
        } else if is_heading && !has_other_text
            || tag(parent) == "p" && has_own_text
            || matches!(tag(parent), "summary" | "label") && !has_other_text
        {
            *child = renamed_without_role(child, "span");
        }
    }
}

fn renamed_without_role(node: &Rc<Node>, name: &str) -> Rc<Node> {
    let node = renamed(node, name);
    dom::set_attribute(&node, "role", None);
    node
}

fn has_words(node: &Rc<Node>) -> bool {
    match &node.data {
        NodeData::Text { contents } => contents.borrow().contains(char::is_alphabetic),
        _ => dom::text(node).contains(char::is_alphabetic),
    }
}

/// Whether an element without its children is a heading, or is in a heading without other
/// text.
fn is_within_heading(node: &Rc<Node>) -> bool {
    if heading_level(node).is_some() {
        return true;
    }
    let heading = dom::parent(node).filter(|parent| heading_level(parent).is_some());
    heading.is_some_and(|heading| !has_words(&heading))
}

/// Replaces elements that Markdown cannot express.
fn convert(node: &mut Rc<Node>) {
    definition_lists::convert(node);
    tables::convert(node);
    code::convert_inline(node);
    match tag(node) {
        "img" => {
            let text = text::picture_text(node);
            let text = text.map(|text| format!(" {text}"));
            *node = dom::text_node(&text.unwrap_or_default());
        }
        "details" | "summary" | "form" | "fieldset" | "label" => *node = renamed(node, "div"),
        "q" => {
            node.children.borrow_mut().insert(0, dom::text_node("“"));
            node.children.borrow_mut().push(dom::text_node("”"));
        }
        "sup" => {
            if text::is_footnote_mark(node) {
                dom::set_children(node, Vec::new());
            } else if let Some(text) = text::superscript(&dom::text(node)) {
                dom::set_text(node, &text);
            }
        }
        "ul" if is_layout_list(node) => {
            let items = child_elements(node)
                .into_iter()
                .map(|item| renamed(&item, "div"));
            let items = items.collect();
            *node = renamed(node, "div");
            dom::set_children(node, items);
        }
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if is_callout_heading(node) => {
            let kind = dom::new_element(node, "strong", node.children.take());
            *node = renamed(node, "p");
            dom::set_children(node, vec![kind]);
        }
        _ if text::is_struck_out(node) => strike_out(node),
        _ => {}
    }
}

/// Whether a heading names the kind of a callout, and no part of the page.
fn is_callout_heading(heading: &Rc<Node>) -> bool {
    phrases::is_callout_heading(&dom::text(heading))
}

/// Marks struck-out text with `<del>`.
fn strike_out(node: &mut Rc<Node>) {
    if dom::is_inline(tag(node)) {
        *node = renamed(node, "del");
    } else {
        let deleted = dom::new_element(node, "del", node.children.take());
        dom::set_children(node, vec![deleted]);
    }
}

/// Whether each item of a list has a heading or a named section.
fn is_layout_list(list: &Rc<Node>) -> bool {
    let items = child_elements(list);
    let is_heading = |node: Rc<Node>| heading_level(&node).is_some() || tag(&node) == SECTION;
    !items.is_empty() && items.iter().all(|item| descendants(item).any(is_heading))
}

/// Puts a space between keys without one, such as `<kbd>Ctrl</kbd><kbd>C</kbd>`.
fn separate_keys(children: Vec<Rc<Node>>) -> Vec<Rc<Node>> {
    let is_code = |node: Option<&Rc<Node>>| node.is_some_and(|node| tag(node) == "code");
    let mut separated = Vec::with_capacity(children.len());
    for child in children {
        if is_code(separated.last()) && is_code(Some(&child)) {
            separated.push(dom::text_node(" "));
        }
        separated.push(child);
    }
    separated
}

// ── Links ──

const BLOCK_ELEMENTS: [&str; 13] = [
    "h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "ul", "ol", "table", "pre", "dl",
];

/// Makes a link absolute or removes its target. A link around blocks loses its
/// target, because Markdown cannot express it.
fn resolve_link(node: &Rc<Node>, base: Option<&Url>) {
    let href = attribute(node, "href").unwrap_or_default();
    let url = links::absolute(&href, base);
    let url = url.filter(|url| !is_picture(url) && !dom::contains_any(node, &BLOCK_ELEMENTS));
    let target = url.as_ref().map(links::escape_parentheses);
    dom::set_attribute(node, "href", target.as_deref());
    dom::set_attribute(node, "title", None);
}

/// Whether a link leads to a picture, as those around thumbnails do.
fn is_picture(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    [".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"]
        .iter()
        .any(|extension| path.ends_with(extension))
}
