//! Counts the answers of the providers and measures their time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_util::Stream;

use super::{Answer, AnswerChunk, AnswerError, AnswerProviders, AnswerRequest, AnswerStream};
use crate::metrics::{AnswerMetrics, AnswerOutcome, ProviderKind};
use crate::store::Store;

impl AnswerProviders {
    /// Asks the provider of the request's assistant, and counts the answer when it ends.
    ///
    /// # Errors
    /// Those of [`AnswerProviders::for_assistant`] and of the provider.
    pub async fn answer(
        &self,
        store: &Arc<Store>,
        request: AnswerRequest,
    ) -> Result<Answer, AnswerError> {
        let kind = self.kind(&request.assistant);
        let mut observed = ObservedAnswer {
            metrics: self.metrics.clone(),
            kind,
            started: Instant::now(),
            has_text: false,
            outcome: Some(AnswerOutcome::Cancelled),
        };
        let answer = match self.for_assistant(&request.assistant) {
            Ok(provider) => provider.answer(store, request).await,
            Err(error) => Err(error),
        };
        Ok(match answer {
            Ok(Answer::Complete(answer)) => {
                observed.observe_text();
                observed.end(AnswerOutcome::Complete);
                Answer::Complete(answer)
            }
            Ok(Answer::Stream(stream)) => Answer::Stream(Box::pin(ObservedStream {
                stream,
                observed,
                is_polled: false,
            })),
            Err(error) => {
                observed.end(AnswerOutcome::Failed);
                return Err(error);
            }
        })
    }
}

/// An answer that is counted when it ends or is dropped.
struct ObservedAnswer {
    metrics: Arc<AnswerMetrics>,
    kind: ProviderKind,
    started: Instant,
    has_text: bool,
    /// The outcome if the answer is dropped. `None` after the end.
    outcome: Option<AnswerOutcome>,
}

impl ObservedAnswer {
    fn observe_text(&mut self) {
        if !std::mem::replace(&mut self.has_text, true) {
            let first_texts = &self.metrics.provider(self.kind).first_texts;
            first_texts.observe_duration(self.started.elapsed());
        }
    }

    fn end(&mut self, outcome: AnswerOutcome) {
        if self.outcome.take().is_some() {
            let provider = self.metrics.provider(self.kind);
            provider.end(outcome, self.started.elapsed());
        }
    }
}

impl Drop for ObservedAnswer {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome {
            self.end(outcome);
        }
    }
}

struct ObservedStream {
    stream: AnswerStream,
    observed: ObservedAnswer,
    is_polled: bool,
}

impl Stream for ObservedStream {
    type Item = Result<AnswerChunk, AnswerError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        // The first poll sends the request to the model.
        if !std::mem::replace(&mut this.is_polled, true) {
            this.observed.started = Instant::now();
        }
        let chunk = ready!(this.stream.as_mut().poll_next(context));
        match &chunk {
            Some(Ok(AnswerChunk::Text(_))) => this.observed.observe_text(),
            Some(Ok(AnswerChunk::Finish(_))) => this.observed.end(AnswerOutcome::Complete),
            Some(Err(_)) | None => this.observed.end(AnswerOutcome::Failed),
        }
        Poll::Ready(chunk)
    }
}
