//! Compares pages at random offsets with a full sort of the same snapshot:
//! alone, while the server writes, and while another process writes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use fastrand::Rng;

use crate::domain::{ListQuery, Offset};
use crate::store::batch::Batch;
use crate::store::query_cost_tests::cost;
use crate::store::sql::Sql;
use crate::store::test_db::{DIRECTIONS, TestDb, all_filters, all_sorts};
use crate::store::test_pages::{
    CONVERSATIONS, StopOnDrop, assert_page_is_exact, page, page_by_sorting, random_batch,
    random_change, random_query,
};
use crate::store::{Options, Snapshot, Store, StoreError};

/// Writes a random change through the store.
fn write_random_change(store: &Store, random: &mut Rng) {
    let batch = Batch::of([random_change(random)]);
    store.write_blocking(batch).expect("a write");
}

/// The default order from an offset on.
fn query_at(offset: &str) -> ListQuery {
    ListQuery {
        offset: Offset::parse(offset).expect("an offset"),
        ..ListQuery::default()
    }
}

#[test]
fn pages_of_every_order_are_exact_at_any_offset_after_changes() {
    let db = TestDb::new();
    let mut random = Rng::with_seed(11);
    db.insert_conversations(&mut random, CONVERSATIONS);
    for _ in 0..6 {
        for sort in all_sorts() {
            for filter in all_filters() {
                for direction in DIRECTIONS {
                    for _ in 0..3 {
                        let query = ListQuery {
                            filter,
                            sort,
                            direction,
                            ..random_query(&mut random)
                        };
                        assert_page_is_exact(&db.store, &query);
                    }
                }
            }
        }
        for _ in 0..20 {
            let changes = (0..40).map(|_| random_change(&mut random));
            let batch = changes.fold(Batch::new(), Batch::run);
            db.store.write_blocking(batch).expect("a write");
        }
    }
    let ranges = db.store.offset_index().range_count();
    assert!(ranges >= 54, "only {ranges} ranges have counts");
}

