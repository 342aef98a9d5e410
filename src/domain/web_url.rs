//! URLs of pages and pictures on the web.

use url::Url;

use super::validation::{MAX_URI_BYTES, ValidationError};

/// Parses an `http` or `https` URL.
pub fn parse_web_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Removes user name and password.
pub fn without_userinfo(mut url: Url) -> Url {
    // Fails for URLs without a host, which have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// The address of a page as it is stored: the text without user name and password.
/// `None` if it is no web page, such as `javascript:` and `file:`, or longer than
/// [`MAX_URI_BYTES`].
pub fn page_address(text: &str) -> Option<String> {
    let url = parse_web_url(text)?;
    let address = if url.username().is_empty() && url.password().is_none() {
        text.to_owned()
    } else {
        without_userinfo(url).into()
    };
    (address.len() <= MAX_URI_BYTES).then_some(address)
}

/// Returns `text` if it is an `http` or `https` URL of at most [`MAX_URI_BYTES`].
pub fn bounded_web_url(field: &'static str, text: &str) -> Result<String, ValidationError> {
    if text.len() <= MAX_URI_BYTES && parse_web_url(text).is_some() {
        return Ok(text.to_owned());
    }
    Err(ValidationError::new(field, web_url_rule()))
}

/// The rule of [`bounded_web_url`] in words.
pub(super) fn web_url_rule() -> String {
    format!("must be an http or https URL of at most {MAX_URI_BYTES} characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_address_is_a_web_address_without_user_and_password() {
        for (text, expected) in [
            (
                "https://shop.example/a?b#c",
                Some("https://shop.example/a?b#c"),
            ),
            ("HTTP://Shop.example", Some("HTTP://Shop.example")),
            (
                "https://ann:pw@shop.example/a",
                Some("https://shop.example/a"),
            ),
            ("http://:pw@shop.example/", Some("http://shop.example/")),
            (
                "https://ann@shop.example/a@b",
                Some("https://shop.example/a@b"),
            ),
            ("javascript:alert(1)", None),
            (" JavaScript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("data:text/html,x", None),
            ("file:///etc/passwd", None),
            ("ftp://ann:pw@shop.example/", None),
            ("urn:isbn:0451450523", None),
            ("shop", None),
        ] {
            assert_eq!(page_address(text).as_deref(), expected, "{text}");
        }
        // Without the user name, the path is percent-encoded and too long.
        let long = format!("https://ann@shop.example/{}", "é".repeat(1000));
        assert_eq!(page_address(&long), None);
    }
}
