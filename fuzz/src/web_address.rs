//! Addresses that requests contain: hosts, origins and pages.

use parlor::domain::{Origin, page_address};
use parlor::own_urls::{BaseUrl, Scheme};
use url::Url;

use super::Target;

pub struct WebAddress;

impl Target for WebAddress {
    const NAME: &'static str = "web_address";
    const DICTIONARY: &'static [&'static str] = &[
        "http://",
        "https://",
        "HTTPS:",
        "javascript:",
        "data:",
        "file:///",
        "//",
        "@",
        ":",
        ":443",
        ":0",
        ":65536",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "0x7f.1",
        "localhost",
        ".",
        "..",
        "%",
        "%00",
        "\\",
        "/",
        "?",
        "#",
        "\t",
        "\n",
        "\r",
        " ",
        "xn--",
        "é",
        "ß",
        "\u{3002}",
        "\u{ad}",
    ];
    const MAX_BYTES: usize = 4 << 10;

    fn new() -> Self {
        Self
    }

    fn run(&self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        for scheme in [Scheme::Http, Scheme::Https] {
            if let Some(base) = BaseUrl::new(scheme, &text) {
                expect_origin_only(&base.to_string());
            }
        }
        if let Some(origin) = Origin::from_url(&text) {
            let again = Origin::from_url(origin.as_str());
            assert_eq!(again.as_ref(), Some(&origin), "{text:?}");
        }
        if let Some(address) = page_address(&text) {
            let url = Url::parse(&address).expect("a URL");
            assert!(["http", "https"].contains(&url.scheme()), "{address}");
            assert!(
                url.username().is_empty() && url.password().is_none(),
                "{address}"
            );
        }
    }
}

/// The base of the URLs of this server has no part that could change their meaning. (A
/// number that is too large for an IPv4 address is no valid host of a URL.)
fn expect_origin_only(base: &str) {
    assert!(base.chars().all(|c| c.is_ascii_graphic()), "{base:?}");
    let (_, authority) = base.split_once("://").expect("a scheme");
    assert!(
        !authority.contains(['/', '?', '#', '@', '\\', '%', '"', '<', ',', ';']),
        "{base}"
    );
    if let Ok(url) = Url::parse(&format!("{base}/v2")) {
        assert_eq!(url.path(), "/v2", "{base}");
        assert!(url.username().is_empty() && url.query().is_none(), "{base}");
    }
}
