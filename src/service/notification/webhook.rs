//! Requests to webhooks, signed as Standard Webhooks specifies
//! (docs/api-contract.md, section 4.30).

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use rustls::crypto::ring;
use sha2::Sha256;
use url::Url;

use super::outcome::Outcome;
use crate::address_policy::{PublicResolver, has_private_host};
use crate::answer::model::{error_causes, retry_after_secs};
use crate::domain::{NotificationId, Timestamp, WebhookSecret, parse_web_url};

/// The longest wait that a receiver can ask for.
const MAX_RETRY_AFTER_SECS: u64 = 24 * 60 * 60;

/// What an operator can do if a webhook is on a private network.
pub const PRIVATE_HOST: &str = "leads to a private network, which the server allows with \
                                --webhook-private-network only";

/// Sends requests to webhooks.
#[derive(Debug)]
pub struct WebhookClient {
    /// Built for the first request: without certificates on the machine it cannot be built.
    client: OnceLock<Result<Client, String>>,
    allows_private: bool,
    timeout: Duration,
}

impl WebhookClient {
    pub fn new(allows_private: bool, timeout: Duration) -> Self {
        Self {
            client: OnceLock::new(),
            allows_private,
            timeout,
        }
    }

    /// Whether the policy refuses the host of a URL before its name is resolved.
    pub fn refuses_host(&self, url: &Url) -> bool {
        !self.allows_private && has_private_host(url)
    }

    /// Sends a request. The body of the response is not read, so that a receiver can neither
    /// fill the memory nor show what a host on the server's network responds.
    pub async fn post(
        &self,
        url: &str,
        secret: &WebhookSecret,
        id: NotificationId,
        body: Vec<u8>,
    ) -> Outcome {
        let Some(parsed) = parse_web_url(url) else {
            return Outcome::failed("The URL is not an http or https URL");
        };
        if self.refuses_host(&parsed) {
            return Outcome::retry(format!("The URL {PRIVATE_HOST}"));
        }
        let client = match self.client.get_or_init(|| self.build()) {
            Ok(client) => client,
            Err(error) => return Outcome::retry(format!("TLS cannot be set up: {error}")),
        };
        let timestamp = Timestamp::now().seconds();
        let request = client
            .post(parsed)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id.to_string())
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", sign(secret, id, timestamp, &body))
            .body(body);
        match request.send().await {
            Ok(response) => outcome(response.status(), response.headers()),
            Err(error) if error.is_timeout() => Outcome::retry(format!(
                "The receiver has not responded within {} seconds",
                self.timeout.as_secs_f32()
            )),
            Err(error) => Outcome::retry(connection_error(&error)),
        }
    }

    fn build(&self) -> Result<Client, String> {
        // Fails if a provider is already installed. Then that provider is used.
        let _ = ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .no_gzip()
            .http1_only()
            .referer(false)
            .pool_max_idle_per_host(0)
            .timeout(self.timeout);
        if !self.allows_private {
            builder = builder.dns_resolver(PublicResolver);
        }
        builder.build().map_err(|error| error_causes(&error))
    }
}

fn connection_error(error: &reqwest::Error) -> String {
    let causes = error_causes(error);
    if causes.contains("leads to a private network") {
        return format!("The URL {PRIVATE_HOST}");
    }
    format!("The receiver cannot be reached: {causes}")
}

fn outcome(status: StatusCode, headers: &HeaderMap) -> Outcome {
    if status.is_success() {
        return Outcome::Delivered;
    }
    if status == StatusCode::GONE {
        return Outcome::Gone;
    }
    let hint = if status.is_redirection() {
        ", and redirects are not followed"
    } else {
        ""
    };
    Outcome::Retry {
        error: format!(
            "The receiver responded with status {}{hint}",
            status.as_u16()
        ),
        retry_after: retry_after_secs(headers, SystemTime::now(), MAX_RETRY_AFTER_SECS)
            .map(Duration::from_secs),
    }
}

/// The header `webhook-signature`.
fn sign(secret: &WebhookSecret, id: NotificationId, timestamp: i64, body: &[u8]) -> String {
    let hasher = Hmac::<Sha256>::new_from_slice(&secret.0).expect("HMAC takes keys of any length");
    let signature = hasher
        .chain_update(format!("{id}.{timestamp}."))
        .chain_update(body)
        .finalize();
    format!("v1,{}", BASE64_STANDARD.encode(signature.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_has_the_form_of_standard_webhooks() {
        // Computed with another program.
        let secret = WebhookSecret(std::array::from_fn(|index| index as u8));
        let id = NotificationId::parse("018c0000-0000-7000-8000-000000000001").expect("an id");
        let signature = sign(&secret, id, 1_700_000_000, br#"{"type":"test"}"#);
        assert_eq!(signature, "v1,p8CZbODLGslzLn0UFEaBpHRzQjxj5jp3pO8oQZH1YLc=");
    }

    #[test]
    fn only_success_is_a_delivery_and_gone_ends_the_webhook() {
        let outcome = |status: u16| {
            let status = StatusCode::from_u16(status).expect("a status");
            outcome(status, &HeaderMap::new())
        };
        for status in [200, 202, 204] {
            assert_eq!(outcome(status), Outcome::Delivered);
        }
        assert_eq!(outcome(410), Outcome::Gone);
        for status in [301, 400, 404, 429, 500] {
            let error = format!("status {status}");
            assert!(
                matches!(outcome(status), Outcome::Retry { error: text, .. } if text.contains(&error))
            );
        }
    }
}
