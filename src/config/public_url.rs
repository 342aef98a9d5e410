//! The argument of `--public-url`.

use url::Url;

use super::parse_origin;
use crate::domain::Origin;
use crate::own_urls::BaseUrl;

/// Parses `--public-url`. A path is refused, because every path of the server
/// begins at the root of its host.
pub fn parse_public_url(text: &str) -> Result<Origin, String> {
    let origin = parse_origin(text)?;
    let has_more = Url::parse(text).is_ok_and(|url| {
        let user = (url.username(), url.password());
        let rest = (url.path(), url.query(), url.fragment());
        user != ("", None) || rest != ("/", None, None)
    });
    if has_more || BaseUrl::of_origin(&origin).is_none() {
        return Err(
            "must be scheme, host and port only, such as https://chat.example: parlor cannot be \
             served below a path of another website, so give it a host or a port of its own"
                .to_owned(),
        );
    }
    Ok(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_url_is_scheme_host_and_port() {
        for (url, expected) in [
            ("https://chat.example", "https://chat.example"),
            ("https://Chat.Example:443/", "https://chat.example"),
            ("http://[::1]:8787", "http://[::1]:8787"),
        ] {
            let public_url = parse_public_url(url).expect(url);
            assert_eq!(public_url.as_str(), expected);
        }
        for url in [
            "https://shop.example/chat",
            "https://shop.example//",
            "https://shop.example/?a",
            "https://shop.example/#a",
            "https://user@shop.example",
            "https://:secret@shop.example",
            "https://a\"b",
        ] {
            let error = parse_public_url(url).expect_err(url);
            assert!(error.contains("cannot be served below a path"), "{error}");
        }
        for url in ["chat.example", "ftp://chat.example", "https://"] {
            let error = parse_public_url(url).expect_err(url);
            assert!(error.contains("such as https://"), "{error}");
        }
    }
}
