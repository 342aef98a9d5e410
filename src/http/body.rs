//! JSON bodies, field by field (section 0, D2 and D4).
//!
//! An absent field or a wrong type is 400, a broken rule is 422, an unknown
//! field is nothing.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, web};
use serde_json::{Map, Value};

use crate::app::AppState;
use crate::http::error::{ApiError, ErrorCode};

/// The object that a body holds, or one object within it.
pub struct Fields {
    values: Map<String, Value>,
    /// The fields that lead here, each followed by a dot.
    path: &'static str,
    /// The body as it came.
    pub raw: Bytes,
}

impl Fields {
    /// Reads the body of a request; an empty one is an object without fields.
    ///
    /// # Errors
    /// 413 where it is too large, 415 where it is not announced as JSON, 400
    /// where it is not a JSON object.
    pub async fn read(
        app: &AppState,
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<Self, ApiError> {
        let bytes = whole(request, payload, app.settings.max_body_bytes).await?;
        if bytes.is_empty() {
            return Ok(Self::in_object(Map::new(), ""));
        }
        if !is_json(request) {
            return Err(ApiError::new(ErrorCode::UnsupportedMediaType));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(values)) => Ok(Self {
                raw: bytes,
                ..Self::in_object(values, "")
            }),
            _ => Err(ApiError::body("body", "must be a JSON object")),
        }
    }

    fn in_object(values: Map<String, Value>, path: &'static str) -> Self {
        let raw = Bytes::new();
        Self { values, path, raw }
    }

    fn wrong(&self, name: &str, must: &str) -> ApiError {
        ApiError::body(&format!("{}{name}", self.path), must)
    }

    /// A text that may be absent.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    /// A text that must be there.
    pub fn required_text(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?
            .ok_or_else(|| self.wrong(name, "is required"))
    }

    /// A text that may be absent or null.
    pub fn nullable_text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.values.get(name) {
            Some(Value::Null) => Ok(None),
            _ => self.text(name),
        }
    }

    /// A text or null, which must be there.
    pub fn required_nullable_text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        match self.values.contains_key(name) {
            true => self.nullable_text(name),
            false => Err(self.wrong(name, "is required")),
        }
    }

    /// True or false, where it is there.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(name, "must be true or false")),
        }
    }

    /// A list of objects that must be there. `path` is its name and a dot.
    pub fn objects(&mut self, path: &'static str) -> Result<Vec<Fields>, ApiError> {
        let name = path.trim_end_matches('.');
        let items = match self.values.remove(name) {
            None => return Err(self.wrong(name, "is required")),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.wrong(name, "must be a list")),
        };
        let objects = items.into_iter().map(|item| match item {
            Value::Object(values) => Ok(Self::in_object(values, path)),
            _ => Err(self.wrong(name, "must be a list of objects")),
        });
        objects.collect()
    }

    /// An object that may be absent or null. `path` is its name and a dot.
    pub fn nullable_object(&mut self, path: &'static str) -> Result<Option<Fields>, ApiError> {
        let name = path.trim_end_matches('.');
        if self.values.get(name) == Some(&Value::Null) {
            return Ok(None);
        }
        self.object(path)
    }

    /// An object that may be absent. `path` is its name and a dot.
    pub fn object(&mut self, path: &'static str) -> Result<Option<Fields>, ApiError> {
        let name = path.trim_end_matches('.');
        match self.values.remove(name) {
            None => Ok(None),
            Some(Value::Object(values)) => Ok(Some(Self::in_object(values, path))),
            Some(_) => Err(self.wrong(name, "must be an object")),
        }
    }
}

/// How long a body may take to come: who sends slower holds a connection for nothing.
const PATIENCE: Duration = Duration::from_secs(30);

async fn whole(
    request: &HttpRequest,
    payload: web::Payload,
    most: usize,
) -> Result<Bytes, ApiError> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most as u64) {
        return Err(ApiError::too_large(most));
    }
    tokio::time::timeout(PATIENCE, payload.to_bytes_limited(most))
        .await
        .map_err(|_| ApiError::body("body", "took too long to come"))?
        .map_err(|_| ApiError::too_large(most))?
        .map_err(|_| ApiError::body("body", "broke off before its end"))
}

fn is_json(request: &HttpRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}
