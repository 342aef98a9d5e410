//! The URLs under which this server is reached.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::domain::Origin;

/// The beginning of a URL of this server: scheme, host and port, without a
/// trailing slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseUrl<'a> {
    scheme: &'a str,
    authority: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl<'a> BaseUrl<'a> {
    /// Builds the base from a host with an optional port, as in a `Host` header.
    /// `None` if the text is anything else. The standard port of the scheme is
    /// left out.
    pub fn new(scheme: Scheme, authority: &'a str) -> Option<Self> {
        let (scheme, standard_port) = match scheme {
            Scheme::Http => ("http", 80),
            Scheme::Https => ("https", 443),
        };
        let (host, port) = split_authority(authority)?;
        let has_port = port.is_some_and(|port| port != standard_port);
        let authority = if has_port { authority } else { host };
        Some(Self { scheme, authority })
    }

    /// Builds the base from an origin. `None` if its host has other characters
    /// than hosts on the web have.
    pub fn of_origin(origin: &'a Origin) -> Option<Self> {
        match origin.as_str().split_once("://")? {
            ("http", authority) => Self::new(Scheme::Http, authority),
            ("https", authority) => Self::new(Scheme::Https, authority),
            _ => None,
        }
    }

    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// The length in bytes.
    pub fn length(&self) -> usize {
        self.scheme.len() + "://".len() + self.authority.len()
    }

    pub fn push_to(&self, text: &mut String) {
        text.push_str(self.scheme);
        text.push_str("://");
        text.push_str(self.authority);
    }
}

impl fmt::Display for BaseUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// The maximum length of a host name (RFC 1035).
const MAX_HOST_BYTES: usize = 253;

/// Splits a host from its port. `None` unless the host is a name of letters,
/// digits, `-`, `_` and `.`, an IPv4 address, or an IPv6 address in brackets.
/// RFC 3986 allows more characters, which no host on the web has, and which
/// could change the meaning of a URL or of a header that contains the host.
fn split_authority(text: &str) -> Option<(&str, Option<u16>)> {
    let is_ipv6 = text.starts_with('[');
    let end = if is_ipv6 {
        text.find(']')? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, port) = text.split_at(end);
    let is_host = if is_ipv6 {
        host[1..end - 1].parse::<Ipv6Addr>().is_ok()
    } else {
        is_host_name(host)
    };
    if !is_host {
        return None;
    }
    match port.strip_prefix(':') {
        None => port.is_empty().then_some((host, None)),
        // RFC 3986 allows a colon without a port.
        Some("") => Some((host, None)),
        Some(port) => Some((host, Some(parse_port(port)?))),
    }
}

fn is_host_name(host: &str) -> bool {
    // The dot at the end of a fully qualified name is allowed.
    let name = host.strip_suffix('.').unwrap_or(host);
    let mut previous = b'.';
    let is_valid = name.bytes().all(|byte| {
        let is_dot_after_label = byte == b'.' && previous != b'.';
        previous = byte;
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || is_dot_after_label
    });
    is_valid && previous != b'.' && name.len() <= MAX_HOST_BYTES
}

fn parse_port(text: &str) -> Option<u16> {
    // `parse` alone would accept a plus sign.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| *port > 0);
    port.filter(|_| is_number && text.len() <= 5)
}

/// The origins of this server and the base of its URLs.
#[derive(Debug, Clone)]
pub struct OwnUrls {
    /// `--public-url`.
    public: Option<Origin>,
    /// The host and port that the server listens on.
    listening: String,
    /// The origins at which the server is reached without `--public-url`.
    local: Vec<Origin>,
}

impl OwnUrls {
    /// `public` is the setting `--public-url`, `listening` the address that the
    /// server listens on.
    pub fn new(public: Option<Origin>, listening: SocketAddr) -> Self {
        let (ip, port) = (reachable_ip(listening.ip()), listening.port());
        let local = [
            format!("http://{}", SocketAddr::new(listening.ip(), port)),
            format!("http://{}", SocketAddr::new(ip, port)),
            format!("http://localhost:{port}"),
        ];
        Self {
            public,
            listening: SocketAddr::new(ip, port).to_string(),
            local: local
                .iter()
                .filter_map(|url| Origin::from_url(url))
                .collect(),
        }
    }

    /// Whether a page of this origin comes from this server. Such pages may use
    /// every key (`docs/api-contract.md`, section 3.4).
    pub fn is_own_origin(&self, origin: &Origin) -> bool {
        match &self.public {
            Some(public) => public == origin,
            None => self.local.contains(origin),
        }
    }

