//! Sends requests to the model's server, with retries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use reqwest::{Client, Response};
use tokio::time::{self, Instant};
use url::Url;

use super::error::ModelError;
use super::http_client::http_client;
use super::request::{self, Dialect};
use super::upstream_error::{
    DEFAULT_RETRY_AFTER_SECS, RetryDecision, UpstreamError, classify_response,
    classify_transport_error,
};
use crate::address_policy;
use crate::answer::{AnswerError, ChatMessage};
use crate::config::{ModelSettings, Secret};

/// How often a request is sent at most. Retries with another dialect do not count.
const MAX_ATTEMPTS: u32 = 3;
/// The maximum delay before the second attempt. Doubles with each attempt.
const BASE_RETRY_DELAY: Duration = Duration::from_millis(200);

/// The model's server.
pub struct Upstream {
    client: Client,
    endpoint: Url,
    pub settings: ModelSettings,
    /// The dialect that the server accepted last.
    rejects_stream_options: AtomicBool,
    wants_max_completion_tokens: AtomicBool,
}

impl Upstream {
    pub fn new(base: &Url, settings: &ModelSettings) -> Result<Self, ModelError> {
        if !settings.private && address_policy::has_private_host(base) {
            let host = base.host_str().unwrap_or_default().to_owned();
            return Err(ModelError::Private(host));
        }
        if base.scheme() == "http" && settings.key.is_some() && !settings.private {
            log::warn!("--model-key goes over plain http, where others can read it; use https");
        }
        Ok(Self {
            client: http_client(base, settings.key.as_ref(), settings.private)?,
            endpoint: chat_completions_url(base),
            settings: settings.clone(),
            rejects_stream_options: AtomicBool::new(false),
            wants_max_completion_tokens: AtomicBool::new(false),
        })
    }

    /// Sends a request until the server returns a success status. Stops at the
    /// deadline.
    ///
    /// # Errors
    /// Returns the error of the last attempt.
    pub async fn send(
        &self,
        messages: &[ChatMessage],
        deadline: Instant,
    ) -> Result<Response, AnswerError> {
        let mut dialect = self.dialect();
        let mut attempts = 0;
        loop {
            let attempt = time::timeout_at(deadline, self.send_once(messages, dialect)).await;
            let UpstreamError { error, retry } = match attempt {
                Ok(Ok(response)) => {
                    self.remember(dialect);
                    return Ok(response);
                }
                Ok(Err(error)) => error,
                Err(_) => return Err(self.timeout_error()),
            };
            if let RetryDecision::WithDialect(other) = retry {
                log::debug!("the model's server: {error}; retrying with other parameters");
                dialect = other;
                continue;
            }
            attempts += 1;
            let Some(delay) = retry_delay(&retry, attempts, deadline) else {
                return Err(error);
            };
            log::warn!("{}; trying again", self.redact_key(error));
            time::sleep(delay).await;
        }
    }

    async fn send_once(
        &self,
        messages: &[ChatMessage],
        dialect: Dialect,
    ) -> Result<Response, UpstreamError> {
        let body = request::body(messages, &self.settings, dialect);
        let request = self.client.post(self.endpoint.clone()).body(body);
        let response = request
            .send()
            .await
            .map_err(|error| classify_transport_error(&error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(classify_response(response, dialect).await)
        }
    }

    /// Returns the error for a server that sent no text before the deadline.
    pub fn timeout_error(&self) -> AnswerError {
        let seconds = self.settings.first_token_timeout.min(self.settings.timeout);
        AnswerError::Unavailable {
            retry_after_secs: DEFAULT_RETRY_AFTER_SECS,
            cause: format!("it said nothing within {seconds} s"),
        }
    }

    /// Removes the key from the text of an error. A server can quote the key.
    pub fn redact_key(&self, error: AnswerError) -> AnswerError {
        let key = self.settings.key.as_ref().map(Secret::reveal);
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return error;
        };
        match error {
            AnswerError::ModelFailed(text) => {
                AnswerError::ModelFailed(text.replace(key, "(the key)"))
            }
            AnswerError::Unavailable {
                retry_after_secs,
                cause,
            } => AnswerError::Unavailable {
                retry_after_secs,
                cause: cause.replace(key, "(the key)"),
            },
            AnswerError::ShuttingDown | AnswerError::Store(_) => error,
        }
    }

    fn dialect(&self) -> Dialect {
        Dialect {
            stream_options: !self.rejects_stream_options.load(Ordering::Relaxed),
            max_completion_tokens: self.wants_max_completion_tokens.load(Ordering::Relaxed),
        }
    }

    fn remember(&self, dialect: Dialect) {
        self.rejects_stream_options
            .store(!dialect.stream_options, Ordering::Relaxed);
        self.wants_max_completion_tokens
            .store(dialect.max_completion_tokens, Ordering::Relaxed);
    }
}

/// Returns the delay before the next attempt. Returns `None` if there is none:
/// after the last attempt, after a permanent error, or if the delay exceeds the
/// deadline.
fn retry_delay(retry: &RetryDecision, attempts: u32, deadline: Instant) -> Option<Duration> {
    let RetryDecision::After(min_delay) = retry else {
        return None;
    };
    // The server asks all clients for the same delay. Jitter spreads the retries.
    let backoff = BASE_RETRY_DELAY * 2_u32.pow(attempts - 1);
    let delay = *min_delay + backoff.mul_f64(jitter());
    (attempts < MAX_ATTEMPTS && Instant::now() + delay < deadline).then_some(delay)
}

/// Returns a random factor from 0.5 to 1.
fn jitter() -> f64 {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    0.5 + 0.5 * Rng::with_seed(seed.as_nanos() as u64).f64()
}

fn chat_completions_url(base: &Url) -> Url {
    let mut url = base.clone();
    // Fails only for URLs without a host, which the settings reject.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["chat", "completions"]);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chat_completions_url_extends_the_path_of_the_base() {
        for (base, expected) in [
            ("http://a.example", "http://a.example/chat/completions"),
            (
                "http://a.example/v1/",
                "http://a.example/v1/chat/completions",
            ),
            (
                "http://a.example/v1?x=1",
                "http://a.example/v1/chat/completions?x=1",
            ),
        ] {
            let url = Url::parse(base).expect("a URL");
            assert_eq!(chat_completions_url(&url).as_str(), expected);
        }
    }

    #[test]
    fn retry_delay_grows_and_stops_after_the_last_attempt() {
        let deadline = Instant::now() + Duration::from_secs(10);
        let after = |seconds| RetryDecision::After(Duration::from_secs(seconds));
        let first = retry_delay(&after(0), 1, deadline).expect("a second attempt");
        assert!((100..=200).contains(&first.as_millis()), "{first:?}");
        let second = retry_delay(&after(0), 2, deadline).expect("a third attempt");
        assert!((200..=400).contains(&second.as_millis()), "{second:?}");
        assert_eq!(retry_delay(&after(0), 3, deadline), None);
        assert_eq!(retry_delay(&after(11), 1, deadline), None);
    }
}
