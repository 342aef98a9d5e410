//! `Prefer: code=NNN`: the demo responds with the documented error of that
//! status, so that the author of a client can test each error.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};

use crate::app::AppState;
use crate::http::error::{ApiError, ErrorCode};

/// The error that a request to the demo prefers.
pub fn documented_error(app: &AppState, request_headers: &HeaderMap) -> Option<HttpResponse> {
    if !app.demo {
        return None;
    }
    let code = preferred_code(request_headers)?;
    let mut response = ApiError::example(code).error_response();
    let applied = format!("code={}", code.spec().status);
    if let Ok(applied) = HeaderValue::from_str(&applied) {
        let name = HeaderName::from_static("preference-applied");
        response.headers_mut().insert(name, applied);
    }
    Some(response)
}

fn preferred_code(headers: &HeaderMap) -> Option<ErrorCode> {
    let values = headers.get_all("prefer");
    let values = values.filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split([',', ';']));
    let status = preferences.find_map(|preference| preference.trim().strip_prefix("code="))?;
    ErrorCode::of_status(status.trim_matches('"').parse().ok()?)
}
