//! Reads that wait, fail, and follow a write.

use std::sync::mpsc;

use futures_util::future::{join, join_all};
use tempfile::TempDir;

use super::*;
use crate::store::sql::Sql;
use crate::store::{Options, Store, session};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(20);

fn open_store(readers: u32, read_timeout: Duration) -> (TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        readers,
        read_timeout,
        ..Options::default()
    };
    let store = Store::open(&folder.path().join("parlor.db"), &options).expect("a file");
    (folder, store)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(future)
}

/// A read that succeeds at once.
fn select_one(snapshot: &Snapshot) -> Result<i64, StoreError> {
    snapshot.one(&Sql::unregistered("SELECT 1", []), |row| row.get(0))
}

#[test]
fn a_slow_read_does_not_delay_others_while_a_connection_is_free() {
    let (_folder, store) = open_store(2, LONG);
    let (tx, rx) = mpsc::channel();
    let slow = store.read(move |snapshot| {
        rx.recv().expect("the other reads end first");
        select_one(snapshot)
    });
    let others = async {
        let results = join_all((0..20).map(|_| store.read(select_one))).await;
        tx.send(()).expect("the slow read waits");
        results
    };
    let (slow, others) = block_on(join(slow, others));
    assert!(slow.is_ok() && others.iter().all(Result::is_ok));
}

#[test]
fn a_read_fails_as_busy_after_the_read_timeout() {
    let (_folder, store) = open_store(1, Duration::from_millis(20));
    let slow = store.read(|snapshot| {
        std::thread::sleep(Duration::from_millis(60));
        select_one(snapshot)
    });
    let (slow, late) = block_on(join(slow, store.read(select_one)));
    assert!(slow.is_ok());
    assert!(matches!(late, Err(StoreError::Busy)), "{late:?}");
    let next = block_on(store.read(select_one));
    assert!(next.is_ok(), "the connection is free again");
}

#[test]
fn a_panic_fails_only_its_own_read() {
    let (_folder, store) = open_store(1, LONG);
    let panics = store.read::<(), StoreError>(|_| panic!("on purpose"));
    let (panicked, other) = block_on(join(panics, store.read(select_one)));
    assert!(
        matches!(panicked, Err(StoreError::Internal(_))),
        "{panicked:?}"
    );
    assert!(other.is_ok() && block_on(store.read(select_one)).is_ok());
}

#[test]
fn a_read_sees_writes_that_were_committed_before_it_was_queued() {
    let (_folder, store) = open_store(1, LONG);
    let count_secrets = |snapshot: &Snapshot| {
        let count = Sql::unregistered("SELECT count(*) FROM secret", []);
        snapshot.one(&count, |row| row.get::<i64>(0))
    };
    // The thread runs both reads without a pause between them.
    let (first_has_read, wait_for_first) = mpsc::channel();
    let (second_is_queued, wait_for_second) = mpsc::channel();
    let first = store.read(move |snapshot| {
        let count = count_secrets(snapshot);
        first_has_read.send(()).expect("the test waits");
        wait_for_second.recv().expect("a second read");
        count
    });
    let second = async {
        tokio::task::yield_now().await;
        wait_for_first
            .recv()
            .expect("the first read has a snapshot");
        let write = store.write(session::store_signing_secret(b"x"));
        write.await.expect("a write");
        let second = store.read(count_secrets);
        let resume = async { second_is_queued.send(()).expect("the first read waits") };
        join(second, resume).await.0
    };
    let (first, second) = block_on(join(first, second));
    assert_eq!(first.expect("a count"), 0);
    assert_eq!(second.expect("a count"), 1);
}

/// Occupies a reader thread until the sender is dropped.
fn occupy_thread(store: &Store) -> (mpsc::Sender<()>, impl Future<Output = ()>) {
    let (tx, rx) = mpsc::channel::<()>();
    let read = store.read(move |_| {
        let _ = rx.recv();
        Ok::<_, StoreError>(())
    });
    (tx, async { read.await.expect("a read") })
}

#[test]
fn a_slow_read_does_not_delay_reads_that_were_queued_behind_it() {
    let (_folder, store) = open_store(2, Duration::from_secs(5));
    // Both reads are in the queue before a thread is free.
    let (first, first_read) = occupy_thread(&store);
    let (second, second_read) = occupy_thread(&store);
    let (quick_has_run, wait_for_quick) = mpsc::channel();
    let slow = store.read(move |_| {
        let waited = wait_for_quick.recv_timeout(Duration::from_secs(10));
        Ok::<_, StoreError>(waited.is_ok())
    });
    let quick = store.read(move |_| {
        // The slow read may have given up.
        let _ = quick_has_run.send(());
        Ok::<_, StoreError>(())
    });
    let release = async { drop((first, second)) };
    let reads = async { tokio::join!(first_read, second_read, slow, quick, release) };
    let (_, _, slow, quick, ()) = block_on(reads);
    quick.expect("a read");
    assert!(
        slow.expect("a read"),
        "the quick read waited for the slow one"
    );
}

#[test]
fn dropping_the_store_waits_for_running_reads() {
    let (_folder, store) = open_store(1, LONG);
    let (tx, rx) = mpsc::channel();
    let mut read = Box::pin(store.read(move |_| {
        std::thread::sleep(Duration::from_millis(50));
        tx.send(()).expect("the test waits");
        Ok::<_, StoreError>(())
    }));
    // Submits the read and cancels it once it runs.
    let poll = futures_util::FutureExt::now_or_never(&mut read);
    assert!(poll.is_none(), "{poll:?}");
    std::thread::sleep(Duration::from_millis(20));
    drop(read);
    drop(store);
    rx.try_recv().expect("the read has ended");
}
