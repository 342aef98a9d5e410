//! Turns a request to the model into an [`AnswerStream`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use reqwest::Response;
use tokio::time::{self, Instant};

use super::citations::CitationWriter;
use super::refusal::RefusalDetector;
use super::request::{Prompt, PromptSize};
use super::response::{PromptFault, ResponseParser};
use super::upstream::{Upstream, UpstreamResponse};
use super::upstream_error::{DEFAULT_RETRY_AFTER_SECS, error_causes};
use crate::answer::{AnswerChunk, AnswerError, AnswerStream, FinishDetails};

/// How long to wait for the usage after the finish reason.
const USAGE_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns the answer to `prompt`. The first poll sends the request. Dropping
/// the stream closes the connection.
pub fn answer_stream(
    upstream: Arc<Upstream>,
    prompt: Prompt,
    citations: CitationWriter,
    refusal: RefusalDetector,
) -> AnswerStream {
    let request = PendingRequest {
        upstream,
        prompt,
        citations,
        refusal,
    };
    Box::pin(stream::unfold(
        ResponseState::Pending(Box::new(request)),
        ResponseState::next,
    ))
}

struct PendingRequest {
    upstream: Arc<Upstream>,
    prompt: Prompt,
    citations: CitationWriter,
    refusal: RefusalDetector,
}

enum ResponseState {
    Pending(Box<PendingRequest>),
    Reading(Box<ResponseReader>),
    Done,
}

impl ResponseState {
    async fn next(self) -> Option<(Result<AnswerChunk, AnswerError>, ResponseState)> {
        let mut reader = match self {
            ResponseState::Pending(request) => match ResponseReader::connect(*request).await {
                Ok(reader) => reader,
                Err(error) => return Some((Err(error), ResponseState::Done)),
            },
            ResponseState::Reading(reader) => reader,
            ResponseState::Done => return None,
        };
        let chunk = reader.next().await;
        let state = match chunk {
            Ok(AnswerChunk::Text(_)) => ResponseState::Reading(reader),
            _ => ResponseState::Done,
        };
        Some((chunk, state))
    }
}

/// Reads a response with timeouts.
struct ResponseReader {
    upstream: Arc<Upstream>,
    prompt: Prompt,
    /// The size of the prompt that the server accepted.
    size: PromptSize,
    /// `None` after the last read.
    response: Option<Response>,
    parser: ResponseParser,
    citations: CitationWriter,
    refusal: RefusalDetector,
    /// The deadlines of the next text and of the complete answer.
    next_deadline: Instant,
    answer_deadline: Instant,
    has_text: bool,
}

impl ResponseReader {
    /// Sends the request and waits for the head of the response.
    async fn connect(request: PendingRequest) -> Result<Box<Self>, AnswerError> {
        let PendingRequest {
            upstream,
            prompt,
            citations,
            refusal,
        } = request;
        let start = Instant::now();
        let answer_deadline = start + Duration::from_secs(upstream.settings.timeout);
        let first_deadline = start + Duration::from_secs(upstream.settings.first_token_timeout);
        let next_deadline = answer_deadline.min(first_deadline);
        let UpstreamResponse { response, size } = upstream
            .send(&prompt, PromptSize::Full, next_deadline)
            .await
            .map_err(|error| upstream.redact_key(error))?;
        Ok(Box::new(Self {
            response: Some(response),
            parser: ResponseParser::new(upstream.thought_mode()),
            upstream,
            prompt,
            size,
            citations,
            refusal,
            next_deadline,
            answer_deadline,
            has_text: false,
        }))
    }

    async fn next(&mut self) -> Result<AnswerChunk, AnswerError> {
        self.restart_timeout();
        loop {
            if let Some(text) = self.parser.take_text() {
                self.has_text = true;
                self.refusal.scan(&text);
                let text = self.citations.push(&text);
                if !text.is_empty() {
                    return Ok(AnswerChunk::Text(text));
                }
                continue;
            }
            if let Some(result) = self.parser.result() {
                let has_unopened_thought = self.parser.has_unopened_thought();
                match result {
                    Ok(finish) => {
                        self.upstream.set_unopened_thoughts(has_unopened_thought);
                        return Ok(self.end(finish));
                    }
                    Err(error) => match self.parser.prompt_fault() {
                        Some(fault) => self.retry_smaller(fault, error).await?,
                        None => {
                            let rest = self.citations.flush();
                            if !rest.is_empty() {
                                return Ok(AnswerChunk::Text(rest));
                            }
                            return Err(self.upstream.redact_key(error));
                        }
                    },
                }
                continue;
            }
            self.read().await;
        }
    }

