//! What stands around every request: its id, its log line, the error envelope.

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

/// Gives the request an id, runs it, and sees to it that whatever comes back
/// is logged under that id and, if it is an error, in the envelope.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let seen = Seen::of(&request);
    match next.call(request).await {
        Ok(response) => {
            let (request, response) = response.into_parts();
            let response = seen.off(enveloped(response.map_into_boxed_body()));
            Ok(ServiceResponse::new(request, response))
        }
        Err(error) => {
            let response = seen.off(enveloped(error.error_response()));
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Answers what needs no route: 503 once the server is shutting down, in the
/// demo the error that `Prefer` asks for.
pub async fn before_routes(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let app = request.app_data::<web::Data<AppState>>();
    let answer = app.and_then(|app| match app.is_draining() {
        true => Some(draining()),
        false => prefer::documented_error(app, request.headers()),
    });
    match answer {
        Some(answer) => Ok(request.into_response(answer)),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

fn draining() -> HttpResponse {
    let mut answer = ApiError::unavailable(5, "shutting down").error_response();
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(header::CONNECTION, close);
    answer
}

/// What is remembered of a request until it is answered. Not the request
/// itself: the router must be its only holder.
struct Seen {
    id: HeaderValue,
    started: Instant,
    method: Method,
    uri: Uri,
}

impl Seen {
    fn of(request: &ServiceRequest) -> Self {
        Self {
            id: request_id(request.headers()),
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }

    /// Gives the answer the request's id, and the log its line.
    fn off(self, mut response: HttpResponse) -> HttpResponse {
        self.log(&response);
        response.headers_mut().insert(REQUEST_ID, self.id);
        response
    }

    /// One line a request: failures are always worth one, the rest at `debug`.
    fn log(&self, response: &HttpResponse) {
        let status = response.status().as_u16();
        let level = match status {
            500.. => log::Level::Error,
            400.. => log::Level::Info,
            _ => log::Level::Debug,
        };
        if !log::log_enabled!(target: TARGET, level) {
            return;
        }
        let error = response.extensions();
        let error = error.get::<ApiError>();
        let cause = error
            .and_then(|error| error.cause.as_deref())
            .unwrap_or_default();
        let id = self.id.to_str().unwrap_or_default();
        let took = self.started.elapsed().as_micros();
        // The query may hold a key, so the path alone is written.
        let (method, path) = (&self.method, self.uri.path());
        log::log!(target: TARGET, level, "{method} {path:?} {status} {took}us {id} {cause}");
    }
}

/// What PARLOR_LOG calls the lines about requests.
const TARGET: &str = "parlor::access";

/// A framework's own error has no envelope; it gets the one of its status.
fn enveloped(response: HttpResponse) -> HttpResponse {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if !failed || response.extensions().get::<ApiError>().is_some() {
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

/// The id that a proxy gave the request, if it is plain, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    if let Some(given) = headers.get(REQUEST_ID).filter(plain) {
        return given.clone();
    }
    // Not `Uuid::now_v7`, which asks the system for its random bits: nobody has
    // to be kept from guessing these.
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    let now = Timestamp::now().0.unsigned_abs();
    let id = uuid::Builder::from_unix_timestamp_millis(now, &random).into_uuid();
    let mut text = [0; 32];
    let id = id.simple().encode_lower(&mut text);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unnamed"))
}
