//! Conversations: list, start, read, close (sections 3.4 to 3.7).

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::AppState;
use crate::domain::{
    CloseReason, Conversation, ConversationId, DeviceId, Direction, ExternalId, Limit, ListQuery,
    Offset, Scope, Sort, SortKey, Status, Timestamp, ValidationError, VisitorId, parse_uri,
};
use crate::http::auth::{self, Caller};
use crate::http::body::Fields;
use crate::http::error::ApiError;
use crate::http::idempotency::Once;
use crate::http::json::{ConversationJson, ConversationListItemJson, MessageJson};
use crate::http::links;
use crate::http::list_cache::{Asked, Kept};
use crate::http::list_response::{Finished, ListObject, Listing, Page, next_item};
use crate::http::params::{Query, UUID_EXPECTED, conversation_id};
use crate::http::response;
use crate::store::conversation::{self, Located, NewConversation};
use crate::store::visitor::{KnownBy, NewVisitor};
use crate::store::{Snapshot, message};

type Reply = Result<HttpResponse, ApiError>;

// ── Parameters ──

/// What a list is asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `page_query` reads")]
struct ListParams {
    /// The most conversations in the answer.
    #[param(required = false, minimum = 1, maximum = 100, default = 10)]
    limit: u32,
    /// How many conversations to pass over. Empty and `null` are 0.
    #[param(required = false, value_type = Option<u64>, nullable, minimum = 0, maximum = 9_007_199_254_740_991_u64, default = 0)]
    offset: Option<u64>,
    /// Only conversations of this status.
    #[param(required = false, inline)]
    status: Status,
    /// The field to order by; ties go by `id` in the same direction, nulls
    /// come last in both.
    #[param(required = false, inline)]
    order_by: OrderBy,
    #[param(required = false, inline)]
    order_dir: OrderDir,
    /// Where an earlier page of the same list ended, as its `next` link has it:
    /// this one begins with the row after. It holds for one caller, `status`,
    /// `orderBy` and `orderDir`, with any `limit`, and does not expire. What
    /// does not move is met exactly once, whatever is added meanwhile. `offset`
    /// counts from there, up to 1000. Empty and `null` begin at the front.
    #[param(required = false, value_type = String)]
    after: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", default = "lastInterationAt")]
#[allow(
    dead_code,
    reason = "documents Sort::NAMES; a test holds the two together"
)]
enum OrderBy {
    Id,
    CreatedAt,
    UpdatedAt,
    LastInterationAt,
    LastInteractionAt,
    Status,
    ClosedAt,
    IsHumanHandled,
    Title,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase", default = "desc")]
#[allow(
    dead_code,
    reason = "documents Direction::NAMES; a test holds the two together"
)]
enum OrderDir {
    Asc,
    Desc,
}

fn page_query(
    app: &AppState,
    scope: Scope,
    request: &HttpRequest,
) -> Result<ListQuery, ValidationError> {
    let query = Query::of(request);
    let front = ListQuery {
        limit: query.parsed("limit", Limit::parse)?,
        offset: query.parsed("offset", Offset::parse)?,
        status: query.parsed("status", |text| Status::parse(text).map(Some))?,
        sort: query.parsed("orderBy", Sort::parse)?,
        direction: query.parsed("orderDir", Direction::parse)?,
        after: None,
    };
    let cursor = query.get("after")?;
    let Some(cursor) = cursor.filter(|text| !text.is_empty() && *text != "null") else {
        return Ok(front);
    };
    let after = Some(app.cursors.verify(scope, &front, cursor)?);
    front.offset.check_after_cursor()?;
    Ok(ListQuery { after, ..front })
}

/// What a conversation is started with. A visitor may leave all of it out.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `start` reads")]
pub struct StartRequest {
    #[schema(required = false)]
    context: StartContext,
    /// With a private key: the id it shall have.
    #[schema(required = false, format = "uuid")]
    id: String,
    /// With a private key, and required then: whose conversation it is.
    #[schema(required = false)]
    visitor: StartVisitor,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `start` reads")]
struct StartContext {
    /// The page on which the conversation began.
    #[schema(required = false, format = "uri", max_length = 2048)]
    page_url: String,
}

/// One of the two.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `start` reads")]
struct StartVisitor {
    /// The website's own name for the person.
    #[schema(
        required = false,
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\u0000]*$"
    )]
    external_id: String,
    /// The device, as it was given to `/identity/init`.
    #[schema(
        required = false,
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\u0000]*$"
    )]
    sa_vid: String,
}

/// Why a conversation is closed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `close` reads")]
pub struct CloseRequest {
    #[schema(required = false, max_length = 256, pattern = "^[^\\u0000]*$")]
    close_reason: String,
}

// ── Responses ──

