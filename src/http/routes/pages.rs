//! The pages outside of the API: the start page, the inbox, and the files that browsers and
//! crawlers request from every server.

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, web};
use base64::prelude::{BASE64_STANDARD, Engine};

use crate::app::AppState;
use crate::http::error::ApiError;
use crate::http::response::HandlerResult;
use crate::http::{assets, base_url};
use crate::own_urls::BaseUrl;

/// The content security policy of the pages: no resources of other servers, except the
/// pictures of agents, and no inline code.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// `/`: in the demo a page of its shop with the widget, otherwise an explanation of the
/// server.
pub async fn start(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let page = if app.demo { "shop.html" } else { "home.html" };
    let mut response = assets::respond(&app, &request, page)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    Ok(response)
}

/// The inbox of agents: one page with all its views.
pub async fn inbox(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    respond_with_nonce(&app, &request, "inbox.html")
}

/// The page that opens the conversation of a link in an e-mail.
pub async fn chat(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    respond_with_nonce(&app, &request, "chat.html")
}

/// The page that sets a project up.
pub async fn setup(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    respond_with_nonce(&app, &request, "setup.html")
}

/// What a page has instead of the nonce of its response.
const NONCE_PLACEHOLDER: &str = "__CSP_NONCE__";

/// Responds with a page for agents. Its scripts and styles have a nonce, which is new in each
/// response, so that no cache stores it.
///
/// # Errors
/// 404 if there is no such page; 429 or 503 if the memory budget does not suffice.
fn respond_with_nonce(app: &AppState, request: &HttpRequest, path: &str) -> HandlerResult {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(ApiError::internal)?;
    let nonce = BASE64_STANDARD.encode(random);
    let page = assets::text(path)?.replace(NONCE_PLACEHOLDER, &nonce);
    let mut response = assets::respond_with(app, request, page)?;
    let policy = nonce_policy(&base_url::of(app, request), &nonce);
    let policy = HeaderValue::try_from(policy).map_err(ApiError::internal)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in PRIVATE_PAGE_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.remove(header::ETAG);
    Ok(response)
}

/// Headers of pages for agents. No other website learns anything of them.
const PRIVATE_PAGE_HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The content security policy of a page for agents. Older browsers do not take WebSockets
/// of this server for `'self'`.
fn nonce_policy(base: &BaseUrl<'_>, nonce: &str) -> String {
    let base = base.to_string();
    let sockets = base.replacen("http", "ws", 1);
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'; \
         style-src 'self' 'nonce-{nonce}'; connect-src 'self' {sockets}; \
         img-src 'self' data: https:; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}

pub async fn favicon(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    assets::respond(&app, &request, "favicon.ico")
}

/// The licences of the packages that are part of the widget.
pub async fn notices(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    assets::respond(&app, &request, "third-party-notices.txt")
}

pub async fn robots(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    assets::respond(&app, &request, "robots.txt")
}
