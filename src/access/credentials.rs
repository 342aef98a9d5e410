//! A short-lived cache of keys and sessions, so that most requests are
//! authenticated without a database read.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use crate::domain::{AgentSeq, KeyHash, KeyId, SessionId, TokenHash, VisitorSeq};
use crate::store::agent_session::{self, AgentSession};
use crate::store::key::{self, StoredKey};
use crate::store::session::{self, Session};
use crate::store::{Snapshot, Store, StoreError};

/// Keys, and sessions of visitors and agents, that were read within the last second.
#[derive(Default)]
pub struct CredentialCache {
    keys: TtlCache<KeyHash, StoredKey>,
    sessions: TtlCache<SessionId, Session>,
    agent_sessions: TtlCache<TokenHash, AgentSession>,
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

    /// A session of an agent, also if it has expired.
    pub async fn agent_session(
        &self,
        store: &Store,
        hash: TokenHash,
    ) -> Result<Option<Arc<AgentSession>>, StoreError> {
        let find = move |snapshot: &Snapshot| agent_session::find(snapshot, hash);
        self.agent_sessions.get_or_read(store, hash, find).await
    }

    /// Removes a session of an agent from the cache, because its row changes.
    pub fn remove_agent_session(&self, hash: TokenHash) {
        self.agent_sessions.remove(&hash);
    }

    /// Removes the sessions of an account, because its rows changed. A read that began
    /// before the change is not cached.
    pub fn remove_agent(&self, agent: AgentSeq) {
        self.agent_sessions.retain(|session| session.agent != agent);
    }

    /// Removes a session from the cache, because its row changes.
    pub fn remove_session(&self, id: SessionId) {
        self.sessions.remove(&id);
    }

    /// Removes a key that was changed or revoked, and the sessions, which may be the key's.
    pub fn remove_key(&self, id: KeyId) {
        self.keys.retain(|key| key.id != id);
        self.sessions.retain(|_| false);
    }

    /// Removes the sessions of a visitor who was deleted. A read that began before the
    /// deletion is not cached.
    pub fn remove_visitor(&self, visitor: VisitorSeq) {
        self.sessions.retain(|session| session.visitor != visitor);
    }
}

/// How long an entry is valid. A key that another process revokes is refused
/// after this time.
const TTL: Duration = Duration::from_secs(1);
const MAX_ENTRIES: usize = 10_000;

/// A cache whose entries expire after [`TTL`].
struct TtlCache<K, V> {
    entries: RwLock<HashMap<K, (Instant, Arc<V>)>>,
    /// The number of calls of [`TtlCache::retain`].
    removals: AtomicU64,
}

impl<K, V> Default for TtlCache<K, V> {
    fn default() -> Self {
        Self {
            entries: RwLock::default(),
            removals: AtomicU64::new(0),
        }
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
        let (read_at, removals) = (Instant::now(), self.removals.load(Ordering::Acquire));
        let Some(value) = store.read(find).await? else {
            return Ok(None);
        };
        let value = Arc::new(value);
        self.insert(key, read_at, value.clone(), removals);
        Ok(Some(value))
    }

    fn get(&self, key: &K) -> Option<Arc<V>> {
        let entries = self.entries.read().ok()?;
        let (read_at, value) = entries.get(key)?;
        (read_at.elapsed() < TTL).then(|| value.clone())
    }

    /// Inserts a value, unless entries were removed since `removals` was read.
    fn insert(&self, key: K, read_at: Instant, value: Arc<V>, removals: u64) {
        let Ok(mut entries) = self.entries.write() else {
            return;
        };
        if self.removals.load(Ordering::Acquire) != removals {
            return;
        }
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, (read_at, _)| read_at.elapsed() < TTL);
        }
        if entries.len() < MAX_ENTRIES {
            entries.insert(key, (read_at, value));
        }
    }

    fn remove(&self, key: &K) {
        if let Ok(mut entries) = self.entries.write() {
            entries.remove(key);
        }
    }

    /// Removes the entries that do not meet a condition.
    fn retain(&self, condition: impl Fn(&V) -> bool) {
        if let Ok(mut entries) = self.entries.write() {
            self.removals.fetch_add(1, Ordering::AcqRel);
            entries.retain(|_, (_, value)| condition(value));
        }
    }
}
