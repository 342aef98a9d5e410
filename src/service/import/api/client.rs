//! Requests to the API of another server: at a limited rate, with bounded responses, and
//! without redirects, which would send the credential to another server.

use std::io::{self, Read};
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use url::Url;

use super::ApiImportError;
use crate::config::Secret;
use crate::retry_after;
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
    requests: CancellableRuntime<'a>,
    client: Client,
    base: Url,
    /// The time between the starts of two requests.
    interval: Duration,
    next_request: Instant,
}

/// Runs futures until they are ready or the import is cancelled.
struct CancellableRuntime<'a> {
    /// Set until the drop.
    runtime: Option<Runtime>,
    monitor: &'a Monitor<'a>,
}

impl CancellableRuntime<'_> {
    fn run<T>(
        &self,
        future: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, ApiImportError> {
        let Some(runtime) = &self.runtime else {
            return Err(ApiImportError::Cancelled);
        };
        runtime.block_on(async {
            let mut future = pin!(future);
            while !self.monitor.is_cancelled() {
                if let Ok(result) = timeout(CANCEL_INTERVAL, future.as_mut()).await {
                    return result.map_err(|error| ApiImportError::unreachable(&error));
                }
            }
            Err(ApiImportError::Cancelled)
        })
    }
}

impl Drop for CancellableRuntime<'_> {
    /// A look-up of a name may take minutes and cannot be cancelled.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl<'a> ApiClient<'a> {
    /// `base` is the URL of the API, which ends in `/v2`.
    pub fn new(
        base: Url,
        credential: &Secret,
        requests_per_second: u32,
        monitor: &'a Monitor<'a>,
    ) -> Result<Self, ApiImportError> {
        // Fails if another module has installed the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let value = HeaderValue::from_str(&format!("Bearer {}", credential.reveal()));
        let mut value = value.map_err(|_| ApiImportError::Credential)?;
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
            requests: CancellableRuntime {
                runtime: Some(Builder::new_current_thread().enable_all().build()?),
                monitor,
            },
            client: client.map_err(|error| ApiImportError::unreachable(&error))?,
            base,
            interval: Duration::from_secs(1) / requests_per_second.max(1),
            next_request: Instant::now(),
        })
    }

    /// The body of a response with status 200.
    ///
    /// # Errors
    /// The server does not answer with 200, or the body is too large.
    pub fn get(&mut self, path: &str, query: &str) -> Result<Vec<u8>, ApiImportError> {
        let mut response = self.send(path, query, "application/json")?;
        let mut body = Vec::new();
        while let Some(chunk) = self.requests.run(response.chunk())? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY_BYTES {
                return Err(ApiImportError::TooLarge(MAX_BODY_BYTES >> 20));
            }
        }
        Ok(body)
    }

    /// The body of a response with status 200, which is read while it arrives.
    ///
    /// # Errors
    /// The server does not answer with 200.
    pub fn open(
        &mut self,
        path: &str,
        query: &str,
        accept: &str,
    ) -> Result<Body<'_>, ApiImportError> {
        let response = self.send(path, query, accept)?;
        Ok(Body {
            requests: &self.requests,
            response,
            chunk: bytes::Bytes::new(),
        })
    }

    fn send(&mut self, path: &str, query: &str, accept: &str) -> Result<Response, ApiImportError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        url.set_query((!query.is_empty()).then_some(query));
        for _ in 0..MAX_ATTEMPTS {
            let now = Instant::now();
            self.wait(self.next_request.saturating_duration_since(now))?;
            self.next_request = Instant::now() + self.interval;
            let request = self.client.get(url.clone()).header(ACCEPT, accept);
            // The request needs the runtime from its start.
            let response = self.requests.run(async { request.send().await })?;
            match response.status() {
                StatusCode::OK => return Ok(response),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    self.wait(retry_after(&response)?)?;
                }
                status => return Err(ApiImportError::refused(path, status)),
            }
        }
        Err(ApiImportError::Busy)
    }

    /// Waits, or returns when the import is cancelled.
    fn wait(&self, duration: Duration) -> Result<(), ApiImportError> {
        let end = Instant::now() + duration;
        loop {
            if self.requests.monitor.is_cancelled() {
                return Err(ApiImportError::Cancelled);
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
fn retry_after(response: &Response) -> Result<Duration, ApiImportError> {
    let wait = retry_after::retry_after(response.headers(), SystemTime::now());
    let wait = wait.unwrap_or(DEFAULT_RETRY_AFTER);
    if wait > MAX_RETRY_AFTER {
        return Err(ApiImportError::RetryLater(wait.as_secs()));
    }
    Ok(wait)
}

/// The cause of an error, without the remedy.
fn cause(error: ApiImportError) -> String {
    match error {
        ApiImportError::Unreachable(cause) => cause,
        error => error.to_string(),
    }
}

/// The body of a response.
pub struct Body<'a> {
    requests: &'a CancellableRuntime<'a>,
    response: Response,
    chunk: bytes::Bytes,
}

impl Read for Body<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let next = self.requests.run(self.response.chunk());
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
