//! Live events of a project, over a WebSocket (docs/api-contract.md, section 8.5).

use actix_http::ws;
use actix_web::body::MessageBody;
use actix_web::{HttpRequest, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::events::handshake_error;
use crate::app::AppState;
use crate::domain::ValidationError;
use crate::events::project::Stream;
use crate::http::auth;
use crate::http::error::ApiError;
use crate::http::openapi_errors::{BearerErrors, ServerErrors, ValidationErrors};
use crate::http::params;
use crate::http::project_feed::ProjectFeed;
use crate::http::response::HandlerResult;
use crate::http::websocket::Socket;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ProjectEventParams {
    /// Continue after an event: its stream, a colon and its sequence number.
    #[param(example = "0f6b8c1e5d2a4b7c9e3f1a2b3c4d5e6f:42")]
    after: Option<String>,
}

impl ProjectEventParams {
    fn position(&self) -> Result<Option<(Stream, u64)>, ValidationError> {
        let Some(after) = &self.after else {
            return Ok(None);
        };
        let position = after
            .split_once(':')
            .and_then(|(stream, sequence)| Some((Stream::parse(stream)?, sequence.parse().ok()?)));
        let expected = "must be a stream, a colon and a sequence number";
        position
            .map(Some)
            .ok_or_else(|| ValidationError::new("after", expected))
    }
}

/// Listen to a project
///
/// Opens a WebSocket (RFC 6455). The server sends text frames with a `ProjectEvent` as
/// JSON. The first event is `hello`. Ignore events of other types.
///
/// After a disconnect, connect again with `after`, and the missed events follow. If the
/// server does not have them any more, it sends `resync`: read everything again.
///
/// The text of an answer follows while it is generated if the client watches the
/// conversation, with a text frame that is a `ProjectClientFrame` as JSON.
///
/// An agent and a private key can have 64 sockets at the same time, a project 512. Further
/// ones get 429.
///
/// Send the text frame `ping` every 30 seconds, because the server disconnects
/// silent clients. The server replies with the text frame `pong`.
#[utoipa::path(get, path = "/events", tag = "Events", operation_id = "connect-project-websocket",
    params(ProjectEventParams), security(("private-key" = [])),
    extensions(("x-websocket" = json!({
        "serverFrames": { "oneOf": [
            { "$ref": "#/components/schemas/ProjectEvent" }, { "const": "pong" },
        ] },
        "clientFrames": { "oneOf": [
            { "$ref": "#/components/schemas/ProjectClientFrame" }, { "const": "ping" },
        ] },
        "examples": [
            { "type": "hello", "sequence": 41, "stream": "0f6b8c1e5d2a4b7c9e3f1a2b3c4d5e6f" },
            { "type": "waiting", "sequence": 42, "chatId": "0198c9b0-7f50-7d3a-9c51-2f6f3a1f0e11",
              "waitingSince": "2026-01-05T09:30:00.000Z", "reason": "requested" },
            { "type": "typing", "sequence": 43, "chatId": "0198c9b0-7f50-7d3a-9c51-2f6f3a1f0e11",
              "isTyping": true, "from": "visitor", "agent": null },
        ],
    }))),
    responses((status = 101, description = "The WebSocket is open"),
              BearerErrors, ValidationErrors, ServerErrors))]
pub async fn listen(
    app: web::Data<AppState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HandlerResult {
    let subscriber = auth::event_subscriber(&app, &request).await?;
    let after = params::query::<ProjectEventParams>(&request)?.position()?;
    let mut response = ws::handshake(request.head()).map_err(handshake_error)?;
    let hub = &app.services.project_events;
    let events = hub.subscribe(subscriber.project, subscriber.identity, after)?;
    let feed = ProjectFeed::new(&app, events);
    let socket = Socket::new(app, subscriber.credentials, feed, payload);
    let response = response.message_body(socket.into_body().boxed());
    Ok(response.map_err(ApiError::internal)?.into())
}
