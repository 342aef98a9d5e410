//! Backups under load, and the restart of a server with a large file.
//!
//! `PARLOR_LONG_TESTS=1` (`tests/run --long`) runs the long variants. Their limits are those
//! of a release build: `PARLOR=target/release/parlor` names the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::backup::{generated_file, open_read_only};
use crate::durability::{expect_sound, short_or_long, start_session, stored_ids};
use crate::helpers::{Client, ParlorProcess, run_successfully, string};
use crate::sqlite_only;

const CLIENTS: usize = 32;

/// Whether the program is a release build, which the caller names.
fn is_release() -> bool {
    std::env::var_os("PARLOR").is_some()
}

/// A conversation that a server acknowledged.
struct Write {
    id: String,
    sent_at: Instant,
    acknowledged_at: Instant,
}

/// Clients that create conversations until `is_over`. Returns their writes.
fn write_until(client: Client, token: &str, is_over: &AtomicBool) -> Vec<Write> {
    let writes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let sent_at = Instant::now();
                    let response = client.post("/v2/conversations").bearer(token).send();
                    let write = Write {
                        id: string(&response.expect(201)["id"]),
                        sent_at,
                        acknowledged_at: Instant::now(),
                    };
                    writes.lock().expect("writes").push(write);
                }
            });
        }
    });
    writes.into_inner().expect("writes")
}

/// A time during which backups were made, or none.
struct Phase {
    has_backups: bool,
    start: Instant,
    end: Instant,
}

impl Phase {
    /// The 99th percentile and the maximum of the durations of writes, in milliseconds.
    fn durations(&self, writes: &[Write]) -> (f64, f64) {
        let own = writes
            .iter()
            .filter(|write| (self.start..self.end).contains(&write.sent_at));
        let mut durations: Vec<_> = own
            .map(|write| write.acknowledged_at - write.sent_at)
            .map(|duration| duration.as_secs_f64() * 1000.0)
            .collect();
        durations.sort_by(f64::total_cmp);
        assert!(!durations.is_empty(), "no write was sent");
        let place = durations.len() * 99 / 100;
        (durations[place], durations[durations.len() - 1])
    }
}

/// A backup that was made under load.
struct LoadedBackup {
    path: PathBuf,
    started_at: Instant,
    duration: Duration,
}

fn make_backup(folder: &Path, number: usize) -> LoadedBackup {
    let name = format!("backup-{number}.db");
    let started_at = Instant::now();
    run_successfully(folder, &["backup", &name]);
    LoadedBackup {
        path: folder.join(name),
        started_at,
        duration: started_at.elapsed(),
    }
}

/// How the phases with backups are made.
struct Plan {
    conversations: u32,
    rounds: usize,
    /// The length of a phase without backups. With `backups_per_phase` of 1, the phase with
    /// a backup takes as long as the backup.
    phase: Duration,
    /// One in each second; or a single one.
    backups_per_phase: usize,
}

/// Writes to a server all the time, in alternating phases with and without backups.
fn back_up_under_load(
    plan: &Plan,
) -> (Vec<Phase>, Vec<LoadedBackup>, Vec<Write>, tempfile::TempDir) {
    let (directory, _) = generated_file(plan.conversations);
    let folder = directory.path();
    let process = ParlorProcess::start(folder, &["demo", "--db", "parlor.db", "--rate-limit", "0"]);
    let token = start_session(process.client, "pk_demo").token;
    let (client, is_over) = (process.client, AtomicBool::new(false));
    let (mut phases, mut backups) = (Vec::new(), Vec::new());
    let writes = thread::scope(|scope| {
        let writes = scope.spawn(|| write_until(client, &token, &is_over));
        for number in 0..2 * plan.rounds {
            let (has_backups, start) = (number % 2 == 1, Instant::now());
            if has_backups {
                for second in 0..plan.backups_per_phase {
                    wait_for(start + Duration::from_secs(second as u64));
                    backups.push(make_backup(folder, backups.len()));
                }
            } else {
                wait_for(start + plan.phase);
            }
            phases.push(Phase {
                has_backups,
                start,
                end: Instant::now(),
            });
        }
        is_over.store(true, Ordering::Relaxed);
        writes.join().expect("the writes")
    });
    assert_eq!(process.stop("TERM").0.code(), Some(0));
    (phases, backups, writes, directory)
}

/// Measures for a fixed time.
fn wait_for(end: Instant) {
    while Instant::now() < end {
        thread::park_timeout(end.saturating_duration_since(Instant::now()));
    }
}

