//! An answer under way: nothing is asked before it is polled, and dropping it
//! closes the connection.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use reqwest::Response;
use tokio::time::{self, Instant};

use super::cite::Citations;
use super::refusal::{LATER, causes};
use super::reply::Reply;
use super::upstream::Upstream;
use crate::answer::{AnswerChunk, AnswerError, AnswerStream, ChatMessage};

/// How long the usage is waited for once the model has ended.
const AFTER_END: Duration = Duration::from_secs(1);

/// The answer to `messages`.
pub fn pieces(
    upstream: Arc<Upstream>,
    messages: Vec<ChatMessage>,
    citations: Citations,
) -> AnswerStream {
    let call = Call {
        upstream,
        messages,
        citations,
    };
    Box::pin(stream::unfold(State::Uncalled(call), State::next))
}

struct Call {
    upstream: Arc<Upstream>,
    messages: Vec<ChatMessage>,
    citations: Citations,
}

enum State {
    Uncalled(Call),
    Reading(Box<Reading>),
    Over,
}

impl State {
    async fn next(self) -> Option<(Result<AnswerChunk, AnswerError>, State)> {
        let mut reading = match self {
            State::Uncalled(call) => match Reading::begin(call).await {
                Ok(reading) => reading,
                Err(failure) => return Some((Err(failure), State::Over)),
            },
            State::Reading(reading) => reading,
            State::Over => return None,
        };
        let piece = reading.next().await;
        let state = match piece {
            Ok(AnswerChunk::Text(_)) => State::Reading(reading),
            _ => State::Over,
        };
        Some((piece, state))
    }
}

struct Reading {
    upstream: Arc<Upstream>,
    /// None once nothing more is wanted.
    response: Option<Response>,
    reply: Reply,
    citations: Citations,
    /// Until when the next piece must come, and the whole answer.
    next: Instant,
    whole: Instant,
    spoke: bool,
}

impl Reading {
    async fn begin(call: Call) -> Result<Box<Self>, AnswerError> {
        let Call {
            upstream,
            messages,
            citations,
        } = call;
        let begun = Instant::now();
        let whole = begun + Duration::from_secs(upstream.settings.timeout);
        let next = whole.min(begun + Duration::from_secs(upstream.settings.first_token_timeout));
        let response = upstream.ask(&messages, next).await;
        let response = response.map_err(|failure| upstream.without_key(failure))?;
        Ok(Box::new(Self {
            upstream,
            response: Some(response),
            reply: Reply::default(),
            citations,
            next,
            whole,
            spoke: false,
        }))
    }

    async fn next(&mut self) -> Result<AnswerChunk, AnswerError> {
        // From now on: how long the last piece was looked at is not the model's doing.
        if self.reply.is_finished() {
            self.allow(AFTER_END);
        } else if self.spoke {
            self.allow(Duration::from_secs(self.upstream.settings.idle_timeout));
        }
        loop {
            if let Some(text) = self.reply.text() {
                self.spoke = true;
                self.citations.read(&text);
                return Ok(AnswerChunk::Text(text));
            }
            if let Some(ending) = self.reply.finish() {
                return match ending {
                    Ok(ending) => Ok(self.references().unwrap_or(AnswerChunk::Finish(ending))),
                    Err(failure) => Err(self.upstream.without_key(failure)),
                };
            }
            self.read().await;
        }
    }

    /// The reference lines, the first time; none where nothing was cited.
    fn references(&mut self) -> Option<AnswerChunk> {
        let lines = std::mem::take(&mut self.citations).lines();
        (!lines.is_empty()).then_some(AnswerChunk::Text(lines))
    }

    /// Reads once from the network, within the time.
    async fn read(&mut self) {
        let Some(response) = &mut self.response else {
            return;
        };
        let finished = self.reply.is_finished();
        // A server that sends without a pause, and no text, is late all the same.
        let late = Instant::now() >= self.next;
        match time::timeout_at(self.next, response.chunk()).await {
            Ok(Ok(Some(bytes))) if !late => self.reply.feed(&bytes),
            Ok(Ok(None)) => self.reply.close(),
            Ok(Err(error)) => {
                let text = format!("it broke off: {}", causes(&error));
                self.reply.fail(AnswerError::ModelFailed(text));
            }
            _ => self.reply.fail(self.too_slow()),
        }
        if !finished && self.reply.is_finished() {
            self.allow(AFTER_END);
        }
        if self.reply.is_over() {
            self.response = None;
        }
    }

    /// Gives the next piece this long, within the time of the whole answer.
    fn allow(&mut self, patience: Duration) {
        self.next = self.whole.min(Instant::now() + patience);
    }

    fn too_slow(&self) -> AnswerError {
        let settings = &self.upstream.settings;
        if !self.spoke {
            return self.upstream.too_slow();
        }
        let text = match self.next < self.whole {
            true => format!("it said nothing more for {} s", settings.idle_timeout),
            false => format!("it did not end within {} s", settings.timeout),
        };
        AnswerError::Unavailable {
            retry_after_secs: LATER,
            cause: text,
        }
    }
}
