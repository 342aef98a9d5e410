//! A short-lived cache of keys and sessions, so that most requests are
//! authenticated without a database read.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::domain::{KeyHash, SessionId};
use crate::store::key::{self, StoredKey};
use crate::store::session::{self, Session};
use crate::store::{Snapshot, Store, StoreError};

/// Keys and sessions that were read within the last second.
#[derive(Default)]
pub struct CredentialCache {
    keys: TtlCache<KeyHash, StoredKey>,
    sessions: TtlCache<SessionId, Session>,
}

impl CredentialCache {
    /// A key by its hash, also if it is revoked.
    pub async fn key(
        &self,
        store: &Store,
        hash: KeyHash,
    ) -> Result<Option<Arc<StoredKey>>, StoreError> {
        let find = move |snapshot: &Snapshot| key::find(snapshot, hash);
        self.keys.get_or_read(store, hash, find).await
    }

    /// A session, also if it has ended.
    pub async fn session(
        &self,
        store: &Store,
        id: SessionId,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        let find = move |snapshot: &Snapshot| session::find(snapshot, id);
        self.sessions.get_or_read(store, id, find).await
    }

    /// Removes a session from the cache, because its row changes.
    pub fn remove_session(&self, id: SessionId) {
        self.sessions.remove(&id);
    }
}

/// How long an entry is valid. A key that another process revokes is refused
/// after this time.
const TTL: Duration = Duration::from_secs(1);
const MAX_ENTRIES: usize = 10_000;

/// A cache whose entries expire after [`TTL`].
struct TtlCache<K, V>(RwLock<HashMap<K, (Instant, Arc<V>)>>);

impl<K, V> Default for TtlCache<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq + Copy, V: Send + Sync + 'static> TtlCache<K, V> {
    /// The cached value, or the value that `find` reads. Missing rows are not
    /// cached.
    async fn get_or_read(
        &self,
        store: &Store,
        key: K,
        find: impl FnOnce(&Snapshot) -> Result<Option<V>, StoreError> + Send + 'static,
    ) -> Result<Option<Arc<V>>, StoreError> {
        if let Some(value) = self.get(&key) {
            return Ok(Some(value));
        }
        let read_at = Instant::now();
        let Some(value) = store.read(find).await? else {
            return Ok(None);
        };
        let value = Arc::new(value);
        self.insert(key, read_at, value.clone());
        Ok(Some(value))
    }

    fn get(&self, key: &K) -> Option<Arc<V>> {
        let entries = self.0.read().ok()?;
        let (read_at, value) = entries.get(key)?;
        (read_at.elapsed() < TTL).then(|| value.clone())
    }

    fn insert(&self, key: K, read_at: Instant, value: Arc<V>) {
        let Ok(mut entries) = self.0.write() else {
            return;
        };
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, (read_at, _)| read_at.elapsed() < TTL);
        }
        if entries.len() < MAX_ENTRIES {
            entries.insert(key, (read_at, value));
        }
    }

    fn remove(&self, key: &K) {
        if let Ok(mut entries) = self.0.write() {
            entries.remove(key);
        }
    }
}
