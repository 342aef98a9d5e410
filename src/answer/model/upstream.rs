//! Sends requests to the model's server, with retries.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use quick_cache::sync::Cache;
use reqwest::{Client, Response};
use tokio::time::{self, Instant};
use url::Url;

use super::dialect::{KnownDialect, Negotiation, Trial};
use super::error::ModelError;
use super::http_client::{endpoint_url, http_client, redact_key};
use super::request::{self, Prompt, PromptSize};
use super::thoughts::ThoughtMode;
use super::upstream_error::{
    DEFAULT_RETRY_AFTER_SECS, RetryDecision, UpstreamError, check_encoding, classify_response,
    classify_transport_error,
};
use crate::address_policy;
use crate::answer::AnswerError;
use crate::config::ModelSettings;

/// How often a request is sent at most. Retries with another dialect do not count.
const MAX_ATTEMPTS: u32 = 3;
/// The maximum delay before the second attempt. Doubles with each attempt.
const BASE_RETRY_DELAY: Duration = Duration::from_millis(200);

/// The delay between attempts while the server loads the model.
const LOADING_DELAY: Duration = Duration::from_millis(500);
/// The refused messages that are remembered.
const MAX_REFUSED_MESSAGES: usize = 1000;

/// The model's server.
pub struct Upstream {
    client: Client,
    endpoint: Url,
    pub settings: ModelSettings,
    dialect: KnownDialect,
    thought_mode: Mutex<ThoughtMode>,
    /// Messages of visitors that the server refused, by hash. Later requests do not have
    /// them.
    refused: Cache<u64, ()>,
    hasher: RandomState,
}

