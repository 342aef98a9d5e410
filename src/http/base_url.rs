//! The base of the URLs in a response (docs/api-contract.md, section 1.8).

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::app::AppState;
use crate::own_urls::{BaseUrl, Scheme};

/// The base of the URLs in the response to `request`: `--public-url`, otherwise
/// the host that the request names, otherwise the address that the server
/// listens on. Every URL of this server in a response begins with this base.
pub fn of<'r>(app: &'r AppState, request: &'r HttpRequest) -> BaseUrl<'r> {
    let behind_proxy = app.settings.behind_proxy;
    app.own_urls.base(|| requested(request, behind_proxy))
}

/// The base that the request names. `X-Forwarded-Proto` and `X-Forwarded-Host`
/// count only behind a proxy. An invalid host counts as missing.
fn requested(request: &HttpRequest, behind_proxy: bool) -> Option<BaseUrl<'_>> {
    let forwarded = |name| behind_proxy.then(|| last_entry(request, name)).flatten();
    let scheme = match forwarded("x-forwarded-proto") {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
        _ => Scheme::Http,
    };
    let forwarded_base = || BaseUrl::new(scheme, forwarded("x-forwarded-host")?);
    forwarded_base().or_else(|| BaseUrl::new(scheme, host(request)?))
}

/// The host to which the client sent the request: of an absolute target (RFC
/// 9112, section 3.2.2), otherwise of the `Host` header. actix refuses a request
/// with two of these headers, and one of HTTP/1.1 without.
fn host(request: &HttpRequest) -> Option<&str> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(header::HOST)?.to_str().ok(),
    }
}

/// The last entry of a list in a header that proxies write. A proxy adds its
/// entry at the end, so that the last one is from the trusted proxy, and the
/// others can be from the client.
pub fn last_entry<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let last_line = request.headers().get_all(name).last()?;
    let last = last_line.to_str().ok()?.rsplit(',').next();
    last.map(str::trim)
}
