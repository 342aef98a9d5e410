use std::sync::atomic::Ordering;

use super::super::commit_observer::ObserverSlot;
use super::thread::{COMMIT_DELAY, POLL_INTERVAL, Work};
use super::*;
use crate::domain::{ListQuery, Offset, Scope};
use crate::store::test_db::{PROJECT, TestDb};
use crate::store::{Rejection, Snapshot, Sql, Value, conversation, open};

const TABLE: &str = "CREATE TABLE t (x UNIQUE, filler)";

/// A writer over parlor's schema and the table `t`.
fn writer_thread() -> WriterThread {
    let connection = open::open_in_memory();
    connection.execute_batch(TABLE).expect("a table");
    open_writer(connection)
}

fn open_writer(connection: Connection) -> WriterThread {
    let metrics = Arc::new(StoreMetrics::new(1));
    let (versions, index, reads) = (Arc::default(), Arc::default(), Arc::default());
    WriterThread::new(
        connection,
        versions,
        index,
        ObserverSlot::default(),
        reads,
        metrics,
    )
    .expect("a writer")
}

fn insert(x: i64, bytes: usize) -> Batch {
    let values = [Value::Integer(x), Value::Blob(vec![1; bytes])];
    Batch::of([Sql::unregistered("INSERT INTO t VALUES (?, ?)", values)])
}

fn rows(connection: &Connection) -> Vec<i64> {
    let mut all = connection.prepare("SELECT x FROM t ORDER BY x").expect("x");
    let rows = all.query_map((), |row| row.get(0)).expect("rows");
    rows.collect::<rusqlite::Result<_>>().expect("numbers")
}

#[test]
fn failed_batch_does_not_affect_other_batches_of_its_group() {
    let writer = writer_thread();
    let duplicate = insert(2, 0).then(insert(1, 0));
    let group = [insert(1, 0), duplicate, insert(3, 0)];
    let results = writer.commit_group(&group).expect("a commit");
    let succeeded: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(succeeded, [true, false, true]);
    // The first statement of the failed batch is rolled back too.
    assert_eq!(rows(&writer.connection), [1, 3]);
}

#[test]
fn rejected_batch_returns_its_reason_and_is_rolled_back() {
    let writer = writer_thread();
    let update = |x: i64| Sql::unregistered("UPDATE t SET filler = 'x' WHERE x = ?", [x.into()]);
    let guard = |reason: &str| Sql::unregistered("SELECT ?", [reason.into()]);
    let passing = Sql::unregistered("SELECT NULL", []);
    let no_row = Sql::unregistered("SELECT NULL WHERE 0", []);
    let group = [
        insert(1, 0).run_expecting_change(update(1), Rejection::NotFound),
        insert(2, 0).run_expecting_change(update(9), Rejection::NotFound),
        insert(3, 0).guard(guard("taken_over"), Rejection::ConversationNotFound),
        insert(4, 0).guard(no_row, Rejection::ConversationNotFound),
        insert(5, 0).guard(passing, Rejection::ConversationNotFound),
    ];
    let results = writer.commit_group(&group).expect("a commit");
    let reasons: Vec<_> = results
        .into_iter()
        .map(|result| match result {
            Ok(_) => None,
            Err(StoreError::Rejected(reason)) => Some(reason),
            Err(error) => panic!("{error}"),
        })
        .collect();
    let expected = [
        None,
        Some(Rejection::NotFound),
        Some(Rejection::TakenOver),
        Some(Rejection::ConversationNotFound),
        None,
    ];
    assert_eq!(reasons, expected);
    assert_eq!(rows(&writer.connection), [1, 5]);
}

#[test]
fn full_disk_is_reported_and_acknowledged_writes_are_kept() {
    let writer = writer_thread();
    writer.commit_group(&[insert(1, 0)]).expect("a commit");
    writer
        .connection
        .execute_batch("PRAGMA max_page_count = 4")
        .expect("a limit");
    let results = writer.commit_group(&[insert(2, 0), insert(3, 100_000)]);
    let full = |result: &BatchResult| matches!(result, Err(StoreError::Full));
    match results {
        Ok(results) => {
            assert!(results[0].is_ok() && full(&results[1]));
            assert_eq!(rows(&writer.connection), [1, 2]);
        }
        Err(error) => {
            assert!(full(&Err(error)));
            assert_eq!(rows(&writer.connection), [1]);
        }
    }
    writer
        .commit_group(&[insert(4, 0)])
        .expect("the next write works again");
}

