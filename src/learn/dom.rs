//! Helpers for the tree of an HTML page. None of them recurses, because a page
//! may nest its elements to any depth.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

pub use markup5ever_rcdom::Node;
use markup5ever_rcdom::NodeData;

use super::tag_attributes;

/// Elements that the parser closes implicitly, so that they do not add depth.
const UNNESTED_ELEMENTS: [&str; 26] = [
    "area", "base", "br", "col", "dd", "dt", "embed", "frame", "hr", "image", "img", "input",
    "keygen", "li", "link", "meta", "option", "p", "param", "source", "tbody", "td", "th", "tr",
    "track", "wbr",
];
/// Elements that may be open at once. Real pages have about 30; the parsing
/// time grows with the square of this number.
const MAX_OPEN_ELEMENTS: usize = 300;
/// Elements that the parser opens again in each following block if they are
/// not closed.
const FORMATTING_ELEMENTS: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];
/// How many times the parser may open formatting elements again in one page.
const MAX_REOPENED_ELEMENTS: usize = 300_000;

/// The attributes of one tag. Real tags have up to about 50.
const MAX_ATTRIBUTES: u32 = 250;

/// Whether parsing the page into a tree would take too long: it leaves too many
/// elements open, or a tag has too many attributes.
pub fn exceeds_parser_limits(html: &str) -> bool {
    exceeds_nesting_limits(html) || tag_attributes::exceeds(html, MAX_ATTRIBUTES)
}

fn exceeds_nesting_limits(html: &str) -> bool {
    let mut nesting = Nesting::default();
    html.split('<').skip(1).any(|tag| {
        match tag.strip_prefix('/') {
            Some(closing) => nesting.close(&tag_name(closing)),
            None => nesting.open(tag_name(tag)),
        }
        nesting.exceeds_limits()
    })
}

/// The lowercase name at the start of a tag; empty for comments and text.
fn tag_name(tag: &str) -> String {
    let end = tag.find(|char: char| !char.is_ascii_alphanumeric());
    tag[..end.unwrap_or(tag.len())].to_ascii_lowercase()
}

/// An estimate of the elements that the parser holds open.
#[derive(Default)]
struct Nesting {
    open_by_name: HashMap<String, usize>,
    open: usize,
    open_formatting: usize,
    reopened: usize,
}

impl Nesting {
    fn open(&mut self, name: String) {
        self.reopened += self.open_formatting;
        if name.is_empty() || UNNESTED_ELEMENTS.contains(&name.as_str()) {
            return;
        }
        self.open += 1;
        self.open_formatting += usize::from(is_formatting(&name));
        *self.open_by_name.entry(name).or_default() += 1;
    }

    /// Closes an element; does nothing if no element of this name is open.
    fn close(&mut self, name: &str) {
        self.reopened += self.open_formatting;
        let open = self.open_by_name.get_mut(name);
        if let Some(count) = open.filter(|count| **count > 0) {
            *count -= 1;
            self.open -= 1;
            self.open_formatting -= usize::from(is_formatting(name));
        }
    }

    fn exceeds_limits(&self) -> bool {
        self.open > MAX_OPEN_ELEMENTS || self.reopened > MAX_REOPENED_ELEMENTS
    }
}

fn is_formatting(name: &str) -> bool {
    FORMATTING_ELEMENTS.contains(&name)
}

/// The name of an element; empty for other nodes.
pub fn tag(node: &Node) -> &str {
    match &node.data {
        NodeData::Element { name, .. } => &name.local,
        _ => "",
    }
}

/// The value of an attribute.
pub fn attribute(node: &Node, name: &str) -> Option<String> {
    read_attribute(node, name, str::to_owned)
}

/// Changes the value of an existing attribute; `None` removes the attribute.
pub fn set_attribute(node: &Node, name: &str, value: Option<&str>) {
    let NodeData::Element { attrs, .. } = &node.data else {
        return;
    };
    let mut attributes = attrs.borrow_mut();
    let Some(value) = value else {
        attributes.retain(|each| &*each.name.local != name);
        return;
    };
    let existing = attributes.iter_mut().find(|each| &*each.name.local == name);
    if let Some(attribute) = existing {
        attribute.value = value.into();
    }
}

/// All nodes below `root` in document order.
pub fn descendants(root: &Rc<Node>) -> impl Iterator<Item = Rc<Node>> {
    let mut pending = vec![root.clone()];
    let mut is_root = true;
    std::iter::from_fn(move || {
        loop {
            let node = pending.pop()?;
            pending.extend(node.children.borrow().iter().rev().cloned());
            if !std::mem::take(&mut is_root) {
                return Some(node);
            }
        }
    })
}

