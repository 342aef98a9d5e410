//! The parser of sitemaps, for the fuzz targets in `fuzz/`. Nothing else uses this
//! module.

use super::sitemap;

/// The addresses of pages and of sitemaps in a sitemap file.
pub fn sitemap_addresses(xml: &str) -> Vec<String> {
    let entries = sitemap::parse(xml);
    [entries.pages, entries.sitemaps].concat()
}
