//! The body of an e-mail as plain text and as HTML, from hostile texts.

use std::fmt::Write;

use super::markdown;
use crate::answer::handover::Language;

/// The longest text of a visitor or of an agent in an e-mail, in characters.
pub const MAX_QUOTE_CHARS: usize = 4000;

/// The longest name in an e-mail, in characters.
const MAX_LINE_CHARS: usize = 200;

/// A part of the body of an e-mail.
pub enum LetterBlock {
    Paragraph(String),
    /// A text that somebody else wrote.
    Quote(String),
    /// A reply of an agent, in Markdown.
    Reply(String),
    Link {
        label: &'static str,
        url: String,
    },
    /// A remark in small print.
    Remark(String),
}

pub fn plain_text(blocks: &[LetterBlock]) -> String {
    let mut text = String::new();
    for block in blocks {
        match block {
            LetterBlock::Paragraph(paragraph) | LetterBlock::Remark(paragraph) => {
                text.push_str(paragraph);
            }
            LetterBlock::Quote(quote) => text.push_str(&quoted(quote)),
            LetterBlock::Reply(reply) => text.push_str(&quoted(&markdown::to_text(reply))),
            LetterBlock::Link { label, url } => {
                let _ = write!(text, "{label}:\n{url}");
            }
        }
        text.push_str("\n\n");
    }
    text
}

fn quoted(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("> {line}")).collect();
    lines.join("\n")
}

/// The style of a quoted text.
const QUOTE_STYLE: &str =
    "margin:1em 0;padding-inline-start:1em;border-inline-start:3px solid #999";

pub fn html(language: Language, blocks: &[LetterBlock]) -> String {
    let direction = match language {
        Language::Arabic => "rtl",
        _ => "ltr",
    };
    let mut html = format!(
        "<!doctype html><html lang=\"{}\" dir=\"{direction}\"><head><meta charset=\"utf-8\">\
         </head><body dir=\"{direction}\" \
         style=\"font-family:sans-serif;font-size:16px;line-height:1.5;max-width:36em\">",
        language.tag(),
    );
    for block in blocks {
        let _ = match block {
            LetterBlock::Paragraph(text) => write!(html, "<p>{}</p>", with_breaks(text)),
            LetterBlock::Quote(text) => write!(
                html,
                "<blockquote style=\"{QUOTE_STYLE}\">{}</blockquote>",
                with_breaks(text)
            ),
            LetterBlock::Reply(text) => write!(
                html,
                "<blockquote style=\"{QUOTE_STYLE}\">{}</blockquote>",
                markdown::to_html(text)
            ),
            LetterBlock::Link { label, url } => {
                write!(html, "<p><a href=\"{}\">{label}</a></p>", escaped(url))
            }
            LetterBlock::Remark(text) => write!(
                html,
                "<p style=\"font-size:13px;color:#555\">{}</p>",
                with_breaks(text)
            ),
        };
    }
    html.push_str("</body></html>");
    html
}

fn with_breaks(text: &str) -> String {
    escaped(text).replace('\n', "<br>\n")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

/// A text on one line, without characters that change how it is displayed.
pub fn one_line(text: &str) -> String {
    let spaced = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char });
    cut(
        spaced.filter(|char| !is_direction_mark(*char)),
        MAX_LINE_CHARS,
    )
}

/// A text with its line breaks, without characters that change how it is displayed.
pub fn quotable(text: &str) -> String {
    let text = text.trim().replace("\r\n", "\n").replace('\r', "\n");
    let visible = text
        .chars()
        .filter(|char| (*char == '\n' || !char.is_control()) && !is_direction_mark(*char));
    cut(visible, MAX_QUOTE_CHARS)
}

/// Whether the character reverses the order of the characters after it.
fn is_direction_mark(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn cut(chars: impl Iterator<Item = char>, max: usize) -> String {
    let mut text: String = chars.take(max + 1).collect();
    if let Some((end, _)) = text.char_indices().nth(max) {
        text.truncate(end);
        text.push('…');
    }
    text
}
