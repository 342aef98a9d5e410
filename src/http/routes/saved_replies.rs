//! Texts that agents use again (docs/api-contract.md, section 4.22).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{MAX_SAVED_REPLY_CHARS, SavedReply, SavedReplyId, SavedReplyName};
use crate::http::body::{JsonBody, NoFields};
use crate::http::field_types::{Text, not_null};
use crate::http::json::SavedReplyJson;
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, SavedReplyErrors, ServerErrors, ValidationErrors,
};
use crate::http::params::saved_reply_id;
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, etag, idempotency};
use crate::service::saved_reply as service;
use crate::store::idempotency::SavedResponse;
use crate::store::{Snapshot, saved_reply};

type SavedReplyText = Text<1, MAX_SAVED_REPLY_CHARS>;

/// The saved replies of a project.
#[derive(Serialize, ToSchema)]
#[schema(as = SavedReplyList)]
pub struct SavedReplyListJson<'a> {
    data: Vec<SavedReplyJson<'a>>,
}

/// A new saved reply.
#[derive(Deserialize, ToSchema)]
pub struct NewSavedReplyRequest {
    /// A name by which agents find the reply. No other reply of the project has it.
    #[schema(inline)]
    name: SavedReplyName,
    /// Markdown.
    #[schema(inline)]
    text: SavedReplyText,
}

/// The fields to change. A field that is left out stays as it is.
#[derive(Deserialize, ToSchema)]
pub struct SavedReplyChangeRequest {
    /// A name by which agents find the reply. No other reply of the project has it.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    name: Option<SavedReplyName>,
    /// Markdown.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    text: Option<SavedReplyText>,
}

/// List saved replies
///
/// Returns the saved replies of the project by name.
#[utoipa::path(get, path = "/saved-replies", tag = "Agents", operation_id = "get-saved-replies",
    security(("private-key" = [])),
    responses((status = 200, description = "The saved replies", body = SavedReplyListJson),
              BearerErrors, ServerErrors))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let read = move |snapshot: &Snapshot| saved_reply::list(snapshot, project);
    let replies = app.store.read(read).await?;
    let data = replies.iter().map(SavedReplyJson::from).collect();
    let body = serde_json::to_vec(&SavedReplyListJson { data })?;
    etag::respond(&app, &request, caller.into(), body)
}

/// Create a saved reply
///
/// A project has at most 200 saved replies.
#[utoipa::path(post, path = "/saved-replies", tag = "Agents", operation_id = "create-saved-reply",
    request_body = NewSavedReplyRequest, security(("private-key" = [])),
    responses((status = 201, description = "The new saved reply", body = SavedReplyJson),
              BodyErrors, BearerErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let body =
        JsonBody::<NewSavedReplyRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let NewSavedReplyRequest { name, text } = body.value;
    let create = service::create(&app.services, project, name, text.0, &key, render_created);
    idempotency::respond(&app, &key, create).await
}

fn render_created(reply: &SavedReply) -> SavedResponse {
    response::to_saved(StatusCode::CREATED, &SavedReplyJson::from(reply))
}

/// Change a saved reply
///
/// Changes the fields of the body.
#[utoipa::path(patch, path = "/saved-replies/{savedReplyId}", tag = "Agents", operation_id = "update-saved-reply",
    params(("savedReplyId" = SavedReplyId, Path)), request_body = SavedReplyChangeRequest,
    security(("private-key" = [])),
    responses((status = 200, description = "The changed saved reply", body = SavedReplyJson),
              BodyErrors, BearerErrors, SavedReplyErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn update(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let id = saved_reply_id(&request)?;
    let body =
        JsonBody::<SavedReplyChangeRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let SavedReplyChangeRequest { name, text } = body.value;
    let change = (name, text.map(|text| text.0));
    let update = service::change(&app.services, project, id, change, &key, render);
    idempotency::respond(&app, &key, update).await
}

fn render(reply: &SavedReply) -> SavedResponse {
    response::to_saved(StatusCode::OK, &SavedReplyJson::from(reply))
}

/// Delete a saved reply
///
/// Messages that were made from the saved reply stay.
#[utoipa::path(delete, path = "/saved-replies/{savedReplyId}", tag = "Agents", operation_id = "delete-saved-reply",
    params(("savedReplyId" = SavedReplyId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The saved reply is deleted"),
              BodyErrors, BearerErrors, SavedReplyErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn remove(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let id = saved_reply_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let done = response::no_content();
    let delete = service::delete(&app.services, project, id, &key, done);
    idempotency::respond(&app, &key, delete).await
}
