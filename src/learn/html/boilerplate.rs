//! What is not content: controls, navigation, boxes for feedback, what no reader sees.

use std::rc::Rc;

use super::super::dom::{self, Node, attribute, descendants, tag};
use super::boxes::is_boilerplate_box;
use super::{phrases, text};

/// Elements without content, and those that cannot be shown as text.
const DROPPED_ELEMENTS: [&str; 31] = [
    "area", "audio", "canvas", "datalist", "dialog", "embed", "footer", "head", "iframe", "input",
    "link", "map", "math", "menu", "meta", "meter", "nav", "noscript", "object", "progress", "rp",
    "rt", "script", "select", "style", "svg", "template", "textarea", "title", "video", "wbr",
];
const DROPPED_ROLES: [&str; 15] = [
    "alertdialog",
    "banner",
    "combobox",
    "contentinfo",
    "dialog",
    "listbox",
    "menu",
    "menubar",
    "navigation",
    "progressbar",
    "search",
    "searchbox",
    "tablist",
    "toolbar",
    "tooltip",
];
/// Whether the element and all in it are removed. `is_whole_page`: the page does not mark
/// its content. Only then a `<header>` is that of the website; in an article it contains
/// the heading. `is_heading_link`: the node is in a heading that has only links.
pub fn is_dropped(node: &Rc<Node>, is_whole_page: bool, is_heading_link: bool) -> bool {
    let name = tag(node);
    if name.is_empty() || name == "body" {
        return false;
    }
    if DROPPED_ELEMENTS.contains(&name) || is_hidden(node) || has_dropped_role(node) {
        return true;
    }
    match name {
        "header" => is_whole_page && !dom::contains_any(node, &["h1"]),
        "form" => !has_content_beside_fields(node),
        "label" => attribute(node, "for").is_some() || dom::contains_any(node, &FIELDS),
        "aside" => !is_content_aside(node),
        "a" => is_empty_link(node) || is_skip_link(node) || is_anchor_link(node, is_heading_link),
        "button" => true,
        "span" if is_language_label(node) => true,
        _ => is_boilerplate_box(node),
    }
}

pub fn is_hidden(node: &Node) -> bool {
    let hidden = attribute(node, "hidden");
    if hidden.is_some_and(|value| !value.eq_ignore_ascii_case("until-found")) {
        return true;
    }
    if dom::has_value(node, "aria-hidden", "true") {
        return true;
    }
    let Some(style) = attribute(node, "style") else {
        return false;
    };
    let style = style.to_ascii_lowercase().replace(' ', "");
    style.contains("display:none") || style.contains("visibility:hidden")
}

fn has_dropped_role(node: &Rc<Node>) -> bool {
    let Some(role) = attribute(node, "role") else {
        return false;
    };
    match role.trim().to_ascii_lowercase().as_str() {
        // Links that look like buttons lead to pages.
        "button" => tag(node) != "a" || is_fragment_or_code(node),
        role => DROPPED_ROLES.contains(&role) && !dom::contains_any(node, &["h1"]),
    }
}

fn is_fragment_or_code(link: &Node) -> bool {
    attribute(link, "href")
        .is_none_or(|href| href.starts_with('#') || href.starts_with("javascript:"))
}

/// Whether an element names the language of the code block beside it.
fn is_language_label(node: &Node) -> bool {
    let is_in_code = |parent: &Rc<Node>| {
        let grandparent = dom::parent(parent);
        let has_language =
            |node: &Node| dom::has_class(node, |class| class.starts_with("language-"));
        has_language(parent) || grandparent.is_some_and(|node| has_language(&node))
    };
    dom::has_class(node, |class| class == "lang")
        && dom::parent(node).is_some_and(|parent| is_in_code(&parent))
}

// ── Forms and asides ──

const FIELDS: [&str; 3] = ["input", "select", "textarea"];
/// Words of text that a form with one field has if it is not only for the field.
const MIN_FORM_WORDS: usize = 40;

