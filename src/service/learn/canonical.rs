//! Canonical addresses that many pages share.
//!
//! Some websites name their start page as the canonical address of every page. Following it
//! would leave one page of the whole website.

use std::collections::HashMap;

use url::Url;

use crate::domain::Document;

/// Pages with the same canonical address for which it is followed.
const MAX_PAGES_PER_ADDRESS: usize = 3;
/// The same for the start page of a website.
const MAX_PAGES_OF_START_PAGE: usize = 1;
/// The pages that are held until enough others are known. Beyond, canonical addresses are
/// followed at once.
const MAX_HELD_PAGES: usize = 1000;

/// A page before its address is decided.
#[derive(Debug)]
pub struct HeldPage {
    /// The address from which the page was fetched.
    pub own_url: String,
    /// With the canonical address.
    pub document: Document,
    pub hash: [u8; 32],
}

/// The pages of a run that name another address as their canonical one.
#[derive(Debug, Default)]
pub struct CanonicalPages {
    held: HashMap<String, Vec<HeldPage>>,
    held_count: usize,
    /// Addresses that too many pages name, with the number of the pages.
    ignored: HashMap<String, usize>,
}

impl CanonicalPages {
    /// Adds a page, and returns the pages whose addresses are decided.
    pub fn add(&mut self, mut page: HeldPage) -> Vec<HeldPage> {
        let canonical = page.document.url.clone();
        if is_same_page(&page.own_url, &canonical) {
            return vec![page];
        }
        if let Some(count) = self.ignored.get_mut(&canonical) {
            *count += 1;
            page.document.url.clone_from(&page.own_url);
            return vec![page];
        }
        if self.held_count >= MAX_HELD_PAGES {
            return vec![page];
        }
        let pages = self.held.entry(canonical.clone()).or_default();
        pages.push(page);
        self.held_count += 1;
        if pages.len() <= max_pages(&canonical) {
            return Vec::new();
        }
        let mut pages = self.held.remove(&canonical).unwrap_or_default();
        self.held_count -= pages.len();
        for page in &mut pages {
            page.document.url.clone_from(&page.own_url);
        }
        self.ignored.insert(canonical, pages.len());
        pages
    }

    /// Takes the held pages at the end of a run. Their canonical addresses are followed.
    pub fn take_held(&mut self) -> Vec<HeldPage> {
        self.held_count = 0;
        let mut pages: Vec<_> = self.held.drain().flat_map(|(_, pages)| pages).collect();
        pages.sort_by(|one, other| one.own_url.cmp(&other.own_url));
        pages
    }

    /// The addresses that are not followed, each with the number of its pages.
    pub fn take_ignored(&mut self) -> Vec<(String, usize)> {
        let mut ignored: Vec<_> = self.ignored.drain().collect();
        ignored.sort();
        ignored
    }
}

/// Whether two addresses differ in the query only, as those of filters and campaigns do.
fn is_same_page(own: &str, canonical: &str) -> bool {
    let path = |url: &str| {
        let mut url = Url::parse(url).ok()?;
        url.set_query(None);
        let _ = url.set_scheme("https");
        Some(url.as_str().trim_end_matches('/').to_owned())
    };
    own == canonical || path(own).is_some_and(|own| Some(own) == path(canonical))
}

fn max_pages(canonical: &str) -> usize {
    match Url::parse(canonical) {
        Ok(url) if url.path() == "/" => MAX_PAGES_OF_START_PAGE,
        _ => MAX_PAGES_PER_ADDRESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(own: &str, canonical: &str) -> HeldPage {
        let url = |path: &str| format!("https://x.example{path}");
        HeldPage {
            own_url: url(own),
            document: Document {
                url: url(canonical),
                title: String::new(),
                description: String::new(),
                sections: Vec::new(),
            },
            hash: [0; 32],
        }
    }

    fn paths(pages: Vec<HeldPage>) -> Vec<String> {
        let path = |page: HeldPage| page.document.url.replace("https://x.example", "");
        pages.into_iter().map(path).collect()
    }

    #[test]
    fn start_page_is_no_canonical_address_of_several_pages() {
        let mut pages = CanonicalPages::default();
        assert_eq!(paths(pages.add(page("/", "/"))), ["/"]);
        assert_eq!(paths(pages.add(page("/?a", "/"))), ["/"]);
        assert_eq!(paths(pages.add(page("/a", "/"))), [""; 0]);
        assert_eq!(paths(pages.add(page("/b", "/"))), ["/a", "/b"]);
        assert_eq!(paths(pages.add(page("/c", "/"))), ["/c"]);
        assert!(pages.take_held().is_empty());
        assert_eq!(pages.take_ignored(), [("https://x.example/".to_owned(), 3)]);
    }

    #[test]
    fn few_pages_have_the_same_canonical_address() {
        let mut pages = CanonicalPages::default();
        for (own, canonical) in [
            ("/1", "/x"),
            ("/2", "/x"),
            ("/3", "/x"),
            ("/index.html", "/"),
        ] {
            assert!(pages.add(page(own, canonical)).is_empty());
        }
        assert_eq!(paths(pages.take_held()), ["/x", "/x", "/x", "/"]);
        for own in ["/x?a", "/x?b", "/x?c", "/x?d", "/x/"] {
            assert_eq!(paths(pages.add(page(own, "/x"))), ["/x"]);
        }
        assert!(pages.take_ignored().is_empty());
    }

    #[test]
    fn number_of_held_pages_is_limited() {
        let mut pages = CanonicalPages::default();
        for number in 0..MAX_HELD_PAGES {
            let own = format!("/{number}.html");
            assert!(pages.add(page(&own, &format!("/{number}"))).is_empty());
        }
        assert_eq!(paths(pages.add(page("/x.html", "/x"))), ["/x"]);
    }
}
