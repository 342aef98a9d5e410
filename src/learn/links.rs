//! Where links lead.

use url::Url;

/// The absolute form of a link that makes sense away from its page; None for
/// the others, of which only the text is kept.
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
    matches!(url.scheme(), "http" | "https" | "mailto" | "tel").then_some(url)
}

/// Whether two addresses are of one website: the same host, and the same port
/// or each its scheme's usual one.
pub fn same_site(one: &Url, other: &Url) -> bool {
    let usual = |url: &Url| url.port().is_none();
    one.host_str().is_some()
        && one.host_str() == other.host_str()
        && (one.port_or_known_default() == other.port_or_known_default()
            || usual(one) && usual(other))
}

/// An address in a link's brackets: nothing in it may end the link.
pub fn in_brackets(url: &Url) -> String {
    url.as_str().replace('(', "%28").replace(')', "%29")
}
