//! Agents: take a conversation over, reply in it, hand it back
//! (docs/api-contract.md, section 9).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{
    AgentName, AgentProfile, Assignee, Conversation, ConversationId, Message, MessageContent,
    ProjectSeq,
};
use crate::http::answer_response::to_agent_response;
use crate::http::body::{JsonBody, NoFields};
use crate::http::error::ApiError;
use crate::http::field_types::{Uri, not_null};
use crate::http::json::{ConversationJson, MessageJson};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ConversationErrors, ServerErrors, ValidationErrors,
};
use crate::http::params::conversation_id;
use crate::http::response::HandlerResult;
use crate::http::{auth, idempotency, response};
use crate::service::agent::{self, Target};
use crate::service::agent_account;
use crate::service::caller::Caller;
use crate::service::idempotency::Idempotency;
use crate::store::idempotency::SavedResponse;

/// The agent who takes a conversation over. An agent who has signed in takes it over with
/// the name and picture of the account, so that the body may be empty.
#[derive(Deserialize, ToSchema)]
pub struct AgentRequest {
    /// The name that visitors see. Required with a private key.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    name: Option<AgentName>,
    /// The URL of a picture.
    #[schema(inline)]
    image: Option<Uri>,
    /// Whether to take the conversation over from another agent who has signed in. Otherwise
    /// this is a conflict.
    #[serde(default)]
    #[schema(default = false)]
    force: bool,
}

impl AgentRequest {
    /// The agent that a private key names.
    ///
    /// # Errors
    /// 400 without a name.
    fn into_assignee(self) -> Result<Assignee, ApiError> {
        let name = self
            .name
            .ok_or_else(|| ApiError::body("name", "is required"))?;
        let profile = AgentProfile {
            name: Some(name.into_string()),
            image: self.image.map(|image| image.0),
        };
        Ok(Assignee {
            profile,
            account: None,
        })
    }
}

/// The account of an agent who has signed in. `None` for a private key.
///
/// # Errors
/// 401 if the account was deleted.
async fn own_account(app: &AppState, caller: Caller) -> Result<Option<Assignee>, ApiError> {
    let Caller::Agent { agent, .. } = caller else {
        return Ok(None);
    };
    let account = agent_account::read_own(&app.store, agent).await?;
    Ok(Some(Assignee::from(&account)))
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
/// stopped. A repeated call with a private key replaces the agent. If another agent who has
/// signed in has the conversation, an agent gets a conflict, unless `force` is true.
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
    let force = body.value.force;
    let agent = match own_account(&app, caller).await? {
        Some(agent) => agent,
        None => body.value.into_assignee()?,
    };
    let (target, to_agent) = (target(&app, project, id, &key), to_agent_response());
    let take_over = agent::take_over(target, agent, force, render, &to_agent);
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
    let hand_back = agent::hand_back(target(&app, project, id, &key), render);
    idempotency::respond(&app, &key, hand_back).await
}

/// Reply as an agent
///
/// An agent must have taken the conversation over. An agent who has signed in and has not
/// takes it over with the reply.
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
    let agent = own_account(&app, caller).await?;
    let (target, to_agent) = (target(&app, project, id, &key), to_agent_response());
    let reply = agent::reply(target, agent, body.value.content, render_message, &to_agent);
    idempotency::respond(&app, &key, reply).await
}

fn target<'a>(
    app: &'a AppState,
    project: ProjectSeq,
    id: ConversationId,
    idempotency: &'a Idempotency,
) -> Target<'a> {
    Target {
        services: &app.services,
        project,
        id,
        idempotency,
    }
}

fn render(conversation: &Conversation<'_>) -> SavedResponse {
    response::to_saved(StatusCode::OK, &ConversationJson::from(conversation))
}

fn render_message(message: &Message<'_>) -> SavedResponse {
    response::to_saved(StatusCode::CREATED, &MessageJson::from(message))
}
