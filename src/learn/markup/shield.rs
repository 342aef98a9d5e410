//! Sets code aside, so that other steps do not change it, and removes comments.

use std::borrow::Cow;

use super::fence::Fence;

/// Enclose the number of a piece of code in the text. Texts have no characters for private
/// use.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// The longest code within a paragraph.
const MAX_CODE_SPAN_BYTES: usize = 2000;
/// Directives within directives.
const MAX_DEPTH: usize = 4;

/// A text without its code.
pub struct Shielded {
    pub text: String,
    codes: Vec<String>,
}

impl Shielded {
    pub fn new(text: &str) -> Self {
        let text: Cow<'_, str> = if text.contains([OPEN, CLOSE]) {
            text.replace([OPEN, CLOSE], "").into()
        } else {
            text.into()
        };
        let mut shielded = Self {
            text: String::with_capacity(text.len()),
            codes: Vec::new(),
        };
        Scanner {
            out: &mut shielded,
            missing_ends: Vec::new(),
        }
        .scan(&text, 0);
        shielded
    }

    /// The text with its code. Lines of code after the first have the indentation that the
    /// first line has now.
    pub fn restore(&self, text: &str) -> String {
        let mut restored = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            restored.push_str(before);
            let Some((number, after)) = after.split_once(CLOSE) else {
                break;
            };
            let code = number
                .parse()
                .ok()
                .and_then(|number: usize| self.codes.get(number));
            push_code(code.map_or("", String::as_str), &mut restored);
            rest = after;
        }
        restored.push_str(rest);
        restored
    }

    fn shield(&mut self, code: impl Into<String>) {
        let number = self.codes.len();
        self.codes.push(code.into());
        self.text.extend([OPEN]);
        self.text.push_str(&number.to_string());
        self.text.push(CLOSE);
    }
}

/// Writes code with the indentation of its first line.
fn push_code(code: &str, text: &mut String) {
    let mut lines = code.split('\n');
    text.push_str(lines.next().unwrap_or_default());
    if !code.contains('\n') {
        return;
    }
    let line_start = text.rfind('\n').map_or(0, |end| end + 1);
    let begin = text[line_start..].find(['`', '~', '<']).unwrap_or(0);
    let keep = |char| {
        if matches!(char, '>' | '\t') {
            char
        } else {
            ' '
        }
    };
    let prefix: String = text[line_start..line_start + begin]
        .chars()
        .map(keep)
        .collect();
    for line in lines {
        text.push('\n');
        let prefix = if line.is_empty() {
            prefix.trim_end()
        } else {
            &prefix
        };
        text.push_str(prefix);
        text.push_str(line);
    }
}

/// Whether a text has code that was set aside.
pub fn has_code(text: &str) -> bool {
    text.contains(OPEN)
}

struct Scanner<'o> {
    out: &'o mut Shielded,
    /// The ends that the rest of the text does not have, so that they are searched once.
    missing_ends: Vec<&'static str>,
}

/// A comment or a block that is set aside: its begin and its end.
struct Enclosure {
    begin: &'static str,
    end: &'static str,
    content: Content,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Removed,
    /// Set aside with its begin and its end.
    Html,
    /// Set aside without its begin and its end.
    Literal,
    /// A block of code; the begin names the language.
    Code,
}

const fn enclosure(begin: &'static str, end: &'static str, content: Content) -> Enclosure {
    Enclosure {
        begin,
        end,
        content,
    }
}

/// In templates, the words after the brace have blanks of any number and a hyphen around
/// them; see [`begin_length`].
const ENCLOSURES: [Enclosure; 15] = [
    enclosure("{::comment}", "{:/comment}", Content::Removed),
    enclosure("<!--", "-->", Content::Removed),
    enclosure("<script", "</script>", Content::Removed),
    enclosure("<style", "</style>", Content::Removed),
    enclosure("<pre", "</pre>", Content::Html),
    enclosure("<code", "</code>", Content::Html),
    enclosure("{/*", "*/}", Content::Removed),
    enclosure("{{/*", "*/}}", Content::Removed),
    enclosure("{{</*", "*/>}}", Content::Html),
    enclosure("{{%/*", "*/%}}", Content::Html),
    enclosure("{% comment", "endcomment", Content::Removed),
    enclosure("{% raw", "endraw", Content::Literal),
    enclosure("{% highlight", "endhighlight", Content::Code),
    enclosure("{{< highlight", "/highlight", Content::Code),
    enclosure("{# ", "#}", Content::Removed),
];

