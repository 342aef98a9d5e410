//! Accordions and tabs: text that a page hides until somebody chooses its name.
//!
//! Each panel becomes a named section: an element [`SECTION`] whose first child is a
//! [`SECTION_TITLE`]. The outline makes headings of the titles.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::dom::{self, Node, attribute, child_elements, descendants, tag};
use super::boilerplate::{is_hidden, links_dominate};
use super::outline::heading_level;
use super::phrases;

pub const SECTION: &str = "parlor-section";
pub const SECTION_TITLE: &str = "parlor-title";
/// A panel whose name is the heading before it.
pub const PANEL: &str = "parlor-panel";

/// The longest text of a control.
const MAX_NAME_CHARS: usize = 300;
/// The most elements around a panel that are searched for one that hides it.
const MAX_WRAPPERS: usize = 4;

/// Makes the panels below `root` visible, each under the name of its control.
pub fn reveal(root: &Rc<Node>) {
    let controls = Controls::collect(root);
    let elements: Vec<_> = descendants(root)
        .filter(|node| !tag(node).is_empty())
        .collect();
    for element in std::iter::once(root).chain(&elements) {
        if tag(element) == "details" {
            open_details(element);
            continue;
        }
        reveal_siblings(element);
        controls.reveal_panel(element, root);
    }
}

// ── References ──

/// The controls that name their panel, and the elements that panels name as their label.
struct Controls {
    by_target: HashMap<String, Rc<Node>>,
    by_id: HashMap<String, Rc<Node>>,
}

impl Controls {
    fn collect(root: &Rc<Node>) -> Self {
        let mut controls = Self {
            by_target: HashMap::new(),
            by_id: HashMap::new(),
        };
        for node in descendants(root) {
            if let Some(target) = target(&node) {
                controls
                    .by_target
                    .entry(target)
                    .or_insert_with(|| node.clone());
            }
            if is_control(&node)
                && let Some(id) = attribute(&node, "id")
            {
                controls.by_id.entry(id).or_insert(node);
            }
        }
        controls
    }

    /// Makes a panel visible if a control refers to it.
    fn reveal_panel(&self, panel: &Rc<Node>, root: &Rc<Node>) {
        let id = attribute(panel, "id").unwrap_or_default();
        let label = attribute(panel, "aria-labelledby").unwrap_or_default();
        let control = self.by_target.get(&id).or_else(|| self.by_id.get(&label));
        let Some(control) = control else { return };
        let is_open = !is_hidden(panel);
        if is_open && !opens_panels(control)
            || contains(panel, control)
            || !is_content(panel, control)
        {
            return;
        }
        show(panel);
        show_wrappers(panel, root);
        name_panel(panel, control);
    }
}

/// The id of the element that a control opens.
fn target(control: &Node) -> Option<String> {
    if !dom::has_attributes(control) || !is_control(control) {
        return None;
    }
    const ATTRIBUTES: [&str; 5] = [
        "aria-controls",
        "data-bs-target",
        "data-target",
        "data-sptarget",
        "data-tab-target",
    ];
    let named = ATTRIBUTES.iter().find_map(|name| attribute(control, name));
    let href =
        || attribute(control, "href").filter(|href| tag(control) == "a" && href.starts_with('#'));
    let target = named.or_else(href)?;
    let target = target
        .split_whitespace()
        .next()?
        .trim_start_matches('#')
        .to_owned();
    (!target.is_empty()).then_some(target)
}

fn is_control(node: &Node) -> bool {
    matches!(tag(node), "button" | "a" | "summary")
        || ["button", "tab"]
            .iter()
            .any(|role| dom::has_value(node, "role", role))
        || dom::has_attribute(node, "aria-expanded")
        || dom::has_attribute(node, "aria-controls")
}

/// Whether a control opens panels, unlike a link to a part of the page.
fn opens_panels(control: &Node) -> bool {
    dom::has_attribute(control, "aria-expanded")
        || dom::has_value(control, "role", "tab")
        || ["data-toggle", "data-bs-toggle"].iter().any(|name| {
            attribute(control, name)
                .is_some_and(|kind| matches!(&*kind, "collapse" | "tab" | "pill"))
        })
        || dom::has_class(control, is_disclosure_class)
}

fn is_disclosure_class(class: &str) -> bool {
    [
        "accordion",
        "collaps",
        "disclosure",
        "expand",
        "faq",
        "question",
        "toggle",
    ]
    .iter()
    .any(|name| class.contains(name))
}

fn contains(node: &Rc<Node>, other: &Rc<Node>) -> bool {
    let mut current = Some(other.clone());
    while let Some(ancestor) = current {
        if Rc::ptr_eq(&ancestor, node) {
            return true;
        }
        current = dom::parent(&ancestor);
    }
    false
}

