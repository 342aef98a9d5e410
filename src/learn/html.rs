//! Converts an HTML page to Markdown: its content without navigation, headers
//! and footers.

use std::rc::Rc;

use htmd::HtmlToMarkdown;
use htmd::options::{BulletListMarker, HrStyle, Options};
use url::Url;

use super::dom::{self, Node, attribute, descendants, tag};
use super::{html_tables, links};

/// The content of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HtmlPage {
    /// The text of `<title>`.
    pub title: Option<String>,
    pub markdown: String,
    pub directives: PageDirectives,
}

/// What the head of a page asks of search engines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PageDirectives {
    /// `<link rel="canonical">`, if it is on the same website.
    pub canonical: Option<Url>,
    /// A robots directive forbids indexing.
    pub noindex: bool,
}

/// Converts a page whose address is `address`.
pub fn convert(html: &str, address: Option<&Url>) -> HtmlPage {
    if dom::exceeds_parser_limits(html) {
        return text_only(html);
    }
    let converter = converter();
    let Ok(document) = converter.html_to_tree(html) else {
        return text_only(html);
    };
    let (mut page, base) = read_head(&document, address);
    let content = content(&document);
    prune(&content, base.as_ref());
    page.markdown = html_tables::trim_padding(&converter.tree_to_markdown(&content));
    page
}

/// Converts a block of HTML within a Markdown text.
pub fn convert_fragment(html: &str, base: Option<&Url>) -> String {
    convert(html, base).markdown
}

/// Whether a robots directive contains the word `noindex` or `none`.
pub fn is_noindex(directive: &str) -> bool {
    let mut words = directive.split([',', ';', ' ', ':']).map(str::trim);
    words.any(|word| word.eq_ignore_ascii_case("noindex") || word.eq_ignore_ascii_case("none"))
}

