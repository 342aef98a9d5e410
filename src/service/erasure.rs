//! Deletes conversations and visitors with all that belongs to them
//! (docs/api-contract.md, sections 4.16 and 4.17).
//!
//! The functions work in steps of some milliseconds, so that other writers wait no
//! longer than for a normal commit. A step is one transaction. Nothing that a step has
//! deleted can be read again. A server continues an interrupted deletion when it starts,
//! and every ten minutes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Services;
pub use super::deletion_steps::purge;
use super::deletion_steps::{MAX_STEP_CONVERSATIONS, StepSize, delete_in_steps, retry_busy};
use super::idempotency::Idempotency;
use super::search_merge;
use crate::domain::{ConversationId, ProjectSeq, Timestamp, VisitorId, VisitorSeq};
use crate::store::idempotency::SavedResponse;
use crate::store::{
    Batch, DeletedConversation, Deletion, Snapshot, Store, StoreError, conversation, erasure,
    visitor,
};

/// Why a conversation could not be deleted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeleteConversationError {
    #[error("the project has no conversation {0}")]
    NotFound(ConversationId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a visitor could not be erased.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EraseVisitorError {
    #[error("the project has no visitor {0}")]
    NotFound(VisitorId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Deletes a conversation of the project. Returns when its messages are deleted and the
/// write-ahead log does not have them any more. If the search index is large, a task
/// removes their words from it. The answer that the assistant is
/// streaming and the subscriptions to live events end.
///
/// # Errors
/// [`DeleteConversationError::NotFound`] if the project has no such conversation.
pub async fn delete_conversation(
    services: &Services,
    project: ProjectSeq,
    id: ConversationId,
    idempotency: &Idempotency,
    response: SavedResponse,
) -> Result<SavedResponse, DeleteConversationError> {
    let find = move |snapshot: &Snapshot| conversation::find(snapshot, project, id);
    let found = services.store.read::<_, StoreError>(find).await?;
    let seq = found.ok_or(DeleteConversationError::NotFound(id))?.seq;
    let saved = idempotency.save(Batch::default(), &response, Timestamp::now());
    let deletion = Deletion::of_conversation(seq).after(saved);
    let deleted = retry_busy(|| services.store.delete(deletion.clone())).await?;
    if deleted.conversations.is_empty() {
        // Another request deleted the conversation first.
        return Err(DeleteConversationError::NotFound(id));
    }
    services.end_conversations(&deleted.conversations);
    services.finish_deletion(MERGE_TIMEOUT).await?;
    Ok(response)
}

/// How long the deletion of a conversation waits until the search index has no word of
/// the conversation. A task continues. The index of 100,000 messages takes about a
/// second.
const MERGE_TIMEOUT: Duration = Duration::from_secs(1);

/// Deletes a visitor of the project with all conversations, sessions, stored responses
/// and contact details. Returns when everything is deleted and the write-ahead log does
/// not have it any more. `end_sessions` is called after the first step.
///
/// # Errors
/// [`EraseVisitorError::NotFound`] if the project has no such visitor.
pub async fn erase_visitor(
    services: &Services,
    project: ProjectSeq,
    id: VisitorId,
    idempotency: &Idempotency,
    response: SavedResponse,
    end_sessions: impl Fn(VisitorSeq),
) -> Result<SavedResponse, EraseVisitorError> {
    let find = move |snapshot: &Snapshot| visitor::find(snapshot, project, id);
    let found = services.store.read::<_, StoreError>(find).await?;
    let seq = found.ok_or(EraseVisitorError::NotFound(id))?;
    let saved = idempotency.save(Batch::default(), &response, Timestamp::now());
    let is_complete = delete_visitor(&services.store, seq, saved, |conversations| {
        end_sessions(seq);
        services.end_conversations(conversations);
    });
    if !is_complete.await? {
        finish_in_background(&services.store).await?;
    }
    Ok(response)
}

/// Deletes a visitor. `first` is written with the first step. `after_step` gets the
/// conversations that each step has deleted. Returns whether the write-ahead log is
/// empty.
///
/// # Errors
/// Errors of the store. A repeated call continues.
pub async fn delete_visitor(
    store: &Store,
    visitor: VisitorSeq,
    mut first: Batch,
    after_step: impl FnMut(&[DeletedConversation]),
) -> Result<bool, StoreError> {
    let size = StepSize::new(MAX_STEP_CONVERSATIONS, MAX_STEP_CONVERSATIONS);
    let next = |rows| Deletion::of_visitor(visitor, rows).after(std::mem::take(&mut first));
    delete_in_steps(store, size, next, after_step).await?;
    search_merge::merge(store).await?;
    let end = erasure::end_erasure(visitor);
    retry_busy(|| store.write(end.clone())).await?;
    finish(store).await
}

impl Services {
    /// Completes deletions: deletes the messages that remain, removes their words from
    /// the search index, and empties the write-ahead log. After `merge_timeout`, or if
    /// the index is being merged already, a task continues with the index.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn finish_deletion(&self, merge_timeout: Duration) -> Result<(), StoreError> {
        purge(&self.store).await?;
        search_merge::merge_in_background(&self.store, merge_timeout).await?;
        finish_in_background(&self.store).await
    }

    /// Ends what this process does for conversations that were deleted.
    pub fn end_conversations(&self, deleted: &[DeletedConversation]) {
        for conversation in deleted {
            self.active_answers.stop(conversation.seq);
            self.events
                .remove_conversation(conversation.project, conversation.id);
        }
    }

    /// Ends what this process does for conversations that another process deleted.
    ///
    /// # Errors
    /// Errors of the read.
    pub async fn end_missing_conversations(&self) -> Result<(), StoreError> {
        let (ids, seqs) = (
            self.events.conversations(),
            self.active_answers.conversations(),
        );
        if ids.is_empty() && seqs.is_empty() {
            return Ok(());
        }
        let read = |snapshot: &Snapshot| {
            let ids = erasure::missing_conversations(snapshot, ids)?;
            Ok::<_, StoreError>((ids, erasure::missing_rows(snapshot, seqs)?))
        };
        let (ids, seqs) = self.store.read(read).await?;
        for (project, id) in ids {
            self.events.remove_conversation(project, id);
        }
        for seq in seqs {
            self.active_answers.stop(seq);
        }
        Ok(())
    }
}

/// Deletes what remains of deleted conversations, and empties the write-ahead log.
/// Returns whether the log is empty.
///
/// # Errors
/// Errors of the store.
pub async fn finish(store: &Store) -> Result<bool, StoreError> {
    purge(store).await?;
    let started_at = Instant::now();
    // The log has earlier versions of the deleted rows.
    while !store.truncate_wal().await? {
        if started_at.elapsed() > WAL_TIMEOUT {
            return Ok(false);
        }
        tokio::time::sleep(WAL_INTERVAL).await;
    }
    Ok(true)
}

/// How long a deletion waits until no reader uses the write-ahead log.
const WAL_TIMEOUT: Duration = Duration::from_secs(2);
const WAL_INTERVAL: Duration = Duration::from_millis(100);
/// How often a server tries to empty the log after [`WAL_TIMEOUT`].
const WAL_RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// [`finish`] for a server: if a reader uses the write-ahead log for long, such as a
/// backup, a task empties the log as soon as possible.
pub(super) async fn finish_in_background(store: &Arc<Store>) -> Result<(), StoreError> {
    if finish(store).await? {
        return Ok(());
    }
    log::info!(
        "deleted data is still in the write-ahead log (-wal), because a backup or another \
         program reads the file; it is removed when the reader has ended"
    );
    let store = store.clone();
    tokio::spawn(async move {
        while matches!(
            store.truncate_wal().await,
            Ok(false) | Err(StoreError::Busy)
        ) {
            tokio::time::sleep(WAL_RETRY_INTERVAL).await;
        }
    });
    Ok(())
}

impl Services {
    /// Continues deletions that were interrupted.
    ///
    /// # Errors
    /// Errors of the store.
    pub async fn resume_deletions(&self) -> Result<(), StoreError> {
        let after_step = |deleted: &[DeletedConversation]| self.end_conversations(deleted);
        let (_, is_complete) = resume(&self.store, after_step).await?;
        if !is_complete {
            finish_in_background(&self.store).await?;
        }
        search_merge::merge_in_background(&self.store, Duration::ZERO).await
    }
}

/// Continues deletions that were interrupted. `after_step` gets the conversations that
/// each step has deleted. Returns the number of visitors whose erasure is complete now,
/// and whether the write-ahead log is empty.
///
/// # Errors
/// Errors of the store. A repeated call continues.
pub async fn resume(
    store: &Store,
    mut after_step: impl FnMut(&[DeletedConversation]),
) -> Result<(usize, bool), StoreError> {
    let mut is_complete = true;
    let visitors = store.read(erasure::deleted_visitors).await?;
    for visitor in &visitors {
        is_complete = delete_visitor(store, *visitor, Batch::default(), &mut after_step).await?;
    }
    if store.read(erasure::is_purge_pending).await? {
        is_complete = finish(store).await?;
    }
    Ok((visitors.len(), is_complete))
}
