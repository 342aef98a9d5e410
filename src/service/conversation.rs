//! Conversations: find, start, import, close.

use super::Services;
use super::caller::{AccessError, Caller};
use super::idempotency::Idempotency;
use crate::domain::{
    Audience, CloseReason, Conversation, ConversationId, InboxState, ProjectSeq, Timestamp,
    VisitorId, VisitorSeq,
};
use crate::events::Event;
use crate::store::conversation::{self, ConversationRef, NewConversation};
use crate::store::idempotency::SavedResponse;
use crate::store::visitor::{NewVisitor, VisitorIdentity};
use crate::store::{Batch, Rejection, Snapshot, StoreError};

/// Why a conversation could not be found for a caller.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FindError {
    #[error("the project has no conversation {0}")]
    NotFound(ConversationId),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds a conversation that the caller may read.
///
/// # Errors
/// [`FindError::NotFound`] if the project has no such conversation,
/// [`FindError::Access`] if it belongs to another visitor.
pub fn find(
    snapshot: &Snapshot,
    caller: Caller,
    id: ConversationId,
) -> Result<ConversationRef, FindError> {
    let conversation = conversation::find(snapshot, caller.project(), id)?;
    let conversation = conversation.ok_or(FindError::NotFound(id))?;
    caller.check_owner(conversation.visitor)?;
    Ok(conversation)
}

/// Marks all messages of a conversation as read by the agents.
///
/// # Errors
/// Those of [`find`].
pub async fn mark_as_read(
    services: &Services,
    caller: Caller,
    id: ConversationId,
) -> Result<(), FindError> {
    let read = move |snapshot: &Snapshot| {
        let seq = find(snapshot, caller, id)?.seq;
        let is_unread = conversation::read(snapshot, seq, Audience::Staff, |conversation| {
            conversation.inbox.is_some_and(|inbox| inbox.is_unread)
        })?;
        Ok::<_, FindError>(is_unread.then_some(seq))
    };
    if let Some(seq) = services.store.read(read).await? {
        services
            .store
            .write(conversation::mark_as_read(seq))
            .await?;
    }
    Ok(())
}

/// The response to a request that started a conversation.
type Render = fn(&Conversation<'_>) -> SavedResponse;

/// Starts a conversation of a visitor.
pub async fn start(
    services: &Services,
    project: ProjectSeq,
    visitor: VisitorSeq,
    page_url: Option<String>,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, StoreError> {
    let new = NewConversation {
        id: ConversationId::generate(),
        project,
        page_url,
        at: Timestamp::now(),
    };
    let conversation = Conversation::new(new.id, new.at);
    store_new(
        services,
        &conversation,
        new.start(visitor),
        idempotency,
        render,
    )
    .await
}

/// A conversation that a website's server imports.
#[derive(Debug, Clone)]
pub struct ImportInput {
    /// None: a new id.
    pub id: Option<ConversationId>,
    pub project: ProjectSeq,
    pub visitor: VisitorIdentity,
    pub page_url: Option<String>,
}

/// Why a conversation could not be imported.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ImportConversationError {
    #[error("the project has a conversation of that id")]
    IdExists,
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ImportConversationError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(Rejection::ConversationExists) => {
                ImportConversationError::IdExists
            }
            other => ImportConversationError::Store(other),
        }
    }
}

/// Imports a conversation, with its visitor if the visitor is new.
///
/// # Errors
/// [`ImportConversationError::IdExists`] if the project has a conversation of that id.
pub async fn import(
    services: &Services,
    input: ImportInput,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, ImportConversationError> {
    let new = NewConversation {
        id: input.id.unwrap_or_else(ConversationId::generate),
        project: input.project,
        page_url: input.page_url,
        at: Timestamp::now(),
    };
    let visitor = NewVisitor {
        id: VisitorId::generate(),
        project: input.project,
        identity: input.visitor,
        at: new.at,
    };
    let conversation = Conversation {
        inbox: Some(InboxState::default()),
        ..Conversation::new(new.id, new.at)
    };
    let batch = new.import(&visitor);
    Ok(store_new(services, &conversation, batch, idempotency, render).await?)
}

async fn store_new(
    services: &Services,
    new: &Conversation<'_>,
    batch: Batch,
    idempotency: &Idempotency,
    render: Render,
) -> Result<SavedResponse, StoreError> {
    let response = render(new);
    let idempotency = idempotency.about(new.id);
    let batch = idempotency.save(batch, &response, new.created_at);
    services.store.write(batch).await?;
    Ok(response)
}

/// Why a conversation could not be closed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CloseError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error("the conversation is closed already")]
    AlreadyClosed,
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for CloseError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Rejected(Rejection::ConversationClosed) => CloseError::AlreadyClosed,
            other => CloseError::Store(other),
        }
    }
}

/// Closes a conversation. The answer that the assistant is streaming ends.
/// Returns `response`, which is saved for a repeated request.
///
/// # Errors
/// [`CloseError::AlreadyClosed`] if the conversation is closed; it stays
/// unchanged.
pub async fn close(
    services: &Services,
    caller: Caller,
    id: ConversationId,
    reason: Option<CloseReason>,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, CloseError> {
    let find = move |snapshot: &Snapshot| find(snapshot, caller, id);
    let seq = services.store.read(find).await?.seq;
    let now = Timestamp::now();
    let batch = idempotency.save(conversation::close(seq, reason, now), &response, now);
    let events = vec![Event::Closed, Event::HumanAssigned];
    services
        .write_and_publish(batch, caller.project(), id, events)
        .await?;
    services.active_answers.stop(seq);
    Ok(response)
}
