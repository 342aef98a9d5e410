//! Sitemaps: the addresses that a website lists for search engines.
//! <https://www.sitemaps.org/protocol.html>

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use url::Url;

/// Addresses that are read of one file: the limit of the sitemap protocol.
const MAX_FILE_ENTRIES: usize = 50_000;
/// The part of a file that contains its root element.
const ROOT_SCAN_CHARS: usize = 1000;
/// The first bytes of a gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The addresses in one sitemap file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SitemapEntries {
    pub pages: Vec<String>,
    /// The sitemaps that an index lists.
    pub sitemaps: Vec<String>,
    /// Why the file is no sitemap, or why entries may be missing.
    pub error: Option<String>,
    /// What is wrong in the file, although all entries could be read.
    pub remark: Option<&'static str>,
}

impl SitemapEntries {
    fn with_error(error: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            ..Self::default()
        }
    }

    fn count(&self) -> usize {
        self.pages.len() + self.sitemaps.len()
    }
}

/// Returns the content of a gzip file, and other bytes as they are.
///
/// # Errors
/// The reason if the file is damaged, or if its content has more than `max_bytes`.
pub fn decompress(bytes: &[u8], max_bytes: usize) -> Result<Cow<'_, [u8]>, String> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(bytes.into());
    }
    let mut content = Vec::new();
    let limit = max_bytes as u64 + 1;
    let read = MultiGzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut content);
    read.map_err(|error| format!("it is a damaged gzip file: {error}"))?;
    if content.len() > max_bytes {
        return Err(format!("it has more than {} MB", max_bytes / 1_000_000));
    }
    Ok(content.into())
}

/// Whether a text begins like a sitemap in XML.
pub fn is_sitemap_xml(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let start: String = start.chars().take(ROOT_SCAN_CHARS).collect();
    start.starts_with('<') && (start.contains("urlset") || start.contains("sitemapindex"))
}

/// Whether a text consists of addresses, one a line.
pub fn is_url_list(text: &str) -> bool {
    let mut lines = text_lines(text).peekable();
    lines.peek().is_some() && lines.all(is_web_url)
}

fn text_lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines.filter(|line| !line.is_empty())
}

fn is_web_url(line: &str) -> bool {
    Url::parse(line).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Parses a sitemap: XML, or a text with one address a line.
pub fn parse(text: &str) -> SitemapEntries {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.is_empty() {
        return SitemapEntries::with_error("it is empty");
    }
    if start.starts_with('<') || !is_url_list(text) {
        return parse_xml(text);
    }
    let mut entries = SitemapEntries::default();
    entries.pages.extend(text_lines(text).map(str::to_owned));
    entries.limit();
    entries
}

/// An XML element by its name without namespace prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SitemapElement {
    /// `urlset` or `sitemapindex`.
    Root,
    Page,
    Sitemap,
    Address,
    Other,
}

impl SitemapElement {
    fn from_name(name: &str) -> Self {
        match name {
            "urlset" | "sitemapindex" => SitemapElement::Root,
            "url" => SitemapElement::Page,
            "sitemap" => SitemapElement::Sitemap,
            "loc" => SitemapElement::Address,
            _ => SitemapElement::Other,
        }
    }
}

/// Parses a sitemap or an index of sitemaps. Parsing ends at the first XML error; the
/// entries before it are returned with the error. An `&` that begins no reference is read
/// as it is.
fn parse_xml(xml: &str) -> SitemapEntries {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().allow_dangling_amp = true;
    let mut entries = SitemapEntries::default();
    let mut open_elements = Vec::new();
    let mut text = String::new();
    let mut has_root = false;
    while entries.count() <= MAX_FILE_ENTRIES {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let name = start.local_name();
                let element = SitemapElement::from_name(name.as_ref());
                if !has_root && element != SitemapElement::Root {
                    return SitemapEntries::with_error(not_a_sitemap(name.as_ref()));
                }
                has_root = true;
                text.clear();
                open_elements.push(element);
            }
            Ok(Event::End(_)) => {
                entries.add(&open_elements, &text);
                open_elements.pop();
                if open_elements.is_empty() {
                    break;
                }
            }
            Ok(Event::Empty(root)) if !has_root => return empty_root(root.local_name().as_ref()),
            Ok(Event::Text(content)) => {
                let content = content.xml10_content();
                if content.contains('&') {
                    entries.remark = Some("it has an & that is not written as &amp;");
                }
                text.push_str(&content);
            }
            Ok(Event::CData(content)) => text.push_str(&content.xml10_content()),
            Ok(Event::GeneralRef(reference)) => push_reference(&mut text, &reference),
            Ok(Event::Eof) => {
                entries.error = Some(end_error(has_root).to_owned());
                break;
            }
            Err(error) => {
                entries.error = Some(format!("it is not valid XML: {error}"));
                break;
            }
            Ok(_) => {}
        }
    }
    entries.limit();
    entries
}

/// The entries of a file whose root is an empty element.
fn empty_root(name: &str) -> SitemapEntries {
    match SitemapElement::from_name(name) {
        SitemapElement::Root => SitemapEntries::default(),
        _ => SitemapEntries::with_error(not_a_sitemap(name)),
    }
}

/// Why a file is incomplete that ends before its root does.
fn end_error(has_root: bool) -> &'static str {
    if has_root {
        "it ends before its end tag, so that a part of it is missing"
    } else {
        "it is not a sitemap"
    }
}

/// The elements with which web pages begin.
const HTML_TAGS: [&str; 9] = [
    "html", "head", "body", "title", "meta", "script", "div", "h1", "p",
];

