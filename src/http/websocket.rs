//! One WebSocket: what it is sent, and when it ends.
//!
//! The socket is the body of the answer that opened it, so that it needs no
//! task and no queue of its own: the connection asks for the next frame when
//! there is room to send one.

use std::pin::Pin;
use std::time::Instant;

use actix_http::ws::{CloseCode, CloseReason, OpCode, Parser, ProtocolError};
use actix_web::web::{self, Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::Sleep;

use super::json::encode_event;
use crate::access::ConnectionCredentials;
use crate::app::AppState;
use crate::events::Subscription;

/// The longest content of a frame that a client may send, in bytes.
const LONGEST: usize = 4096;
/// What stands before the content of a frame, at most.
const HEAD: usize = 14;

/// A client that listens.
pub struct Socket {
    app: web::Data<AppState>,
    credentials: ConnectionCredentials,
    events: Subscription,
    incoming: web::Payload,
    /// What came of a frame that is not whole yet.
    partial: BytesMut,
    /// When the client last sent a frame.
    heard: Instant,
    /// Until it is looked at again.
    round: Pin<Box<Sleep>>,
    ended: bool,
}

/// What a socket does next.
enum Step {
    Send(OpCode, Bytes),
    Wait,
    /// Say why, and end.
    Close(Option<CloseCode>),
    /// There is nobody to say anything to.
    Vanish,
}

impl Socket {
    /// A socket that sends `events` while `credentials` are valid.
    pub fn new(
        app: web::Data<AppState>,
        credentials: ConnectionCredentials,
        events: Subscription,
        incoming: web::Payload,
    ) -> Self {
        Self {
            credentials,
            events,
            incoming,
            partial: BytesMut::new(),
            heard: Instant::now(),
            round: Box::pin(tokio::time::sleep(
                app.settings.socket_timeouts.heartbeat_interval,
            )),
            ended: false,
            app,
        }
    }

    /// The bytes of the next frame to send; `None` at the end.
    pub async fn frame(&mut self) -> Option<Bytes> {
        let mut bytes = BytesMut::new();
        while bytes.is_empty() && !self.ended {
            match self.step().await {
                Step::Wait => {}
                Step::Vanish => self.ended = true,
                Step::Send(kind, content) => {
                    Parser::write_message(&mut bytes, content, kind, true, false);
                }
                Step::Close(code) => {
                    self.ended = true;
                    Parser::write_close(&mut bytes, code.map(CloseReason::from), false);
                }
            }
        }
        (!bytes.is_empty()).then(|| bytes.freeze())
    }

    async fn step(&mut self) -> Step {
        if let Some(step) = self.received() {
            return step;
        }
        tokio::select! {
            // A client that talks without end must not keep the rest away.
            biased;
            event = self.events.next() => match event {
                Some(event) => Step::Send(OpCode::Text, event.encoded(encode_event)),
                None if self.app.services.events.is_closed() => Step::Close(Some(CloseCode::Away)),
                None => Step::Close(Some(CloseCode::Again)),
            },
            () = &mut self.round => self.look().await,
            came = self.incoming.next() => match came {
                Some(Ok(bytes)) => {
                    self.partial.extend_from_slice(&bytes);
                    Step::Wait
                }
                _ => Step::Vanish,
            },
        }
    }

    /// Takes the next frame out of what came, if it is whole.
    fn received(&mut self) -> Option<Step> {
        match Parser::parse(&mut self.partial, true, LONGEST) {
            Ok(Some((whole, kind, content))) => {
                self.heard = Instant::now();
                if self.partial.is_empty() {
                    // Silent clients cost no buffer.
                    self.partial = BytesMut::new();
                }
                Some(answer(whole, kind, content.unwrap_or_default().freeze()))
            }
            // The parser would wait for all of a frame, however long.
            Ok(None) if self.partial.len() > LONGEST + HEAD => {
                Some(Step::Close(Some(CloseCode::Size)))
            }
            Ok(None) => None,
            Err(ProtocolError::Overflow) => Some(Step::Close(Some(CloseCode::Size))),
            Err(_) => Some(Step::Close(Some(CloseCode::Protocol))),
        }
    }

    /// Once in a while: whether the client is there, and still allowed.
    async fn look(&mut self) -> Step {
        let timeouts = self.app.settings.socket_timeouts;
        let next = tokio::time::Instant::now() + timeouts.heartbeat_interval;
        self.round.as_mut().reset(next);
        let silent = self.heard.elapsed();
        if silent >= timeouts.idle_timeout + timeouts.heartbeat_interval {
            return Step::Vanish;
        }
        // Boxed, so that its room is taken only now.
        if !Box::pin(self.app.auth.is_valid(self.credentials)).await {
            return Step::Close(Some(CloseCode::Policy));
        }
        match silent >= timeouts.idle_timeout {
            true => Step::Send(OpCode::Ping, Bytes::new()),
            false => Step::Wait,
        }
    }
}

/// What a frame is answered with. `whole`: it is no part of a longer message.
fn answer(whole: bool, kind: OpCode, content: Bytes) -> Step {
    match kind {
        OpCode::Text if whole && content == "ping" => {
            Step::Send(OpCode::Text, Bytes::from_static(b"pong"))
        }
        OpCode::Ping => Step::Send(OpCode::Pong, content),
        OpCode::Close => match Parser::try_parse_close_payload(&content) {
            Ok(reason) => Step::Close(reason.map(|reason| reason.code)),
            Err(_) => Step::Close(Some(CloseCode::Protocol)),
        },
        // The real client says nothing else; whatever it is, it is alive.
        _ => Step::Wait,
    }
}
