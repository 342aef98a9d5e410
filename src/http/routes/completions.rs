//! Answers to a website's server, of which nothing is stored (section 3.11).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::generation::spawn;
use crate::answer::{Answer, AnswerRequest, ChatMessage, ChatRole, CompleteAnswer, FinishDetails};
use crate::app::AppState;
use crate::domain::{Assistant, AssistantId, ProjectSeq};
use crate::http::answer_response::{AnswerSteps, collect, stream_answer};
use crate::http::auth::{self, Caller};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::field_types::{List, Text, not_null};
use crate::http::idempotency::Once;
use crate::http::plan::check_plan;
use crate::http::response::HandlerResult;
use crate::http::{response, sse};
use crate::store::{Snapshot, assistant};

// ── What is asked ──

/// A conversation that the assistant answers.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletionRequest {
    /// The project's default assistant where it is left out.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    assistant_id: Option<AssistantId>,
    #[schema(inline)]
    messages: CompletionMessages,
    #[serde(default)]
    stream: bool,
}

type CompletionMessages = List<CompletionMessage, 1, 1000>;

#[derive(Deserialize, ToSchema)]
struct CompletionMessage {
    #[schema(inline)]
    role: CompletionRole,
    #[schema(inline)]
    content: CompletionContent,
}

type CompletionContent = Text<0, 100_000>;

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
/// That the website's server has kept itself; nothing of it is stored. With an
/// `Idempotency-Key` the answer is kept for a day, and is sent when it is whole.
#[utoipa::path(post, path = "/chat/completions", tag = "Chat completions", operation_id = "create-chat-completion",
    request_body = CompletionRequest, security(("private-key" = [])),
    responses((status = 200, description = "The answer", content(
                  (AnswerSteps = "application/json"),
                  (Object = "text/event-stream")))))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let project = auth::server(&app, &request).await?;
    let body = JsonBody::<CompletionRequest>::read(&app, &request, payload).await?;
    let CompletionRequest {
        assistant_id,
        messages,
        stream,
    } = body.value;
    let once = Once::of(&request, &body.raw, Caller::Server { project })?;
    if let Some((_, body)) = once.kept(&app).await? {
        return given(body, stream);
    }
    let has_model = app.answer_providers.model.is_some();
    let read = move |snapshot: &Snapshot| {
        let assistant = assistant_of(snapshot, project, assistant_id)?;
        if assistant.mode.uses_model(has_model) {
            check_plan(snapshot, project)?;
        }
        Ok::<_, ApiError>(assistant)
    };
    let question = AnswerRequest {
        project,
        assistant: app.store.read(read).await?,
        messages: messages.0.into_iter().map(ChatMessage::from).collect(),
        page: None,
    };
    let answerer = app.answer_providers.for_assistant(&question.assistant)?;
    let parts = match answerer.answer(&app.store, question).await? {
        Answer::Complete(whole) => return kept(&app, &once, &whole, stream).await,
        Answer::Stream(pieces) => spawn(pieces, None, app.settings.stream_timeouts.stalled_client),
    };
    if stream && !once.is_wanted() {
        return stream_answer(&app, None, parts).await;
    }
    let whole = collect(parts).await?.unwrap_or_else(|| CompleteAnswer {
        text: String::new(),
        finish: FinishDetails::default(),
    });
    kept(&app, &once, &whole, stream).await
}

fn assistant_of(
    snapshot: &Snapshot,
    project: ProjectSeq,
    wanted: Option<AssistantId>,
) -> Result<Assistant, ApiError> {
    match wanted {
        None => Ok(assistant::default(snapshot, project)?),
        Some(id) => {
            assistant::find(snapshot, project, id)?.ok_or_else(|| ApiError::assistant_not_found(id))
        }
    }
}

/// Gives a whole answer, and keeps it where it may be asked for again.
async fn kept(app: &AppState, once: &Once, whole: &CompleteAnswer, stream: bool) -> HandlerResult {
    let body = serde_json::to_vec(&AnswerSteps::from(whole))?;
    let (_, body) = once.remember(app, StatusCode::OK, body).await?;
    given(body, stream)
}

fn given(body: Vec<u8>, stream: bool) -> HandlerResult {
    if !stream {
        return Ok(response::bytes(StatusCode::OK, body));
    }
    let completed: AnswerSteps = serde_json::from_slice(&body)?;
    Ok(sse::whole(None, completed.text()))
}
