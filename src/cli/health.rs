//! `parlor health`: asks a running server whether it is alive, or ready.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::{Args, value_parser};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use super::CommandError;
use super::output::print_line;
use super::progress::block_on;
use crate::config::{DEFAULT_LISTEN, parse_public_url};
use crate::domain::Origin;

/// The largest response that is read. Those of parlor are smaller.
const MAX_RESPONSE_BYTES: usize = 64 << 10;

/// Ask a running server whether it is alive
///
/// Prints one line. The exit status is 0 if the server responds as it should, otherwise
/// 1, as the health checks of containers expect it.
#[derive(Debug, Args)]
pub struct Health {
    /// The address on which the server listens; 0.0.0.0 and [::] mean this machine
    #[arg(long, env = "PARLOR_LISTEN", value_name = "ADDRESS")]
    #[arg(default_value = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// The URL of the server instead of its address, such as https://chat.example
    #[arg(long, value_parser = parse_public_url)]
    url: Option<Origin>,
    /// Ask whether the server can read and write (GET /ready), not only whether it is alive (GET /health)
    #[arg(long)]
    ready: bool,
    /// Seconds to wait for the response
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    #[arg(value_parser = value_parser!(u64).range(1..=300))]
    timeout: u64,
}

/// Why a server counts as not healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    #[error("port 0 names no server; set --listen or --url to the address that the server printed")]
    NoPort,
    #[error("the HTTP client cannot be started: {0}")]
    Client(String),
    #[error("no connection to {url}: {cause}")]
    NotReached { url: String, cause: String },
    #[error("{url} did not respond within {seconds} seconds")]
    TimedOut { url: String, seconds: u64 },
    #[error("{url} is not ready: {reason}")]
    NotReady { url: String, reason: String },
    #[error("{url} is not a parlor server: its response has status {status}")]
    NotParlor { url: String, status: u16 },
}

impl Health {
    pub fn run(self) -> Result<(), CommandError> {
        let line = block_on(self.check())??;
        print_line!("{line}");
        Ok(())
    }

    /// The line that a healthy server gets.
    async fn check(&self) -> Result<String, HealthError> {
        let (path, expected) = if self.ready {
            ("/ready", "ready")
        } else {
            ("/health", "ok")
        };
        let url = self.base_url()? + path;
        let (status, body) = self.get(&url).await?;
        let state = body["status"].as_str();
        match status {
            StatusCode::OK if state == Some(expected) => Ok(healthy_line(&url, &body)),
            StatusCode::SERVICE_UNAVAILABLE => {
                let reason = body["error"]["details"]["reason"].as_str();
                let reason = reason.unwrap_or("it responds with status 503").to_owned();
                Err(HealthError::NotReady { url, reason })
            }
            status => Err(HealthError::NotParlor {
                url,
                status: status.as_u16(),
            }),
        }
    }

    fn base_url(&self) -> Result<String, HealthError> {
        match &self.url {
            Some(url) => Ok(url.as_str().to_owned()),
            None if self.listen.port() == 0 => Err(HealthError::NoPort),
            None => Ok(format!("http://{}", reachable(self.listen))),
        }
    }

    /// The status and the JSON of a response; null if the body is not JSON.
    async fn get(&self, url: &str) -> Result<(StatusCode, Value), HealthError> {
        let response = client(url, Duration::from_secs(self.timeout))?
            .get(url)
            .send();
        let read = async {
            let response = response.await?;
            Ok((response.status(), read_body(response).await?))
        };
        let (status, body) = read.await.map_err(|error| self.explain(url, &error))?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    fn explain(&self, url: &str, error: &reqwest::Error) -> HealthError {
        let url = url.to_owned();
        if error.is_timeout() {
            let seconds = self.timeout;
            return HealthError::TimedOut { url, seconds };
        }
        let cause = innermost_cause(error);
        HealthError::NotReached { url, cause }
    }
}

/// The address at which a program on the same machine reaches a listening socket.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => (),
    }
    listen
}

fn client(url: &str, timeout: Duration) -> Result<Client, HealthError> {
    // Fails if another module has installed the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("parlor/", env!("CARGO_PKG_VERSION")))
        .timeout(timeout)
        .redirect(Policy::none())
        .http1_only()
        // The server itself is asked, also if the environment names a proxy.
        .no_proxy();
    let builder = if url.starts_with("https:") {
        builder
    } else {
        // A container without certificates can ask over HTTP.
        builder.tls_certs_only([])
    };
    let client = builder.build();
    client.map_err(|error| HealthError::Client(innermost_cause(&error)))
}

/// Reads a body, but not more than a response of parlor can have.
async fn read_body(mut response: Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_RESPONSE_BYTES {
            break;
        }
    }
    Ok(body)
}

fn innermost_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// For example `ok: http://127.0.0.1:8787/health, parlor 0.1.0`.
fn healthy_line(url: &str, body: &Value) -> String {
    let status = body["status"].as_str().unwrap_or_default();
    let mut line = format!("{status}: {url}");
    if let Some(version) = body["version"].as_str() {
        line += &format!(", parlor {version}");
    }
    for warning in body["warnings"].as_array().into_iter().flatten() {
        line += &format!(", warning {}", warning.as_str().unwrap_or_default());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unspecified_addresses_are_reached_over_the_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:8787", "127.0.0.1:8787"),
            ("[::]:8787", "[::1]:8787"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("192.168.0.7:80", "192.168.0.7:80"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ] {
            let listen = listen.parse().expect("an address");
            assert_eq!(reachable(listen).to_string(), expected);
        }
    }
}
