//! A website as a source: one page, or all pages that its sitemap lists.
//!
//! The crawler obeys robots.txt for the user agents `parlor` and `*`. It
//! fetches at most [`MAX_CONCURRENT_FETCHES`] pages at once, or one at a time if
//! robots.txt asks for a delay.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use robotxt::Robots;
use url::Url;

use super::fetch::{Credentials, FetchError, FetchedPage, PageFetcher};
use super::links::same_site;
use super::raw_document::name_from_path;
use super::{Format, RawDocument, SourceError, decode, html, sitemap};
use crate::domain::without_userinfo;

/// The size of a page.
const MAX_PAGE_BYTES: usize = 5_000_000;
/// The size of a sitemap.
const MAX_SITEMAP_BYTES: usize = 50_000_000;
/// The size of robots.txt.
const MAX_ROBOTS_BYTES: usize = 1_000_000;
/// The rules of robots.txt, because each page is compared with each rule.
const MAX_ROBOTS_RULES: usize = 5000;
/// Pages that all sitemaps together may list.
const MAX_SITEMAP_URLS: usize = 1_000_000;
/// Sitemaps that are read for one source.
const MAX_SITEMAPS: usize = 1000;
const MAX_CONCURRENT_FETCHES: usize = 4;
/// The longest delay between two pages that robots.txt can ask for.
const MAX_CRAWL_DELAY: Duration = Duration::from_secs(10);

/// The address of a page or of a sitemap.
#[derive(Debug, Clone)]
pub struct WebsiteSource {
    /// Without user name and password, because it is stored and printed.
    url: Url,
    credentials: Option<Credentials>,
    max_pages: usize,
    allow_private: bool,
}

/// The pages to fetch, and how.
pub struct CrawlPlan {
    fetcher: PageFetcher,
    robots: Robots,
    /// In the order of the sitemap; the response if the page is fetched
    /// already.
    pub pages: Vec<(Url, Option<FetchedPage>)>,
    /// The pages beyond `max_pages`.
    pub left_out: Vec<Url>,
    pub warnings: Vec<String>,
    /// Whether all sitemaps could be read.
    pub is_complete: bool,
}

/// The result of fetching one page.
pub enum FetchOutcome {
    Found(RawDocument),
    /// The page is gone, or cannot become a document; the message says why.
    Skipped(String),
    /// The website forbids indexing the page.
    NoIndex,
    /// The fetch failed and may succeed later; the message says why.
    Failed(String),
}

impl WebsiteSource {
    /// A source that fetches `url`, with its user name and password if it has any.
    ///
    /// `max_pages`: the pages of a sitemap that are fetched. `allow_private`: whether
    /// the website may be in a private network.
    pub fn new(url: Url, max_pages: usize, allow_private: bool) -> Self {
        Self {
            credentials: Credentials::of_url(&url),
            url: without_userinfo(url),
            max_pages,
            allow_private,
        }
    }

    /// Identifies the documents of this website.
    pub fn id(&self) -> &str {
        self.url.as_str()
    }

    /// Reads robots.txt and the sitemaps.
    ///
    /// # Errors
    /// The address cannot be read, or robots.txt cannot be read, so that what
    /// it forbids is unknown.
    pub async fn plan_crawl(&self) -> Result<CrawlPlan, SourceError> {
        let fetcher = PageFetcher::new(self.allow_private, self.credentials.clone());
        let fetcher = fetcher.map_err(|error| self.error(&error))?;
        let robots = self.fetch_robots(&fetcher).await?;
        let is_listed = robots.sitemaps().contains(&self.url);
        if !is_listed && !robots.is_url_allowed(&self.url) {
            return Err(self.error(&"robots.txt does not allow it to be read"));
        }
        let first = fetcher.get(&self.url, MAX_SITEMAP_BYTES).await;
        let first = first.map_err(|error| self.error(&error))?;
        let mut plan = CrawlPlan {
            fetcher,
            robots,
            pages: Vec::new(),
            left_out: Vec::new(),
            warnings: Vec::new(),
            is_complete: true,
        };
        if first.status.is_success() && is_sitemap(&first) {
            plan.read_sitemaps(first).await;
        } else {
            plan.pages.push((self.url.clone(), Some(first)));
        }
        plan.limit_pages(self.max_pages);
        Ok(plan)
    }

