//! Notes of agents about conversations (docs/api-contract.md, section 4.21).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{ConversationId, MAX_NOTE_CHARS, Note, NoteId};
use crate::http::body::{JsonBody, NoFields};
use crate::http::field_types::Text;
use crate::http::json::NoteJson;
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ConversationErrors, NoteErrors, ServerErrors,
    ValidationErrors,
};
use crate::http::params::{conversation_id, note_id};
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, etag, idempotency};
use crate::service::conversation::{FindError, find};
use crate::service::note as service;
use crate::store::idempotency::SavedResponse;
use crate::store::{Snapshot, note};

type NoteText = Text<1, MAX_NOTE_CHARS>;

/// The notes of a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = NoteList)]
pub struct NoteListJson<'a> {
    data: Vec<NoteJson<'a>>,
}

/// A new note.
#[derive(Deserialize, ToSchema)]
pub struct NewNoteRequest {
    /// Text for other agents.
    #[schema(inline)]
    text: NoteText,
}

/// List notes
///
/// Returns the notes of agents about a conversation, the oldest first. Visitors never see
/// them.
#[utoipa::path(get, path = "/conversations/{conversationId}/notes", tag = "Agents", operation_id = "get-notes",
    params(("conversationId" = ConversationId, Path)), security(("private-key" = [])),
    responses((status = 200, description = "The notes", body = NoteListJson),
              BearerErrors, ConversationErrors, ValidationErrors, ServerErrors))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    caller.require_staff()?;
    let id = conversation_id(&request)?;
    let read = move |snapshot: &Snapshot| {
        let conversation = find(snapshot, caller, id)?.seq;
        Ok::<_, FindError>(note::list(snapshot, conversation)?)
    };
    let notes = app.store.read(read).await?;
    let data = notes.iter().map(NoteJson::from).collect();
    let body = serde_json::to_vec(&NoteListJson { data })?;
    etag::respond(&app, &request, caller.into(), body)
}

/// Add a note
///
/// The author is the agent who has signed in. A conversation has at most 200 notes.
#[utoipa::path(post, path = "/conversations/{conversationId}/notes", tag = "Agents", operation_id = "create-note",
    params(("conversationId" = ConversationId, Path)), request_body = NewNoteRequest,
    security(("private-key" = [])),
    responses((status = 201, description = "The new note", body = NoteJson),
              BodyErrors, BearerErrors, ConversationErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    caller.require_staff()?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<NewNoteRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let text = body.value.text.0;
    let add = service::add(&app.services, caller, id, text, &key, render);
    idempotency::respond(&app, &key, add).await
}

fn render(note: &Note) -> SavedResponse {
    response::to_saved(StatusCode::CREATED, &NoteJson::from(note))
}

/// Delete a note
///
/// Every agent may delete every note.
#[utoipa::path(delete, path = "/conversations/{conversationId}/notes/{noteId}", tag = "Agents", operation_id = "delete-note",
    params(("conversationId" = ConversationId, Path), ("noteId" = NoteId, Path)),
    security(("private-key" = [])),
    responses((status = 204, description = "The note is deleted"),
              BodyErrors, BearerErrors, NoteErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn remove(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    caller.require_staff()?;
    let (conversation, id) = (conversation_id(&request)?, note_id(&request)?);
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let done = response::no_content();
    let delete = service::delete(&app.services, caller, conversation, id, &key, done);
    idempotency::respond(&app, &key, delete).await
}