/// One page of conversations.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what `list` writes")]
pub struct ConversationList<'a> {
    object: ListObject,
    /// All that match, on every page together.
    total: u64,
    /// As applied.
    limit: u32,
    /// As applied: from the front, or from where `after` begins.
    offset: u64,
    data: Vec<ConversationListItemJson<'a>>,
}

/// A conversation with its messages, oldest first.
#[derive(Serialize, ToSchema)]
pub struct ConversationFull<'a> {
    #[serde(flatten)]
    conversation: ConversationJson<'a>,
    messages: Vec<MessageJson<'a>>,
}

#[derive(Serialize, ToSchema)]
pub struct Closed {
    success: bool,
    message: &'static str,
}

// ── Handlers ──

/// List conversations
///
/// With a session token a visitor's own, with a private key the whole project's.
#[utoipa::path(get, path = "/conversations", tag = "Conversations", operation_id = "get-conversations",
    params(ListParams), security(("session" = []), ("private-key" = [])),
    responses((status = 200, body = ConversationList, headers(
        ("Link" = String, description = "The first, prev, next and last pages. next is a cursor; after one, prev is left out"),
        ("X-Total-Count" = u64, description = "The same as total"),
        ("ETag" = String, description = "Changes when the body does; send it as If-None-Match to be answered 304")))))]
pub async fn list(app: web::Data<AppState>, kept: web::Data<Kept>, request: HttpRequest) -> Reply {
    let caller = auth::bearer(&app, &request).await?;
    let scope = caller.scope();
    let asked = (scope, page_query(&app, scope, &request)?);
    if let Some(page) = kept.recall(&app.store, &asked) {
        return Ok(page.answer(&request));
    }
    let version = app.store.list_version();
    let page = Arc::new(read_page(&app, &asked).await?);
    let answer = page.answer(&request);
    kept.keep(asked, version, page);
    Ok(answer)
}

async fn read_page(app: &AppState, (scope, query): &Asked) -> Result<Finished, ApiError> {
    let (scope, asked) = (*scope, query.clone());
    let page = move |snapshot: &Snapshot| page_of(snapshot, scope, &asked);
    let (page, last) = app.store.read(page).await?;
    let next = last.map(|last| app.cursors.sign(scope, query, &last));
    let links = links::of(query, page.total, next.as_deref());
    Ok(page.finished(app.tag_key, links))
}

/// The page, written straight from the rows, and where its last one stands if
/// more come after it.
fn page_of(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
) -> Result<(Page, Option<SortKey>), ApiError> {
    let totals = conversation::totals(snapshot, scope)?;
    let total = totals.matching(query.status);
    let mut listing = Listing::new(total, query.limit.get(), query.offset.get());
    let last = conversation::page(snapshot, scope, query, &totals, |item| {
        ConversationListItemJson::from(item).write(listing.next());
        Ok::<_, ApiError>(())
    })?;
    Ok((listing.finish(), last))
}

/// Start a conversation
///
/// A visitor starts one of their own; a private key brings one in from outside.
#[utoipa::path(post, path = "/conversations", tag = "Conversations", operation_id = "start-conversation",
    request_body = StartRequest, security(("session" = []), ("private-key" = [])),
    responses((status = 201, body = ConversationFull)))]
