//! How many durable batches a second both stores commit. Run alone and optimized:
//! `cargo test --profile bench --lib throughput -- --ignored --nocapture`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::TestDatabase;
use crate::store::options::Options;
use crate::store::test_db::{project_with_visitor, random_conversation};
use crate::store::{Batch, Store};

const CALLERS: u64 = 64;
const DURATION: Duration = Duration::from_secs(10);

/// Batches that insert a conversation, with its counts, indexes and events.
fn batches_per_second(store: &Store) -> f64 {
    store
        .write_blocking(project_with_visitor())
        .expect("a project");
    let committed = AtomicU64::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let committed = &committed;
            scope.spawn(move || {
                let mut random = Rng::with_seed(caller);
                while start.elapsed() < DURATION {
                    let batch = Batch::new().run(random_conversation(&mut random));
                    store.write_blocking(batch).expect("a write");
                    committed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    committed.into_inner() as f64 / start.elapsed().as_secs_f64()
}

#[test]
#[ignore = "measures for 20 seconds"]
fn throughput_of_durable_batches() {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("parlor.db");
    let sqlite = Store::open(&file, &Options::default()).expect("a file");
    println!("SQLite: {:.0}/s", batches_per_second(&sqlite));
    println!("PostgreSQL: {:.0}/s", batches_per_second(&database.store()));
}