#[test]
fn pages_are_exact_while_32_threads_write() {
    let db = TestDb::new();
    db.insert_conversations(&mut Rng::with_seed(3), CONVERSATIONS);
    let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut compared, mut with_counts) = (0, 0);
    thread::scope(|scope| {
        let _stop = StopOnDrop(&done);
        for writer in 0..32 {
            let (store, done, written) = (db.store.clone(), &done, &written);
            scope.spawn(move || {
                let mut random = Rng::with_seed(100 + writer);
                while !done.load(Ordering::Relaxed) {
                    if store.write_blocking(random_batch(&mut random)).is_ok() {
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let mut random = Rng::with_seed(5);
        while compared < 400 || written.load(Ordering::Relaxed) < 2000 {
            assert_page_is_exact(&db.store, &random_query(&mut random));
            compared += 1;
            with_counts += usize::from(db.store.offset_index().range_count() > 0);
        }
    });
    assert!(
        with_counts * 2 > compared,
        "only {with_counts} of {compared} pages were read with counts"
    );
}

#[test]
fn pages_are_exact_after_another_connection_writes() {
    let db = TestDb::new();
    let mut random = Rng::with_seed(8);
    db.insert_conversations(&mut random, CONVERSATIONS);
    let other = rusqlite::Connection::open(db.file()).expect("the file");
    for round in 0..30 {
        for _ in 0..10 {
            assert_page_is_exact(&db.store, &random_query(&mut random));
        }
        let change = Batch::of([random_change(&mut random)]);
        change.run_on(&other).expect("a change");
        if round % 2 == 0 {
            write_random_change(&db.store, &mut random);
        }
    }
}

#[test]
fn changes_of_a_failed_commit_are_not_counted() {
    let db = TestDb::new();
    let mut random = Rng::with_seed(14);
    db.insert_conversations(&mut random, CONVERSATIONS);
    // There is no visitor 2. SQLite checks a deferred foreign key at the commit.
    let fails_at_commit = [
        Sql::unregistered("PRAGMA defer_foreign_keys = ON", []),
        Sql::unregistered(
            "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, \
                 updated_at, last_interaction_at) VALUES (randomblob(16), 1, 2, 'open', 9, 9, 9)",
            [],
        ),
    ];
    for round in 0..40 {
        assert_page_is_exact(&db.store, &random_query(&mut random));
        let changes = Batch::of([random_change(&mut random), random_change(&mut random)]);
        let batch = changes.then(Batch::of(fails_at_commit.clone()));
        db.store.write_blocking(batch).expect_err("no such visitor");
        if round % 3 == 0 {
            write_random_change(&db.store, &mut random);
        }
    }
}

#[test]
fn a_range_is_not_built_over_a_snapshot_too_old_to_catch_up() {
    let db = TestDb::new();
    db.insert_conversations(&mut Rng::with_seed(9), CONVERSATIONS);
    let query = query_at("300");
    assert_page_is_exact(&db.store, &query);
    let steps_of_old_snapshot = |snapshot: &Snapshot| {
        let expected = page_by_sorting(snapshot, &query)?;
        // 5,000 changes: more than the history holds.
        for _ in 0..5 {
            let touch = |seq: i64| {
                let sql = "UPDATE conversation SET last_interaction_at = 600 WHERE seq = ?1";
                Sql::unregistered(sql, [seq.into()])
            };
            let batch = (1..=1000).map(touch).fold(Batch::new(), Batch::run);
            db.store.write_blocking(batch)?;
        }
        let mut ids = Vec::new();
        let cost = cost(snapshot.sqlite()?.connection, || {
            ids = page(snapshot, &query).expect("a page");
        });
        assert_eq!(ids, expected);
        Ok::<_, StoreError>(cost.steps)
    };
    let steps = db
        .store
        .read_blocking(steps_of_old_snapshot)
        .expect("a page");
    assert!(steps < 10_000, "{steps} steps: a range was built");
}

#[test]
fn a_range_that_no_request_uses_is_evicted() {
    let db = TestDb::new();
    db.insert_conversations(&mut Rng::with_seed(2), 3000);
    let query = query_at("1500");
    assert_page_is_exact(&db.store, &query);
    assert_eq!(db.store.offset_index().range_count(), 1);
    db.store.evict_unused_sort_ranges();
    assert_eq!(db.store.offset_index().range_count(), 1);
    db.store.evict_unused_sort_ranges();
    assert_eq!(db.store.offset_index().range_count(), 0);
    assert_page_is_exact(&db.store, &query);
}

#[test]
fn a_changed_message_keeps_the_counts() {
    let db = TestDb::new();
    db.insert_conversations(&mut Rng::with_seed(4), 3000);
    let query = query_at("1500");
    assert_page_is_exact(&db.store, &query);
    for sql in [
        "INSERT INTO message (id, conversation_seq, created_at, role, status, text) \
         VALUES (randomblob(16), 7, 5, 'user', 'complete', 'Hello')",
        "UPDATE message SET feedback = 'like'",
        "UPDATE conversation SET last_interaction_at = 600 WHERE seq = 7",
        "DELETE FROM message",
        "DELETE FROM conversation WHERE seq = 7",
    ] {
        let batch = Batch::of([Sql::unregistered(sql, [])]);
        db.store.write_blocking(batch).expect(sql);
        assert_eq!(db.store.offset_index().range_count(), 1, "{sql}");
        assert_page_is_exact(&db.store, &query);
    }
}

/// Each server counts its own writes. The writes of the other server are gaps
/// in its history.
#[test]
fn pages_are_exact_while_two_servers_write_to_one_file() {
    let db = TestDb::new();
    db.insert_conversations(&mut Rng::with_seed(6), CONVERSATIONS);
    let other = Store::open(&db.file(), &Options::default()).expect("the same file");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = StopOnDrop(&done);
        for (seed, store) in [(20, &*db.store), (21, &other)] {
            let done = &done;
            scope.spawn(move || {
                let mut random = Rng::with_seed(seed);
                while !done.load(Ordering::Relaxed) {
                    for _ in 0..random.usize(1..20) {
                        // Fails if the other server holds the write lock for too long.
                        let _ = store.write_blocking(Batch::of([random_change(&mut random)]));
                    }
                    thread::yield_now();
                }
            });
        }
        let mut random = Rng::with_seed(7);
        for _ in 0..300 {
            let query = random_query(&mut random);
            for store in [&*db.store, &other] {
                assert_page_is_exact(store, &query);
            }
        }
    });
}
