//! Reports commits to the layers above the store.

use std::fmt::{self, Debug};
use std::sync::{Arc, OnceLock};

use super::changes::Changes;

/// Receives the changes of each commit.
pub trait CommitObserver: Send + Sync {
    /// Called after a commit, and before the callers get its results. A read that begins
    /// later sees the changes. The writer waits for the return.
    fn committed(&self, changes: &Changes);

    /// Called when another process has changed the file.
    fn changed_externally(&self);
}

/// The observer of a store, once it is set. Clones share it.
#[derive(Clone, Default)]
pub(super) struct ObserverSlot(Arc<OnceLock<Arc<dyn CommitObserver>>>);

impl ObserverSlot {
    /// Sets the observer. Later calls have no effect.
    pub fn set(&self, observer: Arc<dyn CommitObserver>) {
        let _ = self.0.set(observer);
    }

    pub fn get(&self) -> Option<&dyn CommitObserver> {
        self.0.get().map(Arc::as_ref)
    }
}

impl Debug for ObserverSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObserverSlot")
            .field(&self.0.get().is_some())
            .finish()
    }
}
