//! A visitor sends a message, and the assistant answers or an agent receives it
//! (docs/api-contract.md, section 4.8).
//!
//! One read checks the conversation and collects what the answer needs. The
//! answer provider prepares the answer. One batch stores the question and the
//! answer and checks the conversation again. If an agent took the conversation
//! over or handed it back in between, the batch is rejected and the message
//! goes to the other side.
//!
//! A message that repeats the question of the running answer gets that answer.

use std::sync::Arc;

use tokio::time::Instant;

use super::Services;
use super::answer_context::AnswerContext;
use super::caller::{AccessError, Caller};
use super::handover::{Handover, HandoverContext};
use super::idempotency::Idempotency;
use super::plan::ModelNotInPlan;
use super::quota::{self, QuotaExceeded};
use super::replay::{ReplayError, replay};
use crate::answer::draft::{AnswerReader, Detachment, Reservation};
use crate::answer::generation::spawn;
use crate::answer::handover::{ContactDetails, contact_details};
use crate::answer::recorder::{AnswerRecorder, EndOptions};
use crate::answer::{
    Answer, AnswerError, AnswerRequest, AnswerStream, CompleteAnswer, FinishDetails, VisitorPage,
};
use crate::domain::{
    ConversationId, ConversationSeq, MessageContent, MessageId, Role, SentMessage, Timestamp,
    WaitingReason,
};
use crate::events::Event;
use crate::store::answer::{
    self, AnswerTarget, MessageContext, NewAnswer, NewAnswerContent, VisitorMessage,
};
use crate::store::conversation_state;
use crate::store::idempotency::SavedResponse;
use crate::store::waiting::WaitingContext;
use crate::store::{Batch, Rejection, Snapshot, StoreError, visitor};

/// A message to send.
pub struct SendInput {
    pub caller: Caller,
    pub conversation: ConversationId,
    pub content: MessageContent,
    /// The page on which the visitor wrote.
    pub page: Option<VisitorPage>,
    /// If the answer continues after its client has disconnected: what the caller
    /// reserves for it.
    pub detached: Option<Reservation>,
}

/// The result of a message that was sent.
pub enum SendOutcome {
    Answered(MessageId, CompleteAnswer),
    /// The answer follows as events.
    Streaming(MessageId, AnswerReader),
    /// An agent handles the conversation and receives the message.
    ToAgent,
}

/// Why a message was not sent.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SendError {
    #[error("the project has no conversation {0}")]
    NotFound(ConversationId),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("the conversation is closed")]
    Closed,
    #[error("an answer is being streamed in the conversation")]
    AnswerInProgress,
    /// The newest message was another one when the answer was stored.
    #[error("the conversation changed while the message was sent")]
    ConversationChanged,
    #[error("an agent took the conversation over while the message was sent")]
    TakenOver,
    #[error("the agent handed the conversation back while the message was sent")]
    HandedBack,
    /// The visitor has [`crate::answer::detached::MAX_DETACHED_ANSWERS`].
    #[error("the visitor has too many detached answers")]
    TooManyDetached,
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    #[error(transparent)]
    Plan(#[from] ModelNotInPlan),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for SendError {
    fn from(error: StoreError) -> Self {
        let StoreError::Rejected(reason) = error else {
            return SendError::Store(error);
        };
        match reason {
            Rejection::ConversationClosed => SendError::Closed,
            Rejection::AnswerInProgress => SendError::AnswerInProgress,
            Rejection::ConversationChanged => SendError::ConversationChanged,
            Rejection::TakenOver => SendError::TakenOver,
            Rejection::NotTakenOver => SendError::HandedBack,
            _ => SendError::Store(error),
        }
    }
}

