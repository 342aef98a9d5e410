//! Send a message to the assistant or an agent, and stop an answer
//! (docs/api-contract.md, section 4.8).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::VisitorPage;
use crate::answer::draft::Reservation;
use crate::answer::model::MAX_ANSWER_BYTES;
use crate::app::AppState;
use crate::domain::{
    ConversationId, ConversationListItem, MAX_PAGE_TITLE_CHARS, MAX_TEXT_SELECTION_CHARS,
    MessageContent, page_address, parse_uri,
};
use crate::http::answer_response::{
    AnswerSteps, await_answer, complete_answer, sent_to_agent, stream_answer, to_agent_response,
};
use crate::http::body::{JsonBody, NoFields};
use crate::http::error::ApiError;
use crate::http::field_types::Prefix;
use crate::http::json::ConversationListItemJson;
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ConversationErrors, ModelErrors, ServerErrors,
    ValidationErrors,
};
use crate::http::params::conversation_id;
use crate::http::response::HandlerResult;
use crate::http::{auth, idempotency, response};
use crate::service::idempotency::RunOutcome;
use crate::service::replay::replay;
use crate::service::send_message::{self, SendInput, SendOutcome};
use crate::service::stop_answer;
use crate::store::idempotency::{SavedBody, SavedResponse};

// ── Body ──

/// A message of a visitor.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SendRequest {
    /// The text of the message.
    #[schema(inline)]
    content: MessageContent,
    /// Whether the answer is streamed as events. Otherwise, which is the
    /// default, it is sent when it is complete.
    #[serde(default)]
    stream: bool,
    /// Whether the answer continues after the client has disconnected, for at most ten
    /// minutes. Repeat the message to receive the answer from its start. The default is
    /// false: without a client, the answer ends and keeps its text so far.
    #[serde(default)]
    detached: bool,
    /// The page on which the visitor is.
    page_context: Option<PageContext>,
}

/// The page on which the visitor is. Unusable texts are ignored or cut, because
/// they must not prevent a message.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PageContext {
    /// The address: an `http` or `https` URL of at most 2048 characters; anything else is ignored.
    url: Option<String>,
    /// The title of the page, cut after 1000 characters.
    #[schema(inline)]
    title: Option<PageTitle>,
    /// The text of the page, cut after 100,000 characters.
    #[schema(inline)]
    content: Option<PageText>,
    /// The text that the visitor has selected, cut after 10,000 characters.
    #[schema(inline)]
    text_selection: Option<TextSelection>,
}

type PageTitle = Prefix<MAX_PAGE_TITLE_CHARS>;
type PageText = Prefix<100_000>;
type TextSelection = Prefix<MAX_TEXT_SELECTION_CHARS>;

impl From<PageContext> for VisitorPage {
    fn from(page: PageContext) -> Self {
        Self {
            url: page.url.and_then(usable_address),
            title: page.title.map(|title| title.0),
            content: page.content.map(|content| content.0),
            selection: page.text_selection.map(|selection| selection.0),
        }
    }
}

fn usable_address(url: String) -> Option<String> {
    page_address(&parse_uri("url", &url).ok()?)
}

// ── Handlers ──

/// The length up to which every body is read: clients send the text of a whole page,
/// which must not prevent a message (docs/api-contract.md, section 4.8).
const MAX_MESSAGE_BODY_BYTES: usize = 2 << 20;

/// The memory for which a detached answer is charged: the longest text of a model.
const DETACHED_BYTES: usize = MAX_ANSWER_BYTES;

/// Send a message
///
/// The assistant answers, as JSON or as a stream. If an agent has taken the
/// conversation over, the agent receives the message and the status is 202. A message
/// that repeats the question of the running answer gets that answer from its start.
#[utoipa::path(post, path = "/conversations/{conversationId}/messages", tag = "Messages", operation_id = "send-message",
    params(("conversationId" = ConversationId, Path)), request_body = SendRequest, security(("session" = [])),
    responses((status = 200, description = "The answer", content(
                  (AnswerSteps = "application/json"),
                  (String = "text/event-stream"))),
              (status = 202, description = "An agent receives the message", body = String, content_type = "text/plain"),
              BodyErrors, BearerErrors, ConversationErrors, ConflictErrors, ValidationErrors, ModelErrors, ServerErrors))]
pub async fn send(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    caller.require_visitor()?;
    let id = conversation_id(&request)?;
    let max_bytes = app.settings.max_body_bytes.max(MAX_MESSAGE_BODY_BYTES);
    let body =
        JsonBody::<SendRequest>::read_up_to(max_bytes, &app, &request, payload, caller.into())
            .await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let stream = body.value.stream;
    let detached = body.value.detached;
    let detached = detached.then(|| auth::charge(&app, &request, caller.into(), DETACHED_BYTES));
    let detached = detached.transpose()?;
    let input = SendInput {
        caller,
        conversation: id,
        content: body.value.content,
        page: body.value.page_context.map(VisitorPage::from),
        detached: detached.map(|permit| Arc::new(permit) as Reservation),
    };
    let to_agent = to_agent_response();
    let send = async { Ok(send_message::send(&app.services, &input, &key, &to_agent).await?) };
    let outcome = match key.run::<_, ApiError>(&app.store, send).await? {
        RunOutcome::Executed(outcome) => outcome,
        RunOutcome::Saved(saved) => match saved.body {
            SavedBody::Bytes(_) => SendOutcome::ToAgent,
            SavedBody::Message(id) => replay(&app.services, id).await?,
        },
    };
    match outcome {
        SendOutcome::ToAgent => Ok(sent_to_agent()),
        SendOutcome::Answered(id, answer) => complete_answer(id, &answer, stream),
        SendOutcome::Streaming(id, answer) if stream => stream_answer(&app, Some(id), answer).await,
        SendOutcome::Streaming(_, answer) => await_answer(answer).await,
    }
}

/// Stop an answer
///
/// Stops the answer that is being generated in the conversation. Its text so far is kept.
/// Returns the conversation with its newest message. Without an answer, nothing changes.
#[utoipa::path(post, path = "/conversations/{conversationId}/stop", tag = "Messages", operation_id = "stop-answer",
    params(("conversationId" = ConversationId, Path)),
    security(("session" = []), ("private-key" = [])),
    responses((status = 200, description = "No answer is being generated", body = ConversationListItemJson),
              BodyErrors, BearerErrors, ConversationErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn stop(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let stop = stop_answer::stop(&app.services, caller, id, &key, render);
    idempotency::respond(&app, &key, stop).await
}

fn render(conversation: &ConversationListItem<'_>) -> SavedResponse {
    response::to_saved(
        StatusCode::OK,
        &ConversationListItemJson::from(conversation),
    )
}
