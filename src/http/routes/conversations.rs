//! Conversations: list, start, read, close, delete
//! (docs/api-contract.md, sections 4.4 to 4.7 and 4.16).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::domain::{
    Audience, CloseReason, Conversation, ConversationId, DeviceId, ExternalId, ListRequest, Scope,
    SortKey, page_address,
};
use crate::http::body::{JsonBody, NoFields};
use crate::http::error::ApiError;
use crate::http::field_types::{Uri, not_null};
use crate::http::item_stream::{self, ItemBody, ItemSource};
use crate::http::json::{ConversationJson, ConversationListItemJson, MessageJson, VisitorJson};
use crate::http::list_cache::ListCache;
use crate::http::list_params::{
    ConversationListParams, IncludeParams, PrivateListParams, check_search, includes_visitor,
    list_request,
};
use crate::http::list_response::{
    ListBody, ListEnvelope, ListItem, ListResponse, ListWriter, insert_page_headers,
};
use crate::http::openapi_errors::{
    BearerErrors, BodyErrors, ConflictErrors, ConversationErrors, ServerErrors, ValidationErrors,
};
use crate::http::params::conversation_id;
use crate::http::response::{self, HandlerResult};
use crate::http::routes::messages::shown_email;
use crate::http::{auth, idempotency, links};
use crate::service::caller::Caller;
use crate::service::conversation::{self as service, CloseError, ImportInput};
use crate::service::erasure;
use crate::store::Snapshot;
use crate::store::conversation::{self, PageRows};
use crate::store::idempotency::SavedResponse;
use crate::store::message::MessageCursor;
use crate::store::visitor::{self, VisitorIdentity};

// ── Parameters ──

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
    /// The page on which the conversation was started. An address that is not `http`
    /// or `https` is ignored.
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
    head: ConversationHead<'a>,
    /// The newest 1000 messages, oldest first.
    messages: Vec<MessageJson<'a>>,
}

/// A conversation without its messages.
#[derive(Serialize, ToSchema)]
pub struct ConversationHead<'a> {
    #[serde(flatten)]
    conversation: ConversationJson<'a>,
    /// The visitor of the conversation. Only with `include=visitor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    visitor: Option<VisitorJson<'a>>,
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
/// the project. The parameters that are described "with a private key" are ignored
/// with a session token.
#[utoipa::path(get, path = "/conversations", tag = "Conversations", operation_id = "get-conversations",
    params(ConversationListParams, PrivateListParams, IncludeParams), security(("session" = []), ("private-key" = [])),
    responses((status = 200, description = "A page of conversations", body = ConversationList),
              BearerErrors, ValidationErrors, ServerErrors))]
pub async fn list(
    app: web::Data<AppState>,
    cache: web::Data<ListCache>,
    request: HttpRequest,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let scope = caller.scope();
    let signing = app.signing.current();
    let list = list_request(request.query_string(), scope, &signing.cursors)?;
    let key = (scope, list, signing.generation);
    check_search(&app.store, &key.1)?;
    // The search index changes without the list: pages with words are not cached.
    let is_cached = key.1.search.text.is_none();
    // Read before the page.
    let version = if is_cached {
        Some(app.store.list_version(scope).await?)
    } else {
        None
    };
    if let Some(page) = version.and_then(|version| cache.get(&key, version)) {
        return page.respond(&app, &request, caller.into());
    }
    let list = key.1.clone();
    let read = move |snapshot: &Snapshot| read_page(snapshot, scope, &list);
    let page = if key.1.search.is_slow() {
        app.store.search(read).await?
    } else {
        app.store.read(read).await?
    };
    let next = page
        .last
        .map(|last| signing.cursors.sign(scope, &key.1, &last));
    let links = links::for_conversations(&key.1, page.total, next.as_deref());
    let is_partial = page.is_partial;
    let mut response = match page.body {
        ItemBody::Whole(json) => {
            let total = page.total;
            let page = ListResponse::new(signing.tag_key, ListBody { json, total }, links);
            let response = page.respond(&app, &request, caller.into());
            if let Some(version) = version {
                cache.insert(key, version, Arc::new(page));
            }
            response?
        }
        ItemBody::Begin(step) => {
            let mut response = item_stream::stream(&app, &request, caller.into(), step)?;
            insert_page_headers(&app, &request, &mut response, page.total.into(), &links);
            response
        }
    };
    response::insert_incomplete_results(&mut response, is_partial);
    Ok(response)
}

