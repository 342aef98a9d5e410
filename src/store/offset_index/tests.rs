//! Compares pages at random offsets with a full sort of the same snapshot:
//! alone, while the server writes, and while another process writes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use fastrand::Rng;
use rusqlite::params;

use crate::domain::{ConversationId, Direction, Limit, ListQuery, Offset, Scope, Sort, Status};
use crate::store::batch::Batch;
use crate::store::query_cost_tests::cost;
use crate::store::sql::{Sql, Value};
use crate::store::test_db::{
    DIRECTIONS, PROJECT, TestDb, all_filters, all_sorts, random_conversation, random_title,
};
use crate::store::{Options, Snapshot, Store, StoreError, conversation};

const SCOPE: Scope = Scope::Project(PROJECT);
const CONVERSATIONS: usize = 4000;

/// Inserts a conversation, or closes, updates or deletes a random one.
fn random_change(random: &mut Rng) -> Sql {
    let seq = Value::from(random.i64(1..5000));
    let at = Value::from(random.i64(400..700));
    match random.u8(0..5) {
        0 => random_conversation(random),
        1 => Sql::unregistered(
            "UPDATE conversation SET status = 'closed', closed_at = ?2, updated_at = ?2 \
              WHERE seq = ?1 AND status = 'open'",
            [seq, at],
        ),
        2 => Sql::unregistered(
            "UPDATE conversation SET title = ?2, title_key = ?2, is_human_handled = ?3 \
              WHERE seq = ?1",
            [seq, random_title(random).into(), random.i64(0..2).into()],
        ),
        3 => Sql::unregistered("DELETE FROM conversation WHERE seq = ?1", [seq]),
        _ => Sql::unregistered(
            "UPDATE conversation SET last_interaction_at = ?2, updated_at = ?2 WHERE seq = ?1",
            [seq, at],
        ),
    }
}

/// Writes a random change through the store.
fn write_random_change(store: &Store, random: &mut Rng) {
    let batch = Batch::of([random_change(random)]);
    store.write_blocking(batch).expect("a write");
}

/// A query for any order, with an offset up to a little past the end.
fn random_query(random: &mut Rng) -> ListQuery {
    let limit = random.u64(1..=40).to_string();
    let offset = random.u64(0..=CONVERSATIONS as u64 + 5).to_string();
    ListQuery {
        filter: random.choice(all_filters()).expect("a filter"),
        sort: random.choice(all_sorts()).expect("a sort"),
        direction: DIRECTIONS[random.usize(..DIRECTIONS.len())],
        limit: Limit::parse(&limit).expect("a limit"),
        offset: Offset::parse(&offset).expect("an offset"),
        after: None,
    }
}

/// The default order from an offset on.
fn query_at(offset: &str) -> ListQuery {
    ListQuery {
        offset: Offset::parse(offset).expect("an offset"),
        ..ListQuery::default()
    }
}

/// The ids of a page as the store returns it.
fn page(snapshot: &Snapshot, query: &ListQuery) -> Result<Vec<ConversationId>, StoreError> {
    let totals = conversation::totals(snapshot, SCOPE)?;
    let mut ids = Vec::new();
    conversation::page(snapshot, SCOPE, query, &totals, |item| {
        ids.push(item.conversation.id);
        Ok::<_, StoreError>(())
    })?;
    Ok(ids)
}

/// The ids of a page by a sort of all conversations, without indexes.
fn page_by_sorting(
    snapshot: &Snapshot,
    query: &ListQuery,
) -> Result<Vec<ConversationId>, StoreError> {
    let column = match query.sort {
        Sort::Id => "id",
        Sort::CreatedAt => "created_at",
        Sort::UpdatedAt => "updated_at",
        Sort::LastInteractionAt => "last_interaction_at",
        Sort::Status => "status",
        Sort::ClosedAt => "closed_at",
        Sort::IsHumanHandled => "is_human_handled",
        Sort::Title => "title_key",
    };
    let direction = match query.direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    };
    let sql = format!(
        "SELECT id FROM conversation NOT INDEXED \
          WHERE project_seq = 1 AND (?1 IS NULL OR status = ?1) \
            AND (?2 IS NULL OR is_human_handled = ?2) \
          ORDER BY {column} {direction} NULLS LAST, id {direction} LIMIT ?3 OFFSET ?4"
    );
    let mut statement = snapshot.sqlite()?.connection.prepare_cached(&sql)?;
    let (status, flag) = (query.filter.status, query.filter.is_human_handled);
    let status = status.map(Status::as_str);
    let (limit, offset) = (query.limit.get() as i64, query.offset.get() as i64);
    let ids = statement.query_map(params![status, flag, limit, offset], |row| {
        Ok(ConversationId(row.get(0)?))
    })?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

/// Asserts that a page is that of a full sort of the same snapshot. The sort
/// runs first, so that writes make the snapshot older before the page is read.
fn assert_page_is_exact(store: &Store, query: &ListQuery) {
    let pages = |snapshot: &Snapshot| {
        let expected = page_by_sorting(snapshot, query)?;
        Ok::<_, StoreError>((page(snapshot, query)?, expected))
    };
    let (page, expected) = store.read_blocking(pages).expect("two pages");
    assert_eq!(page, expected, "{query:?}");
}

/// Sets a flag when it is dropped, so that a failed assertion stops the threads
/// that a test waits for.
struct StopOnDrop<'f>(&'f AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
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

/// Two changes in one batch. One batch in eight fails and is rolled back to its
/// savepoint.
fn random_batch(random: &mut Rng) -> Batch {
    let changes = Batch::of([random_change(random), random_change(random)]);
    if random.u8(0..8) > 0 {
        return changes;
    }
    let duplicate = Sql::unregistered(
        "INSERT INTO project (seq, id, name, created_at) VALUES (1, zeroblob(16), 'again', 0)",
        [],
    );
    changes.then(Batch::of([duplicate]))
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