/// Whether a panel is a part of the text, and not a menu.
fn is_content(panel: &Rc<Node>, control: &Rc<Node>) -> bool {
    let is_menu = ["menu", "listbox", "dialog", "navigation", "search"]
        .iter()
        .any(|role| dom::has_value(panel, "role", role))
        || attribute(control, "aria-haspopup").is_some_and(|value| value != "false")
        || matches!(
            tag(panel),
            "nav" | "menu" | "dialog" | "form" | "header" | "footer"
        );
    let is_menu = is_menu
        || dom::has_class(panel, |class| {
            ["menu", "nav", "share", "search", "toc", "modal", "dropdown"]
                .iter()
                .any(|name| class.split(['-', '_']).any(|word| word == *name))
        });
    let is_page = dom::contains_any(panel, &["h1", "main"]);
    let is_action = phrases::is_action_label(&dom::text(control));
    !is_menu && !is_page && !is_action && !links_dominate(panel) && !dom::text(panel).is_empty()
}

/// Removes what hides an element.
fn show(panel: &Node) {
    for name in ["hidden", "aria-hidden", "style"] {
        dom::set_attribute(panel, name, None);
    }
}

/// Makes the elements around a panel visible that have no other content.
fn show_wrappers(panel: &Rc<Node>, root: &Rc<Node>) {
    let mut node = panel.clone();
    for _ in 0..MAX_WRAPPERS {
        let Some(parent) = dom::parent(&node) else {
            return;
        };
        if Rc::ptr_eq(&node, root) || !has_one_element(&parent) {
            return;
        }
        if is_hidden(&parent) {
            show(&parent);
        }
        node = parent;
    }
}

fn has_one_element(node: &Node) -> bool {
    let children = node.children.borrow();
    children
        .iter()
        .filter(|child| !tag(child).is_empty())
        .take(2)
        .count()
        == 1
}

/// Puts the name of a control above the panel, and removes the control. Controls in or
/// around a heading stay, because the heading is above the panel already.
fn name_panel(panel: &Rc<Node>, control: &Rc<Node>) {
    if contains_heading(control) || is_in_heading(control) {
        return wrap_content(panel, PANEL);
    }
    let name = dom::text(control);
    if name.chars().count() > MAX_NAME_CHARS {
        return;
    }
    dom::set_children(control, Vec::new());
    make_section(panel, &name);
}

fn contains_heading(node: &Rc<Node>) -> bool {
    descendants(node).any(|each| heading_level(&each).is_some())
}

fn is_in_heading(node: &Rc<Node>) -> bool {
    let mut current = Some(node.clone());
    for _ in 0..MAX_WRAPPERS {
        let Some(node) = current else { return false };
        if heading_level(&node).is_some() {
            return true;
        }
        current = dom::parent(&node);
    }
    false
}

/// Moves the children of an element into a new element, its only child.
fn wrap_content(node: &Rc<Node>, wrapper: &str) {
    let child = dom::new_element(node, wrapper, node.children.take());
    dom::set_children(node, vec![child]);
}

/// Makes the content of an element a section with the title `name`.
pub fn make_section(node: &Rc<Node>, name: &str) {
    let children = node.children.take();
    let has_title = children
        .first()
        .is_some_and(|child| matches!(tag(child), SECTION | PANEL));
    if has_title || phrases::is_generic_label(name) {
        return dom::set_children(node, children);
    }
    let title = dom::new_element(node, SECTION_TITLE, vec![dom::text_node(name)]);
    let section = dom::new_element(node, SECTION, Vec::new());
    dom::set_children(&section, std::iter::once(title).chain(children).collect());
    dom::set_children(node, vec![section]);
}

// ── Details ──

fn open_details(details: &Rc<Node>) {
    let elements = child_elements(details);
    let Some(summary) = elements.iter().find(|child| tag(child) == "summary") else {
        return;
    };
    if contains_heading(summary) {
        return wrap_content(details, SECTION);
    }
    let name = dom::text(summary);
    dom::set_children(summary, Vec::new());
    make_section(details, &name);
}

// ── Neighbors ──

/// Names the panels among the children of an element by the child before each.
fn reveal_siblings(parent: &Rc<Node>) {
    if dom::is_inline(tag(parent)) || tag(parent) == "pre" {
        return;
    }
    let children = child_elements(parent);
    for (index, child) in children.iter().enumerate() {
        let following = &children[index + 1..];
        let Some(next) = following.first() else {
            return;
        };
        if let Some(names) = tab_names(child) {
            name_tab_panels(child, &names, following);
            continue;
        }
        let previous = index.checked_sub(1).map(|index| &children[index]);
        let is_label = tag(child) == "label" && previous.is_some_and(|node| is_switch(node));
        let is_question = || has_class_part(child, "question") && has_class_part(next, "answer");
        if is_hidden(next) || is_label || is_opener(child) && !is_opener(next) || is_question() {
            reveal_neighbor(child, next);
        }
    }
}

