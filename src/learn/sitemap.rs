//! Sitemaps: the addresses of a website's pages, as the website lists them.
//! <https://www.sitemaps.org/protocol.html>

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// Addresses that one file may have.
const MAX_FILE_ENTRIES: usize = 50_000;

/// What a file lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SitemapEntries {
    pub pages: Vec<String>,
    /// Further sitemaps, where it is an index.
    pub sitemaps: Vec<String>,
}

/// What an element is, whatever prefix its name has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SitemapElement {
    Page,
    Sitemap,
    Address,
    Other,
}

impl SitemapElement {
    fn of(name: &str) -> Self {
        match name {
            "url" => SitemapElement::Page,
            "sitemap" => SitemapElement::Sitemap,
            "loc" => SitemapElement::Address,
            _ => SitemapElement::Other,
        }
    }
}

/// Reads a sitemap or an index of sitemaps. What comes after something that is
/// not XML is left out.
pub fn read(xml: &str) -> SitemapEntries {
    let mut reader = Reader::from_str(xml);
    let mut listed = SitemapEntries::default();
    let mut open = Vec::new();
    let mut text = String::new();
    while listed.pages.len() + listed.sitemaps.len() < MAX_FILE_ENTRIES {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                text.clear();
                open.push(SitemapElement::of(start.local_name().as_ref()));
            }
            Ok(Event::End(_)) => {
                listed.take(&open, &text);
                open.pop();
            }
            Ok(Event::Text(some)) => text.push_str(&some.xml10_content()),
            Ok(Event::CData(some)) => text.push_str(&some.xml10_content()),
            Ok(Event::GeneralRef(one)) => text.extend(meant(&one)),
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    listed
}

impl SitemapEntries {
    /// Takes the text of an element that ends; `open` has it and those around it.
    fn take(&mut self, open: &[SitemapElement], text: &str) {
        let address = || text.trim().to_owned();
        match open {
            [.., SitemapElement::Page, SitemapElement::Address] => self.pages.push(address()),
            [.., SitemapElement::Sitemap, SitemapElement::Address] => self.sitemaps.push(address()),
            _ => {}
        }
    }
}

fn meant(reference: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(one)) = reference.resolve_char_ref() {
        return Some(one);
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
    fn a_sitemap_lists_pages_under_any_prefix() {
        let xml = r#"<?xml version="1.0"?><!-- x -->
            <s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="i">
              <s:url><s:loc> https://x.example/a?b=1&amp;c=&#50; </s:loc><s:priority>1</s:priority>
                <image:image><image:loc>https://x.example/a.png</image:loc></image:image></s:url>
              <s:url><s:loc><![CDATA[https://x.example/b]]></s:loc></s:url>
            </s:urlset>"#;
        let listed = read(xml);
        let pages = ["https://x.example/a?b=1&c=2", "https://x.example/b"];
        assert_eq!(listed.pages, pages);
        assert!(listed.sitemaps.is_empty());
    }

    #[test]
    fn an_index_lists_sitemaps() {
        let xml = "<sitemapindex><sitemap><loc>https://x.example/1.xml</loc></sitemap>\
                   <sitemap><loc>https://x.example/2.xml</loc></sitemap></sitemapindex>";
        let listed = read(xml);
        let sitemaps = ["https://x.example/1.xml", "https://x.example/2.xml"];
        assert_eq!(listed.sitemaps, sitemaps);
        assert!(listed.pages.is_empty());
    }

    #[test]
    fn what_is_not_xml_ends_the_list() {
        let broken = "<urlset><url><loc>https://x.example/a</loc></url></oops><url><loc>b";
        assert_eq!(read(broken).pages, ["https://x.example/a"]);
        for nonsense in [
            "",
            "<",
            "<html><p>no</html>",
            "&&&&",
            "<!DOCTYPE x [<!ENTITY",
        ] {
            assert_eq!(read(nonsense), SitemapEntries::default(), "{nonsense:?}");
        }
    }

    #[test]
    fn a_file_has_fifty_thousand_addresses_at_most() {
        let url = "<url><loc>https://x.example/</loc></url>";
        let xml = format!("<urlset>{}</urlset>", url.repeat(MAX_FILE_ENTRIES + 10));
        assert_eq!(read(&xml).pages.len(), MAX_FILE_ENTRIES);
    }
}
