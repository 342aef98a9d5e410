//! The writer: a thread that commits the batches of this process in groups.
//!
//! A group is one transaction. Its first statement takes the writer lock of the database,
//! so the groups of all nodes run one after another, as the batches of SQLite do. All
//! statements of a group are sent without waiting for their results. If an expectation of
//! a batch is not met, the transaction is rolled back, and the other batches run again
//! without it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::PostgresAddress;
use super::connection::{Connection, PipelineResult};
use super::error::ConnectError;
use crate::metrics::StoreMetrics;
use crate::store::batch::{Batch, BatchOutput};
use crate::store::commit_status::CommitStatus;
use crate::store::error::StoreError;
use crate::store::sql::Sql;
use crate::store::writer::{BatchResult, MAX_GROUP, QueuedBatch, Work, Writer, WriterCommand};

/// How long the batches of a group wait for a connection to the server.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause between two attempts to connect.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(100);

/// Limits what a node can hold that has lost the server or hangs.
const SETUP: &str = "SET lock_timeout = '5s'; SET statement_timeout = '30s'; \
     SET idle_in_transaction_session_timeout = '10s'";

/// Begins a transaction that writes. It holds the writer lock, so those of all nodes run one
/// after another. The number is arbitrary.
pub(in crate::store) const BEGIN_WRITE: &str =
    "BEGIN; SELECT pg_advisory_xact_lock(5787213827046133841)";

/// Tells all nodes that there are new events.
const COMMIT: &str = "SELECT pg_notify('parlor_event', ''); COMMIT";

/// Starts the writer of a database.
///
/// # Errors
/// The server is not reachable.
pub(in crate::store) fn start_writer(
    address: PostgresAddress,
    metrics: Arc<StoreMetrics>,
) -> Result<Writer, ConnectError> {
    let connection = Connection::open(&address, SETUP)?;
    let status = Arc::<CommitStatus>::default();
    let thread = WriterThread {
        address: address.clone(),
        connection: Some(connection),
        status: status.clone(),
        metrics: metrics.clone(),
    };
    Writer::spawn(status, metrics, |commands| thread.run(commands))
        .map_err(|error| ConnectError::Failed(address, error.to_string()))
}

struct WriterThread {
    address: PostgresAddress,
    connection: Option<Connection>,
    status: Arc<CommitStatus>,
    metrics: Arc<StoreMetrics>,
}

impl WriterThread {
    fn run(mut self, commands: Receiver<WriterCommand>) {
        while let Ok(first) = commands.recv() {
            let mut work = Work::default();
            let waiting = commands.try_iter().take(MAX_GROUP - 1);
            for command in std::iter::once(first).chain(waiting) {
                if !matches!(command, WriterCommand::Shutdown) {
                    self.metrics.add_to_queue(-1);
                }
                work.add(command);
            }
            let is_last = work.is_last;
            self.finish(work);
            if is_last {
                return;
            }
        }
    }

    fn finish(&mut self, work: Work) {
        let mut group = work.group;
        // PostgreSQL has no foreign key with an action, so these are ordinary batches.
        group.extend(work.without_foreign_keys);
        self.commit_and_reply(group);
        for tx in work.truncations {
            // The server has its own write-ahead log.
            let _ = tx.send(Ok(true));
        }
    }

    fn commit_and_reply(&mut self, group: Vec<QueuedBatch>) {
        if group.is_empty() {
            return;
        }
        let started = Instant::now();
        for queued in &group {
            let wait = started.saturating_duration_since(queued.queued_at);
            self.metrics.write_waits.observe_duration(wait);
        }
        let group = group.into_iter().map(|queued| (queued.batch, queued.tx));
        let (batches, senders): (Vec<_>, Vec<_>) = group.unzip();
        let result = self.commit_group(&batches);
        self.status.record(&result);
        self.metrics.group_sizes.observe(batches.len() as u64);
        self.metrics
            .commit_times
            .observe_duration(started.elapsed());
        if result.is_err() {
            self.metrics.count_failed_commit();
        }
        let results =
            result.unwrap_or_else(|error| batches.iter().map(|_| Err(error.clone())).collect());
        for (tx, result) in senders.into_iter().zip(results) {
            // An error means that the caller does not wait for the result.
            let _ = tx.send(result);
        }
    }

    /// Commits the batches whose expectations are met. An error means that nothing of the
    /// group is stored, except for [`StoreError::Unknown`].
    fn commit_group(&mut self, batches: &[Batch]) -> Result<Vec<BatchResult>, StoreError> {
        let connection = self.connection()?;
        let mut results: Vec<Option<BatchResult>> = batches.iter().map(|_| None).collect();
        loop {
            let pending = pending(&results);
            connection.execute(BEGIN_WRITE)?;
            match run(connection, batches, &pending)? {
                Run::Failed(index, error) => {
                    connection.execute("ROLLBACK")?;
                    results[index] = Some(Err(error));
                }
                Run::Complete(outputs) => {
                    let commit = connection.execute(COMMIT);
                    commit.map_err(|error| StoreError::Unknown(error.to_string()))?;
                    for (index, output) in pending.into_iter().zip(outputs) {
                        results[index] = Some(Ok(output));
                    }
                    return Ok(results.into_iter().flatten().collect());
                }
            }
        }
    }

    /// The connection, opened again if it was lost.
    fn connection(&mut self) -> Result<&Connection, StoreError> {
        let deadline = Instant::now() + RECONNECT_TIMEOUT;
        if self.connection.as_ref().is_some_and(|open| !open.is_open()) {
            self.connection = None;
        }
        while self.connection.is_none() {
            match Connection::open(&self.address, SETUP) {
                Ok(connection) => self.connection = Some(connection),
                Err(error) if Instant::now() > deadline => {
                    log::error!("{error}");
                    return Err(StoreError::Busy);
                }
                Err(_) => std::thread::sleep(RECONNECT_INTERVAL),
            }
        }
        self.connection.as_ref().ok_or(StoreError::Busy)
    }
}

/// The batches that have no result yet.
fn pending(results: &[Option<BatchResult>]) -> Vec<usize> {
    let without_result = |(index, result): (usize, &Option<_>)| result.is_none().then_some(index);
    results
        .iter()
        .enumerate()
        .filter_map(without_result)
        .collect()
}

/// The result of the statements of a group.
enum Run {
    Complete(Vec<BatchOutput>),
    /// The first batch that failed, and why.
    Failed(usize, StoreError),
}

/// Runs the statements of the batches with these indexes.
fn run(connection: &Connection, batches: &[Batch], pending: &[usize]) -> Result<Run, StoreError> {
    let statements: Vec<&Sql> = pending
        .iter()
        .flat_map(|index| batches[*index].statements())
        .collect();
    let mut results = connection.pipeline(&statements)?.into_iter();
    let mut outputs = Vec::with_capacity(pending.len());
    for index in pending {
        let batch = &batches[*index];
        let results: Vec<PipelineResult> = results.by_ref().take(batch.len()).collect();
        match batch.output(results) {
            Ok(output) => outputs.push(output),
            Err(error) => return Ok(Run::Failed(*index, error)),
        }
    }
    Ok(Run::Complete(outputs))
}
