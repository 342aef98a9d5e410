//! `Prefer: code=NNN`, in the demo alone: answers with that documented error,
//! so that the author of a client can try every one of them.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{ResponseError, web};

use crate::app::App;
use crate::error::{ApiError, Code};

pub async fn documented_error(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let demo = request
        .app_data::<web::Data<App>>()
        .is_some_and(|app| app.demo);
    let wanted = demo.then(|| wanted(request.headers())).flatten();
    let Some(code) = wanted else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let mut answer = ApiError::example(code).error_response();
    let applied = format!("code={}", code.entry().status);
    if let Ok(applied) = HeaderValue::from_str(&applied) {
        let name = HeaderName::from_static("preference-applied");
        answer.headers_mut().insert(name, applied);
    }
    Ok(request.into_response(answer))
}

fn wanted(headers: &HeaderMap) -> Option<Code> {
    let preferences = headers
        .get_all("prefer")
        .filter_map(|value| value.to_str().ok());
    let mut preferences = preferences.flat_map(|value| value.split([',', ';']));
    let status = preferences.find_map(|one| one.trim().strip_prefix("code="))?;
    Code::of_status(status.trim_matches('"').parse().ok()?)
}