/// Whether a form surrounds content, as in pages that are one form.
fn has_content_beside_fields(form: &Rc<Node>) -> bool {
    if dom::contains_any(form, &["h1", "main", "article"]) {
        return true;
    }
    let is_visible = |node: &Node| {
        let kind = attribute(node, "type").unwrap_or_default();
        !matches!(
            kind.to_ascii_lowercase().as_str(),
            "hidden" | "submit" | "button" | "image"
        )
    };
    let fields = descendants(form).filter(|node| FIELDS.contains(&tag(node)) && is_visible(node));
    let fields = fields.count();
    let labels =
        descendants(form).filter(|node| matches!(tag(node), "label" | "option" | "button"));
    let label_words: usize = labels.map(|label| words(&dom::text(&label))).sum();
    let words = words(&dom::text(form)).saturating_sub(label_words);
    words >= fields * MIN_FORM_WORDS && words > 0
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Names of callouts in classes and labels.
const CALLOUT_NAMES: [&str; 14] = [
    "admonition",
    "alert",
    "aside--",
    "attention",
    "callout",
    "caution",
    "danger",
    "hint",
    "important",
    "info",
    "note",
    "notice",
    "tip",
    "warning",
];

/// Whether an aside within the content is a part of the text: a callout, or sentences.
fn is_content_aside(aside: &Rc<Node>) -> bool {
    if links_dominate(aside) || dom::contains_any(aside, &["nav"]) {
        return false;
    }
    let is_callout = |text: &str| CALLOUT_NAMES.iter().any(|name| text.contains(name));
    let label = attribute(aside, "aria-label").unwrap_or_default();
    if is_callout(&label.to_lowercase())
        || dom::has_class(aside, is_callout)
        || dom::has_value(aside, "role", "note")
    {
        return true;
    }
    if is_boilerplate_box(aside) {
        return false;
    }
    let text = dom::text(aside);
    let ends_sentence = text.ends_with(['.', '!', '?', '…', '。', '！', '？', ':', ';']);
    ends_sentence && text.chars().count() > 20 || words(&text) > 12
}

/// Whether an element has several links and little other text.
pub fn links_dominate(node: &Rc<Node>) -> bool {
    let links: Vec<_> = descendants(node).filter(|each| tag(each) == "a").collect();
    let linked: usize = links.iter().map(|link| dom::text(link).len()).sum();
    links.len() > 2 && linked * 10 > dom::text(node).len() * 7
}

// ── Links ──

/// A link without text, such as around a picture.
fn is_empty_link(link: &Rc<Node>) -> bool {
    let has_picture_text =
        || descendants(link).any(|node| tag(&node) == "img" && text::picture_text(&node).is_some());
    dom::text(link).is_empty() && !has_picture_text()
}

fn is_fragment(link: &Node) -> bool {
    attribute(link, "href").is_some_and(|href| href.starts_with('#'))
}

fn is_skip_link(link: &Rc<Node>) -> bool {
    let has_name = || {
        dom::has_class(link, |class| {
            class.starts_with("skip") || class.ends_with("skiplink")
        }) || phrases::is_skip_link(&dom::text(link))
    };
    is_fragment(link) && has_name()
}

/// Whether a link is the symbol or label beside a heading that links to the heading.
/// `is_heading`: the heading has only links.
pub fn is_anchor_link(link: &Rc<Node>, is_heading: bool) -> bool {
    const CLASSES: [&str; 10] = [
        "anchor",
        "anchor-link",
        "anchorjs-link",
        "hash-link",
        "header-anchor",
        "heading-anchor",
        "headerlink",
        "heading-link",
        "permalink",
        "sl-anchor-link",
    ];
    let href = attribute(link, "href").unwrap_or_default();
    if !href.contains('#') {
        return false;
    }
    let text = dom::text(link);
    let is_symbol = !text.chars().any(char::is_alphanumeric) && text.chars().count() < 4;
    let has_class = || dom::has_class(link, |class| CLASSES.contains(&class));
    let is_in_text =
        || dom::parent(link).is_some_and(|parent| matches!(tag(&parent), "li" | "p" | "td"));
    is_symbol && href.starts_with('#')
        || phrases::is_anchor_label(&text)
        || !is_heading && has_class() && !is_in_text()
}
