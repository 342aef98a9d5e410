//! Removes the words of deleted texts from the search index, in steps of some
//! milliseconds (`crate::store::search_merge`).

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::deletion_steps::{StepSize, retry_busy, run_steps};
use super::erasure::finish_in_background;
use crate::store::search_merge::{self, SearchMerge, is_merged, merge_segments};
use crate::store::{MergePermit, Store, StoreError};

/// The pages of the index of a step, at first and at most.
const MIN_PAGES: u32 = 16;
const MAX_PAGES: u32 = 512;

/// Removes the words of all texts that were deleted before. If the process merges the
/// index already, waits for that.
///
/// # Errors
/// Errors of the store. A repeated call continues.
pub async fn merge(store: &Store) -> Result<(), StoreError> {
    let permit = store.merge_permit().await;
    merge_if_pending(store, &permit).await
}

async fn merge_if_pending(store: &Store, _permit: &MergePermit) -> Result<(), StoreError> {
    if !store.read(search_merge::is_pending).await? {
        return Ok(());
    }
    let merge = SearchMerge::new();
    let begin = retry_busy(|| store.write(merge.begin(MIN_PAGES))).await?;
    if !is_merged(&begin) {
        let step = async |pages| Ok(!is_merged(&store.write(merge_segments(pages)).await?));
        run_steps(StepSize::new(MIN_PAGES, MAX_PAGES), step).await?;
    }
    retry_busy(|| store.write(merge.end())).await?;
    Ok(())
}

/// Starts a task that merges the index while it has words of deleted texts, and empties
/// the write-ahead log after that. `None` if such a task runs already.
fn start(store: &Arc<Store>) -> Option<JoinHandle<()>> {
    let permit = store.try_merge_permit()?;
    let store = store.clone();
    Some(tokio::spawn(async move {
        if let Err(error) = merge_all(&store, permit).await {
            log::warn!(
                "the words of deleted texts could not be removed from the search index: \
                 {error}; trying again in 10 minutes"
            );
        }
    }))
}

async fn merge_all(store: &Arc<Store>, permit: MergePermit) -> Result<(), StoreError> {
    let mut next = Some(permit);
    while let Some(permit) = next {
        merge_if_pending(store, &permit).await?;
        finish_in_background(store).await?;
        drop(permit);
        // A deletion can have found the permit taken after the last look.
        let is_pending = store.read(search_merge::is_pending).await?;
        next = is_pending.then(|| store.try_merge_permit()).flatten();
    }
    Ok(())
}

/// Merges the index in a task if it has words of deleted texts. Waits for at most
/// `timeout` until they are removed, and not if the index is being merged already.
///
/// # Errors
/// Errors of the store.
pub async fn merge_in_background(store: &Arc<Store>, timeout: Duration) -> Result<(), StoreError> {
    if !store.read(search_merge::is_pending).await? {
        return Ok(());
    }
    let Some(task) = start(store) else {
        return Ok(());
    };
    // An error of the task is in the log.
    let _ = tokio::time::timeout(timeout, task).await;
    Ok(())
}
