//! Sitemaps of websites.

use parlor::learn::fuzz_api::sitemap_addresses;

use super::Target;

pub struct Sitemap;

impl Target for Sitemap {
    const NAME: &'static str = "sitemap";
    const DICTIONARY: &'static [&'static str] = &[
        "<urlset>",
        "</urlset>",
        "<url>",
        "</url>",
        "<loc>",
        "</loc>",
        "<sitemap>",
        "</sitemap>",
        "https://x.example/",
        "&amp;",
        "&#50;",
        "&#x41;",
        "&x;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?xml version=\"1.0\"?>",
        "<!DOCTYPE x [<!ENTITY a \"&a;&a;\">]>",
        "s:",
        " a='",
        "\u{feff}",
    ];

    fn new() -> Self {
        Self
    }

    /// Entities do not make the addresses longer than the file.
    fn run(&self, input: &[u8]) {
        let xml = String::from_utf8_lossy(input);
        let addresses = sitemap_addresses(&xml);
        let length: usize = addresses.iter().map(String::len).sum();
        assert!(length <= xml.len());
    }
}
