//! JSON bodies of requests (docs/api-contract.md, sections 1.3 and 2.3).

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::access::{OverBudget, Owner, Permit};
use crate::app::AppState;
use crate::http::deserialize::{FieldError, Problem, from_json};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::surrogates::replace_unpaired;

/// A parsed body and the bytes that the client sent. It is charged to the memory budget
/// until it is dropped.
pub struct JsonBody<T> {
    pub value: T,
    pub raw: Bytes,
    _permit: Option<Permit>,
}

/// The body of an operation that takes no fields.
#[derive(Deserialize)]
pub struct NoFields {}

impl<T: DeserializeOwned> JsonBody<T> {
    /// Reads and parses the body of a request. An empty body is an object
    /// without fields. Unknown fields are ignored; of a field that occurs
    /// twice, the last value counts. U+FFFD replaces unpaired surrogates. The
    /// body is charged to `owner`.
    ///
    /// # Errors
    /// - 400 if the body is not a JSON object, or a field is absent or has the
    ///   wrong type
    /// - 413 if the body is too large
    /// - 415 if `Content-Type` is not JSON
    /// - 422 if a field breaks a rule
    /// - 429 or 503 if the memory budget does not suffice
    pub async fn read(
        app: &AppState,
        request: &HttpRequest,
        payload: web::Payload,
        owner: Owner,
    ) -> Result<Self, ApiError> {
        let (raw, permit) = read_bytes(app, request, payload, owner).await?;
        if !raw.is_empty() && !is_json(request) {
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType));
        }
        let value = parse(&raw)?;
        Ok(Self {
            value,
            raw,
            _permit: permit,
        })
    }
}

/// Parses the bytes of a body, as [`JsonBody::read`] describes.
pub(super) fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T, ApiError> {
    let object = if raw.is_empty() {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice(&replace_unpaired(raw)).unwrap_or_default()
    };
    if !object.is_object() {
        return Err(ApiError::body("body", "must be a JSON object"));
    }
    from_json(&object).map_err(ApiError::from)
}

impl From<FieldError> for ApiError {
    fn from(FieldError { path, problem }: FieldError) -> Self {
        match problem {
            Problem::Malformed(reason) => Self::body(&path, &reason),
            Problem::Invalid(reason) => Self::validation(&path, &reason),
        }
    }
}

/// Bodies up to this size are not charged. They fit into the first read buffer of a
/// connection.
const MAX_UNCHARGED_BYTES: usize = 8 << 10;

/// The maximum size of the buffer into which the framework reads.
const READ_BUFFER_BYTES: usize = 128 << 10;

async fn read_bytes(
    app: &AppState,
    request: &HttpRequest,
    mut payload: web::Payload,
    owner: Owner,
) -> Result<(Bytes, Option<Permit>), ApiError> {
    let max_bytes = app.settings.max_body_bytes;
    let length = content_length(request);
    if length.is_some_and(|length| length > max_bytes as u64) {
        return Err(ApiError::too_large(max_bytes));
    }
    let limits = app.settings.transfer_limits;
    let started = tokio::time::Instant::now();
    let mut body = BytesMut::new();
    let mut permit = None;
    loop {
        let deadline = started + limits.upload_time(body.len());
        let chunk = tokio::time::timeout_at(deadline, payload.next()).await;
        let chunk = chunk.map_err(|_| ApiError::body("body", "arrived too slowly"))?;
        let Some(chunk) = chunk else {
            return Ok((body.freeze(), permit));
        };
        let chunk = chunk.map_err(|_| ApiError::body("body", "broke off before its end"))?;
        if body.len() + chunk.len() > max_bytes {
            return Err(ApiError::too_large(max_bytes));
        }
        charge(app, owner, &mut permit, body.len(), chunk.len())?;
        body.extend_from_slice(&chunk);
    }
}

fn content_length(request: &HttpRequest) -> Option<u64> {
    let length = request.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Charges a chunk that follows `received` bytes.
fn charge(
    app: &AppState,
    owner: Owner,
    permit: &mut Option<Permit>,
    received: usize,
    chunk: usize,
) -> Result<(), OverBudget> {
    let length = received + chunk;
    if length <= MAX_UNCHARGED_BYTES {
        return Ok(());
    }
    match permit {
        None => *permit = Some(app.memory.charge(owner, memory_of(length))?),
        Some(permit) => permit.grow(memory_of(length) - memory_of(received))?,
    }
    Ok(())
}

/// The memory of a connection that has received `length` bytes of a body: the body, and
/// the read buffer, which keeps its size.
fn memory_of(length: usize) -> usize {
    length + length.min(READ_BUFFER_BYTES)
}

fn is_json(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next();
    let media_type = media_type.unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
