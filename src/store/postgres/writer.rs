//! The writer: a thread that commits the batches of this process in groups.
//!
//! A group is one transaction. Its first statement takes the writer lock of the database,
//! so the groups of all nodes run one after another, as the batches of SQLite do.
//!
//! # A lost connection
//!
//! If the connection is lost before COMMIT was sent, nothing is stored, and the group is
//! tried again. If it is lost afterwards, the group may be stored. Each group stores its
//! number in the table `writer`. The writer reads it under the writer lock, which the
//! transaction has held until its end, on this server or on the one that replaced it. Only
//! if no server answers in time, the callers receive [`StoreError::Unknown`].

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::connection::{Connection, Request};
use super::error::{ConnectError, Failure, warn};
use super::group::{self, GroupError};
use super::{PostgresAddress, Purpose};
use crate::domain::Timestamp;
use crate::metrics::StoreMetrics;
use crate::store::batch::Batch;
use crate::store::error::StoreError;
use crate::store::sql::{Sql, Value};
use crate::store::statement_text::StatementText;
use crate::store::writer::{BatchResult, CommitRecord, Work, Writer, WriterCommand};

/// How long a batch waits for a connection to the server, from its submission.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the writer tries to find out whether a group is committed.
const RESULT_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause between two attempts to connect.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(100);
/// How often a group is tried whose connection is lost.
const MAX_ATTEMPTS: u32 = 2;
/// How long the table `writer` keeps the row of a process that has ended.
const MARKER_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Starts the writer of a database.
///
/// # Errors
/// The server is not reachable.
pub(in crate::store) fn start_writer(
    address: PostgresAddress,
    metrics: Arc<StoreMetrics>,
) -> Result<Writer, ConnectError> {
    let connection = Connection::open_for(&address, Purpose::Write)?;
    delete_old_markers(&connection)
        .map_err(|error| ConnectError::Failed(address.clone(), error.to_string()))?;
    let record = CommitRecord::new(metrics);
    let thread = WriterThread {
        address: address.clone(),
        connection: Some(connection),
        id: Uuid::now_v7(),
        groups: 0,
        record: record.clone(),
    };
    Writer::spawn(record, |commands| thread.run(commands))
        .map_err(|error| ConnectError::Failed(address, error.to_string()))
}

fn delete_old_markers(connection: &Connection) -> Result<(), StoreError> {
    let oldest = Timestamp::now().minus(MARKER_RETENTION);
    let delete = sql!(postgres: "DELETE FROM writer WHERE committed_at < ?");
    connection
        .query(&Sql::new(delete, [oldest.into()]))
        .map(drop)
}

struct WriterThread {
    address: PostgresAddress,
    connection: Option<Connection>,
    /// Identifies this process in the table `writer`.
    id: Uuid,
    /// The number of the groups so far.
    groups: i64,
    record: CommitRecord,
}

impl WriterThread {
    fn run(mut self, commands: Receiver<WriterCommand>) {
        while let Ok(first) = commands.recv() {
            let work = self.record.collect(Some(first), &commands);
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
        let submitted = group.iter().map(|queued| queued.queued_at).min();
        let deadline = submitted.unwrap_or_else(Instant::now) + WRITE_TIMEOUT;
        let record = self.record.clone();
        record.commit_and_reply(group, |batches| self.commit_group(batches, deadline));
        for tx in work.truncations {
            // The server has its own write-ahead log.
            let _ = tx.send(Ok(true));
        }
    }

    /// Commits the batches whose expectations are met. An error means that nothing of the
    /// group is stored, except for [`StoreError::Unknown`].
    fn commit_group(
        &mut self,
        batches: &[Batch],
        deadline: Instant,
    ) -> Result<Vec<BatchResult>, StoreError> {
        self.groups += 1;
        let save = sql!(
            postgres: "INSERT INTO writer (id, group_number, committed_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (id) DO UPDATE SET group_number = ?2, committed_at = ?3"
        );
        let marker = self.marker(save, [Timestamp::now().into()]);
        for _ in 0..MAX_ATTEMPTS {
            let connection = self.connection(deadline)?;
            let error = match group::commit(connection, batches, &marker) {
                Ok(results) => return Ok(results),
                Err(error) => error,
            };
            match error {
                GroupError::RolledBack(error) => return Err(error),
                GroupError::Lost(reason) => {
                    self.connection = None;
                    warn(&reason);
                }
                GroupError::CommitLost(results, reason) => {
                    self.connection = None;
                    warn(&reason);
                    if self.is_committed(Instant::now() + RESULT_TIMEOUT, &reason)? {
                        return Ok(results);
                    }
                }
            }
        }
        Err(StoreError::Busy)
    }

    /// Whether the current group is committed, although the result of COMMIT was lost.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] if no server answers in time.
    fn is_committed(&mut self, deadline: Instant, reason: &str) -> Result<bool, StoreError> {
        let read = sql!(postgres: "SELECT 1 FROM writer WHERE id = ? AND group_number = ?");
        let marker = self.marker(read, []);
        loop {
            let unknown = |_| StoreError::Unknown(reason.to_owned());
            let connection = self.connection(deadline).map_err(unknown)?;
            match read_locked(connection, &marker) {
                Ok(is_committed) => return Ok(is_committed),
                Err(failure) => {
                    self.connection = None;
                    warn(&failure.to_string());
                }
            }
            if Instant::now() > deadline {
                return Err(StoreError::Unknown(reason.to_owned()));
            }
        }
    }

    /// A statement about the row of the current group in the table `writer`.
    fn marker<const N: usize>(&self, text: StatementText, more: [Value; N]) -> Sql {
        let mut sql = Sql::new(text, [self.id.into(), self.groups.into()]);
        sql.values.extend(more);
        sql
    }

    /// The connection, opened again if it was lost.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if there is none until the deadline. There is at least one
    /// attempt.
    fn connection(&mut self, deadline: Instant) -> Result<&Connection, StoreError> {
        if self.connection.as_ref().is_some_and(|open| !open.is_open()) {
            self.connection = None;
        }
        while self.connection.is_none() {
            match Connection::open_for(&self.address, Purpose::Write) {
                Ok(connection) => self.connection = Some(connection),
                Err(error) => {
                    warn(&error.to_string());
                    if Instant::now() > deadline {
                        return Err(StoreError::Busy);
                    }
                    std::thread::sleep(RECONNECT_INTERVAL);
                }
            }
        }
        self.connection.as_ref().ok_or(StoreError::Busy)
    }
}

/// Whether a statement returns a row, after all transactions of writers have ended.
fn read_locked(connection: &Connection, sql: &Sql) -> Result<bool, Failure> {
    let statement = connection.prepare(sql)?;
    connection.try_execute(group::BEGIN_WRITE)?;
    let requests = [
        Request::Statement(sql, &statement),
        Request::Text("ROLLBACK"),
    ];
    let mut results = connection.run_all(&requests)?.into_iter();
    let (rows, _) = results.next().unwrap_or_else(|| Ok((Vec::new(), 0)))?;
    results.try_for_each(|result| result.map(drop))?;
    Ok(!rows.is_empty())
}
