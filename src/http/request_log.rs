//! The line of a request in the log.
//!
//! A line never has tokens, keys, queries or message text. It has the path, without the
//! query, and the address of the client in the form of `--log-addresses`.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::{Method, Uri};
use log::Level;
use log::kv::{Error, Source, VisitSource};

use crate::access::network_of;
use crate::app::AppState;
use crate::config::{LogAddresses, LogRequests};
use crate::http::auth::client_address;
use crate::http::request_context::RequestContext;
use crate::log_buffer::REQUEST_TARGET;

/// The status of a request whose client disconnected before the response.
pub const CLIENT_DISCONNECTED: u16 = 499;

/// The paths for the operator of the server. A shutdown does not close them, and their
/// lines have the level `debug`, because monitoring requests them all the time.
pub const OPERATOR_PATHS: [&str; 3] = ["/health", "/ready", "/metrics"];

/// The properties of a request that its line needs. The request itself must not be kept,
/// because the router needs it unshared.
pub struct RequestLine {
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
}

impl RequestLine {
    /// Begins the line. `None` if the log has no lines of requests.
    pub fn begin(request: &HttpRequest, app: Option<&AppState>) -> Option<Self> {
        if !log::log_enabled!(target: REQUEST_TARGET, Level::Error) {
            return None;
        }
        let settings = &app?.settings;
        let client = match settings.log.addresses {
            LogAddresses::None => None,
            LogAddresses::Full => client_address(app?, request),
            LogAddresses::Network => client_address(app?, request).map(shorten),
        };
        Some(Self {
            policy: settings.log.requests,
            method: request.method().clone(),
            uri: request.uri().clone(),
            client,
        })
    }

    /// Writes the line.
    pub fn write(&self, outcome: &Outcome<'_>) {
        let level = self.level(outcome.status);
        if !log::log_enabled!(target: REQUEST_TARGET, level) {
            return;
        }
        let fields = Fields {
            line: self,
            outcome,
        };
        let record = log::Record::builder()
            .args(format_args!(""))
            .level(level)
            .target(REQUEST_TARGET)
            .key_values(&fields)
            .build();
        log::logger().log(&record);
    }

    /// A failure has the level `error`, a refusal `info`. A success has `info` or
    /// `debug`, as `--log-requests` says.
    fn level(&self, status: u16) -> Level {
        if OPERATOR_PATHS.contains(&self.uri.path()) {
            return Level::Debug;
        }
        match (status, self.policy) {
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

struct Fields<'a> {
    line: &'a RequestLine,
    outcome: &'a Outcome<'a>,
}

impl Source for Fields<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        let mut add = |name: &'static str, value: log::kv::Value<'kvs>| {
            visitor.visit_pair(name.into(), value)
        };
        let Self { line, outcome } = self;
        let micros = u64::try_from(outcome.duration.as_micros()).unwrap_or(u64::MAX);
        add("method", line.method.as_str().into())?;
        // The query can contain a key, so only the path is logged.
        add("path", line.uri.path().into())?;
        add("status", outcome.status.into())?;
        add("duration_us", micros.into())?;
        add("route", outcome.context.route().into())?;
        add("caller", outcome.context.caller().as_str().into())?;
        if let Some(client) = &line.client {
            add("client", log::kv::Value::from_display(client))?;
        }
        add("id", outcome.id.into())?;
        if let Some(cause) = outcome.cause {
            add("cause", cause.into())?;
        }
        Ok(())
    }
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
}
