//! The indexes of the projects that were asked of late.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use super::index::Index;
use crate::domain::ProjectSeq;
use crate::store::{Snapshot, StoreError, passage};

/// How many projects' indexes are kept; beyond, the one that was asked longest
/// ago is dropped.
const MOST_PROJECTS: usize = 256;

/// Keeps the indexes of a file's projects, as new as the knowledge they are of.
#[derive(Debug, Default)]
pub struct IndexCache {
    projects: Mutex<HashMap<ProjectSeq, Arc<Kept>>>,
    clock: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    index: RwLock<Arc<Index>>,
    /// Held by whoever renews it.
    renewing: Mutex<()>,
    used: AtomicU64,
}

impl IndexCache {
    /// The project's index. One caller at a time brings it up to date; those
    /// that come meanwhile get the one before, so a long list of changes holds
    /// up nobody else.
    pub fn index(
        &self,
        snapshot: &Snapshot,
        project: ProjectSeq,
    ) -> Result<Arc<Index>, StoreError> {
        let version = passage::knowledge_version(snapshot)?;
        let kept = self.kept(project);
        let index = kept.current();
        if index.version >= version {
            return Ok(index);
        }
        let Some(_renewing) = kept.start_renewing(&index) else {
            return Ok(index);
        };
        let index = kept.current();
        if index.version >= version {
            return Ok(index);
        }
        let index = Arc::new(renewed(&index, version, snapshot, project)?);
        let mut place = kept.index.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::clone(&index);
        Ok(index)
    }

    fn kept(&self, project: ProjectSeq) -> Arc<Kept> {
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = Arc::clone(projects.entry(project).or_default());
        kept.used.store(now, Ordering::Relaxed);
        if projects.len() > MOST_PROJECTS {
            let used = |kept: &Arc<Kept>| kept.used.load(Ordering::Relaxed);
            let oldest = projects.iter().min_by_key(|(_, kept)| used(kept));
            let oldest = oldest.map(|(project, _)| *project);
            oldest.and_then(|project| projects.remove(&project));
        }
        kept
    }
}

impl Kept {
    fn current(&self) -> Arc<Index> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The right to renew; none where another has it and there is something
    /// to go on with.
    fn start_renewing(&self, index: &Index) -> Option<MutexGuard<'_, ()>> {
        match self.renewing.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if index.passages.is_empty() => {
                Some(self.renewing.lock().unwrap_or_else(PoisonError::into_inner))
            }
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// `index` with what came and without what went.
fn renewed(
    index: &Index,
    version: i64,
    snapshot: &Snapshot,
    project: ProjectSeq,
) -> Result<Index, StoreError> {
    let today = passage::list_seqs(snapshot, project)?;
    let known: HashSet<_> = index.passages.iter().map(|entry| entry.seq).collect();
    let mut index = index.clone();
    let stays: HashSet<_> = today.iter().copied().collect();
    index.keep(|seq| stays.contains(&seq));
    for seq in today.into_iter().filter(|seq| !known.contains(seq)) {
        passage::with_text(snapshot, project, seq, |words| index.add(seq, words))?;
    }
    index.finish(version);
    Ok(index)
}
