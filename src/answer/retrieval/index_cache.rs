//! Keeps the inverted indexes of the most recently searched projects in memory
//! and updates them when documents or Q&As change.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use super::inverted_index::InvertedIndex;
use crate::domain::{PassageSeq, ProjectSeq};
use crate::store::{Snapshot, StoreError, passage};

/// How many indexes are kept. Beyond this number the least recently used index is
/// dropped.
const MAX_CACHED_INDEXES: usize = 256;

/// The indexes by project.
#[derive(Debug, Default)]
pub struct IndexCache {
    projects: Mutex<HashMap<ProjectSeq, Arc<CachedIndex>>>,
    /// Counts the accesses.
    clock: AtomicU64,
}

#[derive(Debug, Default)]
struct CachedIndex {
    index: RwLock<Arc<InvertedIndex>>,
    /// Locked by the thread that updates the index.
    update_lock: Mutex<()>,
    /// The value of [`IndexCache::clock`] at the last access.
    last_used: AtomicU64,
}

impl IndexCache {
    /// Returns the index of a project.
    ///
    /// One thread at a time updates an index. Other threads meanwhile get the
    /// previous version, unless there is none, so that a long update does not
    /// delay their searches.
    ///
    /// # Errors
    /// Returns the error of reading the passages.
    pub fn index(
        &self,
        snapshot: &Snapshot,
        project: ProjectSeq,
    ) -> Result<Arc<InvertedIndex>, StoreError> {
        let version = passage::knowledge_version(snapshot)?;
        let cached = self.cached_index(project);
        let index = cached.current();
        if index.version >= version {
            return Ok(index);
        }
        let Some(_update_guard) = cached.lock_for_update(&index) else {
            return Ok(index);
        };
        // Another thread may have updated it before this one got the lock.
        let index = cached.current();
        if index.version >= version {
            return Ok(index);
        }
        let index = Arc::new(updated(&index, version, snapshot, project)?);
        cached.replace(Arc::clone(&index));
        Ok(index)
    }

    fn cached_index(&self, project: ProjectSeq) -> Arc<CachedIndex> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = Arc::clone(projects.entry(project).or_default());
        cached.last_used.store(now, Ordering::Relaxed);
        if projects.len() > MAX_CACHED_INDEXES {
            let last_used = |cached: &Arc<CachedIndex>| cached.last_used.load(Ordering::Relaxed);
            let oldest = projects
                .iter()
                .min_by_key(|(_, cached)| last_used(cached))
                .map(|(project, _)| *project);
            oldest.and_then(|project| projects.remove(&project));
        }
        cached
    }
}

impl CachedIndex {
    fn current(&self) -> Arc<InvertedIndex> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, index: Arc<InvertedIndex>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    /// Locks the index for an update. Returns `None` if another thread holds the
    /// lock and `index` can be used meanwhile. Waits if `index` is empty.
    fn lock_for_update(&self, index: &InvertedIndex) -> Option<MutexGuard<'_, ()>> {
        match self.update_lock.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if index.passages.is_empty() => {
                let guard = self.update_lock.lock();
                Some(guard.unwrap_or_else(PoisonError::into_inner))
            }
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Returns a copy of `index` with the passages of the snapshot.
fn updated(
    index: &InvertedIndex,
    version: i64,
    snapshot: &Snapshot,
    project: ProjectSeq,
) -> Result<InvertedIndex, StoreError> {
    let seqs = passage::list_seqs(snapshot, project)?;
    let indexed: HashSet<_> = index.passages.iter().map(|passage| passage.seq).collect();
    let mut index = index.clone();
    let stored: HashSet<_> = seqs.iter().copied().collect();
    index.retain(|seq| stored.contains(&seq));
    let is_new = |seq: &PassageSeq| !indexed.contains(seq);
    let added: Vec<_> = seqs.into_iter().filter(is_new).collect();
    passage::for_each_text(snapshot, project, &added, |seq, text| index.add(seq, text))?;
    index.finish(version);
    Ok(index)
}
