//! A website as a source: one page, or all that its sitemap lists.
//!
//! robots.txt is heeded, for `parlor` and whoever else it means by `*`. At most
//! four pages are asked for at once; where robots.txt wants time in between,
//! one after the other.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use texting_robots::Robot;
use url::Url;

use super::fetch::{FetchError, FetchedPage, PageFetcher};
use super::links::same_site;
use super::{Format, LearnError, RawDocument, decode, html, name_of, sitemap};

/// Bytes of a page, of a sitemap and of robots.txt at most.
const MAX_PAGE_BYTES: usize = 5_000_000;
const MAX_SITEMAP_BYTES: usize = 50_000_000;
const MAX_ROBOTS_BYTES: usize = 1_000_000;
/// As much of robots.txt as others read.
const ROBOTS_PARSED_BYTES: usize = 512_000;
/// Addresses that sitemaps may list, all together.
const MAX_SITEMAP_URLS: usize = 1_000_000;
/// Sitemaps that an index may lead to.
const MAX_SITEMAPS: usize = 1000;
/// Pages that are asked for at once.
const MAX_CONCURRENT_FETCHES: usize = 4;
/// The longest wait between two pages that robots.txt can ask for.
const MAX_CRAWL_DELAY: Duration = Duration::from_secs(10);

/// A page or a sitemap by its address.
#[derive(Debug, Clone)]
pub struct WebsiteSource {
    pub url: Url,
    /// Pages that are read at most.
    pub max_pages: usize,
    /// Whether it may be in a private network.
    pub private: bool,
}

/// What there is to read at a website's address.
pub struct CrawlPlan {
    web: PageFetcher,
    robots: Robot,
    /// In the order of the sitemap; with the page itself where it came already.
    pub pages: Vec<(Url, Option<FetchedPage>)>,
    /// Pages beyond `max_pages`.
    pub left_out: Vec<Url>,
    pub warnings: Vec<String>,
    /// Whether the list could be read to its end.
    pub whole: bool,
}

/// What came of one page.
pub enum FetchOutcome {
    Found(RawDocument),
    /// There is nothing to be learned there, and why.
    Skipped(String),
    /// The same, as the website itself wants it.
    NoIndex,
    /// It could not be read this time.
    Failed(String),
}

impl WebsiteSource {
    /// Finds out what there is to read.
    ///
    /// # Errors
    /// Where the address cannot be read, and where robots.txt cannot: what it
    /// forbids is then not known.
    pub async fn plan_crawl(&self) -> Result<CrawlPlan, LearnError> {
        let web = PageFetcher::new(self.private).map_err(|error| self.told(&error))?;
        let robots = self.robots(&web).await?;
        let listed = robots.sitemaps.iter().any(|one| one == self.url.as_str());
        if !listed && !robots.allowed(self.url.as_str()) {
            return Err(self.told(&"robots.txt does not allow it to be read"));
        }
        let first = web.get(&self.url, MAX_SITEMAP_BYTES).await;
        let first = first.map_err(|error| self.told(&error))?;
        let mut plan = CrawlPlan {
            web,
            robots,
            pages: Vec::new(),
            left_out: Vec::new(),
            warnings: Vec::new(),
            whole: true,
        };
        match first.status.is_success() && is_sitemap(&first) {
            true => plan.follow(first).await,
            false => plan.pages.push((self.url.clone(), Some(first))),
        }
        plan.limit(self.max_pages);
        Ok(plan)
    }

    fn told(&self, what: &impl ToString) -> LearnError {
        LearnError::Source(format!("{}: {}", self.url, what.to_string()))
    }

    async fn robots(&self, web: &PageFetcher) -> Result<Robot, LearnError> {
        let address = self.url.join("/robots.txt");
        let address = address.map_err(|error| self.told(&error))?;
        let unread = |why: String| {
            LearnError::Source(format!(
                "{address}: {why}; what it forbids is not known, so nothing is read: try again later"
            ))
        };
        let answer = web.get(&address, MAX_ROBOTS_BYTES).await;
        let answer = answer.map_err(|error| match error {
            FetchError::Transient(why) => unread(why),
            refused => self.told(&refused),
        })?;
        let rules = match answer.status.as_u16() {
            200..=299 => &answer.bytes[..answer.bytes.len().min(ROBOTS_PARSED_BYTES)],
            429 | 500.. => return Err(unread(format!("it is answered {}", answer.status))),
            _ => &[],
        };
        Robot::new("parlor", rules).map_err(|error| unread(error.to_string()))
    }
}

fn is_sitemap(answer: &FetchedPage) -> bool {
    match answer.kind().as_str() {
        "application/xhtml+xml" => false,
        kind => {
            kind.ends_with("/xml") || kind.ends_with("+xml") || answer.url.path().ends_with(".xml")
        }
    }
}

