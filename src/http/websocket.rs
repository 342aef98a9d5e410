//! One WebSocket connection: its frames, its heartbeat and its end
//! (docs/api-contract.md, section 8).
//!
//! The socket is the body of the response that opened it. It needs no task and
//! no queue of its own: the connection polls it for the next frame when it can
//! send one.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::{Duration, Instant};

use actix_http::ws::{CloseCode, CloseReason, OpCode, Parser, ProtocolError};
use actix_web::body::{BodyStream, MessageBody};
use actix_web::web::{self, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use tokio::time::Sleep;

use crate::access::{ConnectionCredentials, Validity};
use crate::app::AppState;
use crate::domain::Timestamp;

/// The maximum length of the content of a frame from a client.
const MAX_CONTENT_BYTES: usize = 4096;
/// The maximum length of the header of a frame (RFC 6455).
const MAX_HEADER_BYTES: usize = 14;

/// What a socket sends.
pub trait Feed {
    /// The next step. Cancel safe.
    async fn next(&mut self, app: &AppState) -> FeedStep;

    /// The client has sent a frame, so that it received what was sent before.
    fn client_is_alive(&self, _app: &AppState) {}

    /// Handles a text frame of the client.
    fn receive(&mut self, text: &[u8]);
}

/// A step of a [`Feed`].
pub enum FeedStep {
    Send(Bytes),
    Close(CloseCode),
}

/// The connection of a client that listens to events.
pub struct Socket<F> {
    app: web::Data<AppState>,
    credentials: ConnectionCredentials,
    feed: F,
    incoming: web::Payload,
    /// The received bytes of an incomplete frame.
    partial: BytesMut,
    /// When the client last sent a frame.
    last_seen: Instant,
    /// Elapses at the next heartbeat: first at once, to read when the session expires.
    heartbeat_timer: Pin<Box<Sleep>>,
    is_closed: bool,
}

/// The next action of a socket.
enum SocketAction {
    Send(OpCode, Bytes),
    Wait,
    /// Send a close frame and end.
    Close(Option<CloseCode>),
    /// End without a close frame, because the client is gone.
    Disconnect,
}

impl<F: Feed> Socket<F> {
    /// A socket that sends `feed` while `credentials` are valid.
    pub fn new(
        app: web::Data<AppState>,
        credentials: ConnectionCredentials,
        feed: F,
        incoming: web::Payload,
    ) -> Self {
        Self {
            credentials,
            feed,
            incoming,
            partial: BytesMut::new(),
            last_seen: Instant::now(),
            heartbeat_timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            is_closed: false,
            app,
        }
    }

    /// The body of the response that opens the socket.
    pub fn into_body(self) -> impl MessageBody + use<F>
    where
        F: 'static,
    {
        let frames = stream::unfold(self, |mut socket| async move {
            let frame = socket.next_frame().await?;
            Some((Ok::<_, Infallible>(frame), socket))
        });
        BodyStream::new(frames)
    }

    /// The bytes of the next frame to send. `None` at the end.
    async fn next_frame(&mut self) -> Option<Bytes> {
        let mut bytes = BytesMut::new();
        while bytes.is_empty() && !self.is_closed {
            match self.next_action().await {
                SocketAction::Wait => {}
                SocketAction::Disconnect => self.is_closed = true,
                SocketAction::Send(kind, content) => {
                    Parser::write_message(&mut bytes, content, kind, true, false);
                }
                SocketAction::Close(code) => {
                    self.is_closed = true;
                    Parser::write_close(&mut bytes, code.map(CloseReason::from), false);
                }
            }
        }
        (!bytes.is_empty()).then(|| bytes.freeze())
    }

    async fn next_action(&mut self) -> SocketAction {
        if let Some(step) = self.parse_frame() {
            return step;
        }
        tokio::select! {
            // In this order, so that a client that sends without pause cannot
            // delay events.
            biased;
            step = self.feed.next(&self.app) => match step {
                FeedStep::Send(text) => SocketAction::Send(OpCode::Text, text),
                FeedStep::Close(code) => SocketAction::Close(Some(code)),
            },
            () = &mut self.heartbeat_timer => self.heartbeat().await,
            received = self.incoming.next() => match received {
                Some(Ok(bytes)) => {
                    self.partial.extend_from_slice(&bytes);
                    SocketAction::Wait
                }
                _ => SocketAction::Disconnect,
            },
        }
    }

    /// Takes the next frame out of the received bytes, if it is complete.
    fn parse_frame(&mut self) -> Option<SocketAction> {
        match Parser::parse(&mut self.partial, true, MAX_CONTENT_BYTES) {
            Ok(Some((is_final, kind, content))) => {
                self.last_seen = Instant::now();
                self.feed.client_is_alive(&self.app);
                if self.partial.is_empty() {
                    // Frees the buffer while the client is silent.
                    self.partial = BytesMut::new();
                }
                let content = content.unwrap_or_default().freeze();
                if is_final && kind == OpCode::Text && content != "ping" {
                    self.feed.receive(&content);
                }
                Some(reply(is_final, kind, content))
            }
            // The parser waits for a complete frame, whatever its length.
            Ok(None) if self.partial.len() > MAX_CONTENT_BYTES + MAX_HEADER_BYTES => {
                Some(SocketAction::Close(Some(CloseCode::Size)))
            }
            Ok(None) => None,
            Err(ProtocolError::Overflow) => Some(SocketAction::Close(Some(CloseCode::Size))),
            Err(_) => Some(SocketAction::Close(Some(CloseCode::Protocol))),
        }
    }

    /// Checks whether the client is alive and its credentials are valid. A revoked
    /// key ends the subscription earlier (`server/background.rs`).
    async fn heartbeat(&mut self) -> SocketAction {
        let timeouts = self.app.settings.socket_timeouts;
        // Boxed, because this large future would enlarge every idle socket.
        let validity = Box::pin(self.app.auth.validity(self.credentials)).await;
        let Validity::Valid { until } = validity else {
            return SocketAction::Close(Some(CloseCode::Policy));
        };
        let next = tokio::time::Instant::now() + time_to_check(timeouts.heartbeat_interval, until);
        self.heartbeat_timer.as_mut().reset(next);
        let idle_time = self.last_seen.elapsed();
        if idle_time >= timeouts.idle_timeout + timeouts.heartbeat_interval {
            return SocketAction::Disconnect;
        }
        if idle_time >= timeouts.idle_timeout {
            SocketAction::Send(OpCode::Ping, Bytes::new())
        } else {
            SocketAction::Wait
        }
    }
}

/// The time until the credentials are checked again: when they expire, if that is before
/// the next heartbeat.
fn time_to_check(heartbeat_interval: Duration, expiry: Option<Timestamp>) -> Duration {
    let Some(expiry) = expiry else {
        return heartbeat_interval;
    };
    // In the millisecond of the expiry, the session is still valid.
    let left = expiry
        .0
        .saturating_sub(Timestamp::now().0)
        .saturating_add(1);
    Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(heartbeat_interval)
}

/// The reaction to a frame. `is_final` is false for a part of a longer message.
fn reply(is_final: bool, kind: OpCode, content: Bytes) -> SocketAction {
    match kind {
        OpCode::Text if is_final && content == "ping" => {
            SocketAction::Send(OpCode::Text, Bytes::from_static(b"pong"))
        }
        OpCode::Ping => SocketAction::Send(OpCode::Pong, content),
        OpCode::Close => match Parser::try_parse_close_payload(&content) {
            Ok(reason) => SocketAction::Close(reason.map(|reason| reason.code)),
            Err(_) => SocketAction::Close(Some(CloseCode::Protocol)),
        },
        // Every other frame only shows that the client is alive.
        _ => SocketAction::Wait,
    }
}
