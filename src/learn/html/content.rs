//! The element of a page that has its content.

use std::rc::Rc;

use super::super::dom::{self, Node, descendants, tag};
use super::boilerplate::is_hidden;

/// `<main>`, else the only `<article>`, else `<body>`. An element that has no text, because
/// a script would fill it, is passed over.
pub fn content_element(document: &Rc<Node>) -> Rc<Node> {
    let is_main = |node: &Rc<Node>| tag(node) == "main" || dom::has_value(node, "role", "main");
    let has_text = |node: &Rc<Node>| !dom::text(node).is_empty();
    let main = descendants(document).find(|node| is_main(node) && !is_hidden(node));
    if let Some(main) = main.filter(has_text) {
        return main;
    }
    let elements = |name: &'static str| descendants(document).filter(move |node| tag(node) == name);
    let mut articles = elements("article");
    let only_article = articles.next().filter(|_| articles.next().is_none());
    let body = || elements("body").next();
    only_article
        .filter(has_text)
        .or_else(body)
        .unwrap_or_else(|| document.clone())
}
