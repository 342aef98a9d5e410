//! The middleware of every request: request id, access log, error envelope.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError, web};

use super::prefer;
use crate::app::AppState;
use crate::domain::Timestamp;
use crate::http::error::{ApiError, ErrorCode};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs the request, writes its line to the log, adds `X-Request-Id` to the
/// response and puts the framework's own errors into the envelope.
pub async fn log_request(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let entry = LogEntry::new(&request);
    match next.call(request).await {
        Ok(response) => {
            let (request, response) = response.into_parts();
            let response = entry.finish(with_envelope(response.map_into_boxed_body()));
            Ok(ServiceResponse::new(request, response))
        }
        Err(error) => {
            let response = entry.finish(with_envelope(error.error_response()));
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// The paths for the operator of the server, which a shutdown does not close.
const OPERATOR_PATHS: [&str; 2] = ["/health", "/ready"];

/// Responds without a route: with 503 while the server shuts down and, in the
/// demo, with the error that `Prefer` names.
pub async fn intercept_request(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let app = request.app_data::<web::Data<AppState>>();
    let response = app.and_then(|app| {
        if app.is_draining() && !OPERATOR_PATHS.contains(&request.path()) {
            Some(shutdown_response())
        } else {
            prefer::documented_error(app, request.headers())
        }
    });
    match response {
        Some(response) => Ok(request.into_response(response)),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

fn shutdown_response() -> HttpResponse {
    let mut response = ApiError::unavailable(5, "shutting down").error_response();
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// The properties of a request that its log line needs. The request itself
/// must not be kept, because the router needs it unshared.
struct LogEntry {
    id: HeaderValue,
    started: Instant,
    method: Method,
    uri: Uri,
}

impl LogEntry {
    fn new(request: &ServiceRequest) -> Self {
        Self {
            id: request_id(request.headers()),
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }

    /// Writes the log line and adds the request id to the response.
    fn finish(self, mut response: HttpResponse) -> HttpResponse {
        self.log(&response);
        response.headers_mut().insert(REQUEST_ID, self.id);
        response
    }

    /// Writes one line: an error at `error` or `info`, a success at `debug`.
    fn log(&self, response: &HttpResponse) {
        let status = response.status().as_u16();
        let level = match status {
            500.. => log::Level::Error,
            400.. => log::Level::Info,
            _ => log::Level::Debug,
        };
        if !log::log_enabled!(target: LOG_TARGET, level) {
            return;
        }
        let error = response.extensions();
        let error = error.get::<ApiError>();
        let cause = error
            .and_then(|error| error.cause.as_deref())
            .unwrap_or_default();
        let id = self.id.to_str().unwrap_or_default();
        let micros = self.started.elapsed().as_micros();
        // The query may contain a key, so only the path is logged.
        let (method, path) = (&self.method, self.uri.path());
        log::log!(target: LOG_TARGET, level, "{method} {path:?} {status} {micros}us {id} {cause}");
    }
}

/// The log target of requests, as PARLOR_LOG names it.
const LOG_TARGET: &str = "parlor::access";

/// Puts an error of the framework into the envelope, with the code of its
/// status.
fn with_envelope(response: HttpResponse) -> HttpResponse {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if !is_error || response.extensions().get::<ApiError>().is_some() {
        return response;
    }
    let code = match response.status().as_u16() {
        status if status < 500 => {
            ErrorCode::of_status(status).unwrap_or(ErrorCode::InvalidRequestBody)
        }
        _ => ErrorCode::InternalServerError,
    };
    let cause = response.error().map(ToString::to_string);
    let mut error = ApiError {
        cause,
        ..ApiError::new(code)
    };
    if code == ErrorCode::InvalidRequestBody {
        error = error.with_message("The request is malformed");
    }
    error.error_response()
}

/// The request id that a proxy sent, if it is plain text, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_plain = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    if let Some(id) = headers.get(REQUEST_ID).filter(is_plain) {
        return id.clone();
    }
    // `Uuid::now_v7` takes its random bits from the system. Request ids may be
    // guessable, so a faster generator suffices.
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    let now = Timestamp::now().0.unsigned_abs();
    let id = uuid::Builder::from_unix_timestamp_millis(now, &random).into_uuid();
    let mut text = [0; 32];
    let id = id.simple().encode_lower(&mut text);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unnamed"))
}
