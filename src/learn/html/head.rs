//! What the head of a page says about the page.

use std::rc::Rc;

use url::Url;

use super::super::dom::{self, Node, attribute, descendants, tag};
use super::super::links;
use super::text::visible_text;
use super::{PageDirectives, robots};

/// Title, description and directives of a page, and the base address of its links.
#[derive(Debug, Default)]
pub struct PageHead {
    pub title: Option<String>,
    /// `<meta name="description">`, else `og:description`.
    pub description: String,
    pub directives: PageDirectives,
    pub base: Option<Url>,
}

/// Reads the head of the page whose address is `address`.
pub fn read(document: &Rc<Node>, address: Option<&Url>) -> PageHead {
    let mut head = PageHead {
        base: address.cloned(),
        ..PageHead::default()
    };
    let mut shared_description = None;
    for node in descendants(document) {
        match tag(&node) {
            "title" if head.title.is_none() => {
                let title = visible_text(&dom::text(&node)).into_owned();
                head.title = Some(title).filter(|title| !title.is_empty());
            }
            "base" => {
                if let Some(base) = base_address(&node, address) {
                    head.base = Some(base);
                }
            }
            "link" if head.directives.canonical.is_none() => {
                head.directives.canonical = canonical(&node, address);
            }
            "meta" => {
                head.directives.noindex |= has_noindex(&node);
                if head.description.is_empty() && dom::has_value(&node, "name", "description") {
                    head.description = content(&node);
                }
                if dom::has_value(&node, "property", "og:description") {
                    shared_description.get_or_insert_with(|| content(&node));
                }
            }
            _ => {}
        }
    }
    if head.description.is_empty() {
        head.description = shared_description.unwrap_or_default();
    }
    head
}

/// The title of a page whose content has no heading of level 1: the only such heading of
/// the page if `title` begins with its text.
pub fn title_beside_content(
    document: &Rc<Node>,
    content: &Rc<Node>,
    title: &str,
) -> Option<String> {
    let is_heading = |node: &Rc<Node>| tag(node) == "h1";
    if descendants(content).any(|node| is_heading(&node)) {
        return None;
    }
    let mut headings = descendants(document).filter(is_heading);
    let heading = headings.next().filter(|_| headings.next().is_none())?;
    let text = visible_text(&dom::text(&heading)).into_owned();
    (!text.is_empty() && title.starts_with(&text)).then_some(text)
}

/// The text of a `<meta>` element.
fn content(meta: &Node) -> String {
    let content = attribute(meta, "content").unwrap_or_default();
    let words: Vec<_> = content.split_whitespace().collect();
    visible_text(&words.join(" ")).into_owned()
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
    let content = attribute(node, "content").unwrap_or_default();
    robots::meta_forbids_indexing(name.trim(), &content)
}
