//! Requests to the API of another server: at a limited rate, with bounded responses, and
//! without redirects, which would send the credential to another server.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::ApiError;
use crate::config::Secret;
use crate::store::backup::Monitor;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time without a byte of the response.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum size of a response that is read as a whole.
const MAX_BODY_BYTES: usize = 64 << 20;

/// Attempts of a request that the server refuses as too frequent or as overloaded.
const MAX_ATTEMPTS: u32 = 10;

/// The wait after such a response without `Retry-After`, and the longest wait.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// How often a wait looks whether the import is cancelled.
const CANCEL_INTERVAL: Duration = Duration::from_millis(100);

/// Makes requests to one server.
pub struct ApiClient<'a> {
    runtime: Runtime,
    client: Client,
    base: Url,
    /// The time between the starts of two requests.
    interval: Duration,
    next_request: Instant,
    monitor: &'a Monitor<'a>,
}

impl<'a> ApiClient<'a> {
    /// `base` is the URL of the API, which ends in `/v2`.
    pub fn new(
        base: Url,
        credential: &Secret,
        requests_per_second: u32,
        monitor: &'a Monitor<'a>,
    ) -> Result<Self, ApiError> {
        // Fails if another module has installed the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let value = HeaderValue::from_str(&format!("Bearer {}", credential.reveal()));
        let mut value = value.map_err(|_| ApiError::Credential)?;
        value.set_sensitive(true);
        let client = Client::builder()
            .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, value)]))
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build();
        Ok(Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            client: client.map_err(|error| ApiError::unreachable(&error))?,
            base,
            interval: Duration::from_secs(1) / requests_per_second.max(1),
            next_request: Instant::now(),
            monitor,
        })
    }

    /// The body of a response with status 200.
    ///
    /// # Errors
    /// The server does not answer with 200, or the body is too large.
    pub fn get(&mut self, path: &str, query: &str) -> Result<Vec<u8>, ApiError> {
        let mut response = self.send(path, query, "application/json")?;
        let mut body = Vec::new();
        self.runtime.block_on(async {
            while let Some(chunk) = next_chunk(&mut response).await? {
                body.extend_from_slice(&chunk);
                if body.len() > MAX_BODY_BYTES {
                    return Err(ApiError::TooLarge(MAX_BODY_BYTES >> 20));
                }
            }
            Ok(body)
        })
    }

    /// The body of a response with status 200, which is read while it arrives.
    ///
    /// # Errors
    /// The server does not answer with 200.
    pub fn open(&mut self, path: &str, query: &str, accept: &str) -> Result<Body<'_>, ApiError> {
        let response = self.send(path, query, accept)?;
        Ok(Body {
            runtime: &self.runtime,
            response,
            chunk: bytes::Bytes::new(),
        })
    }

    fn send(&mut self, path: &str, query: &str, accept: &str) -> Result<Response, ApiError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        url.set_query((!query.is_empty()).then_some(query));
        for _ in 0..MAX_ATTEMPTS {
            let now = Instant::now();
            self.wait(self.next_request.saturating_duration_since(now))?;
            self.next_request = Instant::now() + self.interval;
            let request = self.client.get(url.clone()).header(ACCEPT, accept);
            let response = self.runtime.block_on(async { request.send().await });
            let response = response.map_err(|error| ApiError::unreachable(&error))?;
            match response.status() {
                StatusCode::OK => return Ok(response),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    self.wait(retry_after(&response)?)?;
                }
                status => return Err(ApiError::refused(path, status)),
            }
        }
        Err(ApiError::Busy)
    }

    /// Waits, or returns when the import is cancelled.
    fn wait(&self, duration: Duration) -> Result<(), ApiError> {
        let end = Instant::now() + duration;
        loop {
            if self.monitor.is_cancelled() {
                return Err(ApiError::Cancelled);
            }
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ok(());
            }
            std::thread::sleep(rest.min(CANCEL_INTERVAL));
        }
    }
}

/// The time after which a refused request may be repeated.
fn retry_after(response: &Response) -> Result<Duration, ApiError> {
    let header = response.headers().get(RETRY_AFTER);
    let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let wait = seconds.map_or(DEFAULT_RETRY_AFTER, Duration::from_secs);
    if wait > MAX_RETRY_AFTER {
        return Err(ApiError::RetryLater(wait.as_secs()));
    }
    Ok(wait)
}

async fn next_chunk(response: &mut Response) -> Result<Option<bytes::Bytes>, ApiError> {
    let chunk = response.chunk().await;
    chunk.map_err(|error| ApiError::unreachable(&error))
}

/// The cause of an error, without the remedy.
fn cause(error: ApiError) -> String {
    match error {
        ApiError::Unreachable(cause) => cause,
        error => error.to_string(),
    }
}

/// The body of a response.
pub struct Body<'a> {
    runtime: &'a Runtime,
    response: Response,
    chunk: bytes::Bytes,
}

impl Read for Body<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let next = self.runtime.block_on(next_chunk(&mut self.response));
            match next.map_err(|error| io::Error::other(cause(error)))? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let length = self.chunk.len().min(target.len());
        target[..length].copy_from_slice(&self.chunk.split_to(length));
        Ok(length)
    }
}
