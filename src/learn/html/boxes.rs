//! Boxes of a website around its content: breadcrumbs, share buttons, lists of related
//! pages, questions whether the page was helpful, banners about cookies.

use std::rc::Rc;

use markup5ever_rcdom::NodeData;

use super::super::dom::{self, Node, attribute, descendants, tag};
use super::boilerplate::links_dominate;
use super::outline::heading_level;
use super::phrases;

/// The longest text of a box that asks whether a page was helpful.
const MAX_FEEDBACK_CHARS: usize = 250;
/// The most boxes that are recognized by their text. Each is searched for in the elements
/// around the text.
const MAX_BOXES: usize = 20;
/// The longest text of a banner about cookies.
const MAX_COOKIE_CHARS: usize = 3000;

/// Whether the classes and labels of an element name a box of the website, such as
/// breadcrumbs, and its content agrees.
pub fn is_boilerplate_box(node: &Rc<Node>) -> bool {
    if !dom::has_attributes(node) {
        return false;
    }
    if tag(node) == "span" {
        return dom::has_class(node, |class| {
            matches!(class, "lineno" | "linenos" | "theme-doc-version-badge")
        });
    }
    let is_part_of_table = matches!(tag(node), "table" | "tbody" | "tr" | "th");
    if is_part_of_table || dom::is_inline(tag(node)) {
        return false;
    }
    box_kinds(node).into_iter().any(|kind| match kind {
        BoxKind::Always => !dom::contains_any(node, &["h1"]),
        BoxKind::Links => {
            links_dominate(node)
                || dom::text(node).chars().count() < 200 && dom::contains_any(node, &["a"])
        }
        BoxKind::Feedback => dom::text(node).chars().count() < MAX_FEEDBACK_CHARS,
        BoxKind::Cookies => {
            dom::text(node).chars().count() < MAX_COOKIE_CHARS
                && !dom::contains_any(node, &["h1", "main", "article"])
        }
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BoxKind {
    /// Never content.
    Always,
    /// Navigation if links dominate.
    Links,
    /// A question to the reader if it is short.
    Feedback,
    Cookies,
}

/// Classes of boxes, as whole words of the class attribute.
const BOX_CLASSES: [(BoxKind, &[&str]); 3] = [
    (
        BoxKind::Always,
        &[
            "addtoany",
            "addtoany_share_save_container",
            "article-meta",
            "article-relatives",
            "article-share",
            "article-votes",
            "articleratings",
            "breadcrumb",
            "breadcrumbs",
            "code-copy",
            "docnav",
            "comment-respond",
            "copy-btn",
            "copy-button",
            "edit-this-page",
            "headerlink",
            "hljs-ln-numbers",
            "jp-relatedposts",
            "lineno",
            "linenodiv",
            "linenos",
            "md-feedback",
            "md-source-file",
            "pagination",
            "pagination-nav",
            "post-navigation",
            "prev-next",
            "reading-time",
            "recent-articles",
            "rst-footer-buttons",
            "sharedaddy",
            "share-buttons",
            "skip-link",
            "skip-links",
            "social-share",
            "sphinxsidebar",
            "sphinxsidebarwrapper",
            "table-of-contents",
            "tocwrapper",
            "toc-wrapper",
            "vpdocfooter",
            "vpdocasideoutline",
            "wp-block-table-of-contents",
            "wy-breadcrumbs",
            "wy-breadcrumbs-aside",
            "navheader",
            "navfooter",
            "theme-doc-breadcrumbs",
            "theme-doc-footer",
            "theme-doc-toc-mobile",
            "theme-doc-version-badge",
            "visually-hidden-focusable",
        ],
    ),
    (
        BoxKind::Links,
        &[
            "article-sidebar",
            "collapsible-sidebar",
            "ez-toc-container",
            "pager",
            "related",
            "related-articles",
            "related-content",
            "related-links",
            "related-posts",
            "related_articles",
            "see-more",
            "share",
            "sidebar",
            "social",
            "social-links",
            "tags",
            "tag-list",
            "toc",
            "toc-container",
            "toc_container",
            "tableofcontents",
            "on-this-page",
            "table-contents",
            "relatedarticles",
            "article__related",
            "article-pagination",
            "suggested-articles",
            "navbar",
            "nav",
            "navigation",
            "post-tags",
            "post-nav",
            "nav-links",
            "page-nav",
            "pagenav",
        ],
    ),
    (
        BoxKind::Feedback,
        &[
            "article-feedback",
            "article-rating",
            "article-vote",
            "article-helpful",
            "article-more-questions",
            "contact-support",
            "edit-link",
            "feedback",
            "helpful",
            "last-updated",
            "newsletter",
            "page-feedback",
            "page-rating",
            "was-helpful",
            "was-this-helpful",
            "feedback-widget",
            "intercom-reaction-picker",
            "article_feedback",
            "feedbackrow",
        ],
    ),
];

/// Ids of banners about cookies.
const COOKIE_IDS: [&str; 8] = [
    "onetrust-consent-sdk",
    "onetrust-banner-sdk",
    "cybotcookiebotdialog",
    "cookie-law-info-bar",
    "cookie-notice",
    "hs-eu-cookie-confirmation",
    "usercentrics-root",
    "cookieconsent",
];

/// The kinds of box that the attributes of an element name.
fn box_kinds(node: &Node) -> Vec<BoxKind> {
    let class = attribute(node, "class").unwrap_or_default().to_lowercase();
    let words: Vec<&str> = class.split_whitespace().collect();
    let is_named = |names: &[&str]| words.iter().any(|word| is_box_class(word, names));
    let named = BOX_CLASSES.iter().filter(|(_, names)| is_named(names));
    let mut kinds: Vec<BoxKind> = named.map(|(kind, _)| *kind).collect();
    let id = attribute(node, "id").unwrap_or_default().to_lowercase();
    let has_cookie_id = || is_cookie_name(&id) && tag(node) == "div";
    if COOKIE_IDS.contains(&id.as_str())
        || words.iter().any(|word| is_cookie_name(word))
        || has_cookie_id()
    {
        kinds.push(BoxKind::Cookies);
    }
    let label = attribute(node, "aria-label");
    let label = label.unwrap_or_default().to_lowercase();
    if label.starts_with("breadcrumb") || label == "pagination" {
        kinds.push(BoxKind::Always);
    }
    kinds
}

/// Whether a word of a class attribute is one of the names, alone or with the name of a
/// part (`name__part`) or a hash of CSS modules (`name_3Rx1`).
fn is_box_class(word: &str, names: &[&str]) -> bool {
    let base = word.split_once("__").map_or(word, |(base, _)| base);
    let hashed = base.split_once('_').filter(|(_, hash)| is_hash(hash));
    let base = hashed.map_or(base, |(base, _)| base);
    names.contains(&base) || names.contains(&word)
}

/// Whether a class or id names a banner about cookies.
fn is_cookie_name(name: &str) -> bool {
    const TOPICS: [&str; 3] = ["cookie", "gdpr", "consent"];
    const FORMS: [&str; 11] = [
        "banner",
        "bar",
        "dialog",
        "law",
        "message",
        "modal",
        "notice",
        "notification",
        "overlay",
        "popup",
        "prompt",
    ];
    let contains_any = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    contains_any(&TOPICS)
        && (contains_any(&FORMS) || name.contains("cookie") && name.contains("consent"))
}

fn is_hash(text: &str) -> bool {
    text.len() >= 4
        && text.contains(|char: char| char.is_ascii_digit() || char.is_ascii_uppercase())
}

// ── Boxes that their text shows ──

/// Removes boxes that ask whether the page was helpful, and lists of links under a heading
/// such as "Related articles".
pub fn remove_boxes_by_text(root: &Rc<Node>) {
    let nodes = descendants(root).filter(|node| box_of(node).is_some());
    let boxes: Vec<_> = nodes.take(MAX_BOXES).collect();
    for node in &boxes {
        match box_of(node) {
            Some(TextBox::Feedback(length)) => clear(&feedback_box(node, root, length)),
            Some(TextBox::Links) => remove_link_list(node, root),
            None => {}
        }
    }
}

enum TextBox {
    /// The length of the question.
    Feedback(usize),
    Links,
}

/// The box that a text or a heading belongs to.
fn box_of(node: &Rc<Node>) -> Option<TextBox> {
    if let NodeData::Text { contents } = &node.data {
        let contents = contents.borrow();
        if contents.len() >= MAX_FEEDBACK_CHARS {
            return None;
        }
        let may_be_question = contents.trim_end().ends_with('?') || contents.contains("helpful");
        if may_be_question && phrases::is_feedback_question(&contents) {
            return Some(TextBox::Feedback(contents.chars().count()));
        }
        let is_line =
            || dom::parent(node).is_some_and(|parent| matches!(tag(&parent), "p" | "div"));
        let is_heading = is_line() && phrases::is_link_list_heading(&contents);
        return is_heading.then_some(TextBox::Links);
    }
    let is_heading = heading_level(node).is_some();
    (is_heading && phrases::is_link_list_heading(&dom::text(node))).then_some(TextBox::Links)
}

/// The outermost element around a question that contains little else.
fn feedback_box(question: &Rc<Node>, root: &Rc<Node>, length: usize) -> Rc<Node> {
    let mut outermost = question.clone();
    while let Some(parent) = dom::parent(&outermost).filter(|parent| !Rc::ptr_eq(parent, root)) {
        let is_small = dom::text(&parent).chars().count() < length + MAX_FEEDBACK_CHARS / 2;
        if !is_small || dom::contains_any(&parent, &["h1", "p"]) && length > 100 {
            break;
        }
        outermost = parent;
    }
    outermost
}

/// Leaves nothing of a node.
fn clear(node: &Rc<Node>) {
    match &node.data {
        NodeData::Text { contents } => drop(contents.replace("".into())),
        _ => dom::set_children(node, Vec::new()),
    }
}

/// Removes a heading and the lists of links that follow it.
fn remove_link_list(heading: &Rc<Node>, root: &Rc<Node>) {
    let mut heading = heading.clone();
    let (parent, index) = loop {
        let Some(parent) = dom::parent(&heading).filter(|_| !Rc::ptr_eq(&heading, root)) else {
            return;
        };
        let siblings = dom::child_elements(&parent);
        if siblings.len() > 1 {
            let index = siblings
                .iter()
                .position(|sibling| Rc::ptr_eq(sibling, &heading));
            break (siblings, index.unwrap_or_default());
        }
        heading = parent;
    };
    let following = &parent[index + 1..];
    let lists = following.iter().take_while(|sibling| is_link_list(sibling));
    let lists: Vec<_> = lists.collect();
    if !lists.is_empty() || following.is_empty() {
        lists.into_iter().for_each(clear);
        clear(&heading);
    }
}

fn is_link_list(node: &Rc<Node>) -> bool {
    if heading_level(node).is_some() {
        return false;
    }
    let links = descendants(node).filter(|each| tag(each) == "a");
    let own = Some(node.clone()).filter(|node| tag(node) == "a");
    let linked: usize = links.chain(own).map(|link| dom::text(&link).len()).sum();
    let length = dom::text(node).len();
    length == 0 || linked * 10 > length * 7
}
