//! The beginning of a Markdown text as plain text.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::markdown::OPTIONS;

/// The beginning of a Markdown text without markup, on one line, of at most
/// `max_chars` characters.
pub fn excerpt(markdown: &str, max_chars: usize) -> String {
    let mut text = String::new();
    for event in Parser::new_ext(markdown, OPTIONS) {
        match event {
            Event::Text(content) | Event::Code(content) => text.push_str(&content),
            Event::SoftBreak | Event::HardBreak | Event::Rule => text.push(' '),
            Event::Start(tag) if !is_inline(&tag) => text.push(' '),
            Event::End(tag) if !ends_inline(tag) => text.push(' '),
            _ => {}
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    truncate(&text, max_chars)
}

fn is_inline(tag: &Tag<'_>) -> bool {
    ends_inline(tag.to_end())
}

fn ends_inline(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image
    )
}

/// Truncates a text after a word and appends an ellipsis.
fn truncate(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let end = text.char_indices().nth(max_chars.saturating_sub(1));
    let within = &text[..end.map_or(0, |(at, _)| at)];
    let word_end = within.rfind(' ').filter(|at| *at > within.len() / 2);
    let kept = &within[..word_end.unwrap_or(within.len())];
    kept.trim_end().to_owned() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpt_is_plain_text_within_the_limit() {
        let markdown = "# Head\n\nSome **bold** [link](https://x.example/) and `code`.\n\n\
                        - one\n- two\n\n| a | b |\n|---|---|\n| c | d |\n<b>x</b>";
        assert_eq!(
            excerpt(markdown, 300),
            "Head Some bold link and code. one two a b c d x"
        );
        assert_eq!(excerpt("word other words", 12), "word other…");
        assert_eq!(excerpt(&"é".repeat(400), 300).chars().count(), 300);
        assert_eq!(excerpt("", 300), "");
    }
}
