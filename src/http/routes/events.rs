//! Live events of a conversation, over a WebSocket
//! (docs/api-contract.md, section 8).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix_http::ws::{self, HandshakeError};
use actix_web::body::MessageBody;
use actix_web::{HttpRequest, web};
use bytes::Bytes;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::ConnectionCredentials;
use crate::app::AppState;
use crate::domain::{ConversationId, MessageId, ProjectSeq, Timestamp, ValidationError};
use crate::events::{PublishedEvent, SubscriberKeys};
use crate::http::auth;
use crate::http::charged_body::MAX_UNCHARGED_BYTES;
use crate::http::conversation_feed::{Backlog, ConversationFeed};
use crate::http::error::ApiError;
use crate::http::json::{encode_event, encode_new_message};
use crate::http::openapi_errors::{
    ConversationErrors, KeyErrors, RateLimitErrors, ServerErrors, ValidationErrors,
};
use crate::http::params::{self, KeyParams, conversation_id};
use crate::http::response::HandlerResult;
use crate::http::websocket::Socket;
use crate::service::caller::Caller;
use crate::service::conversation::{self as service, FindError};
use crate::service::notification::Notifier;
use crate::store::notification::queue::ShownEmail;
use crate::store::{Snapshot, message};

/// The messages of agents that a new socket receives again: the newest, not older than
/// this.
const MAX_RECENT_REPLIES: u32 = 10;
const RECENT_REPLIES_AGE: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventParams {
    /// A session token. With it, only the visitor of the conversation may listen.
    token: Option<String>,
}

/// Listen to a conversation
///
/// Opens a WebSocket (RFC 6455). The server sends text frames with a
/// `ConversationEvent` as JSON: `new_message` when the visitor or an agent has
/// sent a message, `human_assigned` when an agent has taken the conversation
/// over or handed it back, or it was closed. Ignore events of other types.
///
/// A new WebSocket first receives the last 10 messages of agents of the past 24 hours
/// again. Insert each message, or replace the one with the same id.
///
/// Send the text frame `ping` every 30 seconds, because the server disconnects
/// silent clients. The server replies with the text frame `pong`. After a
/// disconnect, connect again and read the conversation to receive the missed
/// messages.
#[utoipa::path(get, path = "/conversations/{conversationId}/ws", tag = "Conversations", operation_id = "connect-websocket",
    params(("conversationId" = ConversationId, Path), KeyParams, EventParams),
    extensions(("x-websocket" = json!({
        "serverFrames": { "oneOf": [
            { "$ref": "#/components/schemas/ConversationEvent" }, { "const": "pong" },
        ] },
        "clientFrames": { "const": "ping" },
    }))),
    responses((status = 101, description = "The WebSocket is open"),
              KeyErrors, ConversationErrors, ValidationErrors, RateLimitErrors, ServerErrors))]
pub async fn listen(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let Listener {
        credentials,
        caller,
        keys,
        project,
        id,
    } = authenticate(&app, &request).await?;
    let mut response = ws::handshake(request.head()).map_err(handshake_error)?;
    // With several nodes, events come after the commit. Those of earlier commits precede the
    // subscription.
    app.services.catch_up().await?;
    // Subscribes before the read, so that no event after it is missed. A conversation
    // that is deleted later ends its subscriptions.
    let mut events = app.services.events.subscribe(project, id, keys);
    let notifier = app.services.notifier.clone();
    let read = move |snapshot: &Snapshot| recent_replies(snapshot, &notifier, caller, id);
    let (replies, email) = app.store.read(read).await?;
    app.services.cancel_shown_email(email);
    // Otherwise an event of one of the replies could follow.
    app.services.catch_up().await?;
    let backlog = backlog(replies, events.take_queued());
    let backlog = charge_backlog(&app, &request, caller, backlog)?;
    let feed = ConversationFeed::new(backlog, events);
    let socket = Socket::new(app, credentials, feed, payload);
    let response = response.message_body(socket.into_body().boxed());
    Ok(response.map_err(ApiError::internal)?.into())
}

/// A message of an agent: its id and the event that reports it.
type EncodedReply = (MessageId, Bytes);

