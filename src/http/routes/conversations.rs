//! Conversations: list, start, read, close
//! (docs/api-contract.md, sections 4.4 to 4.7).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::AppState;
use crate::domain::{
    CloseReason, Conversation, ConversationId, ConversationSeq, DeviceId, Direction, ExternalId,
    Limit, ListQuery, Offset, Scope, Sort, SortKey, Status, ValidationError,
};
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::field_types::{Uri, not_null};
use crate::http::json::{ConversationJson, ConversationListItemJson, MessageJson};
use crate::http::list_cache::{CacheKey, ListCache};
use crate::http::list_response::{ListBody, ListEnvelope, ListItem, ListResponse, ListWriter};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ConversationErrors, ServerErrors, ValidationErrors,
};
use crate::http::params::{self, conversation_id};
use crate::http::response::{self, HandlerResult};
use crate::http::{auth, etag, idempotency, links};
use crate::service::caller::Caller;
use crate::service::conversation::{self as service, CloseError, ImportInput};
use crate::store::idempotency::SavedResponse;
use crate::store::visitor::VisitorIdentity;
use crate::store::{Snapshot, conversation, message};

// ── Parameters ──

/// The parameters of a list of conversations.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ConversationListParams {
    /// The maximum number of conversations in the response.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The number of conversations to skip.
    #[serde(default)]
    #[param(inline)]
    offset: Offset,
    /// Only conversations of this status.
    status: Option<Status>,
    /// The field to order by. Ties are ordered by `id` in the same direction.
    /// Nulls come last in both directions.
    #[serde(default)]
    order_by: Sort,
    /// The direction of the order.
    #[serde(default)]
    order_dir: Direction,
    /// The cursor of a `next` link: the page begins after the last row of the
    /// page with that link. A cursor is valid for the same caller, `status`,
    /// `orderBy` and `orderDir`, with any `limit`, and does not expire. A row
    /// that does not move in the order is returned exactly once, even if rows
    /// are inserted meanwhile. `offset` counts from the cursor, up to 1000.
    /// Empty and `null` begin with the first row.
    after: Option<String>,
}

impl ConversationListParams {
    /// Builds the query of the list and verifies its cursor.
    fn list_query(self, app: &AppState, scope: Scope) -> Result<ListQuery, ValidationError> {
        let front = ListQuery {
            limit: self.limit,
            offset: self.offset,
            status: self.status,
            sort: self.order_by,
            direction: self.order_dir,
            after: None,
        };
        let cursor = self.after.filter(|text| !text.is_empty() && text != "null");
        let Some(cursor) = cursor else {
            return Ok(front);
        };
        let after = Some(app.cursors.verify(scope, &front, &cursor)?);
        front.offset.check_after_cursor()?;
        Ok(ListQuery { after, ..front })
    }
}

/// A new conversation. A visitor may omit all fields.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartRequest {
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    context: Option<StartContext>,
    /// With a private key: the id of the conversation.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    id: Option<ConversationId>,
    /// With a private key: the visitor of the conversation (required).
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    visitor: Option<StartVisitor>,
}

/// Where the conversation was started.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StartContext {
    /// The page on which the conversation was started.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    page_url: Option<Uri>,
}

/// The visitor of an imported conversation: exactly one of the two fields.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(min_properties = 1, max_properties = 1)]
struct StartVisitor {
    /// The website's own id of the person.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    external_id: Option<ExternalId>,
    /// The device id, as in `/identity/init`.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    sa_vid: Option<DeviceId>,
}

impl StartVisitor {
    fn identity(self) -> Result<VisitorIdentity, ApiError> {
        match (self.external_id, self.sa_vid) {
            (Some(id), None) => Ok(VisitorIdentity::ExternalId(id)),
            (None, Some(id)) => Ok(VisitorIdentity::Device(id)),
            (None, None) => Err(ApiError::body("visitor.externalId", "is required")),
            (Some(_), Some(_)) => {
                let reason = "must be left out where visitor.externalId is given";
                Err(ApiError::validation("visitor.saVid", reason))
            }
        }
    }
}

/// The reason for closing a conversation.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloseRequest {
    /// The reason, which the conversation shows as `closeReason`.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(inline, nullable = false)]
    close_reason: Option<CloseReason>,
}

// ── Responses ──

/// A page of conversations.
type ConversationList = ListEnvelope<ConversationListItemJson<'static>>;

impl ListItem for ConversationListItemJson<'_> {
    const LIST_NAME: &'static str = "ConversationList";
    const LIST_DESCRIPTION: &'static str = "One page of conversations.";
}

/// A conversation with its messages, oldest first.
#[derive(Serialize, ToSchema)]
pub struct ConversationFull<'a> {
    #[serde(flatten)]
    conversation: ConversationJson<'a>,
    /// The newest 1000 messages, oldest first.
    messages: Vec<MessageJson<'a>>,
}

/// The result of closing a conversation.
#[derive(Serialize, ToSchema)]
pub struct CloseResult {
    /// Always true.
    success: bool,
    /// `closed`, or `already closed` if nothing changed.
    message: &'static str,
}

// ── Handlers ──

/// List conversations
///
/// A session token lists the conversations of its visitor, a private key those of
/// the project.
#[utoipa::path(get, path = "/conversations", tag = "Conversations", operation_id = "get-conversations",
    params(ConversationListParams), security(("session" = []), ("private-key" = [])),
    responses((status = 200, description = "A page of conversations", body = ConversationList),
              BearerErrors, ValidationErrors, ServerErrors))]
