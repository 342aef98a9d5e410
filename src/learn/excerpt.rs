//! Markdown as the text that a reader sees of it.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::markdown::OPTIONS;

/// The beginning of a Markdown text without its marks, on one line, of at most
/// `most` characters.
pub fn excerpt(markdown: &str, most: usize) -> String {
    let mut text = String::new();
    for event in Parser::new_ext(markdown, OPTIONS) {
        match event {
            Event::Text(some) | Event::Code(some) => text.push_str(&some),
            Event::SoftBreak | Event::HardBreak | Event::Rule => text.push(' '),
            Event::Start(tag) if !is_inline(&tag) => text.push(' '),
            Event::End(tag) if !ends_inline(tag) => text.push(' '),
            _ => {}
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    shortened(&text, most)
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

/// A text that is cut after a word, with a sign that it is.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let end = text.char_indices().nth(most.saturating_sub(1));
    let within = &text[..end.map_or(0, |(at, _)| at)];
    let word = within.rfind(' ').filter(|at| *at > within.len() / 2);
    let cut = &within[..word.unwrap_or(within.len())];
    cut.trim_end().to_owned() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_plain_and_short() {
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
