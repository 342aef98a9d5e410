//! What a WebSocket of a conversation sends (docs/api-contract.md, sections 8.1 to 8.4).

use std::collections::VecDeque;

use actix_http::ws::CloseCode;
use bytes::Bytes;

use crate::access::Permit;
use crate::app::AppState;
use crate::events::Subscription;
use crate::http::json::encode_event;
use crate::http::websocket::{Feed, FeedStep};

/// The events of a conversation.
pub struct ConversationFeed {
    /// The events to send before those of `events`. `None` if they are sent.
    backlog: Option<Box<Backlog>>,
    events: Subscription,
}

/// The events of a conversation that a socket sends when it opens.
pub struct Backlog {
    events: VecDeque<Bytes>,
    _permit: Option<Permit>,
}

impl Backlog {
    /// `events` are encoded, oldest first. `permit` is for the events if they are large.
    pub fn new(events: VecDeque<Bytes>, permit: Option<Permit>) -> Self {
        Self {
            events,
            _permit: permit,
        }
    }
}

impl ConversationFeed {
    /// Sends `backlog` and then `events`.
    pub fn new(backlog: Backlog, events: Subscription) -> Self {
        Self {
            backlog: Some(Box::new(backlog)),
            events,
        }
    }

    fn next_of_backlog(&mut self) -> Option<Bytes> {
        let event = self.backlog.as_mut()?.events.pop_front();
        if event.is_none() {
            self.backlog = None;
        }
        event
    }
}

impl Feed for ConversationFeed {
    async fn next(&mut self, app: &AppState) -> FeedStep {
        if let Some(event) = self.next_of_backlog() {
            return FeedStep::Send(event);
        }
        match self.events.next().await {
            Some(event) => FeedStep::Send(event.encoded(encode_event)),
            None if app.services.events.is_closed() => FeedStep::Close(CloseCode::Away),
            None if self.events.is_revoked() => FeedStep::Close(CloseCode::Policy),
            None => FeedStep::Close(CloseCode::Again),
        }
    }

    fn client_is_alive(&self, app: &AppState) {
        let (project, conversation) = self.events.topic();
        app.services.notifier.mark_read(project, conversation);
    }

    fn receive(&mut self, _text: &[u8]) {}
}
