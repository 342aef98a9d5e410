//! JSON bodies of requests (docs/api-contract.md, sections 1.3 and 2.3).

use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::access::{Owner, Permit};
use crate::app::AppState;
use crate::config::TransferLimits;
use crate::http::auth;
use crate::http::deserialize::{FieldError, FieldProblem, from_json};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::transfer::{self, UNREAD_BYTES};
use crate::json_surrogates::replace_unpaired;

/// A parsed body and the bytes that the client sent. It is charged to the memory budget
/// until it is dropped.
pub struct JsonBody<T> {
    pub value: T,
    pub raw: Bytes,
    _permit: Permit,
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
        Self::read_up_to(app.settings.max_body_bytes, app, request, payload, owner).await
    }

    /// [`JsonBody::read`] of a body that may have `max_bytes`.
    ///
    /// # Errors
    /// Those of [`JsonBody::read`].
    pub async fn read_up_to(
        max_bytes: usize,
        app: &AppState,
        request: &HttpRequest,
        payload: web::Payload,
        owner: Owner,
    ) -> Result<Self, ApiError> {
        let body = read_bytes(max_bytes, app, request, payload, owner).await;
        let (raw, permit) = body.map_err(|error| refuse_rest(request, error))?;
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
            FieldProblem::Malformed(reason) => Self::body(&path, &reason),
            FieldProblem::Invalid(reason) => Self::validation(&path, &reason),
        }
    }
}

/// Bodies up to this size are not charged. They fit into the first read buffer of a
/// connection.
const MAX_UNCHARGED_BYTES: usize = 8 << 10;

/// The size to which the read buffer of a connection grows. The framework reads all bytes
/// that the system has buffered (`http/transfer.rs`).
const READ_BUFFER_BYTES: usize = 2 * UNREAD_BYTES;

/// The size for which a body without `Content-Length` is charged when it exceeds
/// [`MAX_UNCHARGED_BYTES`].
const UNKNOWN_LENGTH_BYTES: usize = 256 << 10;

/// A body is charged as a whole before it is read, so that a body without room is refused
/// at once, and so that its buffer need not grow.
async fn read_bytes(
    max_bytes: usize,
    app: &AppState,
    request: &HttpRequest,
    mut payload: web::Payload,
    owner: Owner,
) -> Result<(Bytes, Permit), ApiError> {
    let length = content_length(request).unwrap_or(0);
    if length > max_bytes {
        return Err(ApiError::too_large(max_bytes));
    }
    let mut permit = auth::charge(app, request, owner, memory_of(length))?;
    let mut body = BytesMut::with_capacity(length);
    // The length up to which the body is charged.
    let mut room = length.max(MAX_UNCHARGED_BYTES);
    let mut pace = Pace::new(app.settings.transfer_limits);
    while let Some(chunk) = pace.next_chunk(&mut payload, body.len()).await? {
        let length = body.len() + chunk.len();
        if length > max_bytes {
            return Err(ApiError::too_large(max_bytes));
        }
        if length > room {
            room = length
                .max(UNKNOWN_LENGTH_BYTES)
                .max(2 * body.len())
                .min(max_bytes);
            permit.grow_to(memory_of(room))?;
            body.reserve(room - body.len());
        }
        body.extend_from_slice(&chunk);
    }
    permit.shrink_to(memory_of(body.len()));
    Ok((body.freeze(), permit))
}

/// Ends the connection of a request whose body is not read to its end.
fn refuse_rest(request: &HttpRequest, error: ApiError) -> ApiError {
    transfer::close_soon(request);
    ApiError {
        closes_connection: true,
        ..error
    }
}

/// The memory of a connection that receives a body of `length` bytes: the body, and the
/// read buffer, which keeps its size. 0 for a body that is not charged.
fn memory_of(length: usize) -> usize {
    if length <= MAX_UNCHARGED_BYTES {
        return 0;
    }
    length + length.min(READ_BUFFER_BYTES)
}

/// The time during which one byte counts as awaited, at most. A thread that is busy with
/// other requests for longer is not the client's fault.
const WAIT_INTERVAL: Duration = Duration::from_secs(1);

/// Measures how long the client lets the server wait for a body.
struct Pace {
    limits: TransferLimits,
    waited: Duration,
}

impl Pace {
    fn new(limits: TransferLimits) -> Self {
        let waited = Duration::ZERO;
        Self { limits, waited }
    }

    /// The next chunk of a body of which `received` bytes have arrived.
    ///
    /// # Errors
    /// 400 if the client is too slow or disconnects.
    async fn next_chunk(
        &mut self,
        payload: &mut web::Payload,
        received: usize,
    ) -> Result<Option<Bytes>, ApiError> {
        let max_wait = self.limits.upload_time(received);
        while self.waited < max_wait {
            let start = Instant::now();
            let chunk = tokio::time::timeout(WAIT_INTERVAL, payload.next()).await;
            self.waited += start.elapsed().min(WAIT_INTERVAL);
            if let Ok(chunk) = chunk {
                let chunk = chunk.transpose();
                return chunk.map_err(|_| ApiError::body("body", "broke off before its end"));
            }
        }
        Err(ApiError::body("body", "arrived too slowly"))
    }
}

fn content_length(request: &HttpRequest) -> Option<usize> {
    let length = request.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn is_json(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next();
    let media_type = media_type.unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
