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
use super::retry::RetryTimes;
use super::sitemap::{self, SitemapEntries};
use super::{Format, RawDocument, SkippedItem, SourceError, decode, html};
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
    retry_times: RetryTimes,
}

/// The pages to fetch, and how.
pub struct CrawlPlan {
    fetcher: PageFetcher,
    robots: Robots,
    /// Whether the source is one page and no sitemap.
    pub is_single_page: bool,
    /// In the order of the sitemap; the response if the page is fetched
    /// already.
    pub pages: Vec<(Url, Option<FetchedPage>)>,
    /// The pages beyond `max_pages`.
    pub left_out: Vec<Url>,
    /// The listed addresses that are not fetched.
    pub skipped: Vec<SkippedItem>,
    pub warnings: Vec<SkippedItem>,
    /// The sitemaps that could not be read completely.
    pub failures: Vec<SkippedItem>,
}

/// The result of fetching one page.
pub enum FetchOutcome {
    Found(RawDocument),
    /// The page does not exist any more, or the website forbids indexing it; the message
    /// says which.
    Gone(String),
    /// The page cannot become a document; the message says why.
    Skipped(String),
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
            retry_times: RetryTimes::default(),
        }
    }

    /// Replaces the longest time of all waits for a website that refuses requests.
    #[must_use]
    pub fn with_retry_limit(mut self, limit: Duration) -> Self {
        self.retry_times.limit = limit;
        self
    }

    /// Identifies the documents of this website.
    pub fn id(&self) -> &str {
        self.url.as_str()
    }

    /// Reads robots.txt and the sitemaps.
    ///
    /// # Errors
    /// The address cannot be read, is not what it should be, or lists no page; or
    /// robots.txt cannot be read, so that what it forbids is unknown.
    pub async fn plan_crawl(&self) -> Result<CrawlPlan, SourceError> {
        let credentials = self.credentials.clone();
        let fetcher = PageFetcher::new(self.allow_private, credentials, self.retry_times);
        let fetcher = fetcher.map_err(|error| self.error(&error))?;
        let robots = self.fetch_robots(&fetcher).await?;
        let is_listed = robots.sitemaps().contains(&self.url);
        if !is_listed && !robots.is_url_allowed(&self.url) {
            return Err(self.error(&"robots.txt does not allow it to be read"));
        }
        let first = fetcher.get(&self.url, MAX_SITEMAP_BYTES).await;
        let first = first.map_err(|error| self.error(&error))?;
        if !first.status.is_success() {
            return Err(self.error(&status_reason(&first)));
        }
        let mut plan = CrawlPlan {
            fetcher,
            robots,
            is_single_page: false,
            pages: Vec::new(),
            left_out: Vec::new(),
            skipped: Vec::new(),
            warnings: Vec::new(),
            failures: Vec::new(),
        };
        let sitemap = self.sitemap(&first, is_listed);
        match sitemap.map_err(|reason| self.error(&reason))? {
            Some(entries) => {
                let site = first.url;
                plan.read_sitemaps(site, entries).await;
                self.check_pages(&plan)?;
            }
            None => {
                plan.is_single_page = true;
                plan.pages.push((self.url.clone(), Some(first)));
            }
        }
        plan.limit_pages(self.max_pages);
        Ok(plan)
    }

    /// The entries of the sitemap that the source is; `None` for a page. `is_listed`:
    /// whether robots.txt lists it as a sitemap.
    ///
    /// # Errors
    /// It should be a sitemap, and has no entries.
    fn sitemap(
        &self,
        response: &FetchedPage,
        is_listed: bool,
    ) -> Result<Option<SitemapEntries>, String> {
        let is_named_so = has_sitemap_name(&self.url) || has_sitemap_name(&response.url);
        let is_expected = is_listed || is_named_so || is_xml(response);
        let text = match sitemap_text(response) {
            Ok(text) => text,
            Err(reason) if is_expected => return Err(reason),
            Err(_) => return Ok(None),
        };
        let is_list = || response.url.path().ends_with(".txt") && sitemap::is_url_list(&text);
        if !is_expected && !sitemap::is_sitemap_xml(&text) && !is_list() {
            return Ok(None);
        }
        let entries = sitemap::parse(&text);
        if !entries.pages.is_empty() || !entries.sitemaps.is_empty() {
            return Ok(Some(entries));
        }
        Err(entries.error.unwrap_or_else(|| LISTS_NO_PAGE.to_owned()))
    }

    /// Checks that the sitemaps list a page that may be read.
    fn check_pages(&self, plan: &CrawlPlan) -> Result<(), SourceError> {
        if !plan.pages.is_empty() {
            return Ok(());
        }
        let mut reasons = plan.failures.iter().chain(&plan.skipped);
        let reason = reasons
            .next()
            .map_or_else(String::new, |item| format!(" ({item})"));
        let reason =
            format!("it lists no page that can be read{reason}, so nothing of it is forgotten");
        Err(self.error(&reason))
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

/// A page that robots.txt does not allow.
const DISALLOWED: &str = "robots.txt does not allow it";
/// A page that asks not to be indexed.
pub const NOINDEX: &str = "it asks not to be indexed (noindex)";

fn status_reason(response: &FetchedPage) -> String {
    format!("it is answered {}", response.status)
}

/// A sitemap without entries.
const LISTS_NO_PAGE: &str = "it lists no page";

fn is_xml(response: &FetchedPage) -> bool {
    let media_type = response.media_type();
    media_type != "application/xhtml+xml"
        && (media_type.ends_with("/xml") || media_type.ends_with("+xml"))
}

/// Whether an address is that of a file that can only be a sitemap.
fn has_sitemap_name(url: &Url) -> bool {
    [".xml", ".gz"].iter().any(|end| url.path().ends_with(end))
}

/// The text of a sitemap, which may be compressed.
fn sitemap_text(response: &FetchedPage) -> Result<String, String> {
    let bytes = sitemap::decompress(&response.bytes, MAX_SITEMAP_BYTES)?;
    let charset = response.charset();
    Ok(decode::decode(&bytes, charset.as_deref(), Format::Text))
}

impl CrawlPlan {
    /// Adds the pages of a sitemap and of all sitemaps that it lists.
    async fn read_sitemaps(&mut self, site: Url, first: SitemapEntries) {
        let mut known_sitemaps = HashSet::from([site.clone()]);
        let mut known_pages = HashSet::new();
        let mut pending = VecDeque::new();
        let mut next = Some((site.clone(), first));
        while let Some((url, entries)) = next.take() {
            self.note_defects(&url, &entries);
            for page in self.urls_of_site(&site, &url, &entries.pages) {
                if known_pages.insert(page.clone()) {
                    self.pages.push((page, None));
                }
            }
            for sitemap in self.urls_of_site(&site, &url, &entries.sitemaps) {
                if known_sitemaps.insert(sitemap.clone()) {
                    pending.push_back(sitemap);
                }
            }
            if self.pages.len() > MAX_SITEMAP_URLS || known_sitemaps.len() > MAX_SITEMAPS {
                let reason = format!(
                    "more than {MAX_SITEMAPS} sitemaps or {MAX_SITEMAP_URLS} pages are listed"
                );
                self.failures.push(SkippedItem::new(site.as_str(), reason));
                break;
            }
            while next.is_none()
                && let Some(url) = pending.pop_front()
            {
                next = self.fetch_sitemap(&url).await;
            }
        }
        self.leave_out_disallowed();
    }

    /// Leaves out the pages that robots.txt does not allow.
    fn leave_out_disallowed(&mut self) {
        let robots = &self.robots;
        let skipped = &mut self.skipped;
        self.pages.retain(|(url, _)| {
            let is_allowed = robots.is_url_allowed(url);
            if !is_allowed {
                skipped.push(SkippedItem::new(url.as_str(), DISALLOWED));
            }
            is_allowed
        });
    }

    fn note_defects(&mut self, url: &Url, entries: &SitemapEntries) {
        if let Some(error) = &entries.error {
            self.failures.push(SkippedItem::new(url.as_str(), error));
        } else if entries.pages.is_empty() && entries.sitemaps.is_empty() {
            self.warnings
                .push(SkippedItem::new(url.as_str(), LISTS_NO_PAGE));
        }
        if let Some(remark) = entries.remark {
            self.warnings.push(SkippedItem::new(url.as_str(), remark));
        }
    }

    async fn fetch_sitemap(&mut self, url: &Url) -> Option<(Url, SitemapEntries)> {
        let reason = match self.fetcher.get(url, MAX_SITEMAP_BYTES).await {
            Ok(response) if response.status.is_success() => match sitemap_text(&response) {
                Ok(text) => return Some((response.url, sitemap::parse(&text))),
                Err(reason) => reason,
            },
            Ok(response) => status_reason(&response),
            Err(error) => error.to_string(),
        };
        self.failures.push(SkippedItem::new(url.as_str(), reason));
        None
    }

    /// The addresses in the sitemap `base` that belong to the website. Others are skipped:
    /// a sitemap is not authoritative for other websites.
    fn urls_of_site(&mut self, site: &Url, base: &Url, listed: &[String]) -> Vec<Url> {
        let mut own = Vec::new();
        for text in listed {
            let Ok(url) = base.join(text).map(without_userinfo) else {
                let start: String = text.chars().take(100).collect();
                self.skipped
                    .push(SkippedItem::new(start, "it is no address"));
                continue;
            };
            if same_site(&url, site) {
                own.push(url);
            } else {
                let reason = format!("on another website than {site}");
                self.skipped.push(SkippedItem::new(url.as_str(), reason));
            }
        }
        own.iter_mut().for_each(|url| url.set_fragment(None));
        own
    }

    fn limit_pages(&mut self, max_pages: usize) {
        if self.pages.len() > max_pages {
            let beyond = self.pages.split_off(max_pages);
            let count = beyond.len();
            let reason = format!("{count} pages are left out, as --max-pages is {max_pages}");
            self.warnings.push(SkippedItem::new("sitemap", reason));
            self.left_out = beyond.into_iter().map(|(url, _)| url).collect();
        }
    }

    /// Fetches the pages; the outcomes are in the order of the pages.
    pub fn fetch_pages(&mut self) -> impl Stream<Item = (Url, FetchOutcome)> {
        let pages = std::mem::take(&mut self.pages);
        self.fetch_all(pages)
    }

    /// Fetches the pages at `urls` that the website allows.
    pub fn fetch_others(&self, urls: &[String]) -> impl Stream<Item = (Url, FetchOutcome)> {
        let urls = urls.iter().filter_map(|url| Url::parse(url).ok());
        let is_allowed =
            |url: &Url| matches!(url.scheme(), "http" | "https") && self.robots.is_url_allowed(url);
        let pages = urls.filter(is_allowed).map(|url| (url, None));
        self.fetch_all(pages.collect())
    }

    fn fetch_all(
        &self,
        pages: Vec<(Url, Option<FetchedPage>)>,
    ) -> impl Stream<Item = (Url, FetchOutcome)> {
        let delay = self.crawl_delay();
        let concurrency = if delay.is_zero() {
            MAX_CONCURRENT_FETCHES
        } else {
            1
        };
        let fetch = move |(url, response): (Url, Option<FetchedPage>)| async move {
            let outcome = self.fetch_page(&url, response, delay).await;
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
            Ok(response) if !self.robots.is_url_allowed(&response.url) => {
                FetchOutcome::Skipped(format!("it leads to {}: {DISALLOWED}", response.url))
            }
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
        404 | 410 => return FetchOutcome::Gone(status_reason(&response)),
        _ => return FetchOutcome::Failed(status_reason(&response)),
    }
    let is_excluded = |value| html::robots::header_forbids_indexing(value);
    if response.values("x-robots-tag").any(is_excluded) {
        return FetchOutcome::Gone(NOINDEX.to_owned());
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