/// Sends a message.
///
/// `to_agent` is the response to a message that an agent receives.
///
/// # Errors
/// See [`SendError`]. `TakenOver` and `HandedBack` mean that the conversation
/// changed hands twice while the message was sent; it may be sent again.
pub async fn send(
    services: &Services,
    input: &SendInput,
    idempotency: &Idempotency,
    to_agent: &SavedResponse,
) -> Result<SendOutcome, SendError> {
    let send = SendMessage {
        services,
        input,
        idempotency,
        to_agent,
    };
    match send.send().await {
        Err(SendError::AnswerInProgress) => match send.repeat().await? {
            Some(outcome) => Ok(outcome),
            None => send.send().await,
        },
        result => result,
    }
}

/// Who receives the message, according to one read.
enum Prepared {
    ForAgent(ConversationSeq),
    ForAssistant(Box<AnswerContext>),
}

struct SendMessage<'a> {
    services: &'a Services,
    input: &'a SendInput,
    idempotency: &'a Idempotency,
    to_agent: &'a SavedResponse,
}

impl SendMessage<'_> {
    async fn send(&self) -> Result<SendOutcome, SendError> {
        match self.prepare().await? {
            Prepared::ForAgent(conversation) => match self.to_agent(conversation).await {
                Err(SendError::HandedBack) => self.to_assistant_again().await,
                result => result,
            },
            Prepared::ForAssistant(context) => {
                let conversation = context.conversation;
                match self.to_assistant(*context).await {
                    Err(SendError::TakenOver) => self.to_agent(conversation).await,
                    result => result,
                }
            }
        }
    }

    /// Returns the answer that is being generated if the message repeats its question
    /// (docs/api-contract.md, section 6.3). `None` if the answer has failed or was
    /// removed meanwhile, so that the message may be sent.
    async fn repeat(&self) -> Result<Option<SendOutcome>, SendError> {
        let (project, id) = (self.input.caller.project(), self.input.conversation);
        let read = move |snapshot: &Snapshot| answer::latest(snapshot, project, id);
        let Some(latest) = self.services.store.read::<_, StoreError>(read).await? else {
            return Ok(None);
        };
        if latest.question != self.input.content.as_str() {
            return Err(SendError::AnswerInProgress);
        }
        let response = SavedResponse::answer(latest.id);
        self.idempotency
            .save_answer(&self.services.store, &response, latest.id)
            .await?;
        match replay(self.services, latest.id).await {
            Ok(outcome) => Ok(Some(outcome)),
            Err(ReplayError::NotFound(_) | ReplayError::Failed) => Ok(None),
            Err(ReplayError::AnswerInProgress) => Err(SendError::AnswerInProgress),
            Err(ReplayError::Store(error)) => Err(error.into()),
        }
    }

    async fn prepare(&self) -> Result<Prepared, SendError> {
        let (caller, id) = (self.input.caller, self.input.conversation);
        let Caller::Visitor {
            project,
            key,
            visitor,
        } = caller
        else {
            return Err(AccessError::VisitorOnly.into());
        };
        let content = self.input.content.clone();
        let monthly_messages = self.services.monthly_messages;
        let has_model = self.services.answer_providers.model.is_some();
        let availability = self.services.availability_input(project);
        let read = move |snapshot: &Snapshot| {
            let state = conversation_state::read(snapshot, project, id)?;
            let state = state.ok_or(SendError::NotFound(id))?;
            caller.check_owner(state.visitor)?;
            let is_for_agent = match state.check_assistant(snapshot) {
                Ok(()) => false,
                Err(StoreError::Rejected(Rejection::TakenOver)) => true,
                Err(error) => return Err(error.into()),
            };
            let now = Timestamp::now();
            quota::check::<SendError>(snapshot, project, monthly_messages, now)?;
            if is_for_agent {
                return Ok(Prepared::ForAgent(state.seq));
            }
            let handover = HandoverContext {
                project,
                visitor,
                availability,
            };
            let context = AnswerContext::read::<SendError>(
                snapshot, handover, key, &state, &content, has_model,
            )?;
            Ok(Prepared::ForAssistant(Box::new(context)))
        };
        self.services.store.read(read).await
    }

    /// Sends to the assistant after the agent handed the conversation back.
    async fn to_assistant_again(&self) -> Result<SendOutcome, SendError> {
        match self.prepare().await? {
            Prepared::ForAssistant(context) => self.to_assistant(*context).await,
            Prepared::ForAgent(_) => Err(SendError::TakenOver),
        }
    }

    async fn to_agent(&self, conversation: ConversationSeq) -> Result<SendOutcome, SendError> {
        let (context, message) = (self.message_context(conversation), self.message());
        let batch = context.add_message_to_agent(&message);
        let contact = contact_details(message.content.as_str());
        let batch = batch.then(self.store_contact(&contact)?);
        let batch = self.idempotency.save(batch, self.to_agent, context.at);
        let events = vec![self.new_message(&message, context.at)];
        self.services
            .write_and_publish(
                batch,
                self.input.caller.project(),
                self.input.conversation,
                events,
            )
            .await?;
        Ok(SendOutcome::ToAgent)
    }

    async fn to_assistant(&self, context: AnswerContext) -> Result<SendOutcome, SendError> {
        let target = context
            .repeated
            .unwrap_or_else(|| AnswerTarget::NewQuestion(Box::new(self.message())));
        if let Some(handover) = context.handover {
            return self
                .store_handover(context.conversation, &target, handover)
                .await;
        }
        let request = AnswerRequest {
            project: self.input.caller.project(),
            assistant: context.assistant,
            messages: context.messages,
            page: self.input.page.clone(),
        };
        let providers = &self.services.answer_providers;
        match providers.answer(&self.services.store, request).await? {
            Answer::Complete(answer) => {
                let context = self.message_context(context.conversation);
                let is_refusal = answer.finish.is_refusal;
                let refuse = |id| self.refuse(context, &target, id);
                let more = |id| {
                    if is_refusal {
                        refuse(id)
                    } else {
                        Batch::default()
                    }
                };
                self.store_complete(context, &target, answer, more).await
            }
            Answer::Stream(stream) => {
                self.store_stream(context.conversation, &target, stream)
                    .await
            }
        }
    }

    /// Stores the answer to a message that asks for a person or leaves contact details.
    /// The conversation waits from then on.
    async fn store_handover(
        &self,
        conversation: ConversationSeq,
        target: &AnswerTarget,
        handover: Handover,
    ) -> Result<SendOutcome, SendError> {
        let context = self.message_context(conversation);
        let more = self
            .store_contact(&handover.contact)?
            .then(self.waiting(context).start(handover.reason));
        let answer = CompleteAnswer {
            text: handover.answer,
            finish: FinishDetails::default(),
        };
        self.store_complete(context, target, answer, |_| more).await
    }

    async fn store_complete(
        &self,
        context: MessageContext,
        target: &AnswerTarget,
        answer: CompleteAnswer,
        more: impl FnOnce(MessageId) -> Batch,
    ) -> Result<SendOutcome, SendError> {
        let new = NewAnswer {
            id: MessageId::generate(),
            content: NewAnswerContent::Complete {
                text: answer.text.clone(),
                metadata: answer.finish.metadata(),
            },
        };
        self.store_answer(context, target, &new, more(new.id))
            .await?;
        Ok(SendOutcome::Answered(new.id, answer))
    }

    async fn store_stream(
        &self,
        conversation: ConversationSeq,
        target: &AnswerTarget,
        stream: AnswerStream,
    ) -> Result<SendOutcome, SendError> {
        let new = NewAnswer {
            id: MessageId::generate(),
            content: NewAnswerContent::Streaming(self.services.lease),
        };
        // The recorder exists before the write. If the request is dropped
        // during the write, the recorder ends the answer.
        let handle = self.services.active_answers.register(conversation, new.id);
        let limits = self.services.generation_limits.clone();
        if let Some(reservation) = &self.input.detached {
            handle.draft().detach(Detachment {
                until: Instant::now() + limits.max_detached,
                reservation: self.reserve_detached(reservation.clone())?,
            });
        }
        let store = self.services.store.clone();
        let end = EndOptions {
            replaces_failure: matches!(target, AnswerTarget::ReplaceFailed(_)),
            is_email_configured: self.services.is_email_configured,
        };
        let recorder = AnswerRecorder::new(handle, end, store, limits.shutdown.clone());
        // The batch is in the writer's queue before the request to the model, so the
        // end of the answer cannot be written before the question. If the batch
        // is rejected, the reader is dropped, which cancels the model.
        let context = self.message_context(conversation);
        let stored = self.store_answer(context, target, &new, Batch::default());
        let reader = spawn(stream, Some(recorder), limits);
        stored.await?;
        Ok(SendOutcome::Streaming(new.id, reader))
    }

    /// Counts a detached answer of the visitor, in addition to `reservation`.
    fn reserve_detached(&self, reservation: Reservation) -> Result<Reservation, SendError> {
        let visitor = self.input.caller.require_visitor()?;
        let permit = self.services.detached_answers.reserve(visitor);
        let permit = permit.ok_or(SendError::TooManyDetached)?;
        Ok(Arc::new((permit, reservation)))
    }

    /// Puts the write of a question and its answer, and `more`, into the writer's queue.
    fn store_answer(
        &self,
        context: MessageContext,
        target: &AnswerTarget,
        answer: &NewAnswer,
        more: Batch,
    ) -> impl Future<Output = Result<(), StoreError>> + use<> {
        let response = SavedResponse::answer(answer.id);
        let batch = context.add_answer(target, answer).then(more);
        let batch = self.idempotency.save(batch, &response, context.at);
        let events = match target {
            AnswerTarget::NewQuestion(question) => vec![self.new_message(question, context.at)],
            AnswerTarget::Pending(_) | AnswerTarget::ReplaceFailed(_) => Vec::new(),
        };
        self.services.write_and_publish(
            batch,
            self.input.caller.project(),
            self.input.conversation,
            events,
        )
    }

    /// Records that the assistant does not know the answer.
    fn refuse(&self, context: MessageContext, target: &AnswerTarget, answer: MessageId) -> Batch {
        let waiting = self.waiting(context);
        let refusal = waiting.refuse(answer);
        match target {
            AnswerTarget::ReplaceFailed(_) => {
                refusal.then(waiting.start(WaitingReason::Unanswered))
            }
            AnswerTarget::NewQuestion(_) | AnswerTarget::Pending(_) => refusal,
        }
    }

    fn store_contact(&self, contact: &ContactDetails) -> Result<Batch, AccessError> {
        let visitor = self.input.caller.require_visitor()?;
        let (email, phone) = (contact.email.as_deref(), contact.phone.as_deref());
        Ok(visitor::store_contact(visitor, email, phone))
    }

    fn waiting(&self, context: MessageContext) -> WaitingContext {
        WaitingContext {
            conversation: context.conversation,
            is_email_configured: self.services.is_email_configured,
            at: context.at,
        }
    }

    fn message(&self) -> VisitorMessage {
        let page = self.input.page.clone().unwrap_or_default();
        VisitorMessage {
            id: MessageId::generate(),
            content: self.input.content.clone(),
            page_url: page.url,
            page_title: page.title,
            text_selection: page.selection,
        }
    }

    fn message_context(&self, conversation: ConversationSeq) -> MessageContext {
        MessageContext {
            conversation,
            project: self.input.caller.project(),
            at: Timestamp::now(),
        }
    }

    fn new_message(&self, message: &VisitorMessage, at: Timestamp) -> Event {
        let text = message.content.as_str();
        Event::NewMessage(SentMessage {
            page_url: message.page_url.clone(),
            page_title: message.page_title.clone(),
            text_selection: message.text_selection.clone(),
            ..SentMessage::new(message.id, self.input.conversation, Role::User, text, at)
        })
    }
}
