//! A cache of list responses.
//!
//! A response contains the paths of the other pages, but not the base of their
//! URLs, which depends on the request (`docs/api-contract.md`, section 1.8).
//!
//! A response is stored with the list version at which its page was read, and
//! is valid while the list has this version ([`Store::list_version`](crate::store::Store::list_version)). A private key's list of
//! one visitor is valid until any list of the project changes, because another
//! visitor can get the same external id. Responses that were requested only once are
//! evicted first.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::cache_stats::CacheStats;
use crate::domain::{ListRequest, Scope};
use crate::http::list_response::ListResponse;
use crate::store::ListVersion;

/// The scope of the caller, the request for a page, and the generation of the keys
/// that sign the cursor and the ETag of the page.
pub type CacheKey = (Scope, ListRequest, u64);

pub struct ListCache {
    /// `None` if the cache is disabled.
    entries: Option<Cache<CacheKey, Arc<Entry>, EntryWeighter>>,
    stats: Arc<CacheStats>,
}

struct Entry {
    response: Arc<ListResponse>,
    /// The version before the page was read.
    version: ListVersion,
}

impl ListCache {
    /// Creates a cache of a size. Size 0 disables the cache.
    pub fn new(megabytes: u32, stats: Arc<CacheStats>) -> Self {
        let bytes = u64::from(megabytes) << 20;
        let capacity = (bytes / AVG_ENTRY_BYTES) as usize;
        Self {
            entries: (bytes > 0).then(|| Cache::with_weighter(capacity, bytes, EntryWeighter)),
            stats,
        }
    }

    /// Returns the response, if the list still has the version of the response.
    pub fn get(&self, key: &CacheKey, version: ListVersion) -> Option<Arc<ListResponse>> {
        let entry = self.entries.as_ref().and_then(|entries| entries.get(key));
        match entry {
            Some(entry) if entry.version == version => {
                self.stats.record_hit();
                Some(entry.response.clone())
            }
            _ => {
                self.stats.record_miss();
                None
            }
        }
    }

    /// Stores a response whose page was read after `version`.
    pub fn insert(&self, key: CacheKey, version: ListVersion, response: Arc<ListResponse>) {
        if let Some(entries) = &self.entries {
            entries.insert(key, Arc::new(Entry { response, version }));
        }
    }
}

/// The typical weight of a page of ten conversations.
const AVG_ENTRY_BYTES: u64 = 8 << 10;

/// Weighs an entry by its approximate size in memory.
#[derive(Clone)]
struct EntryWeighter;

