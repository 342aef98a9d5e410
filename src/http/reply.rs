//! Answers: JSON with its ETag, and errors in their envelope.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use highway::{HighwayHash, HighwayHasher, Key};
use serde::Serialize;

use crate::app::App;
use crate::error::{ApiError, Code};

pub const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Kept by the caller alone, and asked for again each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// 200 with a JSON body, or 304 where the caller has that body already.
pub fn cached(app: &App, request: &HttpRequest, body: Vec<u8>) -> HttpResponse {
    let tag = entity_tag(app, &body);
    let mut response = match knows(request.headers(), &tag) {
        true => HttpResponse::NotModified().finish(),
        false => bytes(StatusCode::OK, body),
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, PRIVATE);
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    response
}

/// A JSON body with a status.
pub fn json(status: StatusCode, value: &impl Serialize) -> Result<HttpResponse, ApiError> {
    Ok(bytes(status, serde_json::to_vec(value)?))
}

/// A body that is JSON already.
pub fn bytes(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, BoxBody::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// A strong tag: 128 bits that nobody without the key can find another body for.
fn entity_tag(app: &App, body: &[u8]) -> HeaderValue {
    let [high, low] = HighwayHasher::new(Key(app.tag_key)).hash128(body);
    HeaderValue::try_from(format!("\"{high:016x}{low:016x}\""))
        .unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether If-None-Match names this tag (weakly, as RFC 9110 has it) or any.
fn knows(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers.get_all(header::IF_NONE_MATCH).any(|known| {
        known.as_bytes().split(|byte| *byte == b',').any(|one| {
            let one = one.trim_ascii();
            one == b"*" || one.strip_prefix(b"W/").unwrap_or(one) == tag.as_bytes()
        })
    })
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.entry().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = bytes(self.status_code(), self.body_json());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        response.extensions_mut().insert(self.clone());
        response
    }
}