/// The head of a successful response.
pub struct UpstreamResponse {
    pub response: Response,
    /// The size of the prompt that the server accepted.
    pub size: PromptSize,
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
            endpoint: endpoint_url(base, &["chat", "completions"]),
            settings: settings.clone(),
            dialect: KnownDialect::default(),
            thought_mode: Mutex::new(ThoughtMode::of_model(
                settings.name.as_deref().unwrap_or_default(),
            )),
            refused: Cache::new(MAX_REFUSED_MESSAGES),
            hasher: RandomState::new(),
        })
    }

    /// Sends a request until the server returns a success status. Stops at the
    /// deadline. If the server rejects the request, tries other parameters and smaller
    /// prompts.
    ///
    /// # Errors
    /// Returns the error of the last attempt.
    pub async fn send(
        &self,
        prompt: &Prompt,
        size: PromptSize,
        deadline: Instant,
    ) -> Result<UpstreamResponse, AnswerError> {
        let (dialect, is_exhausted) = self.dialect.get();
        let mut negotiation = Negotiation::new(Trial { dialect, size }, is_exhausted);
        let mut attempts = 0;
        loop {
            let attempt = self.negotiate(prompt, &mut negotiation);
            let UpstreamError { error, retry } = match time::timeout_at(deadline, attempt).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => error,
                Err(_) => return Err(self.timeout_error()),
            };
            if let RetryDecision::Rejected(_) = &retry {
                self.dialect.exhaust();
                self.refuse(prompt.newest());
                return Err(error);
            }
            attempts += 1;
            let Some(delay) = retry_delay(&retry, attempts, deadline) else {
                return Err(error);
            };
            log::warn!("{}; trying again", self.redact_key(error));
            time::sleep(delay).await;
        }
    }

    /// Sends a request that an answer does not depend on. A failure is not retried and not
    /// remembered.
    ///
    /// # Errors
    /// Returns the error of the last request.
    pub async fn send_optional(&self, prompt: &Prompt) -> Result<Response, AnswerError> {
        let (dialect, is_exhausted) = self.dialect.get();
        let size = PromptSize::Full;
        let mut negotiation = Negotiation::new(Trial { dialect, size }, is_exhausted);
        match self.negotiate(prompt, &mut negotiation).await {
            Ok(accepted) => Ok(accepted.response),
            Err(failure) => Err(failure.error),
        }
    }

    /// Sends a request. If the server rejects it, sends the next one of the negotiation.
    async fn negotiate(
        &self,
        prompt: &Prompt,
        negotiation: &mut Negotiation,
    ) -> Result<UpstreamResponse, UpstreamError> {
        loop {
            let trial = negotiation.trial();
            let failure = match self.send_once(self.body(prompt, trial)).await {
                Ok(response) => {
                    self.accept(prompt, trial);
                    let size = trial.size;
                    return Ok(UpstreamResponse { response, size });
                }
                Err(failure) => failure,
            };
            let is_different = |one, other| self.body(prompt, one) != self.body(prompt, other);
            match &failure.retry {
                RetryDecision::Rejected(text) if negotiation.reject(text, is_different) => {
                    log::debug!(
                        "the model's server: {}; trying another request",
                        failure.error
                    );
                }
                _ => return Err(failure),
            }
        }
    }

    async fn send_once(&self, body: Vec<u8>) -> Result<Response, UpstreamError> {
        let request = self.client.post(self.endpoint.clone()).body(body);
        let response = request
            .send()
            .await
            .map_err(|error| classify_transport_error(&error))?;
        if !response.status().is_success() {
            return Err(classify_response(response).await);
        }
        check_encoding(&response)?;
        Ok(response)
    }

    fn body(&self, prompt: &Prompt, trial: Trial) -> Vec<u8> {
        let is_refused = |text: &str| self.is_refused(text);
        let messages = prompt.messages(trial.size, trial.dialect.system_role, is_refused);
        let max_tokens = prompt.max_tokens();
        request::body(&messages, max_tokens, &self.settings, trial.dialect)
    }

    /// Remembers what the server accepted.
    fn accept(&self, prompt: &Prompt, trial: Trial) {
        self.dialect.accept(trial.dialect);
        if trial.size == PromptSize::OnlyAnswered {
            prompt.unanswered().for_each(|text| self.refuse(text));
        }
    }

    /// Remembers that the server refuses a message of a visitor.
    pub fn refuse(&self, text: &str) {
        self.refused.insert(self.hasher.hash_one(text), ());
    }

    /// Whether the server is known to refuse a message of a visitor.
    pub fn is_refused(&self, text: &str) -> bool {
        self.refused.get(&self.hasher.hash_one(text)).is_some()
    }

    /// How the server sends the reasoning of the model.
    pub fn thought_mode(&self) -> ThoughtMode {
        *self
            .thought_mode
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers whether an answer had reasoning without an opening tag.
    pub fn set_unopened_thoughts(&self, has_unopened_thought: bool) {
        let mode = self.thought_mode.lock();
        let mut mode = mode.unwrap_or_else(PoisonError::into_inner);
        *mode = mode.after(has_unopened_thought);
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
        let redact = |text: &str| redact_key(self.settings.key.as_ref(), text);
        match error {
            AnswerError::ModelFailed(text) => AnswerError::ModelFailed(redact(&text)),
            AnswerError::Unavailable {
                retry_after_secs,
                cause,
            } => AnswerError::Unavailable {
                retry_after_secs,
                cause: redact(&cause),
            },
            AnswerError::ShuttingDown | AnswerError::Store(_) => error,
        }
    }
}

/// Returns the delay before the next attempt. Returns `None` if there is none:
/// after the last attempt, after a permanent error, or if the delay exceeds the
/// deadline.
fn retry_delay(retry: &RetryDecision, attempts: u32, deadline: Instant) -> Option<Duration> {
    let min_delay = match retry {
        RetryDecision::After(min_delay) => min_delay,
        RetryDecision::WhileLoading => {
            return (Instant::now() + LOADING_DELAY < deadline).then_some(LOADING_DELAY);
        }
        RetryDecision::Never | RetryDecision::Rejected(_) => return None,
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

#[cfg(test)]
mod tests {
    use super::*;

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
