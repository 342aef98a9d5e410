//! What stands around every request: its id, its log line, the error envelope.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError, web};
use uuid::Uuid;

use crate::app::App;
use crate::error::{ApiError, Code};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id, runs it, and sees to it that whatever comes back
/// is logged under that id and, if it is an error, in the envelope.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = request_id(request.headers());
    let app = request.app_data::<web::Data<App>>().cloned();
    let draining = app.is_some_and(|app| app.is_draining());
    let (http, answer) = if draining {
        let (http, _) = request.into_parts();
        (
            http,
            ApiError::unavailable(5, "shutting down").error_response(),
        )
    } else {
        run(request, next).await?
    };
    let mut response = ServiceResponse::new(http, answer);
    log_line(&response, &id, started);
    if draining {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response.headers_mut().insert(REQUEST_ID, id);
    Ok(response)
}

async fn run(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<(actix_web::HttpRequest, HttpResponse), Error> {
    let http = request.request().clone();
    match next.call(request).await {
        Ok(response) => {
            let (http, response) = response.into_parts();
            Ok((http, enveloped(response.map_into_boxed_body())))
        }
        Err(error) => Ok((http, enveloped(error.error_response()))),
    }
}

/// A framework's own error has no envelope; it gets the one of its status.
fn enveloped(response: HttpResponse) -> HttpResponse {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if !failed || response.extensions().get::<ApiError>().is_some() {
        return response;
    }
    let code = match response.status().as_u16() {
        status if status < 500 => Code::of_status(status).unwrap_or(Code::InvalidRequestBody),
        _ => Code::InternalServerError,
    };
    let cause = response.error().map(ToString::to_string);
    ApiError {
        cause,
        ..ApiError::new(code)
    }
    .error_response()
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
    let mut text = [0; 32];
    let id = Uuid::now_v7().simple().encode_lower(&mut text);
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unnamed"))
}

/// One line a request: failures are always worth one, the rest at `debug`.
fn log_line(response: &ServiceResponse, id: &HeaderValue, started: Instant) {
    let status = response.status().as_u16();
    let level = match status {
        500.. => log::Level::Error,
        400.. => log::Level::Info,
        _ => log::Level::Debug,
    };
    if !log::log_enabled!(target: "parlor::access", level) {
        return;
    }
    let request = response.request();
    let cause = response.response().extensions();
    let cause = cause
        .get::<ApiError>()
        .and_then(|error| error.cause.as_deref());
    // The query may hold a key, so the path alone is logged.
    log::log!(
        target: "parlor::access", level,
        "{} {:?} {status} {}us {}{}{}",
        request.method(), request.path(), started.elapsed().as_micros(),
        id.to_str().unwrap_or_default(),
        if cause.is_some() { " " } else { "" }, cause.unwrap_or_default(),
    );
}
