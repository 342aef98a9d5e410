//! Locks that a node holds.

use crate::domain::ProjectSeq;
use crate::store::TaskLock;
use crate::store::postgres::test_database::TestDatabase;
use crate::store::source_lock::SourceLock;

#[test]
fn one_node_runs_the_tasks_and_another_one_after_its_end() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let (one, other) = (database.store(), database.store());
    let first = TaskLock::start(&one).expect("a lock");
    let second = TaskLock::start(&other).expect("a lock");
    assert!(first.is_held());
    assert!(!second.is_held());
    drop(first);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !second.is_held() {
        assert!(std::time::Instant::now() < deadline, "the lock is free");
        std::thread::yield_now();
    }
}

#[test]
fn a_source_has_one_run_on_all_nodes() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let (one, other) = (database.store(), database.store());
    let lock = |store, location| SourceLock::try_acquire(store, ProjectSeq::FIRST, location);
    let run = lock(&one, "/srv").expect("an attempt").expect("a lock");
    assert!(lock(&other, "/srv").expect("an attempt").is_none());
    assert!(lock(&one, "/srv").expect("an attempt").is_none());
    lock(&other, "/docs")
        .expect("an attempt")
        .expect("another source");
    drop(run);
    lock(&other, "/srv").expect("an attempt").expect("a lock");
}
