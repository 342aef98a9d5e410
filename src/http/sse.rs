//! The stream of an answer: server-sent events with the chunks of the AI SDK's
//! UI message stream (docs/api-contract.md, section 7).
//!
//! The schema of the chunks is strict: the client discards an answer with an
//! unknown key. Therefore [`ChunkJson`] has all chunks, and only this file sends
//! them.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use futures_util::stream;

use crate::answer::draft::{AnswerEvent, AnswerReader};
use crate::domain::MessageId;
use crate::http::json::ChunkJson;

/// The id of the only text of an answer.
const TEXT_ID: &str = "txt-1";
const PING: &[u8] = b": ping\n\n";
/// The last event of every stream.
const DONE: &str = "data: [DONE]\n\n";

/// Writes chunks as events.
fn events(chunks: &[ChunkJson<'_>]) -> String {
    let events = chunks.iter().map(|chunk| {
        // Encoding texts into memory cannot fail.
        let json = serde_json::to_string(chunk).unwrap_or_default();
        format!("data: {json}\n\n")
    });
    events.collect()
}

/// The chunks before the text. `message` is the id of the stored message, which
/// the client needs for feedback. It is `None` if nothing is stored.
fn opening_chunks(message_id: Option<MessageId>) -> String {
    events(&[
        ChunkJson::Start { message_id },
        ChunkJson::StartStep {},
        ChunkJson::TextStart { id: TEXT_ID },
    ])
}

fn text_chunk(delta: &str) -> String {
    events(&[ChunkJson::TextDelta { id: TEXT_ID, delta }])
}

fn closing_chunks() -> String {
    let chunks = [
        ChunkJson::TextEnd { id: TEXT_ID },
        ChunkJson::FinishStep {},
        ChunkJson::Finish {},
    ];
    events(&chunks) + DONE
}

/// The end of an answer that an agent or a close has stopped. The client keeps
/// its text.
fn abort_chunks() -> String {
    events(&[ChunkJson::Abort {}]) + DONE
}

fn error_chunks(error_text: &str) -> String {
    events(&[ChunkJson::Error { error_text }]) + DONE
}

/// Streams a complete answer.
pub fn complete(message: Option<MessageId>, text: &str) -> HttpResponse {
    let body = opening_chunks(message) + &text_chunk(text) + &closing_chunks();
    with_headers(HttpResponse::with_body(StatusCode::OK, BoxBody::new(body)))
}

/// Streams an answer that is being generated. `first` is an event of it that was
/// already received.
pub fn stream(
    message: Option<MessageId>,
    first: Option<AnswerEvent>,
    answer: AnswerReader,
    ping_interval: Duration,
) -> HttpResponse {
    let mut head = opening_chunks(message);
    let mut is_finished = false;
    if let Some(event) = first {
        let (chunks, is_last) = chunks_of(event);
        head.push_str(&chunks);
        is_finished = is_last;
    }
    let state = EventStreamState {
        head: Some(head),
        answer,
        is_finished,
        ping_interval,
    };
    let body = stream::unfold(state, |state| async move {
        let (bytes, state) = state.next().await?;
        Some((Ok::<_, actix_web::Error>(bytes), state))
    });
    with_headers(HttpResponse::Ok().streaming(body))
}

struct EventStreamState {
    /// The chunks to send first.
    head: Option<String>,
    answer: AnswerReader,
    is_finished: bool,
    ping_interval: Duration,
}

impl EventStreamState {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        if let Some(head) = self.head.take() {
            return Some((Bytes::from(head), self));
        }
        if self.is_finished {
            return None;
        }
        let Ok(event) = tokio::time::timeout(self.ping_interval, self.answer.next()).await else {
            return Some((Bytes::from_static(PING), self));
        };
        // Without a last event, the client was too slow, or the generating task has
        // panicked.
        let (chunks, is_last) =
            event.map_or_else(|| (error_chunks(INTERRUPTED_TEXT), true), chunks_of);
        self.is_finished = is_last;
        Some((Bytes::from(chunks), self))
    }
}

const INTERRUPTED_TEXT: &str = "The answer broke off. Please try again.";

/// The chunks of an event, and whether it is the last event.
fn chunks_of(event: AnswerEvent) -> (String, bool) {
    match event {
        AnswerEvent::Text(text) => (text_chunk(&text), false),
        AnswerEvent::Complete(_) => (closing_chunks(), true),
        AnswerEvent::Failed(error) => (error_chunks(error.public_message()), true),
        AnswerEvent::Stopped => (abort_chunks(), true),
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
        // Without this header nginx buffers the chunks.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