/// The recent messages of agents in a conversation, oldest first, and the e-mail that is
/// superfluous because the client receives them.
fn recent_replies(
    snapshot: &Snapshot,
    notifier: &Notifier,
    caller: Caller,
    id: ConversationId,
) -> Result<(Vec<EncodedReply>, Option<ShownEmail>), FindError> {
    let seq = service::find(snapshot, caller, id)?.seq;
    let since = Timestamp::now().minus(RECENT_REPLIES_AGE);
    let mut replies = Vec::new();
    message::recent_replies(snapshot, seq, id, since, MAX_RECENT_REPLIES, |reply| {
        replies.push((reply.id, encode_new_message(id, reply)));
    })?;
    Ok((replies, notifier.shown_email(snapshot, seq)?))
}

/// The replies that are not in the queue, and then the queue, so that the order of live
/// events is kept.
fn backlog(replies: Vec<EncodedReply>, queued: Vec<Arc<PublishedEvent>>) -> VecDeque<Bytes> {
    let is_queued = |id| queued.iter().any(|event| event.message_id() == Some(id));
    let replies = replies.into_iter().filter(|(id, _)| !is_queued(*id));
    let replies = replies.map(|(_, event)| event);
    let queued = queued.iter().map(|event| event.encoded(encode_event));
    replies.chain(queued).collect()
}

/// Charges a backlog to the client if it is large.
fn charge_backlog(
    app: &AppState,
    request: &HttpRequest,
    caller: Caller,
    events: VecDeque<Bytes>,
) -> Result<Backlog, ApiError> {
    let bytes = events.iter().map(Bytes::len).sum();
    let owner = match caller {
        Caller::Visitor { .. } => caller.into(),
        Caller::Server { .. } | Caller::Agent { .. } => auth::address_owner(app, request),
    };
    let permit = (bytes > MAX_UNCHARGED_BYTES).then(|| auth::charge(app, request, owner, bytes));
    Ok(Backlog::new(events, permit.transpose()?))
}

/// A client that may listen to a conversation.
struct Listener {
    credentials: ConnectionCredentials,
    caller: Caller,
    keys: SubscriberKeys,
    project: ProjectSeq,
    id: ConversationId,
}

/// Authenticates the client and finds the conversation.
async fn authenticate(app: &AppState, request: &HttpRequest) -> Result<Listener, ApiError> {
    let EventParams { token } = params::query(request)?;
    let token = token.as_deref();
    let session = match token {
        Some(token) => Some(auth::session_token(app, request, token).await),
        None => None,
    };
    if !matches!(session, Some(Ok(_))) {
        auth::limit_public_request(app, request).await?;
    }
    let key: KeyParams = params::query(request)?;
    let api_key = key.api_key()?;
    let key = auth::publishable_key(app, request, api_key).await?;
    let project = key.project;
    let caller = session.unwrap_or(Ok(Caller::Server { project }))?;
    let id = conversation_id(request)?;
    if caller.project() != project {
        return Err(ApiError::conversation_not_found(id));
    }
    let find = move |snapshot: &Snapshot| service::find(snapshot, caller, id);
    app.store.read(find).await?;
    let session_key = match caller {
        Caller::Visitor { key, .. } => Some(key),
        Caller::Server { .. } | Caller::Agent { .. } => None,
    };
    Ok(Listener {
        credentials: app.auth.connection_credentials(api_key, token),
        caller,
        keys: [Some(key.seq), session_key],
        project,
        id,
    })
}

/// The error of a request that is no WebSocket handshake: a validation error.
pub(super) fn handshake_error(error: HandshakeError) -> ApiError {
    let (field, reason) = match error {
        HandshakeError::GetMethodRequired | HandshakeError::NoWebsocketUpgrade => {
            ("Upgrade", "must be websocket")
        }
        HandshakeError::NoConnectionUpgrade => ("Connection", "must be Upgrade"),
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => {
            ("Sec-WebSocket-Version", "must be 13")
        }
        HandshakeError::BadWebsocketKey => ("Sec-WebSocket-Key", "must be 16 bytes in Base64"),
    };
    ValidationError::new(field, reason).into()
}
