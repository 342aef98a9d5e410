//! A source as an argument names it: a folder, a page or a sitemap.

use std::path::{self, PathBuf};
use std::time::Duration;

use url::Url;

use super::{LearnError, Learner};
use crate::domain::{SourceKind, parse_web_url};
use crate::learn::{FolderSource, WebsiteSource};

/// A folder or website to learn.
#[derive(Debug, Clone)]
pub enum LearnSource {
    Folder(FolderSource),
    Website(WebsiteSource),
}

/// How the sources of a command are read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The address of folders on the web.
    pub base_url: Option<Url>,
    /// Whether the addresses of files have no extension.
    pub clean_urls: bool,
    /// The pages of a sitemap that are read.
    pub max_pages: u32,
    /// Whether websites may be in a private network.
    pub allow_private: bool,
    /// The longest time of all waits for a website that refuses requests.
    pub retry_limit: Duration,
}

impl LearnSource {
    /// The source that a text names: a URL or a path.
    pub fn new(text: &str, options: &ReadOptions) -> Self {
        match parse_web_url(text) {
            Some(url) => {
                let max_pages = options.max_pages as usize;
                let website = WebsiteSource::new(url, max_pages, options.allow_private);
                LearnSource::Website(website.with_retry_limit(options.retry_limit))
            }
            None => LearnSource::Folder(FolderSource {
                path: PathBuf::from(text),
                base_url: options.base_url.clone(),
                clean_urls: options.clean_urls,
            }),
        }
    }

    /// The URL, or the path of the folder, as it is stored.
    pub fn location(&self) -> String {
        match self {
            LearnSource::Folder(folder) => folder.id().unwrap_or_else(|_| {
                let path = path::absolute(&folder.path).unwrap_or_else(|_| folder.path.clone());
                path.to_string_lossy().into_owned()
            }),
            LearnSource::Website(website) => website.id().to_owned(),
        }
    }

    pub fn kind(&self) -> SourceKind {
        match self {
            LearnSource::Folder(_) => SourceKind::Folder,
            LearnSource::Website(_) => SourceKind::Website,
        }
    }
}

impl Learner<'_> {
    /// Learns a source.
    ///
    /// # Errors
    /// As for [`Learner::learn_folder`] and [`Learner::learn_website`].
    pub async fn learn(&mut self, source: &LearnSource) -> Result<(), LearnError> {
        match source {
            LearnSource::Folder(folder) => self.learn_folder(folder).await,
            LearnSource::Website(website) => self.learn_website(website).await,
        }
    }
}
