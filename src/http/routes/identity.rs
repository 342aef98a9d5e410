//! Sessions and visitors (docs/api-contract.md, sections 4.1 and 4.2).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{DeviceId, EmailAddress, PhoneNumber, Visitor, VisitorChange, VisitorName};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::field_types::nullable;
use crate::http::json::VisitorJson;
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, KeyErrors, RateLimitErrors, ServerErrors,
    ValidationErrors,
};
use crate::http::response::HandlerResult;
use crate::http::{auth, etag, idempotency, response};
use crate::service::session::{self, StartedSession};
use crate::service::visitor_profile;
use crate::store::idempotency::SavedResponse;
use crate::store::{Snapshot, visitor};

/// The device that starts a session.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InitRequest {
    /// A publishable key.
    #[schema(min_length = 1)]
    api_key: String,
    /// The id of the browser, the same at every visit.
    #[schema(inline, value_type = DeviceId)]
    sa_vid: String,
}

/// A session and its visitor.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub struct SessionJson<'a> {
    /// The bearer token of the session.
    session_token: String,
    visitor: VisitorJson<'a>,
}

/// Start a session
///
/// The same device is the same visitor. Each call returns a new token.
#[utoipa::path(post, path = "/identity/init", tag = "Identity", operation_id = "init",
    request_body = InitRequest,
    responses((status = 200, description = "The device is known", body = SessionJson),
              (status = 201, description = "The visitor is new", body = SessionJson),
              BodyErrors, KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn init(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    auth::limit_new_session(&app, &request)?;
    let owner = auth::address_owner(&app, &request);
    let body = JsonBody::<InitRequest>::read(&app, &request, payload, owner).await?;
    let InitRequest { api_key, sa_vid } = body.value;
    if api_key.is_empty() {
        return Err(ApiError::body("apiKey", "is required"));
    }
    let key = auth::publishable_key(&app, &request, &api_key).await?;
    let device = DeviceId::parse("saVid", &sa_vid)?;
    let caller = format!("key {} {}", key.seq.0, device.as_str());
    let idempotency = idempotency::from_request_as(&request, &body.raw, caller)?;
    let start = async {
        let started = session::start(&app.store, device, &key).await?;
        let response = render_started(&app, &started);
        // The visitor is known after the write, so the response is saved by a
        // write of its own. If it is lost, the same device gets the same visitor.
        idempotency.save_alone(&app.store, &response).await?;
        Ok(response)
    };
    idempotency::respond::<ApiError>(&app, &idempotency, start).await
}

fn render_started(app: &AppState, started: &StartedSession) -> SavedResponse {
    let (id, visitor) = (started.id, &started.visitor);
    let session_token = app.auth.issue_token(id, visitor.id, started.started_at);
    let status = if started.is_new_visitor {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let body = SessionJson {
        session_token,
        visitor: VisitorJson::from(visitor),
    };
    response::to_saved(status, &body)
}

/// A person whom the website's server has identified.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentifyRequest {
    /// A publishable key.
    #[schema(min_length = 1)]
    api_key: String,
    /// A JSON Web Token of the website's server, signed with HS256 and the identity secret
    /// of the key. Claims: `sub` (the website's own id of the person), `exp` (at most 24
    /// hours after `iat`), optionally `iat`, `name`, `email` and `avatarUrl`.
    token: String,
}

/// Identify a visitor
///
/// Starts a session for the person of the token. The same `sub` is the same visitor, on
/// every device. Conversations of the anonymous visitor of the device stay with that visitor.
#[utoipa::path(post, path = "/identity/identify", tag = "Identity", operation_id = "identify",
    request_body = IdentifyRequest,
    responses((status = 200, description = "The person is known", body = SessionJson),
              (status = 201, description = "The visitor is new", body = SessionJson),
              BodyErrors, KeyErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn identify(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    auth::limit_new_session(&app, &request)?;
    let owner = auth::address_owner(&app, &request);
    let body = JsonBody::<IdentifyRequest>::read(&app, &request, payload, owner).await?;
    let IdentifyRequest { api_key, token } = body.value;
    if api_key.is_empty() {
        return Err(ApiError::body("apiKey", "is required"));
    }
    let key = auth::publishable_key(&app, &request, &api_key).await?;
    let started = session::identify(&app.store, &key, &token).await?;
    response::from_saved(render_started(&app, &started))
}

/// Read the visitor
///
/// Returns the visitor of the session token.
#[utoipa::path(get, path = "/identity/me", tag = "Identity", operation_id = "get-me",
    security(("session" = [])), responses((status = 200, description = "The visitor", body = VisitorJson),
              BearerErrors, ServerErrors))]
pub async fn me(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let seq = caller.require_visitor()?;
    let read = move |snapshot: &Snapshot| visitor::read(snapshot, seq, caller.audience());
    let visitor = app.store.read(read).await?;
    let body = serde_json::to_vec(&VisitorJson::from(&visitor))?;
    etag::respond(&app, &request, caller.into(), body)
}

/// The fields to change. A field that is left out stays as it is, and `null` removes the
/// value.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VisitorChangeRequest {
    /// The name of the person.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<VisitorName>)]
    name: Option<Option<VisitorName>>,
    /// An address at which an agent can answer.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<EmailAddress>)]
    email: Option<Option<EmailAddress>>,
    /// A number at which an agent can call.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(inline, value_type = Option<PhoneNumber>)]
    phone: Option<Option<PhoneNumber>>,
}

/// Change the visitor
///
/// Changes the name and the contact details of the visitor of the session token. If the
/// visitor leaves contact details, the conversation in which the visitor has written last
/// waits for a person. The name of a verified visitor cannot be changed (403).
#[utoipa::path(patch, path = "/identity/me", tag = "Identity", operation_id = "update-me",
    request_body = VisitorChangeRequest, security(("session" = [])),
    responses((status = 200, description = "The changed visitor", body = VisitorJson),
              BodyErrors, BearerErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn update(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let seq = caller.require_visitor()?;
    let body =
        JsonBody::<VisitorChangeRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let VisitorChangeRequest { name, email, phone } = body.value;
    let change = VisitorChange { name, email, phone };
    let update = visitor_profile::change(&app.services, seq, change, &key, render_changed);
    idempotency::respond(&app, &key, update).await
}

fn render_changed(visitor: &Visitor) -> SavedResponse {
    response::to_saved(StatusCode::OK, &VisitorJson::from(visitor))
}
