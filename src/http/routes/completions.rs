//! Answers for a website's server that are not stored
//! (docs/api-contract.md, section 4.11).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::{ChatMessage, ChatRole, CompleteAnswer};
use crate::app::AppState;
use crate::domain::AssistantId;
use crate::http::answer_response::{AnswerSteps, collect, stream_answer};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::field_types::{BoundedList, Item, Text, not_null};
use crate::http::openapi_errors::{
    AssistantErrors, BearerErrors, BodyErrors, ConflictErrors, ModelErrors, ServerErrors,
    ValidationErrors,
};
use crate::http::response::HandlerResult;
use crate::http::{auth, idempotency, response, sse};
use crate::service::caller::Caller;
use crate::service::completion::{self, Completion, CompletionInput};
use crate::service::idempotency::{Idempotency, RunOutcome};
use crate::store::idempotency::{SavedBody, SavedResponse};

// ── Body ──

/// A conversation that the assistant answers.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletionRequest {
    /// The assistant that answers. Without it, the default assistant of the
    /// project answers.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    assistant_id: Option<AssistantId>,
    /// The messages of the conversation, oldest first.
    #[schema(inline)]
    messages: CompletionMessages,
    /// Whether the answer is streamed as events. The default is false.
    #[serde(default)]
    stream: bool,
}

type CompletionMessages = BoundedList<CompletionMessage, 1, 1000>;

/// A message of the conversation.
#[derive(Deserialize, ToSchema)]
struct CompletionMessage {
    role: CompletionRole,
    /// The text of the message.
    #[schema(inline)]
    content: CompletionContent,
}

impl Item for CompletionMessage {
    const PLURAL: &'static str = "messages";
}

type CompletionContent = Text<0, 100_000>;

/// The author of a message. Messages of the role `system` are instructions.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum CompletionRole {
    System,
    User,
    Assistant,
}

impl From<CompletionMessage> for ChatMessage {
    fn from(message: CompletionMessage) -> Self {
        Self {
            role: match message.role {
                CompletionRole::System => ChatRole::System,
                CompletionRole::User => ChatRole::User,
                CompletionRole::Assistant => ChatRole::Assistant,
            },
            content: message.content.0,
        }
    }
}

// ── Handler ──

/// Answer a conversation
///
/// The server of the website stores the conversation; this server does not. With
/// an `Idempotency-Key` the answer is saved for a day and sent when it is complete.
#[utoipa::path(post, path = "/chat/completions", tag = "Chat completions", operation_id = "create-chat-completion",
    request_body = CompletionRequest, security(("private-key" = [])),
    responses((status = 200, description = "The answer", content(
                  (AnswerSteps = "application/json"),
                  (String = "text/event-stream"))),
              BodyErrors, BearerErrors, AssistantErrors, ConflictErrors, ValidationErrors, ModelErrors, ServerErrors))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let project = auth::require_staff(&app, &request).await?;
    let body = JsonBody::<CompletionRequest>::read(&app, &request, payload, project.into()).await?;
    let CompletionRequest {
        assistant_id,
        messages,
        stream,
    } = body.value;
    let key = idempotency::from_request(&request, &body.raw, Caller::Server { project })?;
    let input = CompletionInput {
        project,
        assistant: assistant_id,
        messages: messages.0.into_iter().map(ChatMessage::from).collect(),
    };
    let create = async { Ok(completion::create(&app.services, input).await?) };
    match key.run::<_, ApiError>(&app.store, create).await? {
        RunOutcome::Saved(saved) => replay(saved, stream),
        RunOutcome::Executed(Completion::Complete(answer)) => {
            save_and_respond(&app, &key, &answer, stream).await
        }
        RunOutcome::Executed(Completion::Streaming(events)) if stream && !key.has_key() => {
            stream_answer(&app, None, events).await
        }
        RunOutcome::Executed(Completion::Streaming(events)) => {
            let answer = collect(events).await?.unwrap_or_default();
            save_and_respond(&app, &key, &answer, stream).await
        }
    }
}

/// Saves a complete answer for a repeated request, and responds with it.
async fn save_and_respond(
    app: &AppState,
    key: &Idempotency,
    answer: &CompleteAnswer,
    stream: bool,
) -> HandlerResult {
    let response = response::to_saved(StatusCode::OK, &AnswerSteps::from(answer));
    let save = async {
        key.save_alone(&app.store, &response).await?;
        Ok::<_, ApiError>(response)
    };
    replay(key.run(&app.store, save).await?.into_response(), stream)
}

/// The response from the saved JSON: the JSON itself or, with `stream`, events.
fn replay(saved: SavedResponse, stream: bool) -> HandlerResult {
    if !stream {
        return response::from_saved(saved);
    }
    let SavedBody::Bytes(body) = saved.body else {
        return Err(ApiError::internal("a saved completion is a message"));
    };
    let steps: AnswerSteps = serde_json::from_slice(&body)?;
    Ok(sse::complete(None, steps.text()))
}
