//! Lists on a PostgreSQL server, compared with full sorts of the same snapshots.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use fastrand::Rng;
use futures_util::future::join_all;
use tokio::runtime::Builder;

use super::test_database::TestDatabase;
use crate::domain::{
    ConversationId, Direction, ListFilter, ListQuery, Scope, Sort, Status, VisitorSeq,
};
use crate::store::batch::Batch;
use crate::store::test_db::{project_with_visitor, random_conversation};
use crate::store::test_pages::{
    CONVERSATIONS, SCOPE, StopOnDrop, assert_page_is_exact, random_batch, random_change,
    random_query,
};
use crate::store::{ListVersion, Rejection, Snapshot, Store, StoreError, conversation};

const VISITOR: Scope = Scope::Visitor(VisitorSeq(1));

/// A database with conversations. None if there is no server to test with.
fn database(seed: u64) -> Option<TestDatabase> {
    let database = TestDatabase::create()?;
    let store = database.store();
    let write = |batch| store.write_blocking(batch).expect("a write");
    write(project_with_visitor());
    let mut random = Rng::with_seed(seed);
    for _ in 0..CONVERSATIONS / 500 {
        let rows = (0..500).map(|_| random_conversation(&mut random));
        write(rows.fold(Batch::new(), Batch::run));
    }
    Some(database)
}

/// Asserts that the stored counts of the project and of its visitor are those of the rows.
fn assert_totals_are_exact(store: &Store, database: &TestDatabase) {
    let filters = [
        (None, None, "SELECT count(*) FROM conversation"),
        (
            Some(Status::Open),
            None,
            "SELECT count(*) FROM conversation WHERE status = 'open'",
        ),
        (
            Some(Status::Closed),
            Some(true),
            "SELECT count(*) FROM conversation WHERE status = 'closed' AND is_human_handled = 1",
        ),
        (
            None,
            Some(false),
            "SELECT count(*) FROM conversation WHERE is_human_handled = 0",
        ),
    ];
    for scope in [SCOPE, VISITOR] {
        let totals = store.read_blocking(|snapshot| conversation::totals(snapshot, scope));
        let totals = totals.expect("totals");
        for (status, is_human_handled, count) in filters {
            let filter = ListFilter {
                status,
                is_human_handled,
            };
            let count = database.number(count).unsigned_abs();
            assert_eq!(totals.matching(filter), count, "{scope:?} {filter:?}");
        }
    }
}

#[test]
fn pages_of_every_order_are_exact_at_any_offset_after_changes() {
    let Some(database) = database(11) else { return };
    let store = database.store();
    let mut random = Rng::with_seed(12);
    for _ in 0..6 {
        for _ in 0..100 {
            assert_page_is_exact(&store, &random_query(&mut random));
        }
        let changes = (0..400).map(|_| random_change(&mut random));
        let batch = changes.fold(Batch::new(), Batch::run);
        store.write_blocking(batch).expect("a write");
    }
    assert_totals_are_exact(&store, &database);
}

/// Runs `work` while 16 threads of each of two nodes write. With the same seed, they insert
/// conversations with the same ids.
fn while_two_nodes_write(database: &TestDatabase, seed: u64, work: impl FnOnce(&AtomicU64)) {
    let nodes = [database.store(), database.store()];
    let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let _stop = StopOnDrop(&done);
        for writer in 0..32 {
            let (store, done, written) = (&nodes[writer % 2], &done, &written);
            scope.spawn(move || {
                let mut random = Rng::with_seed(seed + writer as u64);
                while !done.load(Ordering::Relaxed) {
                    if store.write_blocking(random_batch(&mut random)).is_ok() {
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        work(&written);
    });
}

#[test]
fn pages_and_totals_are_exact_while_two_nodes_write() {
    let Some(database) = database(3) else { return };
    let store = database.store();
    while_two_nodes_write(&database, 100, |written| {
        let mut random = Rng::with_seed(5);
        let mut compared = 0;
        while compared < 200 || written.load(Ordering::Relaxed) < 1000 {
            assert_page_is_exact(&store, &random_query(&mut random));
            compared += 1;
        }
    });
    assert_totals_are_exact(&store, &database);
}

/// All pages by cursor in the order of `query`.
fn walk(store: &Store, query: &ListQuery) -> Vec<ConversationId> {
    let mut query = query.clone();
    let mut ids = Vec::new();
    loop {
        let page = |snapshot: &Snapshot| {
            let totals = conversation::totals(snapshot, SCOPE)?;
            conversation::page(snapshot, SCOPE, &query, &totals, |item| {
                ids.push(item.conversation.id);
                Ok::<_, StoreError>(())
            })
        };
        match store.read_blocking(page).expect("a page") {
            None => return ids,
            after => query.after = after,
        }
    }
}

#[test]
fn a_walk_returns_every_conversation_once_while_two_nodes_write() {
    let Some(database) = database(4) else { return };
    let store = database.store();
    for (direction, seed) in [(Direction::Ascending, 100), (Direction::Descending, 200)] {
        // The changes keep the creation time.
        let query = ListQuery {
            sort: Sort::CreatedAt,
            direction,
            ..ListQuery::default()
        };
        let before = walk(&store, &query);
        let mut during = Vec::new();
        while_two_nodes_write(&database, seed, |written| {
            while written.load(Ordering::Relaxed) < 100 {
                thread::yield_now();
            }
            during = walk(&store, &query);
        });
        let after: HashSet<_> = walk(&store, &query).into_iter().collect();
        let seen: HashSet<_> = during.iter().collect();
        assert_eq!(
            seen.len(),
            during.len(),
            "a conversation was returned twice"
        );
        let remaining = before.iter().filter(|id| after.contains(id));
        let missing: Vec<_> = remaining.filter(|id| !seen.contains(id)).collect();
        assert!(missing.is_empty(), "not returned: {missing:?}");
    }
}

/// The versions of the lists of the project and of its visitor.
fn versions(store: &Store) -> [ListVersion; 2] {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    [SCOPE, VISITOR].map(|scope| {
        let version = runtime.block_on(store.list_version(scope));
        version.expect("a version")
    })
}

#[test]
fn a_version_that_is_read_after_a_write_of_another_node_is_a_later_one() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let nodes = [database.store(), database.store()];
    let write = |batch| nodes[0].write_blocking(batch).expect("a write");
    write(project_with_visitor());
    let mut random = Rng::with_seed(6);
    for round in 0..50 {
        let before = versions(&nodes[1]);
        write(Batch::of([random_conversation(&mut random)]));
        let after = versions(&nodes[1]);
        assert!(before[0] < after[0] && before[1] < after[1], "{round}");
        assert_eq!(versions(&nodes[0]), after);
    }
}

#[test]
fn requests_for_versions_at_the_same_time_are_all_answered() {
    let Some(database) = database(7) else { return };
    let store = database.store();
    let scopes = (0..300).map(|number| match number % 3 {
        0 => SCOPE,
        1 => VISITOR,
        _ => Scope::Visitor(VisitorSeq(number)),
    });
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let requests = scopes.map(|scope| store.list_version(scope));
    let answers = runtime.block_on(join_all(requests));
    for (number, answer) in answers.into_iter().enumerate() {
        let is_unknown = matches!(
            answer,
            Err(StoreError::Rejected(Rejection::VisitorNotFound))
        );
        assert_eq!(is_unknown, number % 3 == 2, "{number}: {answer:?}");
        assert_eq!(answer.is_ok(), number % 3 < 2, "{number}: {answer:?}");
    }
}
