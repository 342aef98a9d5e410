//! Live events of a conversation, over a WebSocket
//! (docs/api-contract.md, section 8).

use std::convert::Infallible;

use actix_http::ws::{self, HandshakeError};
use actix_web::body::{BodyStream, MessageBody};
use actix_web::{HttpRequest, web};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::ConnectionCredentials;
use crate::app::AppState;
use crate::domain::{ConversationId, ProjectSeq, ValidationError};
use crate::events::SubscriberKeys;
use crate::http::auth;
use crate::http::error::ApiError;
use crate::http::openapi_errors::{
    ConversationErrors, KeyErrors, RateLimitErrors, ServerErrors, ValidationErrors,
};
use crate::http::params::{self, KeyParams, conversation_id};
use crate::http::response::HandlerResult;
use crate::http::websocket::Socket;
use crate::service::caller::Caller;
use crate::service::conversation as service;
use crate::store::Snapshot;

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
/// over. Ignore events of other types.
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
    // Subscribes before the response, so that no event after it is missed.
    let events = app.services.events.subscribe(project, id, keys);
    // A conversation that is deleted later ends its subscriptions.
    let find = move |snapshot: &Snapshot| service::find(snapshot, caller, id);
    app.store.read(find).await?;
    let socket = Socket::new(app, credentials, events, payload);
    let frames = stream::unfold(socket, |mut socket| async move {
        let frame = socket.next_frame().await?;
        Some((Ok::<_, Infallible>(frame), socket))
    });
    let response = response.message_body(BodyStream::new(frames).boxed());
    Ok(response.map_err(ApiError::internal)?.into())
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
    if token.is_none() {
        auth::limit_public_request(app, request)?;
    }
    let key: KeyParams = params::query(request)?;
    let api_key = key.api_key()?;
    let key = auth::publishable_key(app, request, api_key).await?;
    let project = key.project;
    let caller = match token {
        Some(token) => auth::session_token(app, request, token).await?,
        None => Caller::Server { project },
    };
    let id = conversation_id(request)?;
    if caller.project() != project {
        return Err(ApiError::conversation_not_found(id));
    }
    let find = move |snapshot: &Snapshot| service::find(snapshot, caller, id);
    app.store.read(find).await?;
    let session_key = match caller {
        Caller::Visitor { key, .. } => Some(key),
        Caller::Server { .. } => None,
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
fn handshake_error(error: HandshakeError) -> ApiError {
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
