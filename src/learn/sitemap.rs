//! Sitemaps: the addresses that a website lists for search engines.
//! <https://www.sitemaps.org/protocol.html>

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// Addresses that are read of one file: the limit of the sitemap protocol.
const MAX_FILE_ENTRIES: usize = 50_000;

/// The addresses in one sitemap file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SitemapEntries {
    pub pages: Vec<String>,
    /// The sitemaps that an index lists.
    pub sitemaps: Vec<String>,
}

/// An XML element by its name without namespace prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SitemapElement {
    Page,
    Sitemap,
    Address,
    Other,
}

impl SitemapElement {
    fn from_name(name: &str) -> Self {
        match name {
            "url" => SitemapElement::Page,
            "sitemap" => SitemapElement::Sitemap,
            "loc" => SitemapElement::Address,
            _ => SitemapElement::Other,
        }
    }
}

/// Parses a sitemap or an index of sitemaps. Parsing ends at the first XML
/// error; the entries before it are returned.
pub fn parse(xml: &str) -> SitemapEntries {
    let mut reader = Reader::from_str(xml);
    let mut entries = SitemapEntries::default();
    let mut open_elements = Vec::new();
    let mut text = String::new();
    while entries.pages.len() + entries.sitemaps.len() < MAX_FILE_ENTRIES {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                text.clear();
                open_elements.push(SitemapElement::from_name(start.local_name().as_ref()));
            }
            Ok(Event::End(_)) => {
                entries.add(&open_elements, &text);
                open_elements.pop();
            }
            Ok(Event::Text(content)) => text.push_str(&content.xml10_content()),
            Ok(Event::CData(content)) => text.push_str(&content.xml10_content()),
            Ok(Event::GeneralRef(reference)) => text.extend(resolve_reference(&reference)),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    entries
}

impl SitemapEntries {
    /// Adds the text of the innermost open element if it is an address.
    fn add(&mut self, open_elements: &[SitemapElement], text: &str) {
        let address = || text.trim().to_owned();
        match open_elements {
            [.., SitemapElement::Page, SitemapElement::Address] => self.pages.push(address()),
            [.., SitemapElement::Sitemap, SitemapElement::Address] => {
                self.sitemaps.push(address());
            }
            _ => {}
        }
    }
}

fn resolve_reference(reference: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        return Some(char);
    }
    match &**reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sitemap_lists_pages_with_any_namespace_prefix() {
        let xml = r#"<?xml version="1.0"?><!-- x -->
            <s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="i">
              <s:url><s:loc> https://x.example/a?b=1&amp;c=&#50; </s:loc><s:priority>1</s:priority>
                <image:image><image:loc>https://x.example/a.png</image:loc></image:image></s:url>
              <s:url><s:loc><![CDATA[https://x.example/b]]></s:loc></s:url>
            </s:urlset>"#;
        let entries = parse(xml);
        let pages = ["https://x.example/a?b=1&c=2", "https://x.example/b"];
        assert_eq!(entries.pages, pages);
        assert!(entries.sitemaps.is_empty());
    }

    #[test]
    fn index_lists_sitemaps() {
        let xml = "<sitemapindex><sitemap><loc>https://x.example/1.xml</loc></sitemap>\
                   <sitemap><loc>https://x.example/2.xml</loc></sitemap></sitemapindex>";
        let entries = parse(xml);
        let sitemaps = ["https://x.example/1.xml", "https://x.example/2.xml"];
        assert_eq!(entries.sitemaps, sitemaps);
        assert!(entries.pages.is_empty());
    }

    #[test]
    fn entries_after_an_xml_error_are_ignored() {
        let broken = "<urlset><url><loc>https://x.example/a</loc></url></oops><url><loc>b";
        assert_eq!(parse(broken).pages, ["https://x.example/a"]);
        for invalid in [
            "",
            "<",
            "<html><p>no</html>",
            "&&&&",
            "<!DOCTYPE x [<!ENTITY",
        ] {
            assert_eq!(parse(invalid), SitemapEntries::default(), "{invalid:?}");
        }
    }

    #[test]
    fn huge_attributes_nesting_and_texts_are_parsed_in_time() {
        let start = std::time::Instant::now();
        let entry = "<url><loc>https://x.example/a</loc></url>";
        let attributes: String = (0..500_000)
            .map(|number| format!(" a{number}='x'"))
            .collect();
        for noise in [
            format!("<x{attributes}/>"),
            format!("<x a='{}'/>", "x".repeat(5_000_000)),
            "<x>".repeat(500_000) + &"</x>".repeat(500_000),
            "x".repeat(5_000_000),
            "&amp;".repeat(1_000_000),
            "<!-- x -->".repeat(500_000),
            "<![CDATA[x]]>".repeat(500_000),
            format!("<?x {}?>", "x".repeat(5_000_000)),
        ] {
            let entries = parse(&format!("<urlset>{noise}{entry}</urlset>"));
            assert_eq!(entries.pages, ["https://x.example/a"], "{}", &noise[..20]);
        }
        let nested = "<!DOCTYPE x [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]>";
        assert_eq!(
            parse(&format!("{nested}<urlset>&b;{entry}</urlset>"))
                .pages
                .len(),
            1
        );
        assert_eq!(
            parse(&"<urlset>".repeat(500_000)),
            SitemapEntries::default()
        );
        assert!(start.elapsed() < std::time::Duration::from_secs(60));
    }

    #[test]
    fn at_most_fifty_thousand_entries_of_a_file_are_read() {
        let url = "<url><loc>https://x.example/</loc></url>";
        let xml = format!("<urlset>{}</urlset>", url.repeat(MAX_FILE_ENTRIES + 10));
        assert_eq!(parse(&xml).pages.len(), MAX_FILE_ENTRIES);
    }
}