    /// The base for responses. `requested` is the base that the request names;
    /// `--public-url` replaces it. Without both, it is the address that the
    /// server listens on.
    pub fn base<'a>(&'a self, requested: impl FnOnce() -> Option<BaseUrl<'a>>) -> BaseUrl<'a> {
        let base = match &self.public {
            Some(public) => BaseUrl::of_origin(public),
            None => requested(),
        };
        base.unwrap_or_else(|| self.listening())
    }

    /// The base for programs on this machine.
    pub fn listening(&self) -> BaseUrl<'_> {
        let authority = &self.listening;
        BaseUrl::new(Scheme::Http, authority).unwrap_or(BaseUrl {
            scheme: "http",
            authority,
        })
    }
}

/// The address at which a server on all addresses is reached on this machine.
fn reachable_ip(listening: IpAddr) -> IpAddr {
    match listening {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::from_url(url).expect(url)
    }

    fn base(scheme: Scheme, authority: &str) -> Option<String> {
        BaseUrl::new(scheme, authority).map(|base| base.to_string())
    }

    #[test]
    fn public_url_is_the_only_own_origin_and_the_base() {
        let public = origin("https://chat.example");
        let urls = OwnUrls::new(Some(public.clone()), ([127, 0, 0, 1], 8787).into());
        assert!(urls.is_own_origin(&public));
        assert!(!urls.is_own_origin(&origin("http://127.0.0.1:8787")));
        let requested = || BaseUrl::new(Scheme::Http, "other.example");
        assert_eq!(urls.base(requested).to_string(), "https://chat.example");
    }

    #[test]
    fn without_public_url_the_base_is_the_requested_one() {
        let urls = OwnUrls::new(None, ([127, 0, 0, 1], 8787).into());
        assert!(urls.is_own_origin(&origin("http://127.0.0.1:8787")));
        assert!(urls.is_own_origin(&origin("http://localhost:8787")));
        assert!(!urls.is_own_origin(&origin("http://localhost:80")));
        let requested = BaseUrl::new(Scheme::Http, "shop.example:81");
        assert_eq!(
            urls.base(|| requested).to_string(),
            "http://shop.example:81"
        );
        assert_eq!(urls.base(|| None).to_string(), "http://127.0.0.1:8787");
    }

    #[test]
    fn server_on_all_addresses_names_a_reachable_one() {
        for (listening, expected) in [
            ("0.0.0.0:8787", "http://127.0.0.1:8787"),
            ("[::]:8787", "http://[::1]:8787"),
            ("[::1]:80", "http://[::1]"),
            ("192.0.2.1:80", "http://192.0.2.1"),
            ("[fe80::1%2]:8787", "http://[fe80::1]:8787"),
        ] {
            let urls = OwnUrls::new(None, listening.parse().expect(listening));
            assert_eq!(urls.listening().to_string(), expected);
            assert!(urls.is_own_origin(&origin(expected)));
        }
    }

    #[test]
    fn standard_port_of_the_scheme_is_left_out() {
        for (authority, http, https) in [
            ("a.example", "http://a.example", "https://a.example"),
            ("a.example:80", "http://a.example", "https://a.example:80"),
            ("a.example:443", "http://a.example:443", "https://a.example"),
            ("a.example:", "http://a.example", "https://a.example"),
            ("[::1]:443", "http://[::1]:443", "https://[::1]"),
            (
                "A_b-1.example.:81",
                "http://A_b-1.example.:81",
                "https://A_b-1.example.:81",
            ),
        ] {
            assert_eq!(base(Scheme::Http, authority).as_deref(), Some(http));
            assert_eq!(base(Scheme::Https, authority).as_deref(), Some(https));
        }
    }

    #[test]
    fn other_text_than_host_and_port_is_refused() {
        let long = format!("{}a", "a.".repeat(127));
        for authority in [
            "",
            ":80",
            ".",
            "..",
            "a..b",
            ".a",
            "a b",
            "a\tb",
            " a",
            "a ",
            "user@a",
            "u:p@a",
            "a/b",
            "a/",
            "a?b",
            "a#b",
            "a\\b",
            "a\"b",
            "a'b",
            "a<b>",
            "a>",
            "a;b",
            "a,b",
            "a%20b",
            "a\u{0}b",
            "a\u{7f}",
            "a\r\nb",
            "\u{e4}.example",
            "a:b",
            "a:-1",
            "a:+1",
            "a:0",
            "a:65536",
            "a:080808",
            "a:80:80",
            "[::1",
            "::1",
            "[::1]x",
            "[]",
            "[::1%25eth0]",
            "[127.0.0.1]",
            "[a]",
            "http://a",
            &long,
        ] {
            assert_eq!(base(Scheme::Http, authority), None, "{authority:?}");
        }
    }
}
