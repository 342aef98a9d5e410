//! JSON bodies of requests (docs/api-contract.md, sections 1.3 and 2.3).

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::app::AppState;
use crate::http::deserialize::{FieldError, Problem, from_json};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::surrogates::replace_unpaired;

/// A parsed body and the bytes that the client sent.
pub struct JsonBody<T> {
    pub value: T,
    pub raw: Bytes,
}

/// The body of an operation that takes no fields.
#[derive(Deserialize)]
pub struct NoFields {}

impl<T: DeserializeOwned> JsonBody<T> {
    /// Reads and parses the body of a request. An empty body is an object
    /// without fields. Unknown fields are ignored; of a field that occurs
    /// twice, the last value counts. U+FFFD replaces unpaired surrogates.
    ///
    /// # Errors
    /// - 400 if the body is not a JSON object, or a field is absent or has the
    ///   wrong type
    /// - 413 if the body is too large
    /// - 415 if `Content-Type` is not JSON
    /// - 422 if a field breaks a rule
    pub async fn read(
        app: &AppState,
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<Self, ApiError> {
        let raw = read_bytes(request, payload, app.settings.max_body_bytes).await?;
        if !raw.is_empty() && !is_json(request) {
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType));
        }
        let value = parse(&raw)?;
        Ok(Self { value, raw })
    }
}

fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T, ApiError> {
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

/// The maximum time until a body is complete. A slower client would occupy a
/// connection without sending a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

async fn read_bytes(
    request: &HttpRequest,
    payload: web::Payload,
    max_bytes: usize,
) -> Result<Bytes, ApiError> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > max_bytes as u64) {
        return Err(ApiError::too_large(max_bytes));
    }
    tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(max_bytes))
        .await
        .map_err(|_| ApiError::body("body", "took too long to come"))?
        .map_err(|_| ApiError::too_large(max_bytes))?
        .map_err(|_| ApiError::body("body", "broke off before its end"))
}

fn is_json(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next();
    let media_type = media_type.unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