fn not_a_sitemap(root: &str) -> String {
    if HTML_TAGS.iter().any(|tag| root.eq_ignore_ascii_case(tag)) {
        "it is a web page, not a sitemap".to_owned()
    } else {
        format!("it is XML with the root <{root}>, not a sitemap")
    }
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

    fn limit(&mut self) {
        if self.count() > MAX_FILE_ENTRIES {
            self.pages.truncate(MAX_FILE_ENTRIES);
            self.sitemaps.truncate(MAX_FILE_ENTRIES);
            let error = format!("it lists more than {MAX_FILE_ENTRIES} addresses");
            self.error = Some(error);
        }
    }
}

/// Adds the character of a reference; an unknown reference stays as it is.
fn push_reference(text: &mut String, reference: &BytesRef<'_>) {
    match resolve_reference(reference) {
        Some(char) => text.push(char),
        None => {
            text.push('&');
            text.push_str(reference);
            text.push(';');
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
        let entries = parse(broken);
        assert_eq!(entries.pages, ["https://x.example/a"]);
        assert!(entries.error.is_some());
        for invalid in [
            "",
            "<",
            "<html><p>no</html>",
            "&&&&",
            "<!DOCTYPE x [<!ENTITY",
        ] {
            let entries = parse(invalid);
            assert_eq!(entries.count(), 0, "{invalid:?}");
            assert!(entries.error.is_some(), "{invalid:?}");
        }
    }

    #[test]
    fn truncated_and_foreign_files_have_an_error() {
        for (text, error) in [
            ("", "it is empty"),
            ("\u{feff} \n", "it is empty"),
            (
                "<urlset><url><loc>https://x.example/a</loc></url><url><lo",
                "not valid XML",
            ),
            (
                "<urlset><url><loc>https://x.example/a</loc></url>",
                "it ends before",
            ),
            (
                "<!doctype html><html><body></body></html>",
                "it is a web page",
            ),
            ("<rss version='2'><channel/></rss>", "root <rss>"),
            ("Not a sitemap", "it is not a sitemap"),
        ] {
            let entries = parse(text);
            let found = entries.error.unwrap_or_default();
            assert!(found.contains(error), "{text}: {found}");
        }
        for text in [
            "\u{feff}<?xml version='1.0'?>\n<urlset></urlset>",
            "<urlset/>",
            "\n <urlset><url></url></urlset>\n<!-- made by x --> & <br>",
        ] {
            assert_eq!(parse(text), SitemapEntries::default(), "{text}");
        }
    }

    #[test]
    fn bare_ampersand_is_read_with_a_remark() {
        let xml = "<urlset><url><loc>https://x.example/a?b=1&c=2</loc></url>\
                   <url><loc>https://x.example/?x=1& y&lang;=2</loc></url>\
                   <url><loc>https://x.example/b</loc></url></urlset>";
        let entries = parse(xml);
        let pages = [
            "https://x.example/a?b=1&c=2",
            "https://x.example/?x=1& y&lang;=2",
            "https://x.example/b",
        ];
        assert_eq!(entries.pages, pages);
        assert_eq!(entries.error, None);
        assert!(
            entries
                .remark
                .is_some_and(|remark| remark.contains("&amp;"))
        );
        assert_eq!(
            parse("<urlset><url><loc>a&amp;b</loc></url></urlset>").remark,
            None
        );
    }

    #[test]
    fn text_with_one_address_a_line_is_a_sitemap() {
        let text = "\u{feff}https://x.example/a\r\n\n  http://x.example/b?c=1&d=2 \n";
        let entries = parse(text);
        assert_eq!(
            entries.pages,
            ["https://x.example/a", "http://x.example/b?c=1&d=2"]
        );
        assert_eq!((entries.error, entries.remark), (None, None));
        assert!(!is_url_list("Our page is https://x.example/"));
        assert!(!is_url_list(" \n"));
    }

    #[test]
    fn gzip_is_decompressed_up_to_a_limit() {
        use std::io::Write;
        let gzip = |content: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).expect("memory");
            encoder.finish().expect("memory")
        };
        let compressed = gzip(b"<urlset/>");
        assert_eq!(decompress(&compressed, 9).as_deref(), Ok(&b"<urlset/>"[..]));
        assert_eq!(
            decompress(b"<urlset/>", 9).as_deref(),
            Ok(&b"<urlset/>"[..])
        );
        let truncated = &compressed[..compressed.len() - 9];
        let error = decompress(truncated, 1000).expect_err("a part is missing");
        assert!(error.contains("damaged"), "{error}");
        let error = decompress(&gzip(&[b'x'; 3_000_000]), 1_000_000).expect_err("too large");
        assert!(error.contains("more than 1 MB"), "{error}");
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
        assert_eq!(parse(&"<urlset>".repeat(500_000)).count(), 0);
        assert!(start.elapsed() < std::time::Duration::from_secs(60));
    }

    #[test]
    fn at_most_fifty_thousand_entries_of_a_file_are_read() {
        let url = "<url><loc>https://x.example/</loc></url>";
        let xml = format!("<urlset>{}</urlset>", url.repeat(MAX_FILE_ENTRIES + 10));
        let entries = parse(&xml);
        assert_eq!(entries.pages.len(), MAX_FILE_ENTRIES);
        assert!(
            entries
                .error
                .is_some_and(|error| error.contains("more than"))
        );
        let exact = format!("<urlset>{}</urlset>", url.repeat(MAX_FILE_ENTRIES));
        assert_eq!(parse(&exact).error, None);
    }
}
