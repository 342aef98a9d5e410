//! The HTTP client for the server of a language or embedding model.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::error::ModelError;
use super::upstream_error::error_causes;
use crate::address_policy::PublicResolver;
use crate::config::Secret;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns a client that sends `key`, follows no redirects and uses no proxy.
///
/// Connections are not reused. A pooled connection is driven by the worker thread
/// that opened it, so the shutdown of that thread would break an answer of another
/// thread.
///
/// # Errors
/// Returns an error if the key is invalid or TLS cannot be set up.
pub fn http_client(
    base: &Url,
    key: Option<&Secret>,
    is_private_allowed: bool,
) -> Result<Client, ModelError> {
    let builder = Client::builder()
        .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
        .default_headers(default_headers(key)?)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .no_gzip()
        // The feature `s3` adds HTTP/2, which no test of this client uses.
        .http1_only()
        .referer(false)
        .pool_max_idle_per_host(0)
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIMEOUT);
    let mut builder = with_tls(builder, base.scheme() == "https")?;
    if !is_private_allowed {
        builder = builder.dns_resolver(PublicResolver);
    }
    builder
        .build()
        .map_err(|error| ModelError::Client(error_causes(&error)))
}

/// Returns the address of an endpoint. `path` is appended to the path of the base URL.
pub fn endpoint_url(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    // Fails only for URLs without a host, which the settings reject.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// Removes the key from the text of an error. A server can quote the key.
pub fn redact_key(key: Option<&Secret>, text: &str) -> String {
    match key.map(Secret::reveal).filter(|key| !key.is_empty()) {
        Some(key) => text.replace(key, "(the key)"),
        None => text.to_owned(),
    }
}

fn default_headers(key: Option<&Secret>) -> Result<HeaderMap, ModelError> {
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

/// Uses the system's certificates for https. For http no certificates are loaded,
/// because a small container can have none.
fn with_tls(builder: ClientBuilder, is_https: bool) -> Result<ClientBuilder, ModelError> {
    if is_https {
        // Fails if a provider is already installed. Then that provider is used.
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
    fn endpoint_url_extends_the_path_of_the_base() {
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
            let base = Url::parse(base).expect("a URL");
            let url = endpoint_url(&base, &["chat", "completions"]);
            assert_eq!(url.as_str(), expected);
        }
    }
}