/// A button of an accordion.
fn is_opener(node: &Rc<Node>) -> bool {
    let is_button = tag(node) == "button" || dom::has_value(node, "role", "button");
    if is_button {
        return opens_panels(node) && target(node).is_none();
    }
    if heading_level(node).is_some() || dom::is_inline(tag(node)) || !has_one_element(node) {
        return false;
    }
    let children = child_elements(node);
    let [only] = children.as_slice() else {
        return false;
    };
    let is_button = tag(only) == "button" || dom::has_value(only, "role", "button");
    is_button && opens_panels(only) && target(only).is_none() && dom::text(only) == dom::text(node)
}

fn has_class_part(node: &Node, part: &str) -> bool {
    dom::has_class(node, |class| class.contains(part))
}

/// Whether an element is a checkbox or radio button. A label after it opens a panel in
/// accordions without scripts.
fn is_switch(node: &Node) -> bool {
    let is_kind = |kind| dom::has_value(node, "type", kind);
    tag(node) == "input" && (is_kind("checkbox") || is_kind("radio"))
}

/// Shows a panel after the element with its name.
fn reveal_neighbor(header: &Rc<Node>, panel: &Rc<Node>) {
    let is_panel = matches!(
        tag(panel),
        "div" | "section" | "article" | "p" | "ul" | "ol" | "dd" | "span" | "table" | "blockquote"
    );
    let control = descendants(header)
        .chain(std::iter::once(header.clone()))
        .find(|node| {
            is_control(node) && (tag(node) != "a" || opens_panels(node) || is_script_link(node))
        });
    let has_disclosure_class = || {
        [header, panel].iter().any(|node| {
            dom::has_class(node, |class| {
                is_disclosure_class(class) || class.contains("answer")
            })
        })
    };
    let is_label = tag(header) == "label";
    let is_header = control.is_some() || is_label || has_disclosure_class();
    let control = control.unwrap_or_else(|| header.clone());
    if !is_panel || !is_header || !is_content(panel, &control) {
        return;
    }
    let name = dom::text(header);
    if name.chars().count() > MAX_NAME_CHARS
        || tag(header) == "p" && tag(&control) != "button" && !has_disclosure_class()
    {
        return;
    }
    show(panel);
    if heading_level(header).is_some() || contains_heading(header) {
        wrap_content(panel, PANEL);
    } else {
        dom::set_children(header, Vec::new());
        make_section(panel, &name);
    }
}

fn is_script_link(link: &Node) -> bool {
    let href = attribute(link, "href").unwrap_or_default();
    href.is_empty() || href == "#" || href.starts_with("javascript:")
}

// ── Tabs without references ──

/// The names in a list of tabs whose tabs do not name their panels.
fn tab_names(list: &Rc<Node>) -> Option<Vec<String>> {
    let is_list = dom::has_value(list, "role", "tablist")
        || dom::has_class(list, |class| {
            class
                .split(['-', '_'])
                .any(|word| matches!(word, "tabs" | "tab" | "tablist" | "tabbed"))
        });
    if !is_list {
        return None;
    }
    let is_tab = |node: &Rc<Node>| dom::has_value(node, "role", "tab");
    let mut tabs: Vec<_> = descendants(list).filter(is_tab).collect();
    if tabs.is_empty() {
        tabs = child_elements(list);
        tabs.retain(|tab| matches!(tag(tab), "li" | "label" | "button" | "a"));
    }
    let names: Vec<_> = tabs.iter().map(dom::text).collect();
    let is_named = names.len() > 1
        && names
            .iter()
            .all(|name| !name.is_empty() && name.chars().count() <= 60);
    is_named.then_some(names)
}

/// Names the panels after a list of tabs: the children of the next element, or the next
/// elements.
fn name_tab_panels(list: &Rc<Node>, names: &[String], following: &[Rc<Node>]) {
    let Some(next) = following.first() else {
        return;
    };
    let inner = child_elements(next);
    let is_panel = |node: &Rc<Node>| {
        dom::has_value(node, "role", "tabpanel")
            || is_hidden(node)
            || dom::has_class(node, |class| {
                class.contains("tab") || class.contains("panel")
            })
    };
    let panels = if inner.len() == names.len() && tag(next) != "ul" {
        &inner[..]
    } else if following.len() >= names.len() && following[..names.len()].iter().all(is_panel) {
        &following[..names.len()]
    } else {
        return;
    };
    show(next);
    dom::set_children(list, Vec::new());
    for (panel, name) in panels.iter().zip(names) {
        show(panel);
        make_section(panel, name);
    }
}
