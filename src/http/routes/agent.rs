//! Agents: take a conversation over, reply in it, hand it back
//! (docs/api-contract.md, section 9).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{
    AgentName, AgentProfile, Conversation, ConversationId, Message, MessageContent,
};
use crate::http::answer_response::to_agent_response;
use crate::http::body::{JsonBody, NoFields};
use crate::http::field_types::Uri;
use crate::http::json::{ConversationJson, MessageJson};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ConversationErrors, ServerErrors, ValidationErrors,
};
use crate::http::params::conversation_id;
use crate::http::response::HandlerResult;
use crate::http::{auth, idempotency, response};
use crate::service::agent;
use crate::store::idempotency::SavedResponse;

/// The agent who takes a conversation over.
#[derive(Deserialize, ToSchema)]
pub struct AgentRequest {
    /// The name that visitors see.
    #[schema(inline)]
    name: AgentName,
    /// The URL of a picture.
    #[schema(inline)]
    image: Option<Uri>,
}

impl From<AgentRequest> for AgentProfile {
    fn from(body: AgentRequest) -> Self {
        Self {
            name: Some(body.name.into_string()),
            image: body.image.map(|image| image.0),
        }
    }
}

/// A message of an agent.
#[derive(Deserialize, ToSchema)]
pub struct ReplyRequest {
    /// The text of the message.
    #[schema(inline)]
    content: MessageContent,
}

// ── Handlers ──

/// Take a conversation over
///
/// An agent takes over from the assistant. An answer that is being generated is
/// stopped. A repeated call replaces the agent.
#[utoipa::path(put, path = "/conversations/{conversationId}/agent", tag = "Agents", operation_id = "take-over-conversation",
    params(("conversationId" = ConversationId, Path)), request_body = AgentRequest,
    security(("private-key" = [])), responses((status = 200, description = "The conversation with its agent", body = ConversationJson),
              BodyErrors, BearerErrors, ConversationErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn take_over(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<AgentRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let agent = AgentProfile::from(body.value);
    let to_agent = to_agent_response();
    let take_over = agent::take_over(&app.services, project, id, agent, &key, render, &to_agent);
    idempotency::respond(&app, &key, take_over).await
}

/// Hand a conversation back to the assistant
///
/// A conversation without an agent stays unchanged.
#[utoipa::path(delete, path = "/conversations/{conversationId}/agent", tag = "Agents", operation_id = "hand-back-conversation",
    params(("conversationId" = ConversationId, Path)),
    security(("private-key" = [])), responses((status = 200, description = "The conversation without an agent", body = ConversationJson),
              BodyErrors, BearerErrors, ConversationErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn hand_back(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let hand_back = agent::hand_back(&app.services, project, id, &key, render);
    idempotency::respond(&app, &key, hand_back).await
}

/// Reply as an agent
///
/// An agent must have taken the conversation over.
#[utoipa::path(post, path = "/conversations/{conversationId}/replies", tag = "Agents", operation_id = "reply-to-conversation",
    params(("conversationId" = ConversationId, Path)), request_body = ReplyRequest,
    security(("private-key" = [])), responses((status = 201, description = "The stored message", body = MessageJson),
              BodyErrors, BearerErrors, ConversationErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn reply(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_staff()?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<ReplyRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let content = body.value.content;
    let reply = agent::reply(&app.services, project, id, content, &key, render_message);
    idempotency::respond(&app, &key, reply).await
}

fn render(conversation: &Conversation<'_>) -> SavedResponse {
    response::to_saved(StatusCode::OK, &ConversationJson::from(conversation))
}

fn render_message(message: &Message<'_>) -> SavedResponse {
    response::to_saved(StatusCode::CREATED, &MessageJson::from(message))
}
