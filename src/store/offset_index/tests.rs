//! Pages by rank against the naive answer, alone and while others write.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use fastrand::Rng;
use rusqlite::params;

use crate::domain::{ConversationId, Direction, Limit, ListQuery, Offset, Scope, Sort, Status};
use crate::store::query_cost_tests::cost;
use crate::store::statement::{Batch, Statement, value};
use crate::store::test_db::{DIRECTIONS, PROJECT, SORTS, STATUSES, TestDb, added, title};
use crate::store::{Options, Snapshot, Store, StoreError, conversation};

const SCOPE: Scope = Scope::Project(PROJECT);

/// Something that happens to a random conversation.
fn happened(random: &mut Rng) -> Statement {
    let one = value(random.i64(1..5000));
    let at = value(random.i64(400..700));
    match random.u8(0..5) {
        0 => added(random),
        1 => Statement::new(
            "UPDATE conversation SET status = 'closed', closed_at = ?2, updated_at = ?2 \
              WHERE seq = ?1 AND status = 'open'",
            [one, at],
        ),
        2 => Statement::new(
            "UPDATE conversation SET title = ?2, title_key = ?2, is_human_handled = ?3 \
              WHERE seq = ?1",
            [one, value(title(random)), value(random.i64(0..2))],
        ),
        3 => Statement::new("DELETE FROM conversation WHERE seq = ?1", [one]),
        _ => Statement::new(
            "UPDATE conversation SET last_interaction_at = ?2, updated_at = ?2 WHERE seq = ?1",
            [one, at],
        ),
    }
}

fn query(random: &mut Rng, all: u64) -> ListQuery {
    let number = |most: u64, random: &mut Rng| random.u64(0..=most).to_string();
    ListQuery {
        status: STATUSES[random.usize(..3)],
        sort: SORTS[random.usize(..8)],
        direction: DIRECTIONS[random.usize(..2)],
        limit: Limit::parse(&(random.u64(1..=40)).to_string()).expect("a limit"),
        offset: Offset::parse(&number(all + 5, random)).expect("an offset"),
        after: None,
    }
}

/// The ids of a page, as a list gives them.
fn page(snapshot: &Snapshot, query: &ListQuery) -> Result<Vec<ConversationId>, StoreError> {
    let totals = conversation::totals(snapshot, SCOPE)?;
    let mut ids = Vec::new();
    conversation::page(snapshot, SCOPE, query, &totals, |item| {
        ids.push(item.conversation.id);
        Ok::<_, StoreError>(())
    })?;
    Ok(ids)
}