    /// Returns the rest of the answer, with the sources, at the first call. Then returns
    /// the end.
    fn end(&mut self, mut finish: FinishDetails) -> AnswerChunk {
        let rest = std::mem::take(&mut self.citations).finish();
        if !rest.is_empty() {
            return AnswerChunk::Text(rest);
        }
        finish.is_refusal |= self.refusal.is_refusal();
        AnswerChunk::Finish(finish)
    }

    /// Sends a smaller prompt. What the server does not answer can be in the history.
    ///
    /// # Errors
    /// Returns `error` if the prompt cannot be smaller.
    async fn retry_smaller(
        &mut self,
        fault: PromptFault,
        error: AnswerError,
    ) -> Result<(), AnswerError> {
        let Some(size) = self.smaller_size(fault) else {
            if fault == PromptFault::Filtered {
                self.upstream.refuse(self.prompt.newest());
            }
            return Err(self.upstream.redact_key(error));
        };
        let sent = self
            .upstream
            .send(&self.prompt, size, self.next_deadline)
            .await;
        let sent = sent.map_err(|error| self.upstream.redact_key(error))?;
        self.size = sent.size;
        self.response = Some(sent.response);
        self.parser = ResponseParser::new(self.upstream.thought_mode());
        Ok(())
    }

    fn smaller_size(&self, fault: PromptFault) -> Option<PromptSize> {
        let has_history = self.prompt.has_history();
        match (self.size, fault) {
            (PromptSize::Full, _) if self.prompt.unanswered().next().is_some() => {
                Some(PromptSize::OnlyAnswered)
            }
            (size, PromptFault::TooLong) if has_history && size < PromptSize::ShortHistory => {
                Some(PromptSize::ShortHistory)
            }
            (size, _) if has_history && size < PromptSize::NoHistory => Some(PromptSize::NoHistory),
            (size, PromptFault::TooLong) if size < PromptSize::Minimal => Some(PromptSize::Minimal),
            _ => None,
        }
    }

    /// Starts the timeout of the next text now. The time that the consumer needed
    /// for the previous text does not count.
    fn restart_timeout(&mut self) {
        if self.parser.has_finish_reason() {
            self.set_timeout(USAGE_TIMEOUT);
        } else if self.has_text {
            self.set_timeout(Duration::from_secs(self.upstream.settings.idle_timeout));
        }
    }

    /// Reads once from the connection.
    async fn read(&mut self) {
        let Some(response) = &mut self.response else {
            return;
        };
        let had_finish_reason = self.parser.has_finish_reason();
        // `timeout_at` never fires for a server that sends bytes without a pause.
        let is_late = Instant::now() >= self.next_deadline;
        match time::timeout_at(self.next_deadline, response.chunk()).await {
            Ok(Ok(Some(bytes))) if !is_late => self.parser.feed(&bytes),
            Ok(Ok(None)) => self.parser.close(),
            Ok(Err(error)) => {
                let cause = format!("it broke off: {}", error_causes(&error));
                self.parser.fail(AnswerError::ModelFailed(cause));
            }
            _ => self.parser.fail(self.timeout_error()),
        }
        if !had_finish_reason && self.parser.has_finish_reason() {
            self.set_timeout(USAGE_TIMEOUT);
        }
        if self.parser.is_done() {
            self.response = None;
        }
    }

    fn set_timeout(&mut self, timeout: Duration) {
        self.next_deadline = self.answer_deadline.min(Instant::now() + timeout);
    }

    fn timeout_error(&self) -> AnswerError {
        let settings = &self.upstream.settings;
        if !self.has_text {
            return self.upstream.timeout_error();
        }
        let cause = if self.next_deadline < self.answer_deadline {
            format!("it said nothing more for {} s", settings.idle_timeout)
        } else {
            format!("it did not end within {} s", settings.timeout)
        };
        AnswerError::Unavailable {
            retry_after_secs: DEFAULT_RETRY_AFTER_SECS,
            cause,
        }
    }
}