impl Scanner<'_> {
    fn scan(&mut self, text: &str, depth: usize) {
        let mut at = 0;
        let mut is_line_start = true;
        while at < text.len() {
            if is_line_start && let Some(fence) = Fence::find(&text[at..]) {
                self.push_fence(&fence, depth);
                at += fence.length;
                is_line_start = true;
                continue;
            }
            let rest = &text[at..];
            let next = rest.find(['`', '<', '{', '\\', '\n']).unwrap_or(rest.len());
            self.out.text.push_str(&rest[..next]);
            at += next;
            let rest = &text[at..];
            is_line_start = rest.starts_with('\n');
            at += self.special(rest);
        }
    }

    /// Handles the character at the begin of `rest`. Returns the bytes that were read.
    fn special(&mut self, rest: &str) -> usize {
        let Some(first) = rest.chars().next() else {
            return 0;
        };
        let length = match first {
            '`' => self.code_span(rest),
            '<' | '{' => self.enclosure(rest),
            '\\' => self.escape(rest),
            _ => None,
        };
        length.unwrap_or_else(|| {
            let run = rest.len() - rest.trim_start_matches('`').len();
            let length = run.max(first.len_utf8());
            self.out.text.push_str(&rest[..length]);
            length
        })
    }

    /// Sets an escaped character aside.
    fn escape(&mut self, rest: &str) -> Option<usize> {
        let char = rest[1..].chars().next()?;
        let is_mark = "`<{[!:=~^".contains(char);
        is_mark.then(|| self.out.shield(&rest[..2]))?;
        Some(2)
    }

    fn code_span(&mut self, rest: &str) -> Option<usize> {
        let run = rest.len() - rest.trim_start_matches('`').len();
        let limit = rest.floor_char_boundary(MAX_CODE_SPAN_BYTES);
        let paragraph = rest[..limit].split("\n\n").next().unwrap_or_default();
        let mut at = run;
        loop {
            at += paragraph.get(at..)?.find('`')?;
            let after = paragraph[at..].trim_start_matches('`');
            let length = paragraph.len() - after.len() - at;
            at += length;
            if length == run {
                self.out.shield(&rest[..at]);
                return Some(at);
            }
        }
    }

    fn enclosure(&mut self, rest: &str) -> Option<usize> {
        let mut found = ENCLOSURES.iter();
        let (enclosure, begin) =
            found.find_map(|each| Some((each, begin_length(rest, each.begin)?)))?;
        if self.missing_ends.contains(&enclosure.end) {
            return None;
        }
        let length = self.set_aside(enclosure, begin, rest);
        if length.is_none() {
            self.missing_ends.push(enclosure.end);
        }
        length
    }

    /// Sets an enclosure aside, whose begin has `begin` bytes. Returns its length.
    fn set_aside(&mut self, enclosure: &Enclosure, begin: usize, rest: &str) -> Option<usize> {
        let inner_end = begin + rest[begin..].find(enclosure.end)?;
        let mut end = inner_end + enclosure.end.len();
        let mut content = &rest[begin..inner_end];
        if enclosure.end.starts_with("end") || enclosure.end.starts_with("/h") {
            // The end is a word within a tag, and the begin has further words.
            let close = rest[end..].find('}')?;
            end += close + 1 + usize::from(rest[end + close..].starts_with("}}"));
            content = content[..content.rfind('{')?].trim_end_matches('{');
        }
        match enclosure.content {
            Content::Removed => {}
            // Hugo shows such a tag without the marks of the comment.
            Content::Html if rest.starts_with('{') => {
                let tag = rest[..end].replacen("/*", "", 1);
                self.out.shield(tag.replacen("*/", "", 1));
            }
            Content::Html => self.out.shield(&rest[..end]),
            Content::Literal => {
                let (_, content) = content.split_once("%}")?;
                self.out.shield(content.trim_matches('\n'));
            }
            Content::Code => {
                let (language, code) = content.split_once(['}', '>'])?;
                let code = code.trim_start_matches('}').trim_matches('\n');
                let language = language.split_whitespace().next().unwrap_or_default();
                let language = language.trim_matches(['"', '%']);
                self.out.text.push('\n');
                self.out.shield(format!("```{language}\n{code}\n```"));
                self.out.text.push('\n');
            }
        }
        Some(end)
    }

    fn push_fence(&mut self, fence: &Fence<'_>, depth: usize) {
        let out = &mut *self.out;
        out.text.push_str(fence.prefix);
        match fence.directive() {
            Some((name, _)) if DROPPED_DIRECTIVES.contains(&name) => {}
            Some((name, title)) if depth < MAX_DEPTH && is_text_directive(name) => {
                let lines = fence.lines.iter().map(String::as_str);
                let is_option = |line: &&str| line.starts_with(':') || line.trim() == "---";
                let body: Vec<_> = lines.skip_while(is_option).collect();
                if !title.is_empty() {
                    out.text.push_str(&format!("**{title}**\n\n"));
                }
                self.scan(&(body.join("\n") + "\n"), depth + 1);
            }
            directive => {
                let mark = fence.mark;
                let info = match directive {
                    Some(("code-block" | "code" | "sourcecode" | "code-cell", language)) => {
                        language
                    }
                    _ => fence.info,
                };
                let mut code = format!("{mark}{info}");
                for line in &fence.lines {
                    code.push('\n');
                    code.push_str(line);
                }
                code.push('\n');
                code.push_str(mark);
                out.shield(code);
            }
        }
        self.out.text.push('\n');
    }
}

/// The length of the begin of an enclosure, if the text has it.
fn begin_length(text: &str, begin: &str) -> Option<usize> {
    let Some((open, word)) = begin.split_once(' ') else {
        let after = text.strip_prefix(begin)?;
        let is_name = begin.ends_with(|char: char| char.is_ascii_alphabetic());
        let goes_on =
            is_name && after.starts_with(|char: char| char.is_alphanumeric() || char == '-');
        return (!goes_on).then_some(begin.len());
    };
    let after = text.strip_prefix(open)?;
    if word.is_empty() {
        return after.starts_with(' ').then_some(begin.len());
    }
    let after = after
        .strip_prefix('-')
        .unwrap_or(after)
        .trim_start_matches(' ');
    let after = after.strip_prefix(word)?;
    (!after.starts_with(char::is_alphanumeric)).then(|| text.len() - after.len())
}

/// Directives of MyST that have a text.
const TEXT_DIRECTIVES: &str = "note tip warning important caution danger attention hint error \
    seealso admonition dropdown tab-item tab-set card grid grid-item grid-item-card sidebar topic \
    margin versionadded versionchanged deprecated todo";
const DROPPED_DIRECTIVES: [&str; 5] = ["toctree", "contents", "include", "image", "mermaid"];

fn is_text_directive(name: &str) -> bool {
    TEXT_DIRECTIVES.split(' ').any(|each| each == name)
}
