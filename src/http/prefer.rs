//! `Prefer: code=NNN`, in the demo alone: answers with that documented error,
//! so that the author of a client can try every one of them.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};

use crate::app::AppState;
use crate::http::error::{ApiError, ErrorCode};

/// The error that a request to the demo asks for.
pub fn documented_error(app: &AppState, asked: &HeaderMap) -> Option<HttpResponse> {
    let code = app.demo.then(|| wanted(asked)).flatten()?;
    let mut answer = ApiError::example(code).error_response();
    let applied = format!("code={}", code.spec().status);
    if let Ok(applied) = HeaderValue::from_str(&applied) {
        let name = HeaderName::from_static("preference-applied");
        answer.headers_mut().insert(name, applied);
    }
    Some(answer)
}

fn wanted(headers: &HeaderMap) -> Option<ErrorCode> {
    let preferences = headers
        .get_all("prefer")
        .filter_map(|value| value.to_str().ok());
    let mut preferences = preferences.flat_map(|value| value.split([',', ';']));
    let status = preferences.find_map(|one| one.trim().strip_prefix("code="))?;
    ErrorCode::of_status(status.trim_matches('"').parse().ok()?)
}
