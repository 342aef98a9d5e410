//! Visitors, for the private key of their project
//! (docs/api-contract.md, section 4.17).

use actix_web::{HttpRequest, web};

use crate::app::AppState;
use crate::domain::VisitorId;
use crate::http::body::{JsonBody, NoFields};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ServerErrors, ValidationErrors, VisitorErrors,
};
use crate::http::params::visitor_id;
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, idempotency};
use crate::service::erasure;

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
