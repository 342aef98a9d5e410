//! Entity tags: the `ETag` of a response and `If-None-Match` of a request
//! (docs/api-contract.md, section 1.7).

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use highway::{HighwayHash, HighwayHasher, Key};

use crate::access::Owner;
use crate::app::AppState;
use crate::http::auth;
use crate::http::charged_body::SharedBytes;
use crate::http::response::{APPLICATION_JSON, HandlerResult};

/// Only the client may store the response, and must revalidate it.
pub const PRIVATE_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Every cache may store the response, and must revalidate it, because a new
/// version of the server may change it.
const PUBLIC_CACHE_CONTROL: HeaderValue = HeaderValue::from_static("no-cache");

/// 200 with a JSON body and its ETag, or 304 if the client has that body. The body is
/// charged to `owner`.
///
/// # Errors
/// 429 or 503 if the memory budget does not suffice.
pub fn respond(
    app: &AppState,
    request: &HttpRequest,
    owner: Owner,
    body: Vec<u8>,
) -> HandlerResult {
    TaggedBody::new(app.signing.current().tag_key, body).respond(app, request, owner)
}

/// As [`respond`], with a body that is the same for all callers.
///
/// # Errors
/// As for [`respond`].
pub fn respond_public(
    app: &AppState,
    request: &HttpRequest,
    body: impl Into<Bytes>,
) -> HandlerResult {
    let owner = auth::address_owner(app, request);
    let tag_key = app.signing.current().tag_key;
    let mut response = TaggedBody::new(tag_key, body).respond(app, request, owner)?;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, PUBLIC_CACHE_CONTROL);
    headers.remove(header::VARY);
    Ok(response)
}

/// A JSON body with its entity tag, for any number of responses.
pub struct TaggedBody {
    body: SharedBytes,
    tag: HeaderValue,
}

impl TaggedBody {
    pub fn new(tag_key: [u64; 4], body: impl Into<Bytes>) -> Self {
        let body = SharedBytes::new(body);
        let tag = entity_tag(tag_key, body.as_bytes());
        Self { body, tag }
    }

    /// 200 with the body, or 304 if the client has it.
    ///
    /// # Errors
    /// 429 or 503 if the memory budget does not suffice.
    pub fn respond(&self, app: &AppState, request: &HttpRequest, owner: Owner) -> HandlerResult {
        let mut response = if if_none_match(request.headers(), &self.tag) {
            let body = self.body.body(app, request, owner)?;
            HttpResponse::with_body(StatusCode::OK, body)
        } else {
            HttpResponse::NotModified().finish()
        };
        let is_modified = response.status() == StatusCode::OK;
        let headers = response.headers_mut();
        if is_modified {
            headers.insert(header::CONTENT_TYPE, APPLICATION_JSON);
        }
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::CACHE_CONTROL, PRIVATE_CACHE_CONTROL);
        headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
        Ok(response)
    }

    /// The length of the body in bytes.
    pub fn len(&self) -> usize {
        self.body.as_bytes().len()
    }
}

/// Computes the strong entity tag of a body: a keyed hash of 128 bits. Without
/// the key, a client cannot construct two bodies with the same tag.
fn entity_tag(key: [u64; 4], body: &[u8]) -> HeaderValue {
    let [high, low] = HighwayHasher::new(Key(key)).hash128(body);
    HeaderValue::try_from(format!("\"{high:016x}{low:016x}\""))
        .unwrap_or(HeaderValue::from_static("\"\""))
}

/// Evaluates `If-None-Match`: false if it names `tag` (weak comparison, RFC
/// 9110) or any tag.
fn if_none_match(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    !headers.get_all(header::IF_NONE_MATCH).any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|other| {
            let other = other.trim_ascii();
            other == b"*" || other.strip_prefix(b"W/").unwrap_or(other) == tag.as_bytes()
        })
    })
}
