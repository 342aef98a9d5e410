//! `/metrics` for Prometheus.
//!
//! The metrics are for the operator of the server. On the address of the API, only
//! programs on the same machine may read them. A proxy on the same machine must not
//! publish them, so a request that a proxy or a browser sends is refused.

use std::net::IpAddr;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::http::uri::Authority;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::AppState;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::metrics_collector::{self, CONTENT_TYPE};
use crate::http::response::HandlerResult;

/// The metrics on the address of the API.
pub async fn local(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    if app.settings.metrics_listen.is_some() {
        return Err(ApiError::new(ErrorCode::NotFound));
    }
    if !is_local(&request) {
        return Err(ApiError::forbidden(
            "Metrics are for programs on the same machine, without a proxy. Set --metrics-listen \
             to serve them on another address",
        ));
    }
    scrape(app).await
}

/// The metrics on their own address.
pub async fn scrape(app: web::Data<AppState>) -> HandlerResult {
    let check = app.readiness.check(&app.services, app.lock.as_deref());
    let is_ready = check.await.is_ok();
    // Reads files, which may be on a slow disk.
    let text = web::block(move || metrics_collector::encode(app.into_inner(), is_ready)).await;
    let text = text.map_err(ApiError::internal)?;
    let text = text.map_err(ApiError::internal)?;
    let mut response = HttpResponse::build(StatusCode::OK);
    response.insert_header((header::CONTENT_TYPE, CONTENT_TYPE));
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(response.body(text))
}

/// Whether the client is a program on this machine that was told to connect to this
/// machine. The socket tells where the client is; what a request says of itself counts
/// only against it. The host of a request is another one if a proxy passes it on, or if
/// a website resolves its own name to this machine.
fn is_local(request: &HttpRequest) -> bool {
    let peer = request.peer_addr();
    let is_loopback = peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let headers = request.headers();
    let is_of_browser = headers
        .get_all(SEC_FETCH_SITE)
        .any(|site| site.as_bytes() != b"none");
    is_loopback
        && has_loopback_host(headers)
        && !is_of_browser
        && !headers.keys().any(is_forwarding_header)
}

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Whether the only `Host` is a name or an address of this machine.
fn has_loopback_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST);
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let authority = host
        .to_str()
        .ok()
        .and_then(|host| host.parse::<Authority>().ok());
    authority.is_some_and(|authority| is_loopback_name(authority.host()))
}

fn is_loopback_name(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Whether proxies, or browsers for pages of websites, add the header.
fn is_forwarding_header(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-")
        || ["forwarded", "x-real-ip", "via", "origin", "referer"].contains(&name)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// A request from `peer` to the address of this machine.
    fn request(peer: &str) -> TestRequest {
        TestRequest::default()
            .peer_addr(peer.parse().expect("an address"))
            .insert_header((header::HOST, "127.0.0.1:8787"))
    }

    #[test]
    fn only_a_program_on_this_machine_is_local() {
        for (peer, expected) in [
            ("127.0.0.1:5", true),
            ("127.9.9.9:5", true),
            ("[::1]:5", true),
            ("[::ffff:127.0.0.1]:5", true),
            ("192.168.0.7:5", false),
            ("[2001:db8::1]:5", false),
            ("0.0.0.0:5", false),
        ] {
            let request = request(peer).to_http_request();
            assert_eq!(is_local(&request), expected, "{peer}");
        }
        assert!(!is_local(&TestRequest::default().to_http_request()));
        // A forwarding header cannot make a client local.
        let remote = request("192.168.0.7:5").insert_header(("X-Forwarded-For", "127.0.0.1"));
        assert!(!is_local(&remote.to_http_request()));
    }

    #[test]
    fn requests_of_proxies_and_of_pages_of_websites_are_not_local() {
        for name in [
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "Forwarded",
            "X-Real-IP",
            "Via",
            "Origin",
        ] {
            let request = request("127.0.0.1:5").insert_header((name, "127.0.0.1"));
            assert!(!is_local(&request.to_http_request()), "{name}");
        }
        for (site, expected) in [
            ("none", true),
            ("cross-site", false),
            ("same-origin", false),
        ] {
            let request = request("127.0.0.1:5").insert_header((SEC_FETCH_SITE, site));
            assert_eq!(is_local(&request.to_http_request()), expected, "{site}");
        }
    }

    #[test]
    fn requests_to_another_host_are_not_local() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost:8787", true),
            ("127.9.9.9", true),
            ("[::1]:8787", true),
            ("support.example.com", false),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com:8787", false),
            ("10.0.0.5:9464", false),
            ("", false),
        ] {
            let request = request("127.0.0.1:5").insert_header((header::HOST, host));
            assert_eq!(is_local(&request.to_http_request()), expected, "{host}");
        }
        let two = request("127.0.0.1:5").append_header((header::HOST, "localhost"));
        assert!(!is_local(&two.to_http_request()));
        let none = TestRequest::default().peer_addr("127.0.0.1:5".parse().expect("an address"));
        assert!(!is_local(&none.to_http_request()));
    }
}