    fn error(&self, reason: &impl ToString) -> SourceError {
        SourceError(format!("{}: {}", self.url, reason.to_string()))
    }

    async fn fetch_robots(&self, fetcher: &PageFetcher) -> Result<Robots, SourceError> {
        let address = self.url.join("/robots.txt");
        let address = address.map_err(|error| self.error(&error))?;
        let unreadable = |reason: String| {
            SourceError(format!(
                "{address}: {reason}; what it forbids is not known, so nothing is read: try again later"
            ))
        };
        let response = fetcher.get(&address, MAX_ROBOTS_BYTES).await;
        let response = response.map_err(|error| match error {
            FetchError::Transient(reason) => unreadable(reason),
            permanent => self.error(&permanent),
        })?;
        match response.status.as_u16() {
            200..=299 => {
                let robots = Robots::parse(&response.bytes, "parlor");
                if robots.rules().len() > MAX_ROBOTS_RULES {
                    let reason = format!("it has more than {MAX_ROBOTS_RULES} rules for parlor");
                    return Err(unreadable(reason));
                }
                Ok(robots)
            }
            429 | 500.. => Err(unreadable(status_reason(&response))),
            // The website has no robots.txt.
            _ => Ok(Robots::allow_all()),
        }
    }
}

fn status_reason(response: &FetchedPage) -> String {
    format!("it is answered {}", response.status)
}

fn is_sitemap(response: &FetchedPage) -> bool {
    let media_type = response.media_type();
    let is_xml = media_type.ends_with("/xml") || media_type.ends_with("+xml");
    media_type != "application/xhtml+xml" && (is_xml || response.url.path().ends_with(".xml"))
}

impl CrawlPlan {
    /// Adds the pages of a sitemap and of all sitemaps that it lists.
    async fn read_sitemaps(&mut self, first: FetchedPage) {
        let site = first.url.clone();
        let mut known_sitemaps = HashSet::from([site.clone()]);
        let mut known_pages = HashSet::new();
        let mut pending = VecDeque::new();
        let mut next = Some(first);
        while let Some(response) = next.take() {
            let text = decode::decode(&response.bytes, response.charset().as_deref(), Format::Text);
            let entries = sitemap::parse(&text);
            for page in self.urls_of_site(&site, &entries.pages) {
                if known_pages.insert(page.clone()) {
                    self.pages.push((page, None));
                }
            }
            for url in self.urls_of_site(&site, &entries.sitemaps) {
                if known_sitemaps.len() < MAX_SITEMAPS && known_sitemaps.insert(url.clone()) {
                    pending.push_back(url);
                }
            }
            if self.pages.len() > MAX_SITEMAP_URLS {
                self.is_complete = false;
                pending.clear();
            }
            while next.is_none()
                && let Some(url) = pending.pop_front()
            {
                next = self.fetch_sitemap(&url).await;
            }
        }
        let robots = &self.robots;
        self.pages.retain(|(url, _)| robots.is_url_allowed(url));
    }

    async fn fetch_sitemap(&mut self, url: &Url) -> Option<FetchedPage> {
        let reason = match self.fetcher.get(url, MAX_SITEMAP_BYTES).await {
            Ok(response) if response.status.is_success() => return Some(response),
            Ok(response) => status_reason(&response),
            Err(error) => error.to_string(),
        };
        self.is_complete = false;
        self.warnings.push(format!("{url}: {reason}"));
        None
    }

    /// The listed addresses that belong to the website. Others are ignored with
    /// a warning: a sitemap is not authoritative for other websites.
    fn urls_of_site(&mut self, site: &Url, listed: &[String]) -> Vec<Url> {
        let urls = listed.iter().filter_map(|url| site.join(url).ok());
        let urls = urls.map(without_userinfo);
        let (mut own, foreign): (Vec<_>, Vec<_>) = urls.partition(|url| same_site(url, site));
        if let Some(first) = foreign.first() {
            let count = foreign.len();
            self.warnings.push(format!(
                "{first}: on another website than {site}; {count} such addresses are passed over"
            ));
        }
        own.iter_mut().for_each(|url| url.set_fragment(None));
        own
    }

