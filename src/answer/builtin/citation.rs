//! Where an answer is from, as section 4.3 has it: ` [n]` in the text and, after
//! it, a line `[n]: URL "label"` for each source.

use url::Url;

/// The most characters of a label and of an address.
const LABEL: usize = 120;
const ADDRESS: usize = 2_048;

/// The sources of one answer.
#[derive(Debug, Default)]
pub struct Citations {
    /// Address and label; the first is number 1.
    sources: Vec<(String, String)>,
}

impl Citations {
    /// Marks what was written last as being from the page at `url`; a page that
    /// a browser cannot open is not named.
    pub fn mark(&mut self, answer: &mut String, url: &str, title: &str) {
        let Some(url) = address(url) else {
            return;
        };
        let known = self.sources.iter().position(|(known, _)| *known == url);
        let place = known.unwrap_or_else(|| {
            let label = label(title, &url);
            self.sources.push((url, label));
            self.sources.len() - 1
        });
        // Behind a table or a block of code a marker would become part of it.
        let last = answer.lines().next_back().unwrap_or_default().trim_start();
        let gap = if last.starts_with('|') || last.starts_with("```") || last.starts_with("~~~") {
            "\n\n"
        } else {
            " "
        };
        answer.push_str(&format!("{gap}[{}]", place + 1));
    }

    /// Writes the sources below the answer.
    pub fn list(&self, answer: &mut String) {
        for (place, (url, label)) in self.sources.iter().enumerate() {
            let gap = if place == 0 { "\n\n" } else { "\n" };
            answer.push_str(&format!("{gap}[{}]: {url} \"{label}\"", place + 1));
        }
    }
}

/// The address in a form that ends where it should.
fn address(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let is_page = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
    // The parser has escaped spaces, quotes, angle brackets and controls.
    let text = url.as_str().replace('(', "%28").replace(')', "%29");
    (is_page && url.password().is_none() && text.len() <= ADDRESS).then_some(text)
}

/// A title that stays on its line and within its quotes.
fn label(title: &str, url: &str) -> String {
    let plain: String = title
        .chars()
        .map(|c| match c {
            '"' | '“' | '”' => '\'',
            '\\' | '[' | ']' | '<' | '>' | '`' => ' ',
            _ if c.is_control() || c.is_whitespace() => ' ',
            // Characters that turn the direction of what follows.
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => ' ',
            _ => c,
        })
        .collect();
    let words: Vec<_> = plain.split(' ').filter(|word| !word.is_empty()).collect();
    let label: String = words.join(" ").chars().take(LABEL).collect();
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
        let mut citations = Citations::default();
        citations.mark(&mut answer, url, title);
        citations.list(&mut answer);
        answer
    }

    #[test]
    fn a_page_is_cited_on_a_line_of_its_own() {
        assert_eq!(
            cited("https://tern.example/shipping", "Shipping"),
            "Two days [1].\n\n[1]: https://tern.example/shipping \"Shipping\"".replace("].", "]"),
        );
    }

    #[test]
    fn a_hostile_title_or_address_stays_on_its_line() {
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
    fn only_what_a_browser_opens_is_cited() {
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
    fn a_page_has_one_number_and_one_line() {
        let mut answer = "A".to_owned();
        let mut citations = Citations::default();
        citations.mark(&mut answer, "https://x.example/a", "A");
        citations.mark(&mut answer, "https://x.example/b", "B");
        answer.push_str("\n\n| a |\n|---|\n| b |");
        citations.mark(&mut answer, "https://x.example/a", "A");
        citations.list(&mut answer);
        assert_eq!(
            answer,
            "A [1] [2]\n\n| a |\n|---|\n| b |\n\n[1]\n\n\
             [1]: https://x.example/a \"A\"\n[2]: https://x.example/b \"B\""
        );
    }
}
