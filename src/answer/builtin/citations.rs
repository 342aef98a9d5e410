//! Writes citations into an answer: the marker ` [n]` after a quote, and a line
//! `[n]: URL "label"` for each source at the end (docs/api-contract.md, section
//! 5.3).

use url::Url;

/// The maximum length of the label of a source, in characters.
/// Short enough for a phone.
const MAX_LABEL_CHARS: usize = 60;
/// The maximum length of the URL of a source. A longer URL is not cited.
const MAX_URL_BYTES: usize = 2_048;

/// Numbers the sources of one answer.
#[derive(Debug, Default)]
pub struct CitationWriter {
    /// URL and label. The first source has the number 1.
    sources: Vec<(String, String)>,
}

impl CitationWriter {
    /// Appends the marker of a source. Appends nothing if a browser cannot open
    /// `url`.
    pub fn mark(&mut self, answer: &mut String, url: &str, title: &str) {
        let Some(url) = citable_url(url) else {
            return;
        };
        let known = self.sources.iter().position(|(known, _)| *known == url);
        let index = known.unwrap_or_else(|| {
            let label = source_label(title, &url);
            self.sources.push((url, label));
            self.sources.len() - 1
        });
        // Directly after a table or code block the marker would become part of it.
        let last_line = answer.lines().next_back().unwrap_or_default().trim_start();
        let is_block = ["|", "```", "~~~"]
            .iter()
            .any(|mark| last_line.starts_with(mark));
        let separator = if is_block { "\n\n" } else { " " };
        answer.push_str(&format!("{separator}[{}]", index + 1));
    }

    /// Appends the list of sources.
    pub fn append_sources(&self, answer: &mut String) {
        for (index, (url, label)) in self.sources.iter().enumerate() {
            let separator = if index == 0 { "\n\n" } else { "\n" };
            answer.push_str(&format!("{separator}[{}]: {url} \"{label}\"", index + 1));
        }
    }
}

/// Returns a Markdown link to a page. Returns `None` if a browser cannot open `url`.
pub fn link(url: &str, title: &str) -> Option<String> {
    let url = citable_url(url)?;
    Some(format!("[{}]({url})", source_label(title, &url)))
}

/// Returns a URL that can be used in a Markdown link definition. Returns `None`
/// if it is not a web address, has credentials or is too long.
pub(in crate::answer) fn citable_url(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let is_page = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
    // The parser escapes spaces, quotes, angle brackets and control characters.
    let text = url.as_str().replace('(', "%28").replace(')', "%29");
    (is_page && url.password().is_none() && text.len() <= MAX_URL_BYTES).then_some(text)
}

/// Returns the title without characters that have a meaning in Markdown. Returns
/// the host of `url` if nothing is left.
pub(in crate::answer) fn source_label(title: &str, url: &str) -> String {
    let plain: String = title
        .chars()
        .map(|c| match c {
            '"' | '“' | '”' => '\'',
            '\\' | '[' | ']' | '<' | '>' | '`' => ' ',
            _ if c.is_control() || c.is_whitespace() => ' ',
            // Bidirectional control characters and line separators.
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => ' ',
            _ => c,
        })
        .collect();
    let words: Vec<_> = plain.split(' ').filter(|word| !word.is_empty()).collect();
    let label: String = words.join(" ").chars().take(MAX_LABEL_CHARS).collect();
    match label.trim() {
        "" => Url::parse(url)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default(),
        label => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cited(url: &str, title: &str) -> String {
        let mut answer = "Two days".to_owned();
        let mut citations = CitationWriter::default();
        citations.mark(&mut answer, url, title);
        citations.append_sources(&mut answer);
        answer
    }

    #[test]
    fn source_is_listed_on_a_line_of_its_own() {
        assert_eq!(
            cited("https://tern.example/shipping", "Shipping"),
            "Two days [1].\n\n[1]: https://tern.example/shipping \"Shipping\"".replace("].", "]"),
        );
    }

    #[test]
    fn markdown_in_title_and_url_is_escaped() {
        let title = "a\"\n[2]: https://evil.example \"b\\";
        let answer = cited("https://x.example/a b\"(c)\n?<q>=\"#\"", title);
        let lines: Vec<_> = answer.lines().collect();
        assert_eq!(lines.len(), 3, "{answer}");
        assert_eq!(lines[2].matches('"').count(), 2, "{answer}");
        assert!(lines[2].starts_with("[1]: https://x.example/"), "{answer}");
        assert!(lines[2].ends_with('"'), "{answer}");
        assert!(!answer.contains("[2]"), "{answer}");
        assert_eq!(
            cited("https://x.example/", "\u{202E}[] "),
            "Two days [1]\n\n[1]: https://x.example/ \"x.example\""
        );
    }

    #[test]
    fn only_web_addresses_are_cited() {
        for url in [
            "file:a.md",
            "javascript:alert(1)",
            "data:text/html,x",
            "",
            "https://a:b@x.example/",
        ] {
            assert_eq!(cited(url, "Title"), "Two days");
        }
    }

    #[test]
    fn source_is_numbered_and_listed_once() {
        let mut answer = "A".to_owned();
        let mut citations = CitationWriter::default();
        citations.mark(&mut answer, "https://x.example/a", "A");
        citations.mark(&mut answer, "https://x.example/b", "B");
        answer.push_str("\n\n| a |\n|---|\n| b |");
        citations.mark(&mut answer, "https://x.example/a", "A");
        citations.append_sources(&mut answer);
        assert_eq!(
            answer,
            "A [1] [2]\n\n| a |\n|---|\n| b |\n\n[1]\n\n\
             [1]: https://x.example/a \"A\"\n[2]: https://x.example/b \"B\""
        );
    }
}
