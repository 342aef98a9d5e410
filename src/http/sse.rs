//! The stream of an answer: server-sent events with the chunks of the AI SDK's
//! UI message stream (section 5).
//!
//! Its schema is strict: one key too many and the client throws the whole reply
//! away. So every chunk is written here, and nowhere else.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use futures_util::stream;

use crate::answer::generation::{AnswerEvent, AnswerEvents};
use crate::domain::MessageId;

/// Of the one text that an answer has.
const TEXT_ID: &str = "txt-1";
const PING: &[u8] = b": ping\n\n";

/// The chunks before the text. `message` is the stored message's id, so that
/// feedback can name it later; none where nothing is stored.
fn opening(message: Option<MessageId>) -> String {
    let start = match message {
        Some(id) => format!(r#"{{"type":"start","messageId":"{id}"}}"#),
        None => r#"{"type":"start"}"#.to_owned(),
    };
    format!(
        "data: {start}\n\ndata: {{\"type\":\"start-step\"}}\n\n\
         data: {{\"type\":\"text-start\",\"id\":\"{TEXT_ID}\"}}\n\n"
    )
}

fn delta(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!("data: {{\"type\":\"text-delta\",\"id\":\"{TEXT_ID}\",\"delta\":{text}}}\n\n")
}

const CLOSING: &str = "data: {\"type\":\"text-end\",\"id\":\"txt-1\"}\n\n\
                       data: {\"type\":\"finish-step\"}\n\n\
                       data: {\"type\":\"finish\"}\n\n\
                       data: [DONE]\n\n";

/// What ends an answer that somebody else has ended: the client keeps its text.
const ABORTED: &str = "data: {\"type\":\"abort\"}\n\ndata: [DONE]\n\n";

fn error(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!("data: {{\"type\":\"error\",\"errorText\":{text}}}\n\ndata: [DONE]\n\n")
}

/// A whole answer as a stream.
pub fn whole(message: Option<MessageId>, text: &str) -> HttpResponse {
    let body = opening(message) + &delta(text) + CLOSING;
    with_headers(HttpResponse::with_body(StatusCode::OK, BoxBody::new(body)))
}

/// An answer on its way. `first` is what came of it already.
pub fn stream(
    message: Option<MessageId>,
    first: Option<AnswerEvent>,
    parts: AnswerEvents,
    ping: Duration,
) -> HttpResponse {
    let mut head = opening(message);
    let mut ended = false;
    if let Some(part) = first {
        let (chunk, last) = chunk(part);
        head.push_str(&chunk);
        ended = last;
    }
    let state = Sending {
        head: Some(head),
        parts,
        ended,
        ping,
    };
    let body = stream::unfold(state, |state| async move {
        let (bytes, state) = state.next().await?;
        Some((Ok::<_, actix_web::Error>(bytes), state))
    });
    with_headers(HttpResponse::Ok().streaming(body))
}

struct Sending {
    head: Option<String>,
    parts: AnswerEvents,
    ended: bool,
    ping: Duration,
}

impl Sending {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if let Some(head) = self.head.take() {
            return Some((Bytes::from(head), self));
        }
        if self.ended {
            return None;
        }
        let Ok(part) = tokio::time::timeout(self.ping, self.parts.recv()).await else {
            return Some((Bytes::from_static(PING), self));
        };
        // The task that writes ended in a panic.
        let (chunk, last) = part.map_or_else(|| (error(BROKEN), true), chunk);
        self.ended = last;
        Some((Bytes::from(chunk), self))
    }
}

const BROKEN: &str = "The answer broke off. Please try again.";

/// A part as its chunks, and whether it is the last.
fn chunk(part: AnswerEvent) -> (String, bool) {
    match part {
        AnswerEvent::Text(text) => (delta(&text), false),
        AnswerEvent::Complete(_) => (CLOSING.to_owned(), true),
        AnswerEvent::Failed(failure) => (error(failure.public_message()), true),
        AnswerEvent::Stopped => (ABORTED.to_owned(), true),
    }
}

fn with_headers(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        (
            HeaderName::from_static("x-vercel-ai-ui-message-stream"),
            "v1",
        ),
        // nginx would collect the chunks otherwise.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
