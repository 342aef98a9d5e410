//! Answers to a website's server, of which nothing is stored (section 3.11).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::generation::spawn;
use crate::answer::{
    Answer, AnswerRequest, ChatMessage, ChatRole, CompleteAnswer, FinishDetails, Usage,
};
use crate::app::AppState;
use crate::domain::{
    Assistant, AssistantId, ProjectSeq, ValidationError, bounded_text, parse_enum,
};
use crate::http::auth::{self, Caller};
use crate::http::body::Fields;
use crate::http::error::ApiError;
use crate::http::idempotency::Once;
use crate::http::params::UUID_EXPECTED;
use crate::http::routes::send::{gathered, streamed, within_plan};
use crate::http::{response, sse};
use crate::store::{Snapshot, assistant};

type Reply = Result<HttpResponse, ApiError>;

// ── What is asked ──

/// A conversation to be answered.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `create` reads")]
pub struct CompletionRequest {
    /// The project's default assistant where it is left out.
    #[schema(required = false)]
    assistant_id: AssistantId,
    #[schema(min_items = 1, max_items = 1000)]
    messages: Vec<CompletionMessage>,
    #[schema(required = false)]
    stream: bool,
}

#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what `turn` reads")]
struct CompletionMessage {
    #[schema(inline)]
    role: CompletionRole,
    #[schema(max_length = 100_000, pattern = "^[^\\u0000]*$")]
    content: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents ROLES; a test holds the two together")]
enum CompletionRole {
    System,
    User,
    Assistant,
}

const ROLES: [(&str, ChatRole); 3] = [
    ("system", ChatRole::System),
    ("user", ChatRole::User),
    ("assistant", ChatRole::Assistant),
];

const MOST: usize = 1000;

fn turns(fields: &mut Fields) -> Result<Vec<ChatMessage>, ApiError> {
    let messages = fields.objects("messages.")?;
    if !(1..=MOST).contains(&messages.len()) {
        return Err(
            ValidationError::new("messages", format!("must have 1 to {MOST} messages")).into(),
        );
    }
    messages.iter().map(turn).collect()
}

fn turn(fields: &Fields) -> Result<ChatMessage, ApiError> {
    let role = parse_enum("messages.role", fields.required_text("role")?, &ROLES)?;
    let content = fields.required_text("content")?;
    let text = bounded_text("messages.content", content, 0, 100_000)?;
    Ok(ChatMessage {
        role,
        content: text,
    })
}

fn assistant_id(fields: &Fields) -> Result<Option<AssistantId>, ApiError> {
    let Some(text) = fields.text("assistantId")? else {
        return Ok(None);
    };
    let id = AssistantId::parse(text)
        .ok_or_else(|| ValidationError::new("assistantId", UUID_EXPECTED))?;
    Ok(Some(id))
}

// ── What is answered ──

/// An answer, step by step; the last one is what is shown (section 4.8).
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what `Completed` writes")]
pub struct Steps {
    steps: Vec<Step>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Step {
    content: Vec<StepContent>,
    finish_reason: String,
    usage: StepUsage,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct StepContent {
    r#type: String,
    text: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StepUsage {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    reasoning_tokens: u64,
    cached_input_tokens: u64,
}

/// A whole answer as the wire has it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Completed {
    steps: Vec<Step>,
}

impl Completed {
    pub fn of(whole: &CompleteAnswer) -> Self {
        let content = StepContent {
            r#type: "text".to_owned(),
            text: whole.text.clone(),
        };
        let step = Step {
            content: vec![content],
            finish_reason: whole.finish.reason.as_str().to_owned(),
            usage: usage(whole.finish.usage),
        };
        Self { steps: vec![step] }
    }

    fn text(&self) -> &str {
        let step = self.steps.last().and_then(|step| step.content.last());
        step.map_or("", |content| &content.text)
    }
}

fn usage(usage: Usage) -> StepUsage {
    StepUsage {
        input_tokens: usage.input,
        output_tokens: usage.output,
        total_tokens: usage.input + usage.output,
        reasoning_tokens: usage.reasoning,
        cached_input_tokens: usage.cached_input,
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
                  (Steps = "application/json"),
                  (Object = "text/event-stream")))))]
pub async fn create(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> Reply {
    let project = auth::server(&app, &request).await?;
    let mut fields = Fields::read(&app, &request, payload).await?;
    let (wanted, stream) = (
        assistant_id(&fields)?,
        fields.flag("stream")?.unwrap_or(false),
    );
    let turns = turns(&mut fields)?;
    let once = Once::of(&request, &fields, Caller::Server { project })?;
    if let Some((_, body)) = once.kept(&app).await? {
        return given(body, stream);
    }
    let has_model = app.answer_providers.model.is_some();
    let read = move |snapshot: &Snapshot| {
        let assistant = assistant_of(snapshot, project, wanted)?;
        if assistant.mode.uses_model(has_model) {
            within_plan(snapshot, project)?;
        }
        Ok::<_, ApiError>(assistant)
    };
    let question = AnswerRequest {
        project,
        assistant: app.store.read(read).await?,
        messages: turns,
        page: None,
    };
    let answerer = app.answer_providers.for_assistant(&question.assistant)?;
    let parts = match answerer.answer(&app.store, question).await? {
        Answer::Complete(whole) => return kept(&app, &once, &whole, stream).await,
        Answer::Stream(pieces) => spawn(pieces, None, app.settings.stream_timeouts.stalled_client),
    };
    if stream && !once.is_wanted() {
        return streamed(&app, None, parts).await;
    }
    let whole = gathered(parts).await?.unwrap_or_else(|| CompleteAnswer {
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
async fn kept(app: &AppState, once: &Once, whole: &CompleteAnswer, stream: bool) -> Reply {
    let body = serde_json::to_vec(&Completed::of(whole))?;
    let (_, body) = once.remember(app, StatusCode::OK, body).await?;
    given(body, stream)
}

fn given(body: Vec<u8>, stream: bool) -> Reply {
    if !stream {
        return Ok(response::bytes(StatusCode::OK, body));
    }
    let completed: Completed = serde_json::from_slice(&body)?;
    Ok(sse::whole(None, completed.text()))
}