    fn limit_pages(&mut self, max_pages: usize) {
        if self.pages.len() > max_pages {
            let beyond = self.pages.split_off(max_pages);
            self.warnings.push(format!(
                "{} pages are left out, as --max-pages is {max_pages}",
                beyond.len()
            ));
            self.left_out = beyond.into_iter().map(|(url, _)| url).collect();
        }
    }

    /// Fetches the pages; the outcomes are in the order of the pages.
    pub fn fetch_pages(&mut self) -> impl Stream<Item = (Url, FetchOutcome)> {
        let pages = std::mem::take(&mut self.pages);
        let delay = self.crawl_delay();
        let concurrency = if delay.is_zero() {
            MAX_CONCURRENT_FETCHES
        } else {
            1
        };
        let plan = &*self;
        let fetch = move |(url, response): (Url, Option<FetchedPage>)| async move {
            let outcome = plan.fetch_page(&url, response, delay).await;
            (url, outcome)
        };
        stream::iter(pages).map(fetch).buffered(concurrency)
    }

    async fn fetch_page(
        &self,
        url: &Url,
        response: Option<FetchedPage>,
        delay: Duration,
    ) -> FetchOutcome {
        let response = match response {
            Some(response) => Ok(response),
            None => {
                tokio::time::sleep(delay).await;
                self.fetcher.get(url, MAX_PAGE_BYTES).await
            }
        };
        match response {
            // The target of a redirect must be allowed too.
            Ok(response) if !self.robots.is_url_allowed(&response.url) => FetchOutcome::NoIndex,
            Ok(response) => classify(response),
            Err(error) => error.into(),
        }
    }

    /// The `Crawl-delay` of robots.txt, at most [`MAX_CRAWL_DELAY`].
    fn crawl_delay(&self) -> Duration {
        let delay = self.robots.crawl_delay().unwrap_or_default();
        delay.min(MAX_CRAWL_DELAY)
    }
}

impl From<FetchError> for FetchOutcome {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Transient(reason) => FetchOutcome::Failed(reason),
            FetchError::Permanent(reason) => FetchOutcome::Skipped(reason),
        }
    }
}

fn classify(response: FetchedPage) -> FetchOutcome {
    match response.status.as_u16() {
        200..=299 => {}
        404 | 410 => return FetchOutcome::Skipped(status_reason(&response)),
        _ => return FetchOutcome::Failed(status_reason(&response)),
    }
    if html::robots::header_forbids_indexing(response.header("x-robots-tag")) {
        return FetchOutcome::NoIndex;
    }
    let format = match page_format(&response) {
        Ok(format) => format,
        Err(reason) => return FetchOutcome::Skipped(reason),
    };
    if response.bytes.len() > MAX_PAGE_BYTES {
        let megabytes = MAX_PAGE_BYTES / 1_000_000;
        return FetchOutcome::Skipped(format!("it has more than {megabytes} MB"));
    }
    let mut url = response.url.clone();
    url.set_fragment(None);
    FetchOutcome::Found(RawDocument {
        name: name_from_path(url.path()),
        charset: response.charset(),
        url: url.into(),
        format,
        bytes: response.bytes,
        folder: None,
    })
}

/// The format that the media type names; a message for the user if it is none
/// of a page.
fn page_format(response: &FetchedPage) -> Result<Format, String> {
    let path = response.url.path();
    let is_markdown = path.ends_with(".md") || path.ends_with(".markdown");
    match response.media_type().as_str() {
        "text/html" | "application/xhtml+xml" => Ok(Format::Html),
        "text/markdown" => Ok(Format::Markdown),
        "text/plain" if is_markdown => Ok(Format::Markdown),
        "text/plain" => Ok(Format::Text),
        "" => Err("it does not say what it is; it needs a Content-Type header".to_owned()),
        other => Err(format!("it is {other}, not a page")),
    }
}
