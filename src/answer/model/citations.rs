//! Detects which excerpts an answer cites and formats the list of sources
//! (docs/api-contract.md, section 5.3).

use url::Url;

use super::excerpts::Excerpt;

/// The maximum length of the label of a source, in characters.
const MAX_LABEL_CHARS: usize = 200;

/// Scans an answer for the markers `[n]`.
#[derive(Default)]
pub struct CitationTracker {
    /// By excerpt. `None` if the excerpt has no URL that can be cited.
    sources: Vec<Option<CitedSource>>,
    /// The number after an opening bracket that is not closed yet.
    open_number: Option<usize>,
}

struct CitedSource {
    /// A Markdown link definition.
    line: String,
    is_cited: bool,
}

impl CitationTracker {
    pub fn new(excerpts: &[Excerpt]) -> Self {
        let numbered = excerpts.iter().zip(1..);
        Self {
            sources: numbered
                .map(|(excerpt, number)| cited_source(excerpt, number))
                .collect(),
            open_number: None,
        }
    }

    /// Scans the next part of the answer. A marker can continue in the next part.
    pub fn scan(&mut self, text: &str) {
        if self.sources.is_empty() {
            return;
        }
        for byte in text.bytes() {
            self.open_number = match (byte, self.open_number) {
                (b'[', _) => Some(0),
                (b'0'..=b'9', Some(number)) => {
                    let digit = (byte - b'0').into();
                    Some(number.saturating_mul(10).saturating_add(digit))
                }
                (b']', Some(number)) => {
                    self.mark_cited(number);
                    None
                }
                _ => None,
            };
        }
    }

    fn mark_cited(&mut self, number: usize) {
        let index = number.checked_sub(1);
        let source = index.and_then(|index| self.sources.get_mut(index)?.as_mut());
        if let Some(source) = source {
            source.is_cited = true;
        }
    }

    /// Returns the list of cited sources to append to the answer. Returns an empty
    /// string if no source is cited.
    pub fn sources(&self) -> String {
        let cited = self.sources.iter().flatten();
        let cited = cited.filter(|source| source.is_cited);
        let lines: Vec<_> = cited.map(|source| source.line.as_str()).collect();
        if lines.is_empty() {
            return String::new();
        }
        format!("\n\n{}", lines.join("\n"))
    }
}

fn cited_source(excerpt: &Excerpt, number: usize) -> Option<CitedSource> {
    let url = Url::parse(excerpt.url.as_deref()?).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    // A parsed URL contains no spaces, quotes or line ends.
    let label = label(&excerpt.title).unwrap_or_else(|| url.as_str().to_owned());
    Some(CitedSource {
        line: format!(r#"[{number}]: {url} "{label}""#),
        is_cited: false,
    })
}

/// Returns the title without characters that end a quoted Markdown label. Returns
/// `None` for a blank title.
fn label(title: &str) -> Option<String> {
    let escape = |c: char| match c {
        '"' => '\'',
        '\\' => '/',
        c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => ' ',
        c => c,
    };
    let title: String = title.chars().map(escape).collect();
    let words: Vec<_> = title.split_whitespace().collect();
    let label: String = words.join(" ").chars().take(MAX_LABEL_CHARS).collect();
    (!label.is_empty()).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(title: &str, url: &str) -> Excerpt {
        Excerpt {
            title: title.to_owned(),
            url: Some(url.to_owned()),
            text: String::new(),
        }
    }

    fn sources(parts: &[&str]) -> String {
        let mut citations = CitationTracker::new(&[
            excerpt("Shipping", "https://tern.example/shipping"),
            excerpt("A file", "file:terms.md"),
            excerpt("Say \"hi\"\n[9]: x \\", "https://tern.example/a b?\"c\"\n"),
            excerpt(" \n ", "http://tern.example/"),
        ]);
        parts.iter().for_each(|part| citations.scan(part));
        citations.sources()
    }

    #[test]
    fn cited_sources_are_listed_by_number() {
        assert_eq!(
            sources(&["Soon [3], in two days [1][1]."]),
            "\n\n[1]: https://tern.example/shipping \"Shipping\"\
             \n[3]: https://tern.example/a%20b?%22c%22 \"Say 'hi' [9]: x /\""
        );
    }

    #[test]
    fn marker_can_be_split_across_parts() {
        let expected = sources(&["Hi [1]."]);
        assert!(expected.starts_with("\n\n[1]: "));
        assert_eq!(sources(&["Hi [", "1", "]."]), expected);
    }

    #[test]
    fn invalid_markers_and_sources_without_web_address_are_not_listed() {
        for text in [
            "",
            "[]",
            "[0]",
            "[5]",
            "[2]",
            "[1 ]",
            "[a1]",
            "1]",
            "[99999999999999999999999]",
        ] {
            assert_eq!(sources(&[text]), "", "{text}");
        }
    }

    #[test]
    fn source_without_title_has_its_url_as_label() {
        assert_eq!(
            sources(&["[label][4]"]),
            "\n\n[4]: http://tern.example/ \"http://tern.example/\""
        );
    }
}