impl CrawlPlan {
    /// Takes in a sitemap and all those that it leads to.
    async fn follow(&mut self, first: FetchedPage) {
        let site = first.url.clone();
        let mut known = HashSet::from([site.clone()]);
        let mut pages = HashSet::new();
        let mut waiting = VecDeque::new();
        let mut next = Some(first);
        while let Some(map) = next.take() {
            let text = decode::decode(&map.bytes, map.charset().as_deref(), Format::Text);
            let listed = sitemap::read(&text);
            for page in self.own(&site, &listed.pages) {
                if pages.insert(page.clone()) {
                    self.pages.push((page, None));
                }
            }
            for further in self.own(&site, &listed.sitemaps) {
                if known.len() < MAX_SITEMAPS && known.insert(further.clone()) {
                    waiting.push_back(further);
                }
            }
            // More addresses than anyone would learn are not collected.
            if self.pages.len() > MAX_SITEMAP_URLS {
                self.whole = false;
                waiting.clear();
            }
            while next.is_none()
                && let Some(url) = waiting.pop_front()
            {
                next = self.sitemap(&url).await;
            }
        }
        let robots = &self.robots;
        self.pages.retain(|(url, _)| robots.allowed(url.as_str()));
    }

    async fn sitemap(&mut self, url: &Url) -> Option<FetchedPage> {
        let why = match self.web.get(url, MAX_SITEMAP_BYTES).await {
            Ok(answer) if answer.status.is_success() => return Some(answer),
            Ok(answer) => format!("it is answered {}", answer.status),
            Err(error) => error.to_string(),
        };
        self.whole = false;
        self.warnings.push(format!("{url}: {why}"));
        None
    }

    /// The addresses of the website itself. A sitemap has no say over others.
    fn own(&mut self, site: &Url, listed: &[String]) -> Vec<Url> {
        let urls = listed.iter().filter_map(|one| site.join(one).ok());
        let (mut own, foreign): (Vec<_>, Vec<_>) = urls.partition(|url| same_site(url, site));
        if let Some(one) = foreign.first() {
            let count = foreign.len();
            self.warnings.push(format!(
                "{one}: on another website than {site}; {count} such addresses are passed over"
            ));
        }
        own.iter_mut().for_each(|url| url.set_fragment(None));
        own
    }

    fn limit(&mut self, most: usize) {
        if self.pages.len() > most {
            let beyond = self.pages.split_off(most);
            self.warnings.push(format!(
                "{} pages are left out, as --max-pages is {most}",
                beyond.len()
            ));
            self.left_out = beyond.into_iter().map(|(url, _)| url).collect();
        }
    }

    /// Visits the pages in order.
    pub fn fetch_pages(&mut self) -> impl Stream<Item = (Url, FetchOutcome)> {
        let pages = std::mem::take(&mut self.pages);
        let delay = self.delay();
        let at_once = if delay.is_zero() {
            MAX_CONCURRENT_FETCHES
        } else {
            1
        };
        let (web, robots) = (&self.web, &self.robots);
        let visit = move |(url, came): (Url, Option<FetchedPage>)| async move {
            let came = match came {
                Some(came) => Ok(came),
                None => {
                    tokio::time::sleep(delay).await;
                    web.get(&url, MAX_PAGE_BYTES).await
                }
            };
            let visit = match came {
                // Where a page leads must be allowed as well.
                Ok(came) if !robots.allowed(came.url.as_str()) => FetchOutcome::NoIndex,
                Ok(came) => judge(came),
                Err(error) => error.into(),
            };
            (url, visit)
        };
        stream::iter(pages).map(visit).buffered(at_once)
    }

    /// What robots.txt wants between two pages, within reason.
    fn delay(&self) -> Duration {
        let wanted = self.robots.delay.unwrap_or(0.0);
        let wanted = Duration::try_from_secs_f32(wanted).unwrap_or(Duration::ZERO);
        wanted.min(MAX_CRAWL_DELAY)
    }
}

impl From<FetchError> for FetchOutcome {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Transient(why) => FetchOutcome::Failed(why),
            FetchError::Permanent(why) => FetchOutcome::Skipped(why),
        }
    }
}

fn judge(came: FetchedPage) -> FetchOutcome {
    match came.status.as_u16() {
        200..=299 => {}
        404 | 410 => return FetchOutcome::Skipped(format!("it is answered {}", came.status)),
        _ => return FetchOutcome::Failed(format!("it is answered {}", came.status)),
    }
    if html::is_noindex(came.header("x-robots-tag")) {
        return FetchOutcome::NoIndex;
    }
    let is_markdown = || {
        [".md", ".markdown"]
            .iter()
            .any(|end| came.url.path().ends_with(end))
    };
    let format = match came.kind().as_str() {
        "text/html" | "application/xhtml+xml" => Format::Html,
        "text/markdown" => Format::Markdown,
        "text/plain" if is_markdown() => Format::Markdown,
        "text/plain" => Format::Text,
        "" => return FetchOutcome::Skipped("it does not say what it is".to_owned()),
        kind => return FetchOutcome::Skipped(format!("it is {kind}, not a page")),
    };
    if came.bytes.len() > MAX_PAGE_BYTES {
        return FetchOutcome::Skipped(format!(
            "it has more than {} MB",
            MAX_PAGE_BYTES / 1_000_000
        ));
    }
    let mut url = came.url.clone();
    url.set_fragment(None);
    FetchOutcome::Found(RawDocument {
        name: name_of(url.path()),
        charset: came.charset(),
        url: url.into(),
        format,
        bytes: came.bytes,
    })
}
