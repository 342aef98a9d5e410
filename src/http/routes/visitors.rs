//! Visitors, for the private key and the agents of their project
//! (docs/api-contract.md, sections 4.17 and 4.23).

use actix_web::{HttpRequest, web};

use crate::app::AppState;
use crate::domain::{Audience, VisitorId};
use crate::http::body::{JsonBody, NoFields};
use crate::http::error::ApiError;
use crate::http::json::VisitorJson;
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ServerErrors, ValidationErrors, VisitorErrors,
};
use crate::http::params::visitor_id;
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, etag, idempotency};
use crate::service::{erasure, visitor as service};
use crate::store::{Snapshot, visitor};

/// Erase a visitor
///
/// Deletes the visitor with all conversations, messages, sessions, stored responses and
/// contact details, and overwrites them in the database file. Session tokens of the
/// visitor become invalid.
#[utoipa::path(delete, path = "/visitors/{visitorId}", tag = "Identity", operation_id = "delete-visitor",
    params(("visitorId" = VisitorId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The visitor is erased"),
              BodyErrors, BearerErrors, VisitorErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn remove(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = visitor_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_deletion(&request, &body.raw, caller)?;
    let (state, own_key) = (app.clone().into_inner(), key.clone());
    let erase = response::run_to_end(async move {
        let (done, end_sessions) = (response::no_content(), |visitor| {
            state.auth.end_sessions_of(visitor);
        });
        erasure::erase_visitor(&state.services, project, id, &own_key, done, end_sessions).await
    });
    idempotency::respond_to_deletion(&app, &key, erase).await
}

/// Read a visitor
///
/// Returns what private keys and agents see of a visitor: also contact details.
#[utoipa::path(get, path = "/visitors/{visitorId}", tag = "Identity", operation_id = "get-visitor",
    params(("visitorId" = VisitorId, Path)), security(("private-key" = [])),
    responses((status = 200, description = "The visitor", body = VisitorJson),
              BearerErrors, VisitorErrors, ValidationErrors, ServerErrors))]
pub async fn read(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let id = visitor_id(&request)?;
    let read = move |snapshot: &Snapshot| {
        let seq = visitor::find(snapshot, project, id)?;
        let seq = seq.ok_or_else(|| ApiError::visitor_not_found(id))?;
        Ok::<_, ApiError>(visitor::read(snapshot, seq, Audience::Staff)?)
    };
    let visitor = app.store.read(read).await?;
    let body = serde_json::to_vec(&VisitorJson::from(&visitor))?;
    etag::respond(&app, &request, caller.into(), body)
}

/// Block a visitor
///
/// The visitor cannot start conversations and send messages any more (403). An answer that
/// is being generated for the visitor ends.
#[utoipa::path(put, path = "/visitors/{visitorId}/block", tag = "Identity", operation_id = "block-visitor",
    params(("visitorId" = VisitorId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The visitor is blocked"),
              BodyErrors, BearerErrors, VisitorErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn block(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    set_blocked(app, request, payload, true).await
}

/// Unblock a visitor
///
/// The visitor can write again.
#[utoipa::path(delete, path = "/visitors/{visitorId}/block", tag = "Identity", operation_id = "unblock-visitor",
    params(("visitorId" = VisitorId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The visitor is not blocked"),
              BodyErrors, BearerErrors, VisitorErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn unblock(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    set_blocked(app, request, payload, false).await
}

async fn set_blocked(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
    is_blocked: bool,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let id = visitor_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let done = response::no_content();
    let set = service::set_blocked(&app.services, project, id, is_blocked, &key, done);
    idempotency::respond(&app, &key, set).await
}