/// Has the offset index built for the default order.
fn build_default_order(writer: &WriterThread) {
    let snapshot = Snapshot::begin(&writer.connection, &writer.offset_index).expect("a snapshot");
    let scope = Scope::Project(PROJECT);
    let deep = ListQuery {
        offset: Offset::parse("1500").expect("an offset"),
        ..ListQuery::default()
    };
    let totals = conversation::totals(&snapshot, scope).expect("totals");
    conversation::page(
        &snapshot,
        scope,
        &deep,
        &totals,
        |_| Ok::<_, StoreError>(()),
    )
    .expect("a page");
}

#[test]
fn offset_index_is_dropped_when_a_backup_is_restored() {
    let db = TestDb::new();
    db.insert_conversations(&mut fastrand::Rng::with_seed(12), 3000);
    let connection = open::open_writer(&db.file()).expect("the file");
    let mut writer = open_writer(connection);
    build_default_order(&writer);
    let other_program = Connection::open(db.file()).expect("the file");
    let mut ranges_after = |sql| {
        other_program.execute_batch(sql).expect(sql);
        writer.external.polled_at -= POLL_INTERVAL;
        writer.poll_external_changes();
        writer.offset_index.range_count()
    };
    assert_eq!(ranges_after("UPDATE project SET name = 'another'"), 1);
    // A restored backup has an earlier version.
    let earlier = "UPDATE project SET list_version = list_version - 10";
    assert_eq!(ranges_after(earlier), 0);
}

#[test]
fn commit_is_delayed_while_lists_are_read() {
    let mut writer = writer_thread();
    writer.last_group.started_at = Instant::now();
    writer.reads.store(100, Ordering::Relaxed);
    writer.delay_commit();
    assert!(writer.last_group.started_at.elapsed() >= COMMIT_DELAY);
}

#[test]
fn writes_of_many_threads_are_stored_when_the_writer_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("parlor.db");
    let connection = open::open_writer(&path).expect("a file");
    connection.execute_batch(TABLE).expect("a table");
    let metrics = Arc::new(StoreMetrics::new(1));
    let writer = Writer::start(
        connection,
        Arc::default(),
        Arc::default(),
        ObserverSlot::default(),
        Arc::default(),
        metrics,
    )
    .expect("a thread");
    std::thread::scope(|scope| {
        for first in (0..800).step_by(100) {
            let writer = &writer;
            scope.spawn(move || {
                for x in first..first + 100 {
                    let result = writer.submit(insert(x, 10)).expect("queued");
                    result.blocking_recv().expect("a result").expect("stored");
                }
            });
        }
    });
    writer.stop();
    assert!(matches!(
        writer.submit(insert(0, 0)),
        Err(StoreError::Closed)
    ));
    let connection = Connection::open(&path).expect("the file");
    assert_eq!(rows(&connection), (0..800).collect::<Vec<_>>());
}

/// A batch for the writer's queue, and its result.
fn queued(batch: Batch) -> (QueuedBatch, oneshot::Receiver<BatchResult>) {
    let (tx, rx) = oneshot::channel();
    let queued_at = Instant::now();
    let queued = QueuedBatch {
        batch,
        tx,
        queued_at,
    };
    (queued, rx)
}

#[test]
fn foreign_keys_are_on_for_the_next_group_if_a_deletion_left_them_off() {
    let writer = writer_thread();
    let tables = "CREATE TABLE parent (x INTEGER PRIMARY KEY); \
                  CREATE TABLE child (x REFERENCES parent ON DELETE CASCADE); \
                  INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1);";
    writer.connection.execute_batch(tables).expect("tables");
    // As after a failed rollback: the transaction of the deletion is open.
    writer.set_foreign_keys(false).expect("a pragma");
    writer.execute("BEGIN IMMEDIATE").expect("a transaction");
    let delete = Batch::of([Sql::unregistered("DELETE FROM parent", [])]);
    let (group, result) = queued(delete);
    writer.finish(Work {
        group: vec![group],
        ..Work::default()
    });
    result.blocking_recv().expect("a result").expect("a commit");
    let sql = "SELECT count(*) FROM child";
    let children = writer.connection.query_row(sql, (), |row| row.get(0));
    assert_eq!(children, Ok(0));
}

#[test]
fn deletion_counts_as_a_commit() {
    let writer = writer_thread();
    let (deletion, result) = queued(insert(1, 0));
    writer.finish(Work {
        without_foreign_keys: vec![deletion],
        ..Work::default()
    });
    result.blocking_recv().expect("a result").expect("a commit");
    assert!(writer.record.status.last().succeeded_at.is_some());
    let on: bool = writer
        .connection
        .pragma_query_value(None, "foreign_keys", |row| row.get(0))
        .expect("a pragma");
    assert!(on);
}
