//! The line of a request in the log.
//!
//! A line never has tokens, keys, queries or message text. It has the path, without the
//! query, and the address of the client in the form of `--log-addresses`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::{Method, Uri};
use log::Level;

use crate::access::network_of;
use crate::app::AppState;
use crate::config::{LogAddresses, LogRequests};
use crate::http::auth::client_address;
use crate::http::request_context::RequestContext;
use crate::log_buffer::RequestLog;
use crate::log_format::Fields;
use crate::redaction::redact;

/// The longest text of a client in a line, in bytes: a method or a path. The cause of a
/// failure, which can quote another server, has this limit too.
const MAX_TEXT_BYTES: usize = 512;

/// The status of a request whose client disconnected before the response.
pub const CLIENT_DISCONNECTED: u16 = 499;

/// The paths for the operator of the server. A shutdown does not close them, and their
/// lines have the level `debug`, because monitoring requests them all the time.
pub const OPERATOR_PATHS: [&str; 3] = ["/health", "/ready", "/metrics"];

/// The properties of a request that its line needs. The request itself must not be kept,
/// because the router needs it unshared.
pub struct RequestLine {
    log: &'static RequestLog,
    policy: LogRequests,
    method: Method,
    uri: Uri,
    client: Option<IpAddr>,
}

/// How a request ended.
pub struct Outcome<'a> {
    pub context: &'a RequestContext,
    pub id: &'a str,
    pub status: u16,
    pub duration: Duration,
    /// The reason of a failure.
    pub cause: Option<&'a str>,
    /// Whether the request was refused because of load.
    pub is_overload: bool,
}

impl RequestLine {
    /// Begins the line. `None` if the log has no lines of requests.
    pub fn begin(request: &HttpRequest, app: Option<&AppState>) -> Option<Self> {
        let log = RequestLog::get()?;
        let settings = &app?.settings;
        let client = match settings.log.addresses {
            LogAddresses::None => None,
            LogAddresses::Full => client_address(app?, request),
            LogAddresses::Network => client_address(app?, request).map(shorten),
        };
        Some(Self {
            log,
            policy: settings.log.requests,
            method: request.method().clone(),
            uri: request.uri().clone(),
            client,
        })
    }

    /// Writes the line.
    pub fn write(&self, outcome: &Outcome<'_>) {
        let add_fields = |fields: &mut Fields<'_>| self.add_fields(outcome, fields);
        self.log.write(self.level(outcome), add_fields);
    }

    fn add_fields(&self, outcome: &Outcome<'_>, fields: &mut Fields<'_>) {
        let micros = u64::try_from(outcome.duration.as_micros()).unwrap_or(u64::MAX);
        fields.text("method", &loggable(self.method.as_str()));
        // The query can contain a key, so only the path is logged.
        fields.text("path", &loggable(self.uri.path()));
        fields.number("status", outcome.status.into());
        fields.number("duration_us", micros);
        fields.text("route", outcome.context.route());
        fields.text("caller", outcome.context.caller().as_str());
        if let Some(client) = self.client {
            fields.plain("client", client);
        }
        fields.text("id", outcome.id);
        if let Some(cause) = outcome.cause {
            fields.text("cause", &loggable(cause));
        }
    }

    /// A failure has the level `error`, a refusal because of load `warn`, another refusal
    /// `info`. A success has `info` or `debug`, as `--log-requests` says.
    fn level(&self, outcome: &Outcome<'_>) -> Level {
        if OPERATOR_PATHS.contains(&self.uri.path()) {
            return Level::Debug;
        }
        match (outcome.status, self.policy) {
            (500.., _) if outcome.is_overload => Level::Warn,
            (500.., _) => Level::Error,
            (400.., _) | (_, LogRequests::All) => Level::Info,
            (_, LogRequests::Errors) => Level::Debug,
        }
    }
}

/// The network of an address: the first 24 bits of IPv4, the first 48 of IPv6. The rest
/// is zero.
fn shorten(address: IpAddr) -> IpAddr {
    match network_of(address) {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & (u32::MAX << 8)).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 80)).into()),
    }
}

/// A text of a client or of another server as the log has it: without keys and tokens,
/// and cut after [`MAX_TEXT_BYTES`].
fn loggable(text: &str) -> Cow<'_, str> {
    let text = redact(text);
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    let end = text.floor_char_boundary(MAX_TEXT_BYTES);
    Cow::Owned(format!("{}...", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_address_has_only_the_network() {
        for (address, network) in [
            ("203.0.113.77", "203.0.113.0"),
            ("::ffff:203.0.113.77", "203.0.113.0"),
            ("2001:db8:1234:5678::9", "2001:db8:1234::"),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(shorten(address).to_string(), network);
        }
    }

    #[test]
    fn long_text_is_cut() {
        let longest = "é".repeat(MAX_TEXT_BYTES / 2);
        assert_eq!(loggable(&longest), longest);
        assert_eq!(loggable(&format!("{longest}x")), format!("{longest}..."));
        assert_eq!(loggable(&format!("x{longest}")), {
            let cut = &longest[..MAX_TEXT_BYTES - 2];
            format!("x{cut}...")
        });
    }
}
