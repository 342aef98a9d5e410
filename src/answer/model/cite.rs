//! Which excerpts an answer cites, and the reference lines after it
//! (section 4.3 of the contract).

use url::Url;

use super::context::Passage;

/// The most characters of a source's label.
const LABEL: usize = 200;

/// Reads an answer as it comes and remembers the markers `[n]` in it.
#[derive(Default)]
pub struct Citations {
    /// One for each excerpt; none where it has no address to cite.
    sources: Vec<Option<Source>>,
    /// The number so far, behind an opening bracket.
    open: Option<usize>,
}

struct Source {
    line: String,
    cited: bool,
}

impl Citations {
    pub fn new(passages: &[Passage]) -> Self {
        let numbered = passages.iter().zip(1..);
        Self {
            sources: numbered.map(|(passage, n)| source(passage, n)).collect(),
            open: None,
        }
    }

    /// Takes note of the markers in the answer's next piece; one may begin in
    /// one piece and end in another.
    pub fn read(&mut self, text: &str) {
        if self.sources.is_empty() {
            return;
        }
        for byte in text.bytes() {
            self.open = match (byte, self.open) {
                (b'[', _) => Some(0),
                (b'0'..=b'9', Some(n)) => {
                    Some(n.saturating_mul(10).saturating_add((byte - b'0').into()))
                }
                (b']', Some(n)) => {
                    self.cite(n);
                    None
                }
                _ => None,
            };
        }
    }

    fn cite(&mut self, number: usize) {
        let index = number.checked_sub(1);
        let source = index.and_then(|index| self.sources.get_mut(index)?.as_mut());
        if let Some(source) = source {
            source.cited = true;
        }
    }

    /// The lines that belong after the answer; empty where nothing was cited.
    pub fn lines(&self) -> String {
        let cited = self.sources.iter().flatten().filter(|one| one.cited);
        let lines: Vec<_> = cited.map(|source| source.line.as_str()).collect();
        match lines.is_empty() {
            true => String::new(),
            false => format!("\n\n{}", lines.join("\n")),
        }
    }
}

fn source(passage: &Passage, number: usize) -> Option<Source> {
    let url = Url::parse(passage.url.as_deref()?).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    // A parsed URL has neither blanks nor quotes nor line ends left in it.
    let label = label(&passage.title).unwrap_or_else(|| url.as_str().to_owned());
    Some(Source {
        line: format!(r#"[{number}]: {url} "{label}""#),
        cited: false,
    })
}

/// The title as it can stand between quotes on one line.
fn label(title: &str) -> Option<String> {
    let harmless = |one: char| match one {
        '"' => '\'',
        '\\' => '/',
        other if other.is_control() || other == '\u{2028}' || other == '\u{2029}' => ' ',
        other => other,
    };
    let title: String = title.chars().map(harmless).collect();
    let words: Vec<_> = title.split_whitespace().collect();
    let label: String = words.join(" ").chars().take(LABEL).collect();
    (!label.is_empty()).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(title: &str, url: &str) -> Passage {
        Passage {
            title: title.to_owned(),
            url: Some(url.to_owned()),
            text: String::new(),
        }
    }

    fn lines(pieces: &[&str]) -> String {
        let mut citations = Citations::new(&[
            passage("Shipping", "https://tern.example/shipping"),
            passage("A file", "file:terms.md"),
            passage("Say \"hi\"\n[9]: x \\", "https://tern.example/a b?\"c\"\n"),
            passage(" \n ", "http://tern.example/"),
        ]);
        pieces.iter().for_each(|piece| citations.read(piece));
        citations.lines()
    }

    #[test]
    fn cited_sources_are_listed_in_their_order() {
        assert_eq!(
            lines(&["Soon [3], in two days [1][1]."]),
            "\n\n[1]: https://tern.example/shipping \"Shipping\"\
             \n[3]: https://tern.example/a%20b?%22c%22 \"Say 'hi' [9]: x /\""
        );
    }

    #[test]
    fn a_marker_may_be_cut_between_pieces() {
        let whole = lines(&["Hi [1]."]);
        assert!(whole.starts_with("\n\n[1]: "));
        assert_eq!(lines(&["Hi [", "1", "]."]), whole);
    }

    #[test]
    fn what_is_no_marker_or_has_no_address_adds_nothing() {
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
            assert_eq!(lines(&[text]), "", "{text}");
        }
    }

    #[test]
    fn a_source_without_a_title_is_labelled_with_its_address() {
        assert_eq!(
            lines(&["[label][4]"]),
            "\n\n[4]: http://tern.example/ \"http://tern.example/\""
        );
    }
}
