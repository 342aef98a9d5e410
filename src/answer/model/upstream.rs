//! The model's server: how it is reached, and one call of it with its tries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{self, Instant};
use url::Url;

use super::ModelError;
use super::refusal::{self, Again, LATER, Refusal};
use super::request::{self, Dialect};
use crate::address_policy::{self, PublicResolver};
use crate::answer::{AnswerError, ChatMessage};
use crate::config::{ModelSettings, Secret};

/// Tries in all.
const TRIES: u32 = 3;
/// The wait before the second try; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const CONNECT: Duration = Duration::from_secs(10);

/// The server, and what is known of it.
pub struct Upstream {
    client: Client,
    endpoint: Url,
    pub settings: ModelSettings,
    /// What its server was found not to know.
    no_usage: AtomicBool,
    completion_tokens: AtomicBool,
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
            client: client(base, settings)?,
            endpoint: endpoint(base),
            settings: settings.clone(),
            no_usage: AtomicBool::new(false),
            completion_tokens: AtomicBool::new(false),
        })
    }

    /// Asks until the server begins to answer, within the tries and the time.
    ///
    /// # Errors
    /// The last try's failure.
    pub async fn ask(
        &self,
        messages: &[ChatMessage],
        deadline: Instant,
    ) -> Result<Response, AnswerError> {
        let mut dialect = self.dialect();
        let mut tried = 0;
        loop {
            let called = time::timeout_at(deadline, self.call(messages, dialect)).await;
            let refusal = match called {
                Ok(Ok(response)) => {
                    self.learn(dialect);
                    return Ok(response);
                }
                Ok(Err(refusal)) => refusal,
                Err(_) => return Err(self.too_slow()),
            };
            if let Again::As(other) = refusal.again {
                log::debug!(
                    "the model's server: {}; asking in other words",
                    refusal.failure
                );
                dialect = other;
                continue;
            }
            tried += 1;
            let Some(wait) = wait(&refusal, tried, deadline) else {
                return Err(refusal.failure);
            };
            log::warn!("{}; trying again", self.without_key(refusal.failure));
            time::sleep(wait).await;
        }
    }

    async fn call(&self, messages: &[ChatMessage], dialect: Dialect) -> Result<Response, Refusal> {
        let body = request::body(messages, &self.settings, dialect);
        let call = self.client.post(self.endpoint.clone()).body(body);
        let response = call
            .send()
            .await
            .map_err(|error| refusal::of_error(&error))?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(refusal::of_response(response, dialect).await),
        }
    }

    /// No first words within the time that the settings give.
    pub fn too_slow(&self) -> AnswerError {
        let seconds = self.settings.first_token_timeout.min(self.settings.timeout);
        AnswerError::Unavailable {
            retry_after_secs: LATER,
            cause: format!("it said nothing within {seconds} s"),
        }
    }

    /// The failure without the key, which a server may quote.
    pub fn without_key(&self, failure: AnswerError) -> AnswerError {
        let key = self
            .settings
            .key
            .as_ref()
            .map(Secret::reveal)
            .unwrap_or_default();
        let clean = |text: String| match key.is_empty() {
            true => text,
            false => text.replace(key, "(the key)"),
        };
        match failure {
            AnswerError::ModelFailed(text) => AnswerError::ModelFailed(clean(text)),
            AnswerError::Unavailable {
                retry_after_secs,
                cause,
            } => AnswerError::Unavailable {
                retry_after_secs,
                cause: clean(cause),
            },
            other => other,
        }
    }

    fn dialect(&self) -> Dialect {
        Dialect {
            usage: !self.no_usage.load(Ordering::Relaxed),
            completion_tokens: self.completion_tokens.load(Ordering::Relaxed),
        }
    }

    /// Remembers the words that were understood.
    fn learn(&self, dialect: Dialect) {
        self.no_usage.store(!dialect.usage, Ordering::Relaxed);
        let completion_tokens = dialect.completion_tokens;
        self.completion_tokens
            .store(completion_tokens, Ordering::Relaxed);
    }
}

/// How long to wait before the next try; none where there is to be none.
fn wait(refusal: &Refusal, tried: u32, deadline: Instant) -> Option<Duration> {
    let Again::After(least) = refusal.again else {
        return None;
    };
    // A server that asks to wait asks everyone; jitter keeps them apart.
    let longest = FIRST_WAIT * 2_u32.pow(tried - 1);
    let wait = least + longest.mul_f64(jitter());
    (tried < TRIES && Instant::now() + wait < deadline).then_some(wait)
}

/// From a half to one.
fn jitter() -> f64 {
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    0.5 + 0.5 * Rng::with_seed(seed.as_nanos() as u64).f64()
}

fn endpoint(base: &Url) -> Url {
    let mut url = base.clone();
    // Only URLs without a host have no segments; the settings have refused them.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["chat", "completions"]);
    }
    url
}

/// Calls only the server itself: no redirects, no proxies. A connection serves
/// one answer and ends with it: a kept one would belong to the thread that
/// opened it, and break another thread's answer when that one shuts down.
fn client(base: &Url, settings: &ModelSettings) -> Result<Client, ModelError> {
    let builder = Client::builder()
        .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(settings.key.as_ref())?)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .no_gzip()
        .referer(false)
        .pool_max_idle_per_host(0)
        .tcp_nodelay(true)
        .connect_timeout(CONNECT);
    let builder = with_tls(builder, base.scheme() == "https")?;
    let builder = match settings.private {
        true => builder,
        false => builder.dns_resolver(PublicResolver),
    };
    builder
        .build()
        .map_err(|error| ModelError::Client(refusal::causes(&error)))
}

fn headers(key: Option<&Secret>) -> Result<HeaderMap, ModelError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = key.filter(|key| !key.reveal().is_empty()) {
        let value = HeaderValue::from_str(&format!("Bearer {}", key.reveal()));
        let mut value = value.map_err(|_| ModelError::Key)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// Certificates are judged as the system does. Where none will be met, none are
/// loaded: a small container may have none.
fn with_tls(builder: ClientBuilder, https: bool) -> Result<ClientBuilder, ModelError> {
    if https {
        // Fails where a provider is installed already, which is as good.
        let _ = ring::default_provider().install_default();
        return Ok(builder.https_only(true));
    }
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| ModelError::Client(error.to_string()))?;
    let config = config.with_root_certificates(RootCertStore::empty());
    Ok(builder.tls_backend_preconfigured(config.with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_lies_below_the_base() {
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
            assert_eq!(endpoint(&url).as_str(), expected);
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let deadline = Instant::now() + Duration::from_secs(10);
        let refusal = |seconds| Refusal {
            failure: AnswerError::ModelFailed(String::new()),
            again: Again::After(Duration::from_secs(seconds)),
        };
        let first = wait(&refusal(0), 1, deadline).expect("a second try");
        assert!((100..=200).contains(&first.as_millis()), "{first:?}");
        let second = wait(&refusal(0), 2, deadline).expect("a third try");
        assert!((200..=400).contains(&second.as_millis()), "{second:?}");
        assert_eq!(wait(&refusal(0), 3, deadline), None);
        assert_eq!(wait(&refusal(11), 1, deadline), None);
    }
}
