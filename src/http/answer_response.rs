//! Responses with an answer of the assistant: complete as JSON, or streamed as
//! server-sent events.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::draft::{AnswerEvent, AnswerReader};
use crate::answer::{CompleteAnswer, FinishDetails, FinishReason, Usage};
use crate::app::AppState;
use crate::config::StreamTimeouts;
use crate::domain::MessageId;
use crate::http::error::ApiError;
use crate::http::response::HandlerResult;
use crate::http::{response, sse};
use crate::store::idempotency::{SavedBody, SavedResponse};

// docs/api-contract.md, section 5.8.
/// An answer as a list of steps. The last step has the text.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Answer)]
pub struct AnswerSteps {
    /// The steps of the model, in their order.
    steps: Vec<ModelStep>,
}

/// A step of the model.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AnswerStep)]
struct ModelStep {
    /// The parts of the answer.
    content: Vec<StepContent>,
    /// Why the step ended: `stop`, `length`, `content-filter`, `tool-calls`,
    /// `error`, `other` or `unknown`.
    finish_reason: String,
    usage: StepUsage,
}

/// A part of the answer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AnswerPart)]
struct StepContent {
    /// `text`.
    r#type: String,
    /// Markdown.
    text: String,
}

/// The cost of a step in tokens. A number that is not known is 0.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TokenUsage)]
struct StepUsage {
    /// The tokens of the request.
    input_tokens: u64,
    /// The tokens of the answer.
    output_tokens: u64,
    /// The sum of `inputTokens` and `outputTokens`.
    total_tokens: u64,
    /// The part of `outputTokens` that the model used for reasoning.
    reasoning_tokens: u64,
    /// The part of `inputTokens` that the model had in its cache.
    cached_input_tokens: u64,
}

impl AnswerSteps {
    pub fn text(&self) -> &str {
        let step = self.steps.last().and_then(|step| step.content.last());
        step.map_or("", |content| &content.text)
    }
}

impl From<&CompleteAnswer> for AnswerSteps {
    fn from(answer: &CompleteAnswer) -> Self {
        let content = StepContent {
            r#type: "text".to_owned(),
            text: answer.text.clone(),
        };
        let step = ModelStep {
            content: vec![content],
            finish_reason: answer.finish.reason.as_str().to_owned(),
            usage: answer.finish.usage.into(),
        };
        Self { steps: vec![step] }
    }
}

impl From<Usage> for StepUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input,
            output_tokens: usage.output,
            total_tokens: usage.input + usage.output,
            reasoning_tokens: usage.reasoning,
            cached_input_tokens: usage.cached_input,
        }
    }
}

/// The status and the body of the response to a message that an agent receives
/// (docs/api-contract.md, section 6.4).
const TO_AGENT_STATUS: StatusCode = StatusCode::ACCEPTED;
const TO_AGENT_BODY: &[u8] = b"Message sent";

/// The response to a message that an agent receives, as it is saved.
pub fn to_agent_response() -> SavedResponse {
    SavedResponse {
        status: TO_AGENT_STATUS.as_u16(),
        body: SavedBody::Bytes(TO_AGENT_BODY.to_vec()),
    }
}

/// The response to a message that an agent receives.
pub fn sent_to_agent() -> HttpResponse {
    let mut response = response::bytes(TO_AGENT_STATUS, TO_AGENT_BODY);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// A complete answer as JSON or, with `stream`, as events.
pub fn complete_answer(id: MessageId, answer: &CompleteAnswer, stream: bool) -> HandlerResult {
    if stream {
        Ok(sse::complete(Some(id), &answer.text))
    } else {
        response::json(StatusCode::OK, &AnswerSteps::from(answer))
    }
}

/// Streams an answer as events.
///
/// # Errors
/// The error of an answer that fails before its first text
/// (docs/api-contract.md, section 6.6).
pub async fn stream_answer(
    app: &AppState,
    id: Option<MessageId>,
    mut answer: AnswerReader,
) -> HandlerResult {
    let StreamTimeouts {
        first_chunk,
        ping_interval,
        ..
    } = app.settings.stream_timeouts;
    match tokio::time::timeout(first_chunk, answer.next()).await {
        Err(_) => Ok(sse::stream(id, None, answer, ping_interval)),
        Ok(Some(AnswerEvent::Failed(error))) => Err(error.into()),
        Ok(Some(AnswerEvent::Stopped)) => Ok(sent_to_agent()),
        Ok(Some(event)) => Ok(sse::stream(id, Some(event), answer, ping_interval)),
        Ok(None) => Err(ApiError::internal("an answer ended without a last event")),
    }
}

/// Waits until an answer is complete and returns it as JSON.
pub async fn await_answer(answer: AnswerReader) -> HandlerResult {
    match collect(answer).await? {
        Some(answer) => response::json(StatusCode::OK, &AnswerSteps::from(&answer)),
        None => Ok(sent_to_agent()),
    }
}

/// Waits until an answer is complete. `None` if an agent took the conversation
/// over before the first text.
pub async fn collect(mut answer: AnswerReader) -> Result<Option<CompleteAnswer>, ApiError> {
    let mut text = String::new();
    loop {
        match answer.next().await {
            Some(AnswerEvent::Text(more)) => text.push_str(&more),
            Some(AnswerEvent::Complete(finish)) => {
                return Ok(Some(CompleteAnswer { text, finish }));
            }
            Some(AnswerEvent::Failed(error)) => return Err(error.into()),
            Some(AnswerEvent::Stopped) if text.is_empty() => return Ok(None),
            Some(AnswerEvent::Stopped) => {
                let finish = FinishDetails {
                    reason: FinishReason::Other,
                    ..FinishDetails::default()
                };
                return Ok(Some(CompleteAnswer { text, finish }));
            }
            None => return Err(ApiError::internal("an answer ended without a last event")),
        }
    }
}
