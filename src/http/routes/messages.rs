//! Messages: list them, rate them. Sending is in [`super::send`]
//! (docs/api-contract.md, section 4.9).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::AppState;
use crate::domain::{
    ConversationId, ConversationSeq, Feedback, MessageId, MessageStatus, Offset, Role,
};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::field_types::{MessageLimit, required_nullable};
use crate::http::item_stream::{ItemBody, ItemSource};
use crate::http::json::MessageJson;
use crate::http::list_response::{ListObject, ListWriter};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ConversationErrors, MessageErrors, ServerErrors,
    ValidationErrors,
};
use crate::http::params::{self, conversation_id, message_id};
use crate::http::response::HandlerResult;
use crate::http::{auth, idempotency, response};
use crate::service::caller::Caller;
use crate::service::notification::Notifier;
use crate::service::{conversation, feedback};
use crate::store::message::{MessageCursor, MessageFilter};
use crate::store::notification::queue::ShownEmail;
use crate::store::{Snapshot, StoreError};

// ── Parameters ──

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct MessageListParams {
    /// The maximum number of messages in the response.
    #[serde(default)]
    #[param(inline)]
    limit: MessageLimit,
    /// The number of messages to skip.
    #[serde(default)]
    #[param(inline)]
    offset: Offset,
    /// Only messages of this author.
    role: Option<Role>,
    /// Only messages of this status.
    status: Option<MessageStatus>,
}

impl MessageListParams {
    /// The messages that match, of those that `caller` sees.
    fn filter(self, caller: Caller) -> MessageFilter {
        MessageFilter {
            limit: self.limit.0,
            offset: self.offset.get(),
            role: self.role,
            status: self.status,
            hides_failures: caller.is_visitor(),
        }
    }
}

/// A visitor's rating of a message.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeedbackRequest {
    /// `null` removes earlier feedback.
    #[serde(deserialize_with = "required_nullable")]
    #[schema(required)]
    feedback: Option<Feedback>,
}

// ── Responses ──

/// Messages of a conversation, oldest first.
#[derive(Serialize, ToSchema)]
pub struct MessageList<'a> {
    object: ListObject,
    /// The messages, oldest first.
    data: Vec<MessageJson<'a>>,
}

/// The feedback that is stored.
#[derive(Serialize, ToSchema)]
pub struct FeedbackResult {
    /// Null if there is no feedback.
    #[schema(required)]
    feedback: Option<Feedback>,
}

// ── Handlers ──

/// List messages
///
/// Returns the messages of a conversation, oldest first.
#[utoipa::path(get, path = "/conversations/{conversationId}/messages", tag = "Messages", operation_id = "get-messages",
    params(("conversationId" = ConversationId, Path), MessageListParams),
    security(("session" = []), ("private-key" = [])),
    responses((status = 200, description = "The messages", body = MessageList),
              BearerErrors, ConversationErrors, ValidationErrors, ServerErrors))]
pub async fn list(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let id = conversation_id(&request)?;
    let params: MessageListParams = params::query(&request)?;
    let notifier = app.services.notifier.clone();
    let read = move |snapshot: &Snapshot| {
        let seq = conversation::find(snapshot, caller, id)?.seq;
        let email = shown_email(&notifier, snapshot, caller, seq)?;
        let empty = serde_json::to_vec(&MessageList {
            object: ListObject::List,
            data: Vec::new(),
        })?;
        let list = ListWriter::reopen(empty);
        let messages = MessageCursor::matching(snapshot, seq, id, params.filter(caller))?;
        Ok::<_, ApiError>((ItemBody::read(snapshot, list, messages)?, email))
    };
    let (body, email) = app.store.read(read).await?;
    app.services.cancel_shown_email(email);
    body.respond(&app, &request, caller.into())
}

/// The e-mail with replies that is superfluous because the caller, a visitor, reads them.
pub fn shown_email(
    notifier: &Notifier,
    snapshot: &Snapshot,
    caller: Caller,
    conversation: ConversationSeq,
) -> Result<Option<ShownEmail>, StoreError> {
    if !caller.is_visitor() {
        return Ok(None);
    }
    notifier.shown_email(snapshot, conversation)
}

impl ItemSource for MessageCursor {
    fn append(
        &mut self,
        snapshot: &Snapshot,
        list: &mut ListWriter,
        max_bytes: usize,
    ) -> Result<bool, ApiError> {
        self.read(snapshot, |message| {
            MessageJson::from(message).write(list.next_item());
            Ok(list.flow(max_bytes))
        })
    }
}

/// Rate a message
///
/// Stores the visitor's feedback on a message of the assistant or of an agent.
#[utoipa::path(post, path = "/messages/{messageId}/feedback", tag = "Messages", operation_id = "send-message-feedback",
    params(("messageId" = MessageId, Path)), request_body = FeedbackRequest,
    security(("session" = [])), responses((status = 200, description = "The stored feedback", body = FeedbackResult),
              BodyErrors, BearerErrors, MessageErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn rate(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    caller.require_visitor()?;
    let id = message_id(&request)?;
    let body = JsonBody::<FeedbackRequest>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let feedback = body.value.feedback;
    let response = response::to_saved(StatusCode::OK, &FeedbackResult { feedback });
    let rate = feedback::rate(&app.services, caller, id, feedback, &key, response);
    idempotency::respond(&app, &key, rate).await
}