impl Weighter<CacheKey, Arc<Entry>> for EntryWeighter {
    fn weight(&self, _: &CacheKey, entry: &Arc<Entry>) -> u64 {
        (entry.response.len() + size_of::<(CacheKey, Entry, ListResponse)>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tempfile::TempDir;

    use super::*;
    use crate::domain::{
        AssistantId, ConversationId, DeviceId, ProjectId, ProjectSeq, Timestamp, VisitorId,
        VisitorSeq,
    };
    use crate::http::links;
    use crate::http::list_response::ListBody;
    use crate::store::conversation::NewConversation;
    use crate::store::visitor::{NewVisitor, VisitorIdentity};
    use crate::store::{Options, Store, project};

    const PROJECT: ProjectSeq = ProjectSeq::FIRST;
    const PROJECT_LIST: Scope = Scope::Project(PROJECT);
    const LIST_OF_ONE: Scope = Scope::Visitor(VisitorSeq(1));
    const LIST_OF_ANOTHER: Scope = Scope::Visitor(VisitorSeq(2));

    fn create_store() -> (TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store =
            Store::open(&folder.path().join("parlor.db"), &Options::default()).expect("a file");
        let (id, assistant) = (ProjectId::generate(), AssistantId::generate());
        let new = project::create(PROJECT, id, assistant, "x", Timestamp(0));
        store.write_blocking(new).expect("a project");
        for device in ["one", "another"] {
            start_conversation(&store, device);
        }
        (folder, store)
    }

    fn start_conversation(store: &Store, device: &str) {
        let at = Timestamp(1);
        let visitor = NewVisitor {
            id: VisitorId::generate(),
            project: PROJECT,
            identity: VisitorIdentity::Device(DeviceId::parse("saVid", device).expect("a device")),
            at,
        };
        let new = NewConversation {
            id: ConversationId::generate(),
            project: PROJECT,
            page_url: None,
            at,
        };
        store
            .write_blocking(new.import(&visitor))
            .expect("a conversation");
    }

    fn version(store: &Store, scope: Scope) -> ListVersion {
        let version = Box::pin(store.list_version(scope)).now_or_never();
        version.expect("a version in memory").expect("a version")
    }

    fn response(bytes: usize) -> Arc<ListResponse> {
        let body = ListBody {
            json: vec![b' '; bytes],
            total: 1,
        };
        let links = links::by_offset(1, 0, 1, |_| String::new());
        Arc::new(ListResponse::new([0; 4], body, links))
    }

    fn key(scope: Scope) -> CacheKey {
        (scope, ListRequest::default(), 0)
    }

    #[test]
    fn change_invalidates_the_lists_that_contain_it_and_no_others() {
        let (_folder, store) = create_store();
        let cache = ListCache::new(8, Arc::default());
        for scope in [PROJECT_LIST, LIST_OF_ONE, LIST_OF_ANOTHER] {
            assert!(cache.get(&key(scope), version(&store, scope)).is_none());
            cache.insert(key(scope), version(&store, scope), response(10));
        }
        let is_cached = |scope| cache.get(&key(scope), version(&store, scope)).is_some();
        let scopes = [PROJECT_LIST, LIST_OF_ONE, LIST_OF_ANOTHER];
        assert_eq!(scopes.map(is_cached), [true; 3]);
        start_conversation(&store, "one");
        assert_eq!(scopes.map(is_cached), [false, false, true]);
        assert_eq!((cache.stats.hits(), cache.stats.misses()), (4, 5));
    }

    #[test]
    fn page_read_before_a_change_is_not_returned_after_it() {
        let (_folder, store) = create_store();
        let cache = ListCache::new(8, Arc::default());
        let before = version(&store, LIST_OF_ONE);
        start_conversation(&store, "one");
        cache.insert(key(LIST_OF_ONE), before, response(10));
        assert!(
            cache
                .get(&key(LIST_OF_ONE), version(&store, LIST_OF_ONE))
                .is_none()
        );
        cache.insert(key(LIST_OF_ONE), version(&store, LIST_OF_ONE), response(10));
        assert!(
            cache
                .get(&key(LIST_OF_ONE), version(&store, LIST_OF_ONE))
                .is_some()
        );
    }

    #[test]
    fn cache_stays_within_its_size_and_keeps_repeated_requests() {
        let (_folder, store) = create_store();
        let cache = ListCache::new(1, Arc::default());
        let unchanged = version(&store, PROJECT_LIST);
        cache.insert(key(PROJECT_LIST), unchanged, response(10_000));
        for visitor in 3..1000 {
            let scope = Scope::Visitor(VisitorSeq(visitor));
            cache.insert(key(scope), unchanged, response(10_000));
            let entry = cache.get(&key(PROJECT_LIST), version(&store, PROJECT_LIST));
            assert!(entry.is_some(), "{visitor}");
        }
        let entries = cache.entries.as_ref().expect("an enabled cache");
        assert!((500_000..=1 << 20).contains(&entries.weight()));
        cache.insert(key(LIST_OF_ANOTHER), unchanged, response(2 << 20));
        assert!(
            cache
                .get(&key(LIST_OF_ANOTHER), version(&store, LIST_OF_ANOTHER))
                .is_none()
        );
    }
}
