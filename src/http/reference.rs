//! The API reference: a page with Swagger UI, which shows the OpenAPI document and
//! sends requests to this server. The page loads nothing from other servers.

use std::sync::LazyLock;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, web};
use bytes::Bytes;

use crate::app::AppState;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::etag;
use crate::http::response::HandlerResult;

/// The content security policy of the page: no resources of other servers and
/// no inline code. Swagger UI has its icons in `data:` URLs.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// A file of the page.
struct Asset {
    content_type: &'static str,
    /// `gzip` for the files that `build.rs` compresses. Every browser accepts it.
    content_encoding: Option<&'static str>,
    body: &'static [u8],
}

const HTML: &str = include_str!("../../web/reference.html");

const PAGE: Asset = page_of(HTML);

/// The page for a URL that ends in `/`, to which its relative URLs refer.
static FOLDER_PAGE: LazyLock<String> = LazyLock::new(|| HTML.replace("\"v2/", "\""));

const fn page_of(html: &'static str) -> Asset {
    Asset {
        content_type: "text/html; charset=utf-8",
        content_encoding: None,
        body: html.as_bytes(),
    }
}

/// The file `name` below `/v2/reference`.
fn find_asset(name: &str) -> Option<Asset> {
    let javascript = "text/javascript; charset=utf-8";
    let css = "text/css; charset=utf-8";
    let (content_type, content_encoding, body): (_, _, &[u8]) = match name {
        "reference.js" => (javascript, None, include_bytes!("../../web/reference.js")),
        "reference.css" => (css, None, include_bytes!("../../web/reference.css")),
        "swagger-ui.js" => (
            javascript,
            Some("gzip"),
            include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz")),
        ),
        "swagger-ui.css" => (
            css,
            Some("gzip"),
            include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz")),
        ),
        _ => return None,
    };
    Some(Asset {
        content_type,
        content_encoding,
        body,
    })
}

/// The page at `/v2`.
pub async fn page(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    respond(&app, &request, &PAGE)
}

/// The page at `/v2/`.
pub async fn folder_page(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    respond(&app, &request, &page_of(&FOLDER_PAGE))
}

/// A file that the page loads.
pub async fn asset(
    app: web::Data<AppState>,
    request: HttpRequest,
    name: web::Path<String>,
) -> HandlerResult {
    let asset = find_asset(&name).ok_or(ApiError::new(ErrorCode::NotFound))?;
    respond(&app, &request, &asset)
}

fn respond(app: &AppState, request: &HttpRequest, asset: &Asset) -> HandlerResult {
    let mut response = etag::respond_public(app, request, Bytes::from_static(asset.body))?;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(asset.content_type),
    );
    if let Some(coding) = asset.content_encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    Ok(response)
}
