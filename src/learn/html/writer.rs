//! The converter of `htmd`, with handlers for what it writes differently.

use htmd::element_handler::{HandlerResult, Handlers};
use htmd::options::{BulletListMarker, HrStyle, Options};
use htmd::{Element, HtmlToMarkdown};

use super::{code, outline, tables};

pub fn converter() -> HtmlToMarkdown {
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        hr_style: HrStyle::Dashes,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        ..Options::default()
    };
    HtmlToMarkdown::builder()
        .options(options)
        .add_handler(vec!["h1", "h2", "h3", "h4", "h5", "h6"], write_heading)
        .add_handler(vec!["table"], write_table)
        .add_handler(vec!["pre"], write_code_block)
        .add_handler(vec!["del"], write_deletion)
        .build()
}

/// A heading on one line.
fn write_heading(handlers: &dyn Handlers, element: Element<'_>) -> Option<HandlerResult> {
    let content = handlers.walk_children(element.node).content;
    let words: Vec<_> = content.split_whitespace().collect();
    let level = outline::heading_level(element.node)?;
    let marks = "#".repeat(level);
    (!words.is_empty()).then(|| format!("\n\n{marks} {}\n\n", words.join(" ")).into())
}

#[expect(clippy::unnecessary_wraps, reason = "handlers return an option")]
fn write_table(handlers: &dyn Handlers, element: Element<'_>) -> Option<HandlerResult> {
    let cell_markdown = |cell: &_| handlers.walk_children(cell).content;
    Some(tables::write(element.node, &cell_markdown).into())
}

#[expect(clippy::unnecessary_wraps, reason = "handlers return an option")]
fn write_code_block(_: &dyn Handlers, element: Element<'_>) -> Option<HandlerResult> {
    Some(code::write_block(element.node).into())
}

/// Struck-out text between `~~`.
fn write_deletion(handlers: &dyn Handlers, element: Element<'_>) -> Option<HandlerResult> {
    let content = handlers.walk_children(element.node).content;
    let text = content.trim();
    if text.is_empty() || text.contains("\n\n") {
        return None;
    }
    let start = if content.starts_with(char::is_whitespace) {
        " "
    } else {
        ""
    };
    let end = if content.ends_with(char::is_whitespace) {
        " "
    } else {
        ""
    };
    Some(format!("{start}~~{text}~~{end}").into())
}
