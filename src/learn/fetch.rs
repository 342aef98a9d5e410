//! Pages over HTTP: of one website alone, of bounded size, in bounded time.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use super::links::same_site;
use crate::address_policy::{self, PublicResolver};

/// How long a page may take, from the call to its last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
/// Redirects that are followed for one page.
const MAX_REDIRECTS: usize = 5;

/// Fetches pages.
pub struct PageFetcher {
    client: Client,
    private: bool,
}

/// What came.
pub struct FetchedPage {
    /// Where it was in the end.
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

/// Why nothing came.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The same may work another time.
    #[error("{0}")]
    Transient(String),
    /// It will not.
    #[error("{0}")]
    Permanent(String),
}

impl PageFetcher {
    /// `private`: addresses of private networks may be called.
    pub fn new(private: bool) -> Result<Self, FetchError> {
        // Another part of the process may have been first, with the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
            .timeout(FETCH_TIMEOUT)
            .redirect(Policy::none())
            // A proxy would resolve names itself, and so reach anything.
            .no_proxy();
        if !private {
            builder = builder.dns_resolver(Arc::new(PublicResolver));
        }
        let client = builder.build().map_err(|error| broken(&error))?;
        Ok(Self { client, private })
    }

    /// Fetches `url`, following redirects within its website.
    ///
    /// # Errors
    /// Where the server cannot be reached or is too slow, and where the page
    /// leads elsewhere or has more than `most` bytes.
    pub async fn get(&self, url: &Url, most: usize) -> Result<FetchedPage, FetchError> {
        let mut at = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.allow(&at)?;
            let answer = self.client.get(at.clone()).send().await;
            let answer = answer.map_err(|error| broken(&error))?;
            let Some(next) = redirect(&answer, &at) else {
                return whole(answer, at, most).await;
            };
            if !same_site(&next, url) {
                let told = format!("it leads to another website, {next}");
                return Err(FetchError::Permanent(told));
            }
            at = next;
        }
        let told = format!("it is redirected more than {MAX_REDIRECTS} times");
        Err(FetchError::Permanent(told))
    }

    /// Names are judged when they are looked up; addresses are not looked up.
    fn allow(&self, url: &Url) -> Result<(), FetchError> {
        if self.private || !address_policy::has_private_host(url) {
            return Ok(());
        }
        let told = "it is in a private network; --private allows that".to_owned();
        Err(FetchError::Permanent(told))
    }
}

impl FetchedPage {
    /// The kind of content, in small letters and without its parameters.
    pub fn kind(&self) -> String {
        let kind = self.content_type().split(';').next().unwrap_or_default();
        kind.trim().to_ascii_lowercase()
    }

    pub fn charset(&self) -> Option<String> {
        let mut parameters = self.content_type().split(';').skip(1);
        let value = parameters.find_map(|one| {
            let (name, value) = one.split_once('=')?;
            let named = name.trim().eq_ignore_ascii_case("charset");
            named.then(|| value.trim().trim_matches('"').to_owned())
        });
        value.filter(|value| !value.is_empty())
    }

    fn content_type(&self) -> &str {
        self.header(CONTENT_TYPE.as_str())
    }

    /// The value of a header; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

fn redirect(answer: &Response, at: &Url) -> Option<Url> {
    if !answer.status().is_redirection() {
        return None;
    }
    let location = answer.headers().get(LOCATION)?;
    let mut next = at.join(location.to_str().ok()?).ok()?;
    next.set_fragment(None);
    Some(next)
}

async fn whole(mut answer: Response, url: Url, most: usize) -> Result<FetchedPage, FetchError> {
    let too_large = || FetchError::Permanent(format!("it has more than {} MB", most / 1_000_000));
    let announced = answer.content_length().unwrap_or(0);
    if announced > most as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(more) = answer.chunk().await.map_err(|error| broken(&error))? {
        bytes.extend_from_slice(&more);
        if bytes.len() > most {
            return Err(too_large());
        }
    }
    Ok(FetchedPage {
        url,
        status: answer.status(),
        headers: answer.headers().clone(),
        bytes,
    })
}

/// The innermost cause says most: "connection refused", "timed out".
fn broken(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::Transient(format!(
            "no answer within {} seconds",
            FETCH_TIMEOUT.as_secs()
        ));
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    FetchError::Transient(cause.to_string())
}