/// The same by sorting all there is.
fn naive(snapshot: &Snapshot, query: &ListQuery) -> Result<Vec<ConversationId>, StoreError> {
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
    let way = match query.direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    };
    let sql = format!(
        "SELECT id FROM conversation NOT INDEXED \
          WHERE project_seq = 1 AND (?1 IS NULL OR status = ?1) \
          ORDER BY {column} {way} NULLS LAST, id {way} LIMIT ?2 OFFSET ?3"
    );
    let mut statement = snapshot.connection.prepare_cached(&sql)?;
    let status = query.status.map(Status::as_str);
    let window = (query.limit.get() as i64, query.offset.get() as i64);
    let rows = statement.query_map(params![status, window.0, window.1], |row| {
        Ok(ConversationId(row.get(0)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A page and the naive answer of one snapshot. The naive one first, so that
/// the snapshot is a little old by the time that ranks are asked.
fn both(store: &Store, query: &ListQuery) -> (Vec<ConversationId>, Vec<ConversationId>) {
    let both = |snapshot: &Snapshot| {
        let naive = naive(snapshot, query)?;
        Ok::<_, StoreError>((page(snapshot, query)?, naive))
    };
    store.read_here(both).expect("two pages")
}

#[test]
fn every_order_has_its_pages_at_any_depth_and_after_any_change() {
    let db = TestDb::new();
    let mut random = Rng::with_seed(11);
    db.fill(&mut random, 4000);
    for round in 0..6 {
        for sort in SORTS {
            for status in STATUSES {
                for direction in DIRECTIONS {
                    for _ in 0..3 {
                        let query = ListQuery {
                            status,
                            sort,
                            direction,
                            ..query(&mut random, 4000)
                        };
                        let (page, naive) = both(&db.store, &query);
                        assert_eq!(page, naive, "round {round}: {query:?}");
                    }
                }
            }
        }
        for _ in 0..20 {
            let changes = (0..40).map(|_| happened(&mut random)).collect();
            db.store.write_here(Batch(changes)).expect("written");
        }
    }
    let counted = db.store.offset_index.built_ranges();
    assert!(counted >= 18, "only {counted} runs are counted");
}

#[test]
fn pages_are_right_at_every_moment_while_32_writers_write() {
    let db = TestDb::new();
    db.fill(&mut Rng::with_seed(3), 4000);
    let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut ranked, mut compared) = (0, 0);
    thread::scope(|scope| {
        for writer in 0..32 {
            let (store, done, written) = (db.store.clone(), &done, &written);
            scope.spawn(move || {
                let mut random = Rng::with_seed(100 + writer);
                while !done.load(Ordering::Relaxed) {
                    // Now and then one that fails, whose changes must not count.
                    let change = Batch(vec![happened(&mut random), happened(&mut random)]);
                    let change = match random.u8(0..8) {
                        0 => change.then(Batch::of([Statement::new(
                            "INSERT INTO project (seq, id, name, created_at) \
                             VALUES (1, zeroblob(16), 'again', 0)",
                            [],
                        )])),
                        _ => change,
                    };
                    if store.write_here(change).is_ok() {
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let mut random = Rng::with_seed(5);
        while compared < 400 || written.load(Ordering::Relaxed) < 2000 {
            let query = query(&mut random, 4000);
            let (page, naive) = both(&db.store, &query);
            if page != naive {
                done.store(true, Ordering::Relaxed);
            }
            assert_eq!(page, naive, "{query:?} after {compared} pages");
            compared += 1;
            ranked += usize::from(db.store.offset_index.built_ranges() > 0);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(
        ranked * 2 > compared,
        "{ranked} of {compared} were with ranks"
    );
}

#[test]
fn what_another_program_writes_is_noticed() {
    let db = TestDb::new();
    let mut random = Rng::with_seed(8);
    db.fill(&mut random, 4000);
    let elsewhere = rusqlite::Connection::open(db.file()).expect("the file");
    for round in 0..30 {
        for _ in 0..10 {
            let query = query(&mut random, 4000);
            let (page, naive) = both(&db.store, &query);
            assert_eq!(page, naive, "round {round}: {query:?}");
        }
        happened(&mut random).run(&elsewhere).expect("a change");
        if round % 2 == 0 {
            let change = Batch::of([happened(&mut random)]);
            db.store.write_here(change).expect("written");
        }
    }
}

#[test]
fn what_a_failed_commit_changed_is_not_counted() {
    let db = TestDb::new();
    let mut random = Rng::with_seed(14);
    db.fill(&mut random, 4000);
    // Nobody is visitor 2, which SQLite finds out at the commit.
    let fails = [
        Statement::new("PRAGMA defer_foreign_keys = ON", []),
        Statement::new(
            "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, \
                 updated_at, last_interaction_at) VALUES (randomblob(16), 1, 2, 'open', 9, 9, 9)",
            [],
        ),
    ];
    for round in 0..40 {
        let query = query(&mut random, 4000);
        let (page, naive) = both(&db.store, &query);
        assert_eq!(page, naive, "round {round}: {query:?}");
        let change = Batch(vec![happened(&mut random), happened(&mut random)]);
        let failed = change.then(Batch::of(fails.clone()));
        db.store.write_here(failed).expect_err("no such visitor");
        if round % 3 == 0 {
            let change = Batch::of([happened(&mut random)]);
            db.store.write_here(change).expect("written");
        }
    }
}

#[test]
fn nothing_is_counted_for_a_snapshot_that_is_too_old_to_keep_it() {
    let db = TestDb::new();
    db.fill(&mut Rng::with_seed(9), 4000);
    let deep = ListQuery {
        offset: Offset::parse("300").expect("an offset"),
        ..ListQuery::default()
    };
    let (page_before, _) = both(&db.store, &deep);
    let old = |snapshot: &Snapshot| {
        let before = naive(snapshot, &deep)?;
        for _ in 0..5 {
            let touch = |seq: i64| {
                let sql = "UPDATE conversation SET last_interaction_at = 600 WHERE seq = ?1";
                Statement::new(sql, [value(seq)])
            };
            db.store
                .write_here(Batch((1..=1000).map(touch).collect()))?;
        }
        let mut then = Vec::new();
        let cost = cost(snapshot.connection, || {
            then = page(snapshot, &deep).expect("a page");
        });
        assert_eq!((&before, &before), (&then, &page_before));
        Ok::<_, StoreError>(cost.steps)
    };
    let steps = db.store.read_here(old).expect("a page of the old snapshot");
    assert!(steps < 10_000, "{steps} steps: the order was counted");
}

#[test]
fn what_nobody_asks_for_is_forgotten() {
    let db = TestDb::new();
    let mut random = Rng::with_seed(2);
    db.fill(&mut random, 3000);
    let deep = ListQuery {
        offset: Offset::parse("1500").expect("an offset"),
        ..ListQuery::default()
    };
    both(&db.store, &deep);
    assert_eq!(db.store.offset_index.built_ranges(), 1);
    db.store.evict_unused_sort_ranges();
    assert_eq!(db.store.offset_index.built_ranges(), 1);
    db.store.evict_unused_sort_ranges();
    assert_eq!(db.store.offset_index.built_ranges(), 0);
    let (page, naive) = both(&db.store, &deep);
    assert_eq!(page, naive);
}

/// Two servers over one file: each counts what it writes itself, and the other
/// one's writes leave gaps in its history.
#[test]
fn pages_are_right_while_two_servers_write_to_one_file() {
    let db = TestDb::new();
    db.fill(&mut Rng::with_seed(6), 4000);
    let other = Store::open(&db.file(), &Options::default()).expect("the same file");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for (seed, store) in [(20, &*db.store), (21, &other)] {
            let done = &done;
            scope.spawn(move || {
                let mut random = Rng::with_seed(seed);
                while !done.load(Ordering::Relaxed) {
                    for _ in 0..random.usize(1..20) {
                        // The other one may have the file; then nothing is written.
                        let _ = store.write_here(Batch::of([happened(&mut random)]));
                    }
                    thread::yield_now();
                }
            });
        }
        let mut random = Rng::with_seed(7);
        for compared in 0..300 {
            let query = query(&mut random, 4000);
            for store in [&*db.store, &other] {
                let (page, naive) = both(store, &query);
                if page != naive {
                    done.store(true, Ordering::Relaxed);
                }
                assert_eq!(page, naive, "{query:?} after {compared} pages");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}
