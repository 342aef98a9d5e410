//! Messages: read them, say what one thinks of them (sections 3.9 and 3.10).
//! How one is sent stands in `send`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::AppState;
use crate::domain::{
    ConversationId, Feedback, MessageId, MessageStatus, Offset, Role, Timestamp, ValidationError,
};
use crate::http::body::Fields;
use crate::http::error::ApiError;
use crate::http::idempotency::Once;
use crate::http::json::MessageJson;
use crate::http::list_response::{ListObject, next_item};
use crate::http::params::{Query, conversation_id, message_id};
use crate::http::routes::conversations::located;
use crate::http::{auth, response};
use crate::store::message::{self, Located, Wanted};
use crate::store::{Snapshot, StoreError};

type Reply = Result<HttpResponse, ApiError>;

// ── Parameters ──

#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `wanted` reads")]
struct MessageParams {
    /// The most messages in the answer; as many as there can be where it is left out.
    #[param(required = false, minimum = 1, maximum = 1000)]
    limit: u32,
    /// How many messages to pass over. Empty and `null` are 0.
    #[param(required = false, value_type = Option<u64>, nullable, minimum = 0, maximum = 9_007_199_254_740_991_u64, default = 0)]
    offset: Option<u64>,
    /// Only messages of this author.
    #[param(required = false, inline)]
    role: Role,
    /// Only messages of this status.
    #[param(required = false, inline)]
    status: MessageStatus,
}

/// The most messages that one answer holds (section 0, D19).
const MOST: u32 = 1000;

fn wanted(request: &HttpRequest) -> Result<Wanted, ValidationError> {
    let query = Query::of(request);
    let limit = query.parsed("limit", |text| limit(text).map(Some))?;
    let offset: Offset = query.parsed("offset", Offset::parse)?;
    Ok(Wanted {
        limit: limit.unwrap_or(MOST),
        offset: offset.get(),
        role: query.parsed("role", |text| Role::parse(text).map(Some))?,
        status: query.parsed("status", |text| MessageStatus::parse(text).map(Some))?,
    })
}

fn limit(text: &str) -> Result<u32, ValidationError> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| ValidationError::new("limit", "must be a whole number from 1 to 1000"))
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `rate` reads")]
pub struct FeedbackRequest {
    /// null takes an earlier opinion back.
    #[schema(required, inline)]
    feedback: Option<Feedback>,
}

// ── Responses ──

/// Messages of a conversation, oldest first.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what `list` writes")]
pub struct MessageList<'a> {
    #[schema(inline)]
    object: ListObject,
    data: Vec<MessageJson<'a>>,
}

#[derive(Serialize, ToSchema)]
pub struct FeedbackGiven {
    #[schema(required, inline)]
    feedback: Option<Feedback>,
}

// ── Handlers ──

/// List messages
///
/// Of one conversation, oldest first.
#[utoipa::path(get, path = "/conversations/{conversationId}/messages", tag = "Messages", operation_id = "get-messages",
    params(("conversationId" = ConversationId, Path), MessageParams),
    security(("session" = []), ("private-key" = [])),
    responses((status = 200, body = MessageList, headers(
        ("ETag" = String, description = "Changes when the body does")))))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> Reply {
    let caller = auth::bearer(&app, &request).await?;
    let id = conversation_id(&request)?;
    let wanted = wanted(&request)?;
    let read = move |snapshot: &Snapshot| {
        let located = located(snapshot, caller, id)?;
        let mut body = br#"{"object":"list","data":["#.to_vec();
        let mut first = true;
        message::wanted(snapshot, located.seq, id, wanted, |message| {
            MessageJson::from(message).write(next_item(&mut body, &mut first));
            Ok::<_, ApiError>(())
        })?;
        body.extend_from_slice(b"]}");
        Ok::<_, ApiError>(body)
    };
    let body = app.store.read(read).await?;
    Ok(response::cached(&app, &request, body))
}

/// Say what one thinks of a message
///
/// Of an assistant's or a person's, not of one's own.
#[utoipa::path(post, path = "/messages/{messageId}/feedback", tag = "Messages", operation_id = "send-message-feedback",
    params(("messageId" = MessageId, Path)), request_body = FeedbackRequest,
    security(("session" = [])), responses((status = 200, body = FeedbackGiven)))]
pub async fn rate(app: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Reply {
    let caller = auth::bearer(&app, &request).await?;
    caller.visitor()?;
    let id = message_id(&request)?;
    let fields = Fields::read(&app, &request, payload).await?;
    let feedback = fields.required_nullable_text("feedback")?;
    let feedback = feedback.map(Feedback::parse).transpose()?;
    let once = Once::of(&request, &fields, caller)?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    let project = caller.project();
    let found = app
        .store
        .read(move |snapshot| message::locate(snapshot, project, id));
    let found: Option<Located> = found.await.map_err(|error: StoreError| error)?;
    let found = found.ok_or_else(|| ApiError::message_not_found(id))?;
    caller.may_see(found.visitor)?;
    if found.role == Role::User {
        return Err(ValidationError::new(
            "messageId",
            "must be a message of the assistant or a person",
        )
        .into());
    }
    let body = serde_json::to_vec(&FeedbackGiven { feedback })?;
    let batch = message::rate(id, feedback, Timestamp::now());
    let answer = once.answered(&app, batch, StatusCode::OK, body, None);
    answer.await?.ok_or_else(|| ApiError::message_not_found(id))
}
