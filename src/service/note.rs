//! Notes of agents about conversations.

use super::Services;
use super::broadcast::Broadcast;
use super::caller::Caller;
use super::conversation::{FindError, find};
use super::idempotency::Idempotency;
use crate::domain::{ConversationId, ConversationSeq, Note, NoteId, Timestamp};
use crate::store::idempotency::SavedResponse;
use crate::store::{Rejection, Snapshot, StoreError, note};

/// Why a note could not be added or deleted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoteError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error("the conversation has no note {0}")]
    NotFound(NoteId),
    #[error("the conversation has as many notes as it may have")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a note of the caller to a conversation.
///
/// # Errors
/// See [`NoteError`].
pub async fn add(
    services: &Services,
    caller: Caller,
    conversation: ConversationId,
    text: String,
    idempotency: &Idempotency,
    render: fn(&Note) -> SavedResponse,
) -> Result<SavedResponse, NoteError> {
    let read = move |snapshot: &Snapshot| {
        let found = find(snapshot, caller, conversation)?;
        let author = match caller {
            Caller::Agent { agent, .. } => note::author(snapshot, agent)?,
            Caller::Server { .. } | Caller::Visitor { .. } => None,
        };
        Ok::<_, FindError>((found.seq, author))
    };
    let (seq, author) = services.store.read(read).await?;
    let note = Note {
        id: NoteId::generate(),
        text,
        created_at: Timestamp::now(),
        author,
    };
    let response = render(&note);
    let batch = idempotency.save(note::add(seq, &note), &response, note.created_at);
    match services.store.write(batch).await {
        Ok(_) => {
            services.publish_notes(caller, conversation, seq);
            Ok(response)
        }
        Err(StoreError::Rejected(Rejection::LimitReached)) => Err(NoteError::TooMany),
        Err(StoreError::Rejected(Rejection::ConversationNotFound)) => {
            Err(FindError::NotFound(conversation).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Deletes a note. Returns `response`, which is saved for a repeated request.
///
/// # Errors
/// See [`NoteError`].
pub async fn delete(
    services: &Services,
    caller: Caller,
    conversation: ConversationId,
    id: NoteId,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, NoteError> {
    let find = move |snapshot: &Snapshot| find(snapshot, caller, conversation);
    let seq = services.store.read(find).await?.seq;
    let batch = idempotency.save(note::delete(seq, id), &response, Timestamp::now());
    match services.store.write(batch).await {
        Ok(_) => {
            services.publish_notes(caller, conversation, seq);
            Ok(response)
        }
        Err(StoreError::Rejected(Rejection::NotFound)) => Err(NoteError::NotFound(id)),
        Err(error) => Err(error.into()),
    }
}

impl Services {
    /// Tells inboxes that the notes of a conversation changed. They are in no list, so the
    /// store reports no change.
    fn publish_notes(&self, caller: Caller, id: ConversationId, conversation: ConversationSeq) {
        let event = Broadcast::NotesChanged(conversation);
        self.broadcast(caller.project(), id, event);
    }
}
