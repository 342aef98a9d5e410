//! Rewrites containers whose content is indented by four blanks: admonitions, collapsed
//! texts and tabs of MkDocs.

/// The indentation of the content of a container.
const CONTENT_INDENTATION: usize = 4;

/// The text without the marks of containers and without the indentation of their contents.
/// Titles become paragraphs in bold, and questions headings.
pub fn rewrite(text: &str) -> String {
    let has_marks = ["!!! ", "???", "=== ", "===!", "===+"]
        .iter()
        .any(|mark| text.contains(mark));
    if !has_marks {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    // The indentations of the marks of the containers around the line.
    let mut open: Vec<usize> = Vec::new();
    let mut heading_level = 1;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches([' ', '\t']);
        if content.trim().is_empty() {
            out.push_str(line);
            continue;
        }
        let indentation = width(&line[..line.len() - content.len()]);
        while open
            .pop_if(|mark| indentation < *mark + CONTENT_INDENTATION)
            .is_some()
        {}
        let kept = indentation.saturating_sub(open.len() * CONTENT_INDENTATION);
        let marks = content.len() - content.trim_start_matches('#').len();
        if open.is_empty() && (1..=6).contains(&marks) {
            heading_level = marks;
        }
        let Some(title) = title(content.trim_end()) else {
            out.push_str(&" ".repeat(kept));
            out.push_str(content);
            continue;
        };
        open.push(indentation);
        if title.is_empty() {
            continue;
        }
        push_title(&title, kept, heading_level, &mut out);
    }
    out
}

/// Writes a title as a paragraph of its own.
fn push_title(title: &str, indentation: usize, heading_level: usize, out: &mut String) {
    let level = (heading_level + 1).min(6);
    let is_question = indentation == 0 && title.ends_with(['?', '？']);
    let title = if is_question {
        format!("{} {title}", "#".repeat(level))
    } else {
        format!("**{}**", title.replace("**", ""))
    };
    let before = if out.is_empty() || out.ends_with("\n\n") {
        ""
    } else {
        "\n"
    };
    out.push_str(&format!("{before}{}{title}\n\n", " ".repeat(indentation)));
}

fn width(blanks: &str) -> usize {
    blanks
        .chars()
        .map(|char| if char == '\t' { 4 } else { 1 })
        .sum()
}

/// The title of the container that begins on the line; empty if it has none.
fn title(line: &str) -> Option<String> {
    if let Some(tab) = line.strip_prefix("===") {
        let tab = tab.trim_start_matches(['!', '+']).strip_prefix(' ')?;
        return quoted(tab.trim());
    }
    let rest = line
        .strip_prefix("!!!")
        .or_else(|| line.strip_prefix("???"))?;
    let rest = rest.trim_start_matches('+').trim_start();
    let (words, title) = match rest.split_once('"') {
        Some((words, title)) => (words, quoted(&format!("\"{title}"))?),
        None => (rest, String::new()),
    };
    let is_word = |char: char| char.is_alphanumeric() || "-_ ".contains(char);
    let is_container =
        !rest.is_empty() && words.chars().all(is_word) && words.split(' ').count() < 6;
    is_container.then_some(title)
}

fn quoted(text: &str) -> Option<String> {
    let title = text.strip_prefix('"')?.strip_suffix('"')?;
    Some(title.replace("\\\"", "\""))
}