pub async fn list(
    app: web::Data<AppState>,
    cache: web::Data<ListCache>,
    request: HttpRequest,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let scope = caller.scope();
    let params: ConversationListParams = params::query(&request)?;
    let key = (scope, params.list_query(&app, scope)?);
    if let Some(page) = cache.get(&app.store, &key) {
        return Ok(page.respond(&app, &request));
    }
    let version = app.store.list_version();
    let page = Arc::new(read_page(&app, &key).await?);
    let response = page.respond(&app, &request);
    cache.insert(key, version, page);
    Ok(response)
}

async fn read_page(app: &AppState, (scope, query): &CacheKey) -> Result<ListResponse, ApiError> {
    let (scope, page_query) = (*scope, query.clone());
    let read = move |snapshot: &Snapshot| list_page(snapshot, scope, &page_query);
    let (page, last) = app.store.read(read).await?;
    let next = last.map(|last| app.cursors.sign(scope, query, &last));
    let links = links::for_conversations(query, page.total, next.as_deref());
    Ok(ListResponse::new(app.tag_key, page, links))
}

/// The page and, if another page follows, the sort key of the last row.
fn list_page(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
) -> Result<(ListBody, Option<SortKey>), ApiError> {
    let totals = conversation::totals(snapshot, scope)?;
    let total = totals.matching(query.status);
    let mut list = ListWriter::for_page(total, query.limit, query.offset)?;
    let last = conversation::page(snapshot, scope, query, &totals, |item| {
        ConversationListItemJson::from(item).write(list.next_item());
        Ok::<_, ApiError>(())
    })?;
    let json = list.finish();
    Ok((ListBody { json, total }, last))
}

/// Start a conversation
///
/// A visitor starts a conversation; a private key imports one.
#[utoipa::path(post, path = "/conversations", tag = "Conversations", operation_id = "start-conversation",
    request_body = StartRequest, security(("session" = []), ("private-key" = [])),
    responses((status = 201, description = "The new conversation", body = ConversationFull),
              BodyErrors, BearerErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn start(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let body = JsonBody::<StartRequest>::read(&app, &request, payload).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let StartRequest {
        context,
        id,
        visitor,
    } = body.value;
    // Only a private key needs the visitor, but an ambiguous visitor is an error
    // of any caller.
    let identity = visitor.map(StartVisitor::identity).transpose()?;
    let page_url = context.and_then(|context| context.page_url);
    let page_url = page_url.map(|url| url.0);
    match caller {
        Caller::Visitor {
            visitor, project, ..
        } => {
            let start = service::start(
                &app.services,
                project,
                visitor,
                page_url,
                &key,
                render_started,
            );
            idempotency::respond(&app, &key, start).await
        }
        Caller::Server { project } => {
            let input = ImportInput {
                id,
                project,
                visitor: identity.ok_or_else(|| ApiError::body("visitor", "is required"))?,
                page_url,
            };
            let import = service::import(&app.services, input, &key, render_started);
            idempotency::respond(&app, &key, import).await
        }
    }
}

fn render_started(conversation: &Conversation<'_>) -> SavedResponse {
    let body = ConversationFull {
        conversation: ConversationJson::from(conversation),
        messages: Vec::new(),
    };
    response::to_saved(StatusCode::CREATED, &body)
}

/// Read a conversation
///
/// Returns the conversation with its messages, oldest first, at most the newest
/// 1000.
#[utoipa::path(get, path = "/conversations/{conversationId}", tag = "Conversations", operation_id = "get-conversation",
    params(("conversationId" = ConversationId, Path)), security(("session" = []), ("private-key" = [])),
    responses((status = 200, description = "The conversation", body = ConversationFull),
              BearerErrors, ConversationErrors, ValidationErrors, ServerErrors))]
pub async fn read(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let id = conversation_id(&request)?;
    let read = move |snapshot: &Snapshot| {
        let seq = service::find(snapshot, caller, id)?.seq;
        let head = conversation::read(snapshot, seq, |conversation| {
            serde_json::to_vec(&ConversationJson::from(conversation))
        })?;
        with_messages(snapshot, head?, seq, id)
    };
    let body = app.store.read(read).await?;
    Ok(etag::respond(&app, &request, body))
}

/// Appends the messages to the JSON object `head`.
fn with_messages(
    snapshot: &Snapshot,
    head: Vec<u8>,
    seq: ConversationSeq,
    id: ConversationId,
) -> Result<Vec<u8>, ApiError> {
    let mut body = head;
    body.pop();
    body.extend_from_slice(br#","messages":[]}"#);
    let mut messages = ListWriter::reopen(body);
    message::of_conversation(snapshot, seq, id, |message| {
        MessageJson::from(message).write(messages.next_item());
        Ok::<_, ApiError>(())
    })?;
    Ok(messages.finish())
}

/// Close a conversation
///
/// A closed conversation stays unchanged.
#[utoipa::path(post, path = "/conversations/{conversationId}/close", tag = "Conversations", operation_id = "close-conversation",
    params(("conversationId" = ConversationId, Path)), request_body = CloseRequest,
    security(("session" = []), ("private-key" = [])),
    responses((status = 200, description = "The conversation is closed", body = CloseResult),
              BodyErrors, BearerErrors, ConversationErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn close(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<CloseRequest>::read(&app, &request, payload).await?;
    let key = idempotency::from_request(&request, &body.raw, caller)?;
    let reason = body.value.close_reason;
    let [closed, unchanged] = ["closed", "already closed"].map(|message| {
        let success = true;
        response::to_saved(StatusCode::OK, &CloseResult { success, message })
    });
    let close = async {
        match service::close(&app.services, caller, id, reason, &key, closed).await {
            Err(CloseError::AlreadyClosed) => {
                key.save_alone(&app.store, &unchanged).await?;
                Ok(unchanged)
            }
            result => Ok(result?),
        }
    };
    idempotency::respond::<ApiError>(&app, &key, close).await
}
