//! Responses: JSON bodies and errors.

use actix_web::body::BoxBody;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::{ApiError, ErrorCode};
use crate::store::idempotency::{SavedBody, SavedResponse};

/// The result of a handler.
pub type HandlerResult = Result<HttpResponse, ApiError>;

pub const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Of a search whose result may lack matches.
pub const INCOMPLETE_RESULTS: HeaderName = HeaderName::from_static("x-incomplete-results");

/// Says that the result of a search may lack matches, if it is partial.
pub fn insert_incomplete_results(response: &mut HttpResponse, is_partial: bool) {
    if is_partial {
        let value = HeaderValue::from_static("true");
        response.headers_mut().insert(INCOMPLETE_RESULTS, value);
    }
}

pub const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON body with a status.
pub fn json(status: StatusCode, value: &impl Serialize) -> Result<HttpResponse, ApiError> {
    Ok(bytes(status, serde_json::to_vec(value)?))
}

/// The response to an operation that returns nothing else.
#[derive(Serialize, ToSchema)]
pub struct DeleteResult {
    /// Always true.
    success: bool,
}

impl DeleteResult {
    pub const SUCCESS: Self = Self { success: true };
}

/// A JSON response that is saved for a repeated request before it is sent.
pub fn to_saved(status: StatusCode, value: &impl Serialize) -> SavedResponse {
    let body = serde_json::to_vec(value).unwrap_or_else(|error| {
        // The types of responses have no values without a JSON form.
        log::error!("a response has no JSON form: {error}");
        Vec::new()
    });
    SavedResponse {
        status: status.as_u16(),
        body: SavedBody::Bytes(body),
    }
}

/// A response that was saved.
pub fn from_saved(saved: SavedResponse) -> HandlerResult {
    let SavedBody::Bytes(body) = saved.body else {
        return Err(ApiError::internal("a saved response is a message"));
    };
    let status = StatusCode::from_u16(saved.status).map_err(ApiError::internal)?;
    if status == StatusCode::NO_CONTENT {
        return Ok(HttpResponse::NoContent().finish());
    }
    Ok(bytes(status, body))
}

/// Runs a use case to its end, also if the client disconnects.
pub async fn run_to_end<T, E>(
    use_case: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
{
    let result = tokio::spawn(use_case).await.map_err(ApiError::internal)?;
    result.map_err(Into::into)
}

/// A response without a body that is saved for a repeated request before it is sent.
pub fn no_content() -> SavedResponse {
    SavedResponse {
        status: StatusCode::NO_CONTENT.as_u16(),
        body: SavedBody::Bytes(Vec::new()),
    }
}

/// A body that is already JSON.
pub fn bytes(status: StatusCode, body: impl Into<Bytes>) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, BoxBody::new(body.into()));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, APPLICATION_JSON);
    response
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
        if self.closes_connection {
            let head = response.head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
        response.extensions_mut().insert(self.clone());
        response
    }
}
