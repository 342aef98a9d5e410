//! The built files of `web/dist`: the widget and the pages. `web/README.md` describes how
//! they are built. The program contains them, each also compressed with Brotli and gzip.
//! A debug build reads them from the folder.

use std::borrow::Cow;

use actix_web::http::header::{
    self, AcceptEncoding, ContentEncoding, Encoding, Header, HeaderName, HeaderValue,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use rust_embed::RustEmbed;

use crate::app::AppState;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::etag;
use crate::http::response::HandlerResult;

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Dist;

/// Names of files below `assets/` contain the hash of the content.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The codings of the compressed files, the best first, with the end of their names.
const CODINGS: [(ContentEncoding, &str); 2] = [
    (ContentEncoding::Brotli, ".br"),
    (ContentEncoding::Gzip, ".gz"),
];

/// The script of the widget.
pub async fn widget_script(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    respond(&app, &request, "widget.js")
}

/// The widget as an ES module.
pub async fn widget_module(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    respond(&app, &request, "widget.mjs")
}

/// A file whose content never changes, because its name contains the hash of it.
pub async fn hashed_file(
    app: web::Data<AppState>,
    request: HttpRequest,
    name: web::Path<String>,
) -> HandlerResult {
    if name.contains('/') {
        return Err(ApiError::new(ErrorCode::NotFound));
    }
    let mut response = respond(&app, &request, &format!("assets/{name}"))?;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, IMMUTABLE);
    Ok(response)
}

/// The file at `path`, in the best coding that the client accepts.
///
/// # Errors
/// 404 if there is no such file; 429 or 503 if the memory budget does not suffice.
pub fn respond(app: &AppState, request: &HttpRequest, path: &str) -> HandlerResult {
    let content_type = content_type(path).ok_or(ApiError::new(ErrorCode::NotFound))?;
    let file = Dist::get(path).ok_or(ApiError::new(ErrorCode::NotFound))?;
    let (coding, data) = match compressed(request, path) {
        Some((coding, data)) => (Some(coding), data),
        None => (None, file.data),
    };
    let mut response = etag::respond_public(app, request, to_bytes(data))?;
    set_headers(&mut response, content_type, coding);
    Ok(response)
}

/// The text of a page.
///
/// # Errors
/// 404 if there is no such page.
pub fn text(path: &str) -> Result<String, ApiError> {
    let file = Dist::get(path).ok_or(ApiError::new(ErrorCode::NotFound))?;
    String::from_utf8(file.data.into_owned()).map_err(ApiError::internal)
}

/// A page whose text is made for one response.
///
/// # Errors
/// 429 or 503 if the memory budget does not suffice.
pub fn respond_with(app: &AppState, request: &HttpRequest, page: String) -> HandlerResult {
    let mut response = etag::respond_public(app, request, page)?;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    Ok(response)
}

fn set_headers(
    response: &mut HttpResponse,
    content_type: &'static str,
    coding: Option<ContentEncoding>,
) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(coding) = coding {
        headers.insert(
            header::CONTENT_ENCODING,
            HeaderValue::from_static(coding.as_str()),
        );
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // Pages of other websites load the widget, also those that are isolated by
    // `Cross-Origin-Embedder-Policy`. A cache may have the response to a request
    // without `Origin`, so that this header is always sent.
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
}

/// The compressed file in the best coding that the client accepts.
fn compressed(request: &HttpRequest, path: &str) -> Option<(ContentEncoding, Cow<'static, [u8]>)> {
    let accepted = AcceptEncoding::parse(request).ok()?;
    let supported = CODINGS.map(|(coding, _)| Encoding::Known(coding));
    let chosen = accepted.negotiate(supported.iter())?;
    let (coding, end) = CODINGS
        .into_iter()
        .find(|(coding, _)| chosen == Encoding::Known(*coding))?;
    let file = Dist::get(&format!("{path}{end}"))?;
    Some((coding, file.data))
}

fn content_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn to_bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}
