//! HTML as Markdown: what a page says, without what stands around it.

use std::rc::Rc;

use htmd::HtmlToMarkdown;
use htmd::options::{BulletListMarker, HrStyle, Options};
use url::Url;

use super::dom::{self, Node, attribute, descendants, tag};
use super::{html_tables, links};

/// What a page says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HtmlPage {
    /// Of its window.
    pub title: Option<String>,
    pub markdown: String,
    pub wishes: PageDirectives,
}

/// What a page wishes of those who index it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PageDirectives {
    /// The address that it would rather be known by, on the same website.
    pub canonical: Option<Url>,
    /// Whether it asks not to be found by search.
    pub noindex: bool,
}

/// Reads a page that stands at `address`.
pub fn read(html: &str, address: Option<&Url>) -> HtmlPage {
    if dom::exceeds_nesting_limits(html) {
        return stripped(html);
    }
    let converter = converter();
    let Ok(document) = converter.html_to_tree(html) else {
        return stripped(html);
    };
    let mut page = HtmlPage::default();
    let mut wishes = PageDirectives::default();
    let mut base = address.cloned();
    for node in descendants(&document) {
        match tag(&node) {
            "title" if page.title.is_none() => {
                page.title = Some(dom::text(&node)).filter(|title| !title.is_empty());
            }
            "base" => base = rebased(&node, address).or(base),
            "link" => wishes.canonical = wishes.canonical.or_else(|| canonical(&node, address)),
            "meta" => wishes.noindex |= says_noindex(&node),
            _ => {}
        }
    }
    page.wishes = wishes;
    let content = content(&document);
    prune(&content, base.as_ref());
    page.markdown = html_tables::trim_padding(&converter.tree_to_markdown(&content));
    page
}

/// A piece of HTML that stands in Markdown.
pub fn fragment(html: &str, base: Option<&Url>) -> String {
    read(html, base).markdown
}

/// The words `noindex` and `none` of a robots directive.
pub fn is_noindex(directive: &str) -> bool {
    let mut words = directive.split([',', ';', ' ', ':']).map(str::trim);
    words.any(|word| word.eq_ignore_ascii_case("noindex") || word.eq_ignore_ascii_case("none"))
}

fn stripped(html: &str) -> HtmlPage {
    HtmlPage {
        markdown: dom::strip_tags(html),
        ..HtmlPage::default()
    }
}

fn converter() -> HtmlToMarkdown {
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        hr_style: HrStyle::Dashes,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        ..Options::default()
    };
    HtmlToMarkdown::builder().options(options).build()
}

// ── The head ──

fn rebased(node: &Node, address: Option<&Url>) -> Option<Url> {
    let href = attribute(node, "href")?;
    links::absolute(&href, address).filter(Url::has_host)
}

fn canonical(node: &Node, address: Option<&Url>) -> Option<Url> {
    let relation = attribute(node, "rel")?;
    let mut relations = relation.split_whitespace();
    if !relations.any(|one| one.eq_ignore_ascii_case("canonical")) {
        return None;
    }
    let mut url = links::absolute(&attribute(node, "href")?, address)?;
    url.set_fragment(None);
    links::same_site(&url, address?).then_some(url)
}

fn says_noindex(node: &Node) -> bool {
    let name = attribute(node, "name").unwrap_or_default();
    let is_directive = ["robots", "parlor"]
        .iter()
        .any(|one| name.eq_ignore_ascii_case(one));
    is_directive && is_noindex(&attribute(node, "content").unwrap_or_default())
}

// ── The content ──

/// The part of the page that is its own: `<main>`, else its only article, else
/// the body.
fn content(document: &Rc<Node>) -> Rc<Node> {
    let is_main = |node: &Rc<Node>| {
        tag(node) == "main" || attribute(node, "role").is_some_and(|role| role == "main")
    };
    let named = |name: &'static str| descendants(document).filter(move |node| tag(node) == name);
    if let Some(main) = descendants(document).find(|node| is_main(node) && !is_hidden(node)) {
        return main;
    }
    let mut articles = named("article");
    let alone = articles.next().filter(|_| articles.next().is_none());
    let body = || named("body").next();
    alone.or_else(body).unwrap_or_else(|| document.clone())
}

