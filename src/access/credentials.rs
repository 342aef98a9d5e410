//! Keys and sessions, remembered for a moment so that a request that was
//! known a moment ago costs no read of the file.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::domain::{KeyHash, SessionId};
use crate::store::key::{self, StoredKey};
use crate::store::session::{self, Session};
use crate::store::{Snapshot, Store, StoreError};

/// What was lately read about credentials.
#[derive(Default)]
pub struct Credentials {
    keys: Remembered<KeyHash, StoredKey>,
    sessions: Remembered<SessionId, Session>,
}

impl Credentials {
    /// A key, revoked ones too.
    pub async fn key(
        &self,
        store: &Store,
        hash: KeyHash,
    ) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let find = move |snapshot: &Snapshot| key::find(snapshot, hash);
        self.keys.get(store, hash, find).await
    }

    /// A session, ended ones too.
    pub async fn session(
        &self,
        store: &Store,
        id: SessionId,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        let find = move |snapshot: &Snapshot| session::find(snapshot, id);
        self.sessions.get(store, id, find).await
    }

    /// Has a session read anew when it is next asked for.
    pub fn forget_session(&self, id: SessionId) {
        self.sessions.forget(&id);
    }
}

/// How long what was read is believed. A key revoked by another process is
/// refused after this.
const BELIEVED: Duration = Duration::from_secs(1);
/// Entries kept at most.
const KEPT: usize = 10_000;

/// A short memory in front of the file.
struct Remembered<K, V>(RwLock<HashMap<K, (Instant, Arc<V>)>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq + Copy, V: Send + Sync + 'static> Remembered<K, V> {
    async fn get(
        &self,
        store: &Store,
        key: K,
        find: impl FnOnce(&Snapshot) -> Result<Option<V>, StoreError> + Send + 'static,
    ) -> Result<Option<Arc<V>>, StoreError> {
        if let Some(value) = self.recall(&key) {
            return Ok(Some(value));
        }
        let read_at = Instant::now();
        let Some(value) = store.read(find).await? else {
            return Ok(None);
        };
        let value = Arc::new(value);
        self.keep(key, read_at, value.clone());
        Ok(Some(value))
    }

    fn recall(&self, key: &K) -> Option<Arc<V>> {
        let known = self.0.read().ok()?;
        let (read_at, value) = known.get(key)?;
        (read_at.elapsed() < BELIEVED).then(|| value.clone())
    }

    fn keep(&self, key: K, read_at: Instant, value: Arc<V>) {
        let Ok(mut known) = self.0.write() else {
            return;
        };
        if known.len() >= KEPT {
            known.retain(|_, (read_at, _)| read_at.elapsed() < BELIEVED);
        }
        if known.len() < KEPT {
            known.insert(key, (read_at, value));
        }
    }

    fn forget(&self, key: &K) {
        if let Ok(mut known) = self.0.write() {
            known.remove(key);
        }
    }
}
