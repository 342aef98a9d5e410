//! Answers: JSON with its ETag, and errors in their envelope.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use highway::{HighwayHash, HighwayHasher, Key};
use serde::Serialize;

use crate::app::AppState;
use crate::http::error::{ApiError, ErrorCode};

/// What every handler returns.
pub type HandlerResult = Result<HttpResponse, ApiError>;

pub const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Kept by the caller alone, and asked for again each time.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// 200 with a JSON body, or 304 where the caller has that body already.
pub fn cached(app: &AppState, request: &HttpRequest, body: Vec<u8>) -> HttpResponse {
    Content::of(app.tag_key, body).answer(request.headers())
}

/// A JSON body with its tag, for any number of answers.
pub struct Content {
    body: Bytes,
    tag: HeaderValue,
}

impl Content {
    pub fn of(tag_key: [u64; 4], body: Vec<u8>) -> Self {
        let tag = entity_tag(tag_key, &body);
        let body = body.into();
        Self { body, tag }
    }

    /// 200 with the body, or 304 where the caller has it already.
    pub fn answer(&self, asked: &HeaderMap) -> HttpResponse {
        let mut response = match knows(asked, &self.tag) {
            true => HttpResponse::NotModified().finish(),
            false => bytes(StatusCode::OK, self.body.clone()),
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::CACHE_CONTROL, PRIVATE);
        headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
        response
    }

    pub fn len(&self) -> usize {
        self.body.len()
    }
}

/// A JSON body with a status.
pub fn json(status: StatusCode, value: &impl Serialize) -> Result<HttpResponse, ApiError> {
    Ok(bytes(status, serde_json::to_vec(value)?))
}

/// A body that is JSON already.
pub fn bytes(status: StatusCode, body: impl Into<Bytes>) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, BoxBody::new(body.into()));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// A strong tag: 128 bits that nobody without the key can find another body for.
fn entity_tag(key: [u64; 4], body: &[u8]) -> HeaderValue {
    let [high, low] = HighwayHasher::new(Key(key)).hash128(body);
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
        StatusCode::from_u16(self.code.spec().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = bytes(self.status_code(), self.body_json());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.code == ErrorCode::Unauthorized {
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
