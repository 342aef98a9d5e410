//! The operator's side: a person of the house takes a conversation over, answers
//! in it, hands it back (section 0, D16).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{
    AgentProfile, Conversation, ConversationId, ConversationSeq, HumanAgent, MessageContent,
    MessageId, ProjectSeq, Role, SentMessage, Status, Timestamp,
};
use crate::events::Event;
use crate::http::body::{JsonBody, NoFields};
use crate::http::error::ApiError;
use crate::http::field_types::{Text, Uri};
use crate::http::idempotency::{Once, Ran, told};
use crate::http::json::{ConversationJson, MessageJson};
use crate::http::params::conversation_id;
use crate::http::response::HandlerResult;
use crate::http::{auth, response};
use crate::store::agent::{self, Agent};
use crate::store::idempotency::Body;
use crate::store::{Snapshot, conversation};

/// The agent who takes a conversation over.
#[derive(Deserialize, ToSchema)]
pub struct AgentRequest {
    /// As visitors see it.
    #[schema(inline)]
    name: AgentName,
    /// The address of a picture.
    #[schema(inline)]
    image: Option<Uri>,
}

type AgentName = Text<1, 100>;

impl From<AgentRequest> for Agent {
    fn from(body: AgentRequest) -> Self {
        Self {
            name: body.name.0,
            image: body.image.map(|image| image.0),
        }
    }
}

/// What an agent says.
#[derive(Deserialize, ToSchema)]
pub struct ReplyRequest {
    #[schema(inline)]
    content: MessageContent,
}

/// Take a conversation over
///
/// From the assistant, whose answer ends where it is if one is being written. To
/// take it over again changes who has it.
#[utoipa::path(put, path = "/conversations/{conversationId}/agent", tag = "Operators", operation_id = "take-over",
    params(("conversationId" = ConversationId, Path)), request_body = AgentRequest,
    security(("private-key" = [])), responses((status = 200, body = ConversationJson)))]
pub async fn take_over(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.server()?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<AgentRequest>::read(&app, &request, payload).await?;
    let once = Once::of(&request, &body.raw, caller)?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    let at = Timestamp::now();
    let agent = Agent::from(body.value);
    let theirs = agent.clone();
    let taken = move |one: &Conversation| {
        let human_agent = HumanAgent {
            name: Some(&theirs.name),
            image: theirs.image.as_deref(),
        };
        json_of(&ConversationJson::from(&Conversation {
            is_human_handled: true,
            human_agent: Some(human_agent),
            updated_at: at,
            ..one.clone()
        }))
    };
    let (seq, body) = open(&app, project, id, taken).await?;
    // From here on the answer that is being written shows nothing more.
    let cut = app.active_answers.stop(seq);
    let batch = agent::take_over(seq, &agent, cut, at);
    let kept = Body::Kept(body.clone());
    let ran = once.run(&app, batch, StatusCode::OK, kept, None);
    let event = Some(Event::HumanAssigned);
    match told(&app, ran, (project, id), event).await? {
        Ran::Changed => {}
        Ran::Unchanged => return Err(closed()),
        Ran::Before => return once.answer_of_other(&app).await,
    }
    Ok(response::bytes(StatusCode::OK, body))
}

/// Hand a conversation back to the assistant
///
/// One that nobody has stays as it is.
#[utoipa::path(delete, path = "/conversations/{conversationId}/agent", tag = "Operators", operation_id = "hand-back",
    params(("conversationId" = ConversationId, Path)),
    security(("private-key" = [])), responses((status = 200, body = ConversationJson)))]
pub async fn hand_back(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.server()?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload).await?;
    let once = Once::of(&request, &body.raw, caller)?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    let at = Timestamp::now();
    let back = move |one: &Conversation| {
        let back = json_of(&ConversationJson::from(&Conversation {
            is_human_handled: false,
            human_agent: None,
            updated_at: at,
            ..one.clone()
        }))?;
        Ok((back, json_of(&ConversationJson::from(one))?))
    };
    let (seq, (back, as_it_is)) = open(&app, project, id, back).await?;
    let batch = agent::hand_back(seq, at);
    let answer = once.answered(&app, batch, StatusCode::OK, back, Some(as_it_is));
    answer.await?.ok_or_else(closed)
}

/// Answer as a person of the house
///
/// In a conversation that has been taken over.
#[utoipa::path(post, path = "/conversations/{conversationId}/replies", tag = "Operators", operation_id = "reply",
    params(("conversationId" = ConversationId, Path)), request_body = ReplyRequest,
    security(("private-key" = [])), responses((status = 201, body = MessageJson)))]
pub async fn reply(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.server()?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<ReplyRequest>::read(&app, &request, payload).await?;
    let once = Once::of(&request, &body.raw, caller)?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    let (said, at) = (MessageId::generate(), Timestamp::now());
    let content = body.value.content;
    let text = content.clone();
    let message = move |one: &Conversation| {
        if !one.is_human_handled {
            return Err(nobodys());
        }
        Ok(SentMessage {
            human_agent: one.human_agent.map(AgentProfile::from),
            ..SentMessage::new(said, id, Role::HumanAgent, text.as_str(), at)
        })
    };
    let (seq, message) = open(&app, project, id, message).await?;
    let body = json_of(&MessageJson::from(&message.as_message()))?;
    let batch = agent::reply(seq, said, &content, at);
    let kept = Body::Kept(body.clone());
    let ran = once.run(&app, batch, StatusCode::CREATED, kept, None);
    let event = Some(Event::NewMessage(message));
    match told(&app, ran, (project, id), event).await? {
        Ran::Changed => {}
        Ran::Unchanged => return Err(nobodys()),
        Ran::Before => return once.answer_of_other(&app).await,
    }
    Ok(response::bytes(StatusCode::CREATED, body))
}

/// Reads a conversation, which must be open, `with` what is made of it.
async fn open<T: Send + 'static>(
    app: &AppState,
    project: ProjectSeq,
    id: ConversationId,
    with: impl FnOnce(&Conversation) -> Result<T, ApiError> + Send + 'static,
) -> Result<(ConversationSeq, T), ApiError> {
    let read = move |snapshot: &Snapshot| {
        let found = conversation::locate(snapshot, project, id)?;
        let seq = found
            .ok_or_else(|| ApiError::conversation_not_found(id))?
            .seq;
        let made = conversation::read(snapshot, seq, |one| match one.status {
            Status::Open => with(one),
            Status::Closed => Err(closed()),
        })?;
        Ok((seq, made?))
    };
    app.store.read(read).await
}

fn json_of(value: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    Ok(serde_json::to_vec(value)?)
}

fn closed() -> ApiError {
    ApiError::conflict("conversation", "status").with_message("The conversation is closed")
}

fn nobodys() -> ApiError {
    ApiError::conflict("conversation", "isHumanHandled")
        .with_message("Nobody has taken the conversation over; do that first")
}
