//! Pages of conversations, kept finished while nothing of them changes.
//!
//! A page that was read after a version stands for as long as nothing of its
//! list has changed since ([`Store::is_unchanged`]). Pages that are asked for
//! again stay, those that were asked for once make room first.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::list_response::Finished;
use crate::domain::{ListQuery, Scope};
use crate::store::{ListVersion, Store};

/// Whose list, and which page of it.
pub type Asked = (Scope, ListQuery);

/// The pages that are kept; none where there is no room for any.
pub struct Kept(Option<Cache<Asked, Arc<Answer>, Bytes>>);

struct Answer {
    page: Arc<Finished>,
    /// It was read after this.
    version: ListVersion,
}

impl Kept {
    /// Of so many megabytes in all.
    pub fn new(megabytes: u32) -> Self {
        let bytes = u64::from(megabytes) << 20;
        Self((bytes > 0).then(|| Cache::with_weighter((bytes / TYPICAL) as usize, bytes, Bytes)))
    }

    /// The page, if it is as it would be read now.
    pub fn recall(&self, store: &Store, asked: &Asked) -> Option<Arc<Finished>> {
        let answer = self.0.as_ref()?.get(asked)?;
        let stands = store.is_unchanged(asked.0, answer.version);
        stands.then(|| answer.page.clone())
    }

    /// Keeps a page that was read after `version`.
    pub fn keep(&self, asked: Asked, version: ListVersion, page: Arc<Finished>) {
        if let Some(kept) = &self.0 {
            kept.insert(asked, Arc::new(Answer { page, version }));
        }
    }
}

/// What a page of ten weighs, about.
const TYPICAL: u64 = 8 << 10;

/// Weighs a page by what it takes of memory, about.
#[derive(Clone)]
struct Bytes;

impl Weighter<Asked, Arc<Answer>> for Bytes {
    fn weight(&self, _: &Asked, answer: &Arc<Answer>) -> u64 {
        (answer.page.len() + size_of::<(Asked, Answer, Finished)>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use tempfile::TempDir;

    use super::*;
    use crate::domain::{
        AssistantId, ConversationId, DeviceId, ProjectId, ProjectSeq, Timestamp, VisitorId,
        VisitorSeq,
    };
    use crate::http::list_response::Listing;
    use crate::store::conversation::NewConversation;
    use crate::store::visitor::{KnownBy, NewVisitor};
    use crate::store::{Options, project};

    const PROJECT: ProjectSeq = ProjectSeq::FIRST;
    const OURS: Scope = Scope::Project(PROJECT);
    const ONES: Scope = Scope::Visitor(VisitorSeq(1));
    const ANOTHERS: Scope = Scope::Visitor(VisitorSeq(2));

    fn file() -> (TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store =
            Store::open(&folder.path().join("parlor.db"), &Options::default()).expect("a file");
        let (id, assistant) = (ProjectId::generate(), AssistantId::generate());
        let new = project::create(PROJECT, id, assistant, "x", Timestamp(0));
        store.write_here(new).expect("a project");
        for device in ["one", "another"] {
            start(&store, device);
        }
        (folder, store)
    }

    fn start(store: &Store, device: &str) {
        let at = Timestamp(1);
        let visitor = NewVisitor {
            id: VisitorId::generate(),
            project: PROJECT,
            known_by: KnownBy::Device(DeviceId::parse("saVid", device).expect("a device")),
            at,
        };
        let new = NewConversation {
            id: ConversationId::generate(),
            project: PROJECT,
            page_url: None,
            at,
        };
        store
            .write_here(new.import(&visitor))
            .expect("a conversation");
    }

    fn page(bytes: usize) -> Arc<Finished> {
        let mut listing = Listing::new(1, 1, 0).expect("a list");
        listing.next().resize(bytes, b' ');
        Arc::new(
            listing
                .finish()
                .finished([0; 4], HeaderValue::from_static("")),
        )
    }

    fn asked(scope: Scope) -> Asked {
        (scope, ListQuery::default())
    }

    #[test]
    fn a_change_ends_the_lists_it_is_in_and_no_others() {
        let (_folder, store) = file();
        let kept = Kept::new(8);
        for scope in [OURS, ONES, ANOTHERS] {
            assert!(kept.recall(&store, &asked(scope)).is_none());
            kept.keep(asked(scope), store.list_version(), page(10));
        }
        let is_kept = |scope| kept.recall(&store, &asked(scope)).is_some();
        assert_eq!([OURS, ONES, ANOTHERS].map(is_kept), [true; 3]);
        start(&store, "one");
        assert_eq!([OURS, ONES, ANOTHERS].map(is_kept), [false, false, true]);
    }

    #[test]
    fn a_list_that_was_read_before_a_change_is_not_kept_past_it() {
        let (_folder, store) = file();
        let kept = Kept::new(8);
        let before = store.list_version();
        start(&store, "one");
        kept.keep(asked(ONES), before, page(10));
        assert!(kept.recall(&store, &asked(ONES)).is_none());
        kept.keep(asked(ONES), store.list_version(), page(10));
        assert!(kept.recall(&store, &asked(ONES)).is_some());
    }

    #[test]
    fn what_is_kept_stays_within_its_room_and_what_is_asked_for_again_in_it() {
        let (_folder, store) = file();
        let kept = Kept::new(1);
        let version = store.list_version();
        kept.keep(asked(OURS), version, page(10_000));
        for visitor in 3..1000 {
            let scope = Scope::Visitor(VisitorSeq(visitor));
            kept.keep(asked(scope), version, page(10_000));
            assert!(kept.recall(&store, &asked(OURS)).is_some(), "{visitor}");
        }
        let cache = kept.0.as_ref().expect("room");
        assert!((500_000..=1 << 20).contains(&cache.weight()));
        kept.keep(asked(ANOTHERS), version, page(2 << 20));
        assert!(kept.recall(&store, &asked(ANOTHERS)).is_none());
    }
}