/// The text below a node, with each run of white space as one space.
pub fn text(root: &Rc<Node>) -> String {
    let mut text = String::new();
    for node in descendants(root) {
        match &node.data {
            NodeData::Text { contents } => text.push_str(&contents.borrow()),
            // Separates the words of two table cells or lines.
            NodeData::Element { .. } if !is_inline(tag(&node)) => text.push(' '),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const INLINE_ELEMENTS: [&str; 28] = [
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var",
    "wbr",
];

/// Whether an element is part of a line of text.
pub fn is_inline(tag: &str) -> bool {
    INLINE_ELEMENTS.contains(&tag)
}

/// Replaces the children of an element by its text.
pub fn replace_with_text(node: &Rc<Node>) {
    if tag(node).is_empty() {
        return;
    }
    set_text(node, &text(node));
}

/// Replaces the children of an element by one text.
pub fn set_text(node: &Rc<Node>, text: &str) {
    set_children(node, vec![text_node(text)]);
}

/// A new node with a text.
pub fn text_node(text: &str) -> Rc<Node> {
    let contents = RefCell::new(text.into());
    Node::new(NodeData::Text { contents })
}

/// A new element named `tag` without attributes. `other` is any element.
pub fn new_element(other: &Node, tag: &str, children: Vec<Rc<Node>>) -> Rc<Node> {
    let mut data = other.data.clone();
    if let NodeData::Element { name, attrs, .. } = &mut data {
        name.local = tag.into();
        attrs.take();
    }
    let element = Node::new(data);
    set_children(&element, children);
    element
}

/// Replaces the children of a node.
pub fn set_children(node: &Rc<Node>, children: Vec<Rc<Node>>) {
    for child in &children {
        child.parent.set(Some(Rc::downgrade(node)));
    }
    node.children.replace(children);
}

/// The node that contains `node`.
pub fn parent(node: &Node) -> Option<Rc<Node>> {
    let parent = node.parent.take();
    let result = parent.as_ref().and_then(std::rc::Weak::upgrade);
    node.parent.set(parent);
    result
}

/// The child elements of a node.
pub fn child_elements(node: &Node) -> Vec<Rc<Node>> {
    let children = node.children.borrow();
    let elements = children.iter().filter(|child| !tag(child).is_empty());
    elements.cloned().collect()
}

/// Whether an element with one of these names is below `root`.
pub fn contains_any(root: &Rc<Node>, names: &[&str]) -> bool {
    descendants(root).any(|node| names.contains(&tag(&node)))
}

/// Whether a node is text without any visible character.
pub fn is_blank_text(node: &Node) -> bool {
    match &node.data {
        NodeData::Text { contents } => contents.borrow().trim().is_empty(),
        NodeData::Element { .. } => false,
        _ => true,
    }
}

/// Calls `read` with the value of an attribute, without a copy of the value.
fn read_attribute<T>(node: &Node, name: &str, read: impl FnOnce(&str) -> T) -> Option<T> {
    let NodeData::Element { attrs, .. } = &node.data else {
        return None;
    };
    let attributes = attrs.borrow();
    let attribute = attributes.iter().find(|each| &*each.name.local == name)?;
    Some(read(&attribute.value))
}

/// Whether an element has attributes.
pub fn has_attributes(node: &Node) -> bool {
    matches!(&node.data, NodeData::Element { attrs, .. } if !attrs.borrow().is_empty())
}

pub fn has_attribute(node: &Node, name: &str) -> bool {
    read_attribute(node, name, |_| ()).is_some()
}

/// Whether the class attribute of an element has a word that satisfies `predicate`. Words
/// are in lower case and separated by white space.
pub fn has_class(node: &Node, predicate: impl Fn(&str) -> bool) -> bool {
    let has_word = |classes: &str| classes.split_whitespace().any(&predicate);
    let result = read_attribute(node, "class", |classes| {
        if classes.contains(char::is_uppercase) {
            has_word(&classes.to_lowercase())
        } else {
            has_word(classes)
        }
    });
    result.unwrap_or(false)
}

/// Whether an attribute has a value, regardless of case.
pub fn has_value(node: &Node, name: &str, value: &str) -> bool {
    let is_equal = |actual: &str| actual.trim().eq_ignore_ascii_case(value);
    read_attribute(node, name, is_equal).unwrap_or(false)
}

/// Whether the value of an attribute contains a text.
pub fn value_contains(node: &Node, name: &str, part: &str) -> bool {
    read_attribute(node, name, |value| value.contains(part)).unwrap_or(false)
}

/// Moves the children and attributes of an element to a new element named
/// `tag`.
pub fn renamed(node: &Rc<Node>, tag: &str) -> Rc<Node> {
    let mut data = node.data.clone();
    if let NodeData::Element { name, .. } = &mut data {
        name.local = tag.into();
    }
    let renamed = Node::new(data);
    renamed.parent.set(node.parent.take());
    set_children(&renamed, node.children.take());
    renamed
}

/// The text of a page without its tags, for pages that are not parsed into a
/// tree.
pub fn strip_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    for (index, piece) in html.split('<').enumerate() {
        let after_tag = match index {
            0 => piece,
            _ => piece.split_once('>').map_or("", |(_, after)| after),
        };
        text.push_str(after_tag);
        text.push(' ');
    }
    text
}
