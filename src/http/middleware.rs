//! The middleware of every request: request id, access log, error envelope.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError, web};

use super::prefer;
use super::request_context::RequestContext;
use super::request_log::{CLIENT_DISCONNECTED, OPERATOR_PATHS, Outcome, RequestLine};
use crate::app::AppState;
use crate::domain::Timestamp;
use crate::http::error::{ApiError, ErrorCode};
use crate::metrics::WorkerMetrics;
use crate::redaction::contains_secret;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs the request, writes its line to the log, adds `X-Request-Id` to the
/// response and puts the framework's own errors into the envelope.
pub async fn log_request(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let observed = ObservedRequest::begin(&request);
    match next.call(request).await {
        Ok(response) => {
            let (request, response) = response.into_parts();
            let mut response = observed.finish(with_envelope(response.map_into_boxed_body()));
            close_at_shutdown(&request, &mut response);
            Ok(ServiceResponse::new(request, response))
        }
        Err(error) => {
            let response = observed.finish(with_envelope(error.error_response()));
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Ends the connection with the response if the server shuts down, so that the client opens
/// the next one to another node. A WebSocket stays open.
fn close_at_shutdown(request: &HttpRequest, response: &mut HttpResponse) {
    let app = request.app_data::<web::Data<AppState>>();
    let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if app.is_some_and(|app| app.is_shutting_down()) && !is_upgrade {
        let head = response.head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
}

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
    let error = ApiError {
        closes_connection: true,
        ..ApiError::unavailable(5, "shutting down")
    };
    error.error_response()
}

/// A request that is being processed: writes its line to the log and counts it. If it is
/// dropped before its end, the client has disconnected.
struct ObservedRequest {
    id: HeaderValue,
    started: Instant,
    method: Method,
    version: Version,
    context: Rc<RequestContext>,
    line: Option<RequestLine>,
    /// None after the end.
    worker: Option<Arc<WorkerMetrics>>,
}

impl ObservedRequest {
    fn begin(request: &ServiceRequest) -> Self {
        let app = request.app_data::<web::Data<AppState>>();
        let app = app.map(|app| &***app);
        let worker = request.app_data::<Arc<WorkerMetrics>>().cloned();
        if let Some(worker) = &worker {
            worker.begin();
        }
        Self {
            id: request_id(request.headers()),
            started: Instant::now(),
            method: request.method().clone(),
            version: request.version(),
            context: RequestContext::attach(request),
            line: RequestLine::begin(request.request(), app),
            worker,
        }
    }

    /// Counts the request and writes its line, once.
    fn end(&mut self, status: u16, error: Option<&ApiError>) {
        let duration = self.started.elapsed();
        if let Some(worker) = self.worker.take() {
            worker.end();
            let route = self.context.route_metrics(&worker);
            route.record(self.method.as_str(), status, duration);
        }
        if let Some(line) = self.line.take() {
            let id = self.id.to_str().unwrap_or_default();
            line.write(&Outcome {
                context: &self.context,
                id,
                status,
                duration,
                cause: error.and_then(|error| error.cause.as_deref()),
                is_overload: error.is_some_and(|error| error.is_overload),
            });
        }
    }

    /// Ends the request and adds its id to the response.
    fn finish(mut self, mut response: HttpResponse) -> HttpResponse {
        let status = response.status().as_u16();
        let extensions = response.extensions();
        self.end(status, extensions.get::<ApiError>());
        drop(extensions);
        response.headers_mut().insert(REQUEST_ID, self.id.clone());
        if self.version < Version::HTTP_11 && response.body().size() == BodySize::Stream {
            end_with_connection(&mut response);
        }
        response
    }
}

/// Ends a body of unknown length with the connection. HTTP/1.0 has no chunked encoding.
fn end_with_connection(response: &mut HttpResponse) {
    let head = response.head_mut();
    head.no_chunking(true);
    head.set_connection_type(ConnectionType::Close);
}

impl Drop for ObservedRequest {
    fn drop(&mut self) {
        self.end(CLIENT_DISCONNECTED, None);
    }
}

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

/// The request id that a proxy sent, if it is plain text without a key or token, else a
/// new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_plain = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
            && !id.to_str().is_ok_and(contains_secret)
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
