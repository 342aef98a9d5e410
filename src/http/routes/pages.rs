//! The pages outside of the API: the start page, and the files that browsers and crawlers
//! request from every server.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, web};

use crate::app::AppState;
use crate::http::assets;
use crate::http::response::HandlerResult;

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