/// Checks that each backup opens and has what was acknowledged before it began.
fn expect_complete(backups: &[LoadedBackup], writes: &[Write]) {
    for backup in backups {
        let connection = open_read_only(&backup.path);
        expect_sound(&connection);
        let stored = stored_ids(&connection);
        let before = writes
            .iter()
            .filter(|write| write.acknowledged_at < backup.started_at);
        let missing: BTreeSet<_> = before
            .map(|write| &write.id)
            .filter(|id| !stored.contains(*id))
            .collect();
        assert!(missing.is_empty(), "{}: {missing:?}", backup.path.display());
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Compares the durations of writes with and without backups. `limit` is the ratio of the
/// 99th percentiles that a release build must keep.
fn expect_fast_writes(phases: &[Phase], writes: &[Write], limit: f64) {
    let of = |has_backups| {
        let phases = phases
            .iter()
            .filter(move |phase| phase.has_backups == has_backups);
        phases.map(|phase| phase.durations(writes))
    };
    let p99 = |has_backups| median(of(has_backups).map(|(p99, _)| p99).collect());
    let longest = of(true).map(|(_, longest)| longest).fold(0.0, f64::max);
    let (with, without) = (p99(true), p99(false));
    let ratio = with / without;
    eprintln!(
        "{} writes; p99 {without:.1} ms without and {with:.1} ms with backups (ratio {ratio:.2}); \
         longest with backups {longest:.0} ms",
        writes.len()
    );
    // A backup in the long variants takes longer than this, so no writer waits for one.
    assert!(longest < 3000.0, "{longest} ms");
    if is_release() {
        assert!(ratio <= limit, "{ratio}");
    }
}

#[test]
fn backup_each_second_is_complete_and_does_not_hold_up_writers() {
    sqlite_only!("the test fills a file of its own");
    let plan = Plan {
        conversations: short_or_long(1_000, 5_000),
        rounds: short_or_long(1, 3),
        phase: Duration::from_secs(short_or_long(1, 5)),
        backups_per_phase: short_or_long(2, 5),
    };
    let (phases, backups, writes, _directory) = back_up_under_load(&plan);
    expect_complete(&backups, &writes);
    expect_fast_writes(&phases, &writes, 2.0);
}

#[test]
fn backup_of_a_large_file_does_not_hold_up_writers() {
    sqlite_only!("the test fills a file of its own");
    let plan = Plan {
        conversations: short_or_long(10_000, 1_000_000),
        rounds: short_or_long(1, 3),
        phase: Duration::from_secs(short_or_long(1, 20)),
        backups_per_phase: 1,
    };
    let (phases, backups, writes, _directory) = back_up_under_load(&plan);
    expect_complete(&backups, &writes);
    for backup in &backups {
        let bytes = fs::metadata(&backup.path).expect("a file").len();
        eprintln!(
            "a backup of {} MB took {:?}",
            bytes / 1_000_000,
            backup.duration
        );
    }
    expect_fast_writes(&phases, &writes, 2.0);
}

/// Adds conversations to the first visitor while a reader keeps the log from being moved
/// into the file.
fn fill_log(database: &Path, rows: u64) {
    let reader = Connection::open(database).expect("a connection");
    let snapshot = reader.execute_batch("BEGIN; SELECT count(*) FROM project");
    snapshot.expect("a snapshot");
    let insert = format!(
        "INSERT INTO conversation (id, project_seq, visitor_seq, status, created_at, updated_at, \
                                   last_interaction_at) \
         SELECT randomblob(16), project_seq, seq, 'open', i, i, i \
           FROM (SELECT project_seq, seq FROM visitor LIMIT 1), \
                (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) \
                 SELECT i FROM n)"
    );
    let writer = Connection::open(database).expect("a connection");
    writer.execute_batch(&insert).expect("rows");
    // A killed process closes its connections without moving the log into the file. The
    // copies are synced, because the file of a killed server is on the disk as well.
    let killed = database.with_file_name("killed.db");
    for suffix in ["", "-wal"] {
        let copy = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        fs::copy(copy(database), copy(&killed)).expect("a copy");
        let file = fs::File::open(copy(&killed)).expect("a file");
        file.sync_all().expect("a file on the disk");
    }
}

#[test]
fn server_starts_quickly_after_a_kill_with_a_full_write_ahead_log() {
    sqlite_only!("the test fills a file of its own");
    let conversations = short_or_long(2_000, 1_000_000);
    let (directory, database) = generated_file(conversations);
    let folder = directory.path();
    let create = ["keys", "create", "--kind", "private", "--name", "test"];
    let key = run_successfully(folder, &create).trim().to_owned();
    let rows = short_or_long(5_000, 50_000);
    fill_log(&database, rows);
    let log = fs::metadata(folder.join("killed.db-wal"))
        .expect("a log")
        .len();
    assert!(log > 1_000_000, "{log} bytes");
    let started = Instant::now();
    let process = ParlorProcess::start(folder, &["serve", "--db", "killed.db"]);
    let list = process.client.get("/v2/conversations").bearer(&key).send();
    let elapsed = started.elapsed();
    assert_eq!(list.expect(200)["total"], u64::from(conversations) + rows);
    eprintln!(
        "first answer after {elapsed:?} with a log of {} MB",
        log / 1_000_000
    );
    // The limit of a debug build is for a busy machine.
    let limit = Duration::from_millis(if is_release() { 500 } else { 5000 });
    assert!(elapsed < limit, "{elapsed:?}");
}