fn text_only(html: &str) -> HtmlPage {
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

/// The page's title and directives, and the base address of its links.
fn read_head(document: &Rc<Node>, address: Option<&Url>) -> (HtmlPage, Option<Url>) {
    let mut page = HtmlPage::default();
    let directives = &mut page.directives;
    let mut base = address.cloned();
    for node in descendants(document) {
        match tag(&node) {
            "title" if page.title.is_none() => {
                page.title = Some(dom::text(&node)).filter(|title| !title.is_empty());
            }
            "base" => base = base_address(&node, address).or(base),
            "link" if directives.canonical.is_none() => {
                directives.canonical = canonical(&node, address);
            }
            "meta" => directives.noindex |= has_noindex(&node),
            _ => {}
        }
    }
    (page, base)
}

fn base_address(node: &Node, address: Option<&Url>) -> Option<Url> {
    let href = attribute(node, "href")?;
    links::absolute(&href, address).filter(Url::has_host)
}

fn canonical(node: &Node, address: Option<&Url>) -> Option<Url> {
    let relation = attribute(node, "rel")?;
    let mut relations = relation.split_whitespace();
    if !relations.any(|each| each.eq_ignore_ascii_case("canonical")) {
        return None;
    }
    let mut url = links::absolute(&attribute(node, "href")?, address)?;
    url.set_fragment(None);
    links::same_site(&url, address?).then_some(url)
}

fn has_noindex(node: &Node) -> bool {
    let name = attribute(node, "name").unwrap_or_default();
    let is_directive = ["robots", "parlor"]
        .iter()
        .any(|each| name.eq_ignore_ascii_case(each));
    is_directive && is_noindex(&attribute(node, "content").unwrap_or_default())
}

// ── The content ──

/// The element with the content: `<main>`, else the only `<article>`, else
/// `<body>`.
fn content(document: &Rc<Node>) -> Rc<Node> {
    let is_main = |node: &Rc<Node>| {
        tag(node) == "main" || attribute(node, "role").is_some_and(|role| role == "main")
    };
    let elements = |name: &'static str| descendants(document).filter(move |node| tag(node) == name);
    if let Some(main) = descendants(document).find(|node| is_main(node) && !is_hidden(node)) {
        return main;
    }
    let mut articles = elements("article");
    let only_article = articles.next().filter(|_| articles.next().is_none());
    let body = || elements("body").next();
    only_article
        .or_else(body)
        .unwrap_or_else(|| document.clone())
}

/// Elements without content, and those that cannot be shown as text.
const DROPPED_ELEMENTS: [&str; 27] = [
    "area", "aside", "audio", "button", "canvas", "datalist", "dialog", "embed", "footer", "head",
    "iframe", "img", "input", "link", "map", "math", "menu", "meta", "nav", "noscript", "object",
    "script", "select", "style", "svg", "template", "textarea",
];
/// The deepest tree that is converted; below, only the text is kept. The
/// converter recurses.
const MAX_TREE_DEPTH: usize = 100;
/// The deepest nesting of lists and quotes; each level indents all its lines.
const MAX_LIST_DEPTH: usize = 10;

/// Removes dropped and hidden elements, prepares tables and makes links
/// absolute.
fn prune(root: &Rc<Node>, base: Option<&Url>) {
    let is_whole_page = tag(root) == "body" || tag(root).is_empty();
    let mut pending = vec![(root.clone(), 0, 0)];
    while let Some((node, depth, mut list_depth)) = pending.pop() {
        let mut children = node.children.take();
        children.retain(|child| !is_dropped(child, is_whole_page));
        children.iter_mut().for_each(html_tables::convert_table);
        node.children.replace(children);
        if tag(&node) == "a" {
            resolve_link(&node, base);
        }
        if tag(&node) == "pre" && !is_code_block(&node) {
            dom::wrap_children(&node, "code");
        }
        list_depth += usize::from(matches!(tag(&node), "ul" | "ol" | "blockquote"));
        if depth > MAX_TREE_DEPTH || list_depth > MAX_LIST_DEPTH {
            dom::replace_with_text(&node);
            continue;
        }
        let children = node.children.borrow();
        let children = children.iter();
        pending.extend(children.map(|child| (child.clone(), depth + 1, list_depth)));
    }
}

/// Whether a `<pre>` contains `<code>` alone. The converter writes the text of another
/// `<pre>` as it is, without a fence.
fn is_code_block(pre: &Node) -> bool {
    let children = pre.children.borrow();
    children.iter().all(|child| tag(child) == "code")
}

/// `is_whole_page`: the page does not mark its content. Only then a `<header>`
/// is that of the website; in an article it contains the heading.
fn is_dropped(node: &Rc<Node>, is_whole_page: bool) -> bool {
    match tag(node) {
        "header" => is_whole_page && !contains(node, "h1"),
        // Some pages consist of one form.
        "form" => !contains(node, "h1"),
        "a" => is_symbol_link(node),
        tag => DROPPED_ELEMENTS.contains(&tag) || is_hidden(node),
    }
}

fn contains(node: &Rc<Node>, name: &str) -> bool {
    descendants(node).any(|each| tag(&each) == name)
}

/// A link without text (around a picture), or the symbol next to a heading that
/// links to the heading.
fn is_symbol_link(link: &Rc<Node>) -> bool {
    let is_fragment = attribute(link, "href").is_some_and(|href| href.starts_with('#'));
    let text = dom::text(link);
    text.is_empty() || is_fragment && !text.chars().any(char::is_alphanumeric)
}

fn is_hidden(node: &Node) -> bool {
    let style = attribute(node, "style").unwrap_or_default();
    let style = style.to_ascii_lowercase().replace(' ', "");
    attribute(node, "hidden").is_some()
        || attribute(node, "aria-hidden").is_some_and(|value| value == "true")
        || style.contains("display:none")
        || style.contains("visibility:hidden")
}

/// Makes a link absolute or removes its target. A link around blocks loses its
/// target, because Markdown cannot express it.
fn resolve_link(node: &Rc<Node>, base: Option<&Url>) {
    let href = attribute(node, "href").unwrap_or_default();
    let url = links::absolute(&href, base).filter(|_| !contains_block(node));
    let target = url.as_ref().map(links::escape_parentheses);
    dom::set_attribute(node, "href", target.as_deref());
    dom::set_attribute(node, "title", None);
}

const BLOCK_ELEMENTS: [&str; 12] = [
    "h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "ul", "ol", "table", "pre",
];

fn contains_block(node: &Rc<Node>) -> bool {
    descendants(node).any(|each| BLOCK_ELEMENTS.contains(&tag(&each)))
}