pub async fn start(app: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Reply {
    let caller = auth::bearer(&app, &request).await?;
    let mut fields = Fields::read(&app, &request, payload).await?;
    let once = Once::of(&request, &fields, caller)?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    // Fields of this endpoint, so a wrong one is told whoever sends it, though
    // only a private key needs them.
    let (id, known_by) = (given_id(&fields)?, given_visitor(&mut fields)?);
    let mut new = NewConversation {
        id: ConversationId::generate(),
        project: caller.project(),
        page_url: page_url(&mut fields)?,
        at: Timestamp::now(),
    };
    let batch = match caller {
        Caller::Visitor { visitor, .. } => new.start(visitor),
        Caller::Server { project } => {
            new.id = id.unwrap_or(new.id);
            let visitor = NewVisitor {
                id: VisitorId::generate(),
                project,
                known_by: known_by.ok_or_else(|| ApiError::body("visitor", "is required"))?,
                at: new.at,
            };
            new.import(&visitor)
        }
    };
    let started = ConversationFull {
        conversation: ConversationJson::from(&Conversation::new(new.id, new.at)),
        messages: Vec::new(),
    };
    let body = serde_json::to_vec(&started)?;
    let answer = once.answered(&app, batch, StatusCode::CREATED, body, None);
    answer
        .await?
        .ok_or_else(|| ApiError::internal("a conversation was started and is not there"))
}

fn page_url(fields: &mut Fields) -> Result<Option<String>, ApiError> {
    let Some(context) = fields.object("context.")? else {
        return Ok(None);
    };
    let url = context.text("pageUrl")?;
    Ok(url
        .map(|url| parse_uri("context.pageUrl", url))
        .transpose()?)
}

fn given_id(fields: &Fields) -> Result<Option<ConversationId>, ApiError> {
    let Some(text) = fields.text("id")? else {
        return Ok(None);
    };
    let id =
        ConversationId::parse(text).ok_or_else(|| ValidationError::new("id", UUID_EXPECTED))?;
    Ok(Some(id))
}

fn given_visitor(fields: &mut Fields) -> Result<Option<KnownBy>, ApiError> {
    let Some(visitor) = fields.object("visitor.")? else {
        return Ok(None);
    };
    let known_by = match (visitor.text("externalId")?, visitor.text("saVid")?) {
        (Some(id), None) => KnownBy::ExternalId(ExternalId::parse("visitor.externalId", id)?),
        (None, Some(id)) => KnownBy::Device(DeviceId::parse("visitor.saVid", id)?),
        (None, None) => return Err(ApiError::body("visitor.externalId", "is required")),
        (Some(_), Some(_)) => {
            let reason = "must be left out where visitor.externalId is given";
            return Err(ValidationError::new("visitor.saVid", reason).into());
        }
    };
    Ok(Some(known_by))
}

/// Read a conversation
///
/// With its messages, oldest first; of very many, the newest 1000.
#[utoipa::path(get, path = "/conversations/{conversationId}", tag = "Conversations", operation_id = "get-conversation",
    params(("conversationId" = ConversationId, Path)), security(("session" = []), ("private-key" = [])),
    responses((status = 200, body = ConversationFull, headers(
        ("ETag" = String, description = "Changes when the body does")))))]
pub async fn read(app: web::Data<AppState>, request: HttpRequest) -> Reply {
    let caller = auth::bearer(&app, &request).await?;
    let id = conversation_id(&request)?;
    let whole = move |snapshot: &Snapshot| {
        let located = located(snapshot, caller, id)?;
        let head = conversation::read(snapshot, located.seq, |one| {
            serde_json::to_vec(&ConversationJson::from(one))
        })?;
        with_messages(snapshot, head?, located, id)
    };
    let body = app.store.read(whole).await?;
    Ok(response::cached(&app, &request, body))
}

/// The conversation that the caller asks for, if it is theirs to see.
pub(in crate::http) fn located(
    snapshot: &Snapshot,
    caller: Caller,
    id: ConversationId,
) -> Result<Located, ApiError> {
    let located = conversation::locate(snapshot, caller.project(), id)?
        .ok_or_else(|| ApiError::conversation_not_found(id))?;
    caller.may_see(located.visitor)?;
    Ok(located)
}

/// Writes the messages into the object that `head` is.
fn with_messages(
    snapshot: &Snapshot,
    head: Vec<u8>,
    located: Located,
    id: ConversationId,
) -> Result<Vec<u8>, ApiError> {
    let mut body = head;
    body.pop();
    body.extend_from_slice(br#","messages":["#);
    let mut first = true;
    message::of_conversation(snapshot, located.seq, id, |message| {
        MessageJson::from(message).write(next_item(&mut body, &mut first));
        Ok::<_, ApiError>(())
    })?;
    body.extend_from_slice(b"]}");
    Ok(body)
}

/// Close a conversation
///
/// One that is closed already stays as it is.
#[utoipa::path(post, path = "/conversations/{conversationId}/close", tag = "Conversations", operation_id = "close-conversation",
    params(("conversationId" = ConversationId, Path)), request_body = CloseRequest,
    security(("session" = []), ("private-key" = [])),
    responses((status = 200, body = Closed)))]
pub async fn close(app: web::Data<AppState>, request: HttpRequest, payload: web::Payload) -> Reply {
    let caller = auth::bearer(&app, &request).await?;
    let id = conversation_id(&request)?;
    let fields = Fields::read(&app, &request, payload).await?;
    let reason = fields
        .text("closeReason")?
        .map(CloseReason::parse)
        .transpose()?;
    let once = Once::of(&request, &fields, caller)?;
    if let Some(answer) = once.answer(&app).await? {
        return Ok(answer);
    }
    let located = app
        .store
        .read(move |snapshot| located(snapshot, caller, id))
        .await?;
    let closing = conversation::close(located.seq, reason, Timestamp::now());
    let [now, before] = ["closed", "already closed"].map(|message| {
        let success = true;
        serde_json::to_vec(&Closed { success, message })
    });
    let answer = once.answered(&app, closing, StatusCode::OK, now?, Some(before?));
    let answer = answer
        .await?
        .ok_or_else(|| ApiError::internal("a close had no answer"))?;
    // Nobody waits for the rest of an answer in a conversation that is closed.
    app.active_answers.stop(located.seq);
    Ok(answer)
}
