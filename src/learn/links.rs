//! Link targets.

use url::Url;

use crate::domain::without_userinfo;

/// The absolute form of a link. `None` for links that make no sense outside
/// their page (fragments, `javascript:`, relative links without a base); of
/// those only the text is kept. User name and password are removed.
pub fn absolute(link: &str, base: Option<&Url>) -> Option<Url> {
    let link = link.trim();
    if link.is_empty() || link.starts_with('#') {
        return None;
    }
    let url = match base {
        Some(base) => base.join(link),
        None => Url::parse(link),
    };
    let url = url.ok()?;
    has_link_scheme(&url).then(|| without_userinfo(url))
}

/// Whether a link may lead to the URL.
pub fn has_link_scheme(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https" | "mailto" | "tel")
}

/// Whether two addresses belong to one website: the same host, and either the
/// same port or the default port of each scheme.
pub fn same_site(one: &Url, other: &Url) -> bool {
    let has_default_port = |url: &Url| url.port().is_none();
    one.host_str().is_some()
        && one.host_str() == other.host_str()
        && (one.port_or_known_default() == other.port_or_known_default()
            || has_default_port(one) && has_default_port(other))
}

/// An address for the parentheses of a Markdown link, with its own parentheses
/// escaped.
pub fn escape_parentheses(url: &Url) -> String {
    url.as_str().replace('(', "%28").replace(')', "%29")
}