/// What says nothing about a page's subject, or cannot be read.
const DROPPED_ELEMENTS: [&str; 27] = [
    "area", "aside", "audio", "button", "canvas", "datalist", "dialog", "embed", "footer", "head",
    "iframe", "img", "input", "link", "map", "math", "menu", "meta", "nav", "noscript", "object",
    "script", "select", "style", "svg", "template", "textarea",
];
/// How deep the tree may go: what converts it recurses.
const MAX_TREE_DEPTH: usize = 100;
/// How deep lists and quotes may go: each indents every line of what it holds.
const MAX_LIST_DEPTH: usize = 10;

/// Takes away what is dropped and hidden, and makes links stand alone.
fn prune(root: &Rc<Node>, base: Option<&Url>) {
    let is_page = tag(root) == "body" || tag(root).is_empty();
    let mut waiting = vec![(root.clone(), 0, 0)];
    while let Some((node, depth, mut nested)) = waiting.pop() {
        let mut children = node.children.take();
        children.retain(|child| !is_dropped(child, is_page));
        children.iter_mut().for_each(html_tables::convert_table);
        node.children.replace(children);
        if tag(&node) == "a" {
            link(&node, base);
        }
        nested += usize::from(matches!(tag(&node), "ul" | "ol" | "blockquote"));
        if depth > MAX_TREE_DEPTH || nested > MAX_LIST_DEPTH {
            dom::replace_with_text(&node);
            continue;
        }
        let children = node.children.borrow();
        let children = children.iter();
        waiting.extend(children.map(|child| (child.clone(), depth + 1, nested)));
    }
}

/// `is_page`: the page has not said where its content is, so its head is to be
/// guessed. In an article, the header has its heading.
fn is_dropped(node: &Rc<Node>, is_page: bool) -> bool {
    match tag(node) {
        "header" => is_page && !holds(node, "h1"),
        // Some pages are one form from end to end.
        "form" => !holds(node, "h1"),
        "a" => is_mark(node),
        tag => DROPPED_ELEMENTS.contains(&tag) || is_hidden(node),
    }
}

fn holds(node: &Rc<Node>, name: &str) -> bool {
    descendants(node).any(|one| tag(&one) == name)
}

/// A link without text, such as one around a picture, or the sign beside a
/// heading that links to it.
fn is_mark(link: &Rc<Node>) -> bool {
    let to_here = attribute(link, "href").is_some_and(|href| href.starts_with('#'));
    let text = dom::text(link);
    text.is_empty() || to_here && !text.chars().any(char::is_alphanumeric)
}

fn is_hidden(node: &Node) -> bool {
    let style = attribute(node, "style").unwrap_or_default();
    let style = style.to_ascii_lowercase().replace(' ', "");
    attribute(node, "hidden").is_some()
        || attribute(node, "aria-hidden").is_some_and(|value| value == "true")
        || style.contains("display:none")
        || style.contains("visibility:hidden")
}

/// A link leads to an absolute address, or is its text alone. So is one around
/// whole blocks, as Markdown has none such.
fn link(node: &Rc<Node>, base: Option<&Url>) {
    let href = attribute(node, "href").unwrap_or_default();
    let url = links::absolute(&href, base).filter(|_| !holds_block(node));
    let to = url.as_ref().map(links::in_brackets);
    dom::set_attribute(node, "href", to.as_deref());
    dom::set_attribute(node, "title", None);
}

fn holds_block(node: &Rc<Node>) -> bool {
    let is_block = |tag: &str| {
        matches!(
            tag,
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "p" | "div" | "ul" | "ol" | "table" | "pre"
        )
    };
    descendants(node).any(|one| is_block(tag(&one)))
}