struct Page {
    body: ItemBody<PageRows>,
    total: u64,
    /// The sort key of the last row, if another page follows.
    last: Option<SortKey>,
    is_partial: bool,
}

fn read_page(snapshot: &Snapshot, scope: Scope, request: &ListRequest) -> Result<Page, ApiError> {
    let page = conversation::list(snapshot, scope, request)?;
    let (limit, offset) = (request.query.limit, request.query.offset);
    let list = ListWriter::for_page(page.total, limit, offset)?;
    Ok(Page {
        body: ItemBody::read(snapshot, list, page.rows)?,
        total: page.total,
        last: page.last,
        is_partial: page.is_partial,
    })
}

impl ItemSource for PageRows {
    fn append(
        &mut self,
        snapshot: &Snapshot,
        list: &mut ListWriter,
        max_bytes: usize,
    ) -> Result<bool, ApiError> {
        self.read(snapshot, |item| {
            ConversationListItemJson::from(item).write(list.next_item());
            Ok(list.flow(max_bytes))
        })
    }
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
    let body = JsonBody::<StartRequest>::read(&app, &request, payload, caller.into()).await?;
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
    let page_url = page_url.and_then(|url| page_address(&url.0));
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
        Caller::Server { project } | Caller::Agent { project, .. } => {
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
    let head = ConversationHead {
        conversation: ConversationJson::from(conversation),
        visitor: None,
    };
    let body = ConversationFull {
        head,
        messages: Vec::new(),
    };
    response::to_saved(StatusCode::CREATED, &body)
}

/// Read a conversation
///
/// Returns the conversation with its messages, oldest first, at most the newest
/// 1000.
#[utoipa::path(get, path = "/conversations/{conversationId}", tag = "Conversations", operation_id = "get-conversation",
    params(("conversationId" = ConversationId, Path), IncludeParams), security(("session" = []), ("private-key" = [])),
    responses((status = 200, description = "The conversation", body = ConversationFull),
              BearerErrors, ConversationErrors, ValidationErrors, ServerErrors))]
pub async fn read(app: web::Data<AppState>, request: HttpRequest) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let id = conversation_id(&request)?;
    let includes_visitor = match caller.audience() {
        Audience::Staff => includes_visitor(request.query_string())?,
        Audience::Visitor => false,
    };
    let notifier = app.services.notifier.clone();
    let read = move |snapshot: &Snapshot| {
        let found = service::find(snapshot, caller, id)?;
        let (seq, audience) = (found.seq, caller.audience());
        let email = shown_email(&notifier, snapshot, caller, seq)?;
        let visitor = includes_visitor.then(|| visitor::read(snapshot, found.visitor, audience));
        let visitor = visitor.transpose()?;
        let head = conversation::read(snapshot, seq, audience, |conversation| {
            serde_json::to_vec(&ConversationHead {
                conversation: ConversationJson::from(conversation),
                visitor: visitor.as_ref().map(VisitorJson::from),
            })
        })?;
        let messages = MessageCursor::newest(snapshot, seq, id, caller.is_visitor())?;
        let list = ListWriter::last_member(head?, "messages");
        Ok::<_, ApiError>((ItemBody::read(snapshot, list, messages)?, email))
    };
    let (body, email) = app.store.read(read).await?;
    app.services.cancel_shown_email(email);
    body.respond(&app, &request, caller.into())
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
    let body = JsonBody::<CloseRequest>::read(&app, &request, payload, caller.into()).await?;
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

/// Delete a conversation
///
/// Deletes the conversation with its messages. An answer that is being streamed ends.
#[utoipa::path(delete, path = "/conversations/{conversationId}", tag = "Conversations", operation_id = "delete-conversation",
    params(("conversationId" = ConversationId, Path)), security(("private-key" = [])),
    responses((status = 204, description = "The conversation is deleted"),
              BodyErrors, BearerErrors, ConversationErrors, ConflictErrors, ValidationErrors, ServerErrors))]
pub async fn remove(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let caller = auth::bearer(&app, &request).await?;
    let project = caller.require_owner()?;
    let id = conversation_id(&request)?;
    let body = JsonBody::<NoFields>::read(&app, &request, payload, caller.into()).await?;
    let key = idempotency::from_deletion(&request, &body.raw, caller)?;
    let (state, own_key) = (app.clone().into_inner(), key.clone());
    let delete = response::run_to_end(async move {
        let done = response::no_content();
        erasure::delete_conversation(&state.services, project, id, &own_key, done).await
    });
    idempotency::respond_to_deletion(&app, &key, delete).await
}
