//! Visitors say who they are (sections 3.1 and 3.2).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{DeviceId, SessionId, Timestamp, Visitor, VisitorId};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::idempotency::Once;
use crate::http::json::VisitorJson;
use crate::http::response::HandlerResult;
use crate::http::{auth, response};
use crate::store::key::StoredKey;
use crate::store::session;
use crate::store::visitor::{self, KnownBy, NewVisitor};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InitRequest {
    /// A publishable key.
    #[schema(min_length = 1)]
    api_key: String,
    /// What the browser calls itself, the same at every visit. Its length is
    /// checked after the key.
    #[schema(inline, value_type = DeviceId)]
    sa_vid: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionBegun<'a> {
    /// The bearer token of the session.
    session_token: String,
    visitor: VisitorJson<'a>,
}

/// Begin a session
///
/// The same device is the same visitor, with a fresh token each time.
#[utoipa::path(post, path = "/identity/init", tag = "Identity", operation_id = "init",
    request_body = InitRequest,
    responses((status = 200, description = "The device is known", body = SessionBegun),
              (status = 201, description = "The visitor is new", body = SessionBegun)))]
pub async fn init(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    if let Some(address) = auth::address(&app, &request) {
        app.auth.limit_address(address)?;
    }
    let body = JsonBody::<InitRequest>::read(&app, &request, payload).await?;
    let InitRequest { api_key, sa_vid } = body.value;
    if api_key.is_empty() {
        return Err(ApiError::body("apiKey", "is required"));
    }
    let key = auth::publishable_key(&app, &request, &api_key).await?;
    let device = DeviceId::parse("saVid", &sa_vid)?;
    let caller = format!("key {} {}", key.seq.0, device.as_str());
    let once = Once::by(&request, &body.raw, caller)?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    let (status, session_token, visitor) = begin(&app, device, &key).await?;
    // Who the visitor is stands in what the write gave, so the answer is
    // remembered after it. Were it lost in between, the same device would get
    // the same visitor all the same.
    let body = serde_json::to_vec(&SessionBegun {
        session_token,
        visitor: VisitorJson::from(&visitor),
    })?;
    let (status, body) = once.remember(&app, status, body).await?;
    Ok(response::bytes(status, body))
}

async fn begin(
    app: &AppState,
    device: DeviceId,
    key: &StoredKey,
) -> Result<(StatusCode, String, Visitor), ApiError> {
    let (at, id) = (Timestamp::now(), SessionId::generate());
    let visitor = NewVisitor {
        id: VisitorId::generate(),
        project: key.project,
        known_by: KnownBy::Device(device.clone()),
        at,
    };
    let begin = session::begin(&visitor, device, id, key.seq);
    let outcomes = app.store.write(begin).await?;
    let (visitor, new) = session::begun(&outcomes)
        .ok_or_else(|| ApiError::internal("a session was begun for nobody"))?;
    let token = app.auth.issue_token(id, visitor.id, at)?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, token, visitor))
}

/// Read the visitor
///
/// Whose session the token is of.
#[utoipa::path(get, path = "/identity/me", tag = "Identity", operation_id = "get-me",
    security(("session" = [])), responses((status = 200, body = VisitorJson)))]
pub async fn me(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let seq = caller.visitor()?;
    let read = app.store.read(move |snapshot| visitor::read(snapshot, seq));
    let visitor = read.await.map_err(ApiError::from)?;
    Ok(response::with_etag(
        &app,
        &request,
        serde_json::to_vec(&VisitorJson::from(&visitor))?,
    ))
}
