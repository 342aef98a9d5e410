//! Removes the syntax that generators of websites add to Markdown: Hugo, Jekyll, Docusaurus,
//! MkDocs, GitBook, Mintlify, VitePress and others. Titles and texts stay.
//!
//! Code is set aside first (`shield`), so that no step changes it. Then the steps read the
//! text from begin to end, each once: lines of programs (`modules`), tags of components
//! (`components`), marks at the begin of lines (`blocks`), and marks within lines
//! (`inline`).

mod attributes;
mod blocks;
mod components;
mod containers;
mod fence;
mod inline;
mod modules;
mod roles;
mod shield;
mod tags;

use shield::Shielded;

/// What the syntax of a text depends on.
#[derive(Clone, Copy)]
struct Context<'a> {
    /// The title of the page, which texts may refer to.
    title: Option<&'a str>,
    /// Whether braces contain expressions, as in MDX.
    is_mdx: bool,
}

/// Returns Markdown that no generator is needed for.
pub fn without_generator_syntax(text: &str, title: Option<&str>, is_mdx: bool) -> String {
    let context = Context { title, is_mdx };
    let shielded = Shielded::new(text);
    let (text, values) = modules::remove(&shielded.text, is_mdx);
    let text = components::rewrite(&text, context, &values);
    let text = blocks::rewrite(&text);
    let text = containers::rewrite(&text);
    let text = inline::rewrite(&text);
    shielded.restore(&text)
}

#[cfg(test)]
mod tests;
