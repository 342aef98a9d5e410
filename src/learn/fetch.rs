//! Fetches pages over HTTP. A fetch stays on one website and has a time limit
//! and a size limit.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use url::Url;

use super::links::same_site;
use super::retry::{Retries, RetryTimes};
use crate::address_policy::{self, PublicResolver};
use crate::domain::without_userinfo;

/// From the start of a request to the last byte of its response.
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
/// Redirects that are followed for one page.
const MAX_REDIRECTS: usize = 5;

/// An HTTP client for pages.
pub struct PageFetcher {
    client: Client,
    allow_private: bool,
    credentials: Option<Credentials>,
    retries: Retries,
}

/// A URL with a user name or a password. They are sent to the origin of the URL, and
/// to no other.
#[derive(Clone)]
pub struct Credentials(Url);

impl Credentials {
    /// The credentials of a URL, if it has any.
    pub fn of_url(url: &Url) -> Option<Self> {
        let has_any = !url.username().is_empty() || url.password().is_some();
        has_any.then(|| Self(url.clone()))
    }

    /// Adds the credentials to a URL of their origin. The HTTP client sends them as
    /// `Authorization`.
    fn add_to(&self, url: &mut Url) {
        if url.origin() == self.0.origin() {
            let _ = url.set_username(self.0.username());
            let _ = url.set_password(self.0.password());
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// A response with its whole body.
pub struct FetchedPage {
    /// The address after redirects.
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

/// Why a page could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A later fetch may succeed.
    #[error("{0}")]
    Transient(String),
    /// A later fetch would fail too.
    #[error("{0}")]
    Permanent(String),
}

impl PageFetcher {
    /// `allow_private`: permit addresses of private networks.
    ///
    /// # Errors
    /// The TLS configuration of the client cannot be built.
    pub fn new(
        allow_private: bool,
        credentials: Option<Credentials>,
        retry_times: RetryTimes,
    ) -> Result<Self, FetchError> {
        // Fails if another module has installed the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
            .timeout(FETCH_TIMEOUT)
            .redirect(Policy::none())
            // The feature `s3` adds HTTP/2, which no test of this client uses.
            .http1_only()
            // A proxy resolves names itself, which would bypass the check for
            // private addresses.
            .no_proxy();
        if !allow_private {
            builder = builder.dns_resolver(Arc::new(PublicResolver));
        }
        let client = builder.build().map_err(|error| transient(&error))?;
        Ok(Self {
            client,
            allow_private,
            credentials,
            retries: Retries::new(retry_times),
        })
    }

    /// Fetches `url` and follows redirects within its website.
    ///
    /// # Errors
    /// [`FetchError::Transient`] if the server cannot be reached or exceeds the
    /// time limit, or if the body has an encoding that was not requested;
    /// [`FetchError::Permanent`] if the page redirects to another
    /// website, is in a private network, or has more than `max_bytes`.
    pub async fn get(&self, url: &Url, max_bytes: usize) -> Result<FetchedPage, FetchError> {
        let mut current = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.check_address(&current)?;
            let response = self.send(&current).await?;
            let Some(next) = redirect_target(&response, &current) else {
                return read_body(response, current, max_bytes).await;
            };
            if !same_site(&next, url) {
                let reason = format!("it leads to another website, {next}");
                return Err(FetchError::Permanent(reason));
            }
            current = next;
        }
        let reason = format!("it is redirected more than {MAX_REDIRECTS} times");
        Err(FetchError::Permanent(reason))
    }

    /// Sends a request, and again after a wait if it is refused for a time.
    async fn send(&self, url: &Url) -> Result<Response, FetchError> {
        let mut attempt = 1;
        loop {
            self.retries.wait().await;
            let response = self.request(url).send().await;
            let response = response.map_err(|error| transient(&error))?;
            let (status, headers) = (response.status(), response.headers());
            if !self.retries.should_repeat(status, headers, attempt) {
                return Ok(response);
            }
            attempt += 1;
        }
    }

    fn request(&self, url: &Url) -> RequestBuilder {
        let mut url = url.clone();
        if let Some(credentials) = &self.credentials {
            credentials.add_to(&mut url);
        }
        self.client.get(url)
    }

    /// Checks IP addresses. Host names are checked when they are resolved.
    fn check_address(&self, url: &Url) -> Result<(), FetchError> {
        if self.allow_private || !address_policy::has_private_host(url) {
            return Ok(());
        }
        let reason = "it is in a private network; --private allows that, and for sources of the \
                      inbox the setting --learn-private-network of the server"
            .to_owned();
        Err(FetchError::Permanent(reason))
    }
}

impl FetchedPage {
    /// The media type in lower case, without parameters.
    pub fn media_type(&self) -> String {
        let media_type = self.content_type().split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }

    /// The `charset` parameter of the `Content-Type` header.
    pub fn charset(&self) -> Option<String> {
        let mut parameters = self.content_type().split(';').skip(1);
        let charset = parameters.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let is_charset = name.trim().eq_ignore_ascii_case("charset");
            is_charset.then(|| value.trim().trim_matches('"').to_owned())
        });
        charset.filter(|charset| !charset.is_empty())
    }

    fn content_type(&self) -> &str {
        self.header(CONTENT_TYPE.as_str())
    }

    /// The value of a header; empty if the header is missing.
    pub fn header(&self, name: &str) -> &str {
        self.values(name).next().unwrap_or("")
    }

    /// The values of all headers of a name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(name).into_iter();
        values.filter_map(|value| value.to_str().ok())
    }
}

fn redirect_target(response: &Response, current: &Url) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    let mut target = current.join(location.to_str().ok()?).ok()?;
    target.set_fragment(None);
    Some(without_userinfo(target))
}

async fn read_body(
    mut response: Response,
    url: Url,
    max_bytes: usize,
) -> Result<FetchedPage, FetchError> {
    if let Some(encoding) = unknown_encoding(response.headers()) {
        let reason = format!("its Content-Encoding is {encoding}, which was not requested");
        return Err(FetchError::Transient(reason));
    }
    let too_large =
        || FetchError::Permanent(format!("it has more than {} MB", max_bytes / 1_000_000));
    if response.content_length().unwrap_or(0) > max_bytes as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transient(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > max_bytes {
            return Err(too_large());
        }
    }
    Ok(FetchedPage {
        url,
        status: response.status(),
        headers: response.headers().clone(),
        bytes,
    })
}

/// The encoding of the body. The client has removed the header of an encoding that it
/// decodes.
fn unknown_encoding(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let values: Vec<_> = values.filter(|value| !is_identity(value)).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn is_identity(encoding: &str) -> bool {
    let encoding = encoding.trim();
    encoding.is_empty() || encoding.eq_ignore_ascii_case("identity")
}

/// Reports the innermost cause ("connection refused"), which is the most
/// specific.
fn transient(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        let seconds = FETCH_TIMEOUT.as_secs();
        return FetchError::Transient(format!("no answer within {seconds} seconds"));
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    FetchError::Transient(cause.to_string())
}
