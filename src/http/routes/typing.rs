//! What the other side of a conversation shall know at once: who is typing and what was
//! read (docs/api-contract.md, sections 4.27 and 4.28).

use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::ConversationId;
use crate::http::auth;
use crate::http::body::{JsonBody, NoFields};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConversationErrors, ServerErrors, ValidationErrors,
};
use crate::http::params::conversation_id;
use crate::http::response::{self, HandlerResult};
use crate::service::{conversation, typing};

/// Whether the caller is typing.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypingRequest {
    is_typing: bool,
}

/// Report typing
///
/// Tells the other side of the conversation, and other agents, that the caller begins or
/// stops typing. Repeat the request every 3 seconds while the caller is typing: after 6
/// seconds, typing counts as ended. Nothing is stored.
#[utoipa::path(post, path = "/conversations/{conversationId}/typing", tag = "Conversations", operation_id = "report-typing",
    params(("conversationId" = ConversationId, Path)), request_body = TypingRequest,
    security(("session" = []), ("private-key" = [])),
    responses((status = 204, description = "The report is accepted"),
              BodyErrors, BearerErrors, ConversationErrors, ValidationErrors, ServerErrors))]
pub async fn report(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<TypingRequest>::read(&app, &request, payload, caller.into()).await?;
    typing::report(&app.services, caller, id, body.value.is_typing).await?;
    response::from_saved(response::no_content())
}

/// Mark a conversation as read
///
/// All messages of the conversation count as read by the agents. `isUnread` is false until
/// the next message. A reply and a takeover have the same effect.
#[utoipa::path(post, path = "/conversations/{conversationId}/read", tag = "Agents", operation_id = "mark-conversation-as-read",
    params(("conversationId" = ConversationId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The conversation is read"),
              BodyErrors, BearerErrors, ConversationErrors, ValidationErrors, ServerErrors))]
pub async fn mark_as_read(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    caller.require_staff()?;
    let id = conversation_id(&request)?;
    JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    conversation::mark_as_read(&app.services, caller, id).await?;
    response::from_saved(response::no_content())
}
