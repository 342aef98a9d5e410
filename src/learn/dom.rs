//! What reading a page needs of its tree. Nothing here recurses: a page may be
//! nested as deep as whoever wrote it likes.

use std::cell::RefCell;
use std::rc::Rc;

use std::collections::HashMap;

pub use markup5ever_rcdom::Node;
use markup5ever_rcdom::NodeData;

/// Elements that neither end nor hold others open.
const UNNESTED_ELEMENTS: [&str; 26] = [
    "area", "base", "br", "col", "dd", "dt", "embed", "frame", "hr", "image", "img", "input",
    "keygen", "li", "link", "meta", "option", "p", "param", "source", "tbody", "td", "th", "tr",
    "track", "wbr",
];
/// Elements that may be open at once. Real pages have some thirty; the time a
/// parser takes grows with the square.
const MAX_OPEN_ELEMENTS: usize = 300;
/// Elements that a parser opens again in every paragraph where nobody closed
/// them, and how often it may have to.
const FORMATTING_ELEMENTS: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];
const MAX_REOPENED_ELEMENTS: usize = 300_000;

/// Whether so many elements are left open that reading the page as a tree
/// would take too long.
pub fn exceeds_nesting_limits(html: &str) -> bool {
    let mut open: HashMap<String, usize> = HashMap::new();
    let (mut all, mut formatting, mut again) = (0, 0, 0);
    html.split('<').skip(1).any(|tag| {
        let (closing, name) = match tag.strip_prefix('/') {
            Some(name) => (true, name),
            None => (false, tag),
        };
        let end = name.find(|one: char| !one.is_ascii_alphanumeric());
        let name = name[..end.unwrap_or(name.len())].to_ascii_lowercase();
        let formats = usize::from(FORMATTING_ELEMENTS.contains(&name.as_str()));
        again += formatting;
        if closing {
            // Only what is open can be closed.
            if let Some(count) = open.get_mut(&name).filter(|count| **count > 0) {
                *count -= 1;
                all -= 1;
                formatting -= formats;
            }
        } else if !name.is_empty() && !UNNESTED_ELEMENTS.contains(&name.as_str()) {
            *open.entry(name).or_default() += 1;
            all += 1;
            formatting += formats;
        }
        all > MAX_OPEN_ELEMENTS || again > MAX_REOPENED_ELEMENTS
    })
}

/// The name of an element; empty for everything else.
pub fn tag(node: &Node) -> &str {
    match &node.data {
        NodeData::Element { name, .. } => &name.local,
        _ => "",
    }
}

/// An attribute's value.
pub fn attribute(node: &Node, name: &str) -> Option<String> {
    let NodeData::Element { attrs, .. } = &node.data else {
        return None;
    };
    let attributes = attrs.borrow();
    let found = attributes.iter().find(|one| &*one.name.local == name)?;
    Some(found.value.to_string())
}

/// Changes an attribute that is there; None takes it away.
pub fn set_attribute(node: &Node, name: &str, value: Option<&str>) {
    let NodeData::Element { attrs, .. } = &node.data else {
        return;
    };
    let mut attributes = attrs.borrow_mut();
    match value {
        None => attributes.retain(|one| &*one.name.local != name),
        Some(value) => {
            let named = attributes.iter_mut().find(|one| &*one.name.local == name);
            named.into_iter().for_each(|one| one.value = value.into());
        }
    }
}

/// The nodes below `root`, each before those in it.
pub fn descendants(root: &Rc<Node>) -> impl Iterator<Item = Rc<Node>> {
    let mut waiting = vec![root.clone()];
    let mut first = true;
    std::iter::from_fn(move || {
        loop {
            let node = waiting.pop()?;
            waiting.extend(node.children.borrow().iter().rev().cloned());
            if !std::mem::take(&mut first) {
                return Some(node);
            }
        }
    })
}

/// All text below a node, blanks put together.
pub fn text(root: &Rc<Node>) -> String {
    let mut text = String::new();
    for node in descendants(root) {
        match &node.data {
            NodeData::Text { contents } => text.push_str(&contents.borrow()),
            // Words of two cells or lines stay two words.
            NodeData::Element { .. } if !is_inline(tag(&node)) => text.push(' '),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_inline(tag: &str) -> bool {
    matches!(
        tag,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "code"
            | "em"
            | "font"
            | "i"
            | "kbd"
            | "mark"
            | "s"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "u"
            | "var"
            | "wbr"
    )
}

/// Puts an element's text in the place of all that it holds.
pub fn replace_with_text(node: &Rc<Node>) {
    if tag(node).is_empty() {
        return;
    }
    let text = text(node);
    let contents = RefCell::new(text.as_str().into());
    *node.children.borrow_mut() = vec![Node::new(NodeData::Text { contents })];
}

/// An element of another name with all that this one holds.
pub fn renamed(node: &Rc<Node>, tag: &str) -> Rc<Node> {
    let mut data = node.data.clone();
    if let NodeData::Element { name, .. } = &mut data {
        name.local = tag.into();
    }
    let renamed = Node::new(data);
    for child in node.children.take() {
        child.parent.set(Some(Rc::downgrade(&renamed)));
        renamed.children.borrow_mut().push(child);
    }
    renamed
}

/// A text's words without its tags, for what cannot be read as a tree.
pub fn strip_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    for (index, piece) in html.split('<').enumerate() {
        let after = match index {
            0 => piece,
            _ => piece.split_once('>').map_or("", |(_, after)| after),
        };
        text.push_str(after);
        text.push(' ');
    }
    text
}
