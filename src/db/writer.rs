//! The one writer: a thread that holds the only connection that writes.
//!
//! Batches that wait together are committed together (one `fsync` for all),
//! each inside a savepoint of its own, so that one that fails takes nothing
//! with it. Nobody hears of success before the commit is on the disk.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::open::OpenError;
use super::{Batch, DbError, Outcome};

/// Batches that may wait; a further one is refused as busy.
const QUEUE: usize = 1024;
/// Batches that share one commit at most, so that none waits for long.
const GROUP: usize = 256;

type Answer = Result<Vec<Outcome>, DbError>;

enum Order {
    Run(Batch, oneshot::Sender<Answer>),
    Stop,
}

pub(super) struct Writer {
    queue: SyncSender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, OpenError> {
        let (queue, orders) = sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("parlor-writer".to_owned())
            .spawn(move || work(connection, &orders))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(super) fn submit(&self, batch: Batch) -> Result<oneshot::Receiver<Answer>, DbError> {
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(Order::Run(batch, reply)) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(DbError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(DbError::Closed),
        }
    }

    /// Waits until everything submitted before is done and the file is closed.
    pub(super) fn stop(&self) {
        let thread = self.thread.lock().ok().and_then(|mut place| place.take());
        let Some(thread) = thread else { return };
        // The thread may be gone already; then there is nothing to stop.
        let _ = self.queue.send(Order::Stop);
        if thread.join().is_err() {
            log::error!("the writer ended in a panic");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn work(mut connection: Connection, orders: &Receiver<Order>) {
    let mut running = true;
    while running {
        let Ok(first) = orders.recv() else { break };
        let mut group = Vec::new();
        for order in std::iter::once(first).chain(orders.try_iter().take(GROUP - 1)) {
            match order {
                Order::Run(batch, reply) => group.push((batch, reply)),
                Order::Stop => running = false,
            }
        }
        commit_together(&mut connection, group);
    }
    if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        log::warn!("the log could not be brought into the file: {error}; it stays beside it");
    }
}

fn commit_together(connection: &mut Connection, group: Vec<(Batch, oneshot::Sender<Answer>)>) {
    let (batches, replies): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    if batches.is_empty() {
        return;
    }
    let answers = run_group(connection, &batches)
        .unwrap_or_else(|error| batches.iter().map(|_| Err(error.clone())).collect());
    for (reply, answer) in replies.into_iter().zip(answers) {
        // Whoever asked may have gone; the write stands all the same.
        let _ = reply.send(answer);
    }
}

/// Runs a group in one transaction. An error here means that none of it stands.
fn run_group(connection: &Connection, batches: &[Batch]) -> Result<Vec<Answer>, DbError> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let ended = run_batches(connection, batches).and_then(|answers| {
        execute(connection, "COMMIT")?;
        Ok(answers)
    });
    if ended.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    ended
}

fn run_batches(connection: &Connection, batches: &[Batch]) -> Result<Vec<Answer>, DbError> {
    let mut answers = Vec::with_capacity(batches.len());
    for batch in batches {
        execute(connection, "SAVEPOINT batch")?;
        let answer = run_batch(connection, batch);
        if let Err(error) = &answer {
            // A full disk, say, ends the whole transaction, not the savepoint alone.
            if connection.is_autocommit() {
                return Err(error.clone());
            }
            execute(connection, "ROLLBACK TO batch")?;
        }
        execute(connection, "RELEASE batch")?;
        answers.push(answer);
    }
    Ok(answers)
}

fn run_batch(connection: &Connection, batch: &Batch) -> Answer {
    let outcomes = batch.0.iter().map(|statement| statement.run(connection));
    Ok(outcomes.collect::<rusqlite::Result<_>>()?)
}

fn execute(connection: &Connection, sql: &'static str) -> Result<(), DbError> {
    connection.prepare_cached(sql)?.raw_execute()?;
    Ok(())
}
