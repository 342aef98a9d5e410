//! Definition lists. Short definitions become the items of a list; long ones, and answers
//! to questions, become named sections.

use std::rc::Rc;

use super::super::dom::{self, Node, child_elements, descendants, renamed, tag};
use super::disclosures::{self, PANEL, SECTION};

/// The longest definition that is an item of a list.
const MAX_ITEM_CHARS: usize = 300;
/// The most terms that have a definition in common.
const MAX_COMMON_TERMS: usize = 3;
/// The longest term that is the title of a section.
const MAX_TITLE_CHARS: usize = 200;
const BLOCKS: [&str; 11] = [
    "pre",
    "table",
    "dl",
    "blockquote",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    SECTION,
    PANEL,
];

/// Terms with their common definitions.
#[derive(Default)]
struct Definition {
    terms: Vec<Rc<Node>>,
    details: Vec<Rc<Node>>,
}

/// Converts a definition list. Leaves other elements unchanged.
pub fn convert(list: &mut Rc<Node>) {
    if tag(list) != "dl" {
        return;
    }
    let definitions: Vec<_> = definitions(list)
        .into_iter()
        .flat_map(split_terms)
        .collect();
    if definitions
        .iter()
        .any(|one| one.details.iter().any(is_section))
    {
        let children = definitions
            .into_iter()
            .flat_map(|one| [one.terms, one.details].concat());
        let children = children.map(|child| renamed(&child, "div")).collect();
        *list = replacement(list, "div", children);
    } else if definitions.iter().all(is_short) {
        let items = definitions.iter().filter_map(|one| item(list, one));
        *list = replacement(list, "ul", items.collect());
    } else {
        let sections = definitions.iter().map(|one| section(list, one));
        *list = replacement(list, "div", sections.collect());
    }
}

fn replacement(list: &Rc<Node>, name: &str, children: Vec<Rc<Node>>) -> Rc<Node> {
    let replacement = dom::new_element(list, name, children);
    replacement.parent.set(list.parent.take());
    replacement
}

/// A definition that is named after a control.
fn is_section(details: &Rc<Node>) -> bool {
    details
        .children
        .borrow()
        .iter()
        .any(|child| matches!(tag(child), SECTION | PANEL))
}

fn definitions(list: &Rc<Node>) -> Vec<Definition> {
    let children = child_elements(list).into_iter().flat_map(|child| {
        if tag(&child) == "div" {
            child_elements(&child)
        } else {
            vec![child]
        }
    });
    let mut definitions: Vec<Definition> = Vec::new();
    for child in children {
        let is_term = tag(&child) == "dt";
        let is_new = definitions
            .last()
            .is_none_or(|last| is_term && !last.details.is_empty());
        if is_new {
            definitions.push(Definition::default());
        }
        if let Some(last) = definitions.last_mut() {
            let members = if is_term {
                &mut last.terms
            } else {
                &mut last.details
            };
            members.push(child);
        }
    }
    definitions
}

/// Terms that are too many to share a definition are items without one, as in an index.
fn split_terms(mut definition: Definition) -> Vec<Definition> {
    if definition.terms.len() <= MAX_COMMON_TERMS && !definition.details.is_empty() {
        return vec![definition];
    }
    let last = definition.terms.pop();
    let item = |term| Definition {
        terms: vec![term],
        details: Vec::new(),
    };
    let items = definition.terms.into_iter().map(item);
    let mut definitions: Vec<_> = items.collect();
    definitions.push(Definition {
        terms: last.into_iter().collect(),
        details: definition.details,
    });
    definitions
}

fn is_short(definition: &Definition) -> bool {
    let is_question = definition
        .terms
        .iter()
        .any(|term| dom::text(term).ends_with(['?', '？']));
    let length: usize = definition
        .details
        .iter()
        .map(|each| dom::text(each).chars().count())
        .sum();
    let has_blocks = definition
        .details
        .iter()
        .any(|each| dom::contains_any(each, &BLOCKS));
    !is_question && !has_blocks && length <= MAX_ITEM_CHARS
}

/// `- **Term:** definition`
fn item(list: &Node, definition: &Definition) -> Option<Rc<Node>> {
    if let ([term], []) = (&definition.terms[..], &definition.details[..]) {
        let children = term.children.take();
        return (!children.is_empty()).then(|| dom::new_element(list, "li", children));
    }
    let mut children = Vec::new();
    for term in definition
        .terms
        .iter()
        .filter(|term| !dom::text(term).is_empty())
    {
        if !children.is_empty() {
            children.push(dom::text_node(", "));
        }
        children.push(dom::new_element(list, "strong", term.children.take()));
    }
    let mut details = definition.details.iter();
    if let Some(first) = details.next() {
        if let Some(term) = children.last() {
            let ends_clause = dom::text(term).ends_with([':', '.', '!']);
            children.push(dom::text_node(if ends_clause { " " } else { ": " }));
        }
        children.extend(inline_content(first));
    }
    for other in details {
        children.push(dom::new_element(list, "br", Vec::new()));
        children.extend(inline_content(other));
    }
    (!children.is_empty()).then(|| dom::new_element(list, "li", children))
}

/// The children of a definition; those of its paragraph if it is one paragraph.
fn inline_content(details: &Rc<Node>) -> Vec<Rc<Node>> {
    let elements = child_elements(details);
    let is_only = || {
        details
            .children
            .borrow()
            .iter()
            .all(|child| !tag(child).is_empty() || dom::is_blank_text(child))
    };
    match elements.as_slice() {
        [only] if matches!(tag(only), "p" | "div") && is_only() => only.children.take(),
        _ => details.children.take(),
    }
}

fn section(list: &Node, definition: &Definition) -> Rc<Node> {
    let details = definition.details.iter().map(|each| renamed(each, "div"));
    let content = dom::new_element(list, "div", details.collect());
    let names: Vec<_> = definition.terms.iter().map(term_name).collect();
    let name = names.join(", ");
    if name.chars().count() <= MAX_TITLE_CHARS {
        disclosures::make_section(&content, name.trim_end_matches(':'));
    } else {
        let terms = definition.terms.iter().map(|term| {
            let term = dom::new_element(list, "strong", term.children.take());
            dom::new_element(list, "p", vec![term])
        });
        let children = terms.chain(content.children.take()).collect();
        dom::set_children(&content, children);
    }
    content
}

/// The text of a term without the symbol that links to the term.
fn term_name(term: &Rc<Node>) -> String {
    let links: Vec<_> = descendants(term).filter(|node| tag(node) == "a").collect();
    for link in links
        .iter()
        .filter(|link| super::boilerplate::is_anchor_link(link, false))
    {
        dom::set_children(link, Vec::new());
    }
    dom::text(term)
}
