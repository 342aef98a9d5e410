//! A group of batches as one transaction.
//!
//! All statements of the group are sent without waiting for their results. Then the
//! expectations of the batches are checked. Only the first batch that is not met has failed
//! for certain, because the later ones ran after its statements. The transaction is rolled
//! back, and the other batches run again:
//!
//! ```text
//! BEGIN, lock            1 2 3 4 5   3 fails
//! ROLLBACK, BEGIN, lock  1 2  SAVEPOINT  4 5   5 fails
//! ROLLBACK TO SAVEPOINT  4  SAVEPOINT
//! COMMIT
//! ```
//!
//! So each failure costs one round trip, and a batch runs three times at most. A
//! group without failures has no savepoint.

use tokio_postgres::Statement;

use super::connection::{Connection, PipelineResult, Request, RequestResult};
use super::error::Failure;
use crate::store::batch::{Batch, BatchOutput};
use crate::store::error::StoreError;
use crate::store::sql::Sql;
use crate::store::writer::BatchResult;

/// [`BEGIN_WRITE`] after some text.
macro_rules! begin_write {
    ($before:literal) => {
        concat!(
            $before,
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
             SELECT pg_advisory_xact_lock(5787213827046133841)"
        )
    };
}

/// Begins a transaction that writes. It holds the writer lock of the database, so those of
/// all nodes run one after another. A statement after the lock sees what the last holder has
/// committed, because each statement has a snapshot of its own. The number is arbitrary.
pub(in crate::store) const BEGIN_WRITE: &str = begin_write!("");
const BEGIN_AGAIN: &str = begin_write!("ROLLBACK; ");
const SAVEPOINT: &str = "SAVEPOINT parlor";
const NEXT_SAVEPOINT: &str = "RELEASE SAVEPOINT parlor; SAVEPOINT parlor";
const ROLLBACK_TO_SAVEPOINT: &str = "ROLLBACK TO SAVEPOINT parlor";
/// Tells all nodes that there are new events.
const NOTIFY: &str = "SELECT pg_notify('parlor_event', '')";

/// Why a group is not committed.
#[derive(Debug)]
pub(super) enum GroupError {
    /// Nothing is stored, and the connection has no transaction.
    RolledBack(StoreError),
    /// Nothing is stored. The connection cannot be used any more.
    Lost(String),
    /// COMMIT was sent, but its result is not known. The connection cannot be used any
    /// more. If the group is committed, these are the results of its batches.
    CommitLost(Vec<BatchResult>, String),
}

impl From<Failure> for GroupError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(reason) => Self::Lost(reason),
            // The transaction is open or aborted. Who drops the connection ends it.
            Failure::Statement(error) => Self::Lost(error.to_string()),
        }
    }
}

/// Commits the batches whose expectations are met. `marker` is a statement that is
/// committed with them.
pub(super) fn commit(
    connection: &Connection,
    batches: &[Batch],
    marker: &Sql,
) -> Result<Vec<BatchResult>, GroupError> {
    let mut group = Group::prepare(connection, batches, marker)?;
    if group.rest.is_empty() {
        return Ok(group.into_results());
    }
    match group.run() {
        Ok(()) => {}
        // The server has refused the transaction as a whole.
        Err(Failure::Statement(error)) => {
            connection.try_execute("ROLLBACK")?;
            return Err(GroupError::RolledBack(error));
        }
        Err(failure) => return Err(failure.into()),
    }
    if group.is_empty() {
        connection.try_execute("ROLLBACK")?;
        return Ok(group.into_results());
    }
    let commit = connection.try_execute("COMMIT");
    let results = group.into_results();
    match commit {
        Ok(()) => Ok(results),
        // A transaction that the server refuses to commit is rolled back.
        Err(Failure::Statement(error)) => Err(GroupError::RolledBack(error)),
        Err(Failure::Lost(reason)) => Err(GroupError::CommitLost(results, reason)),
    }
}

/// A statement with the text and values that it was prepared for.
type Prepared<'g> = (&'g Sql, Statement);

struct Group<'g> {
    connection: &'g Connection,
    batches: &'g [Batch],
    /// The statements of each batch.
    statements: Vec<Vec<Prepared<'g>>>,
    marker: Prepared<'g>,
    /// The result of each batch that ran.
    results: Vec<Option<BatchResult>>,
    /// The batches that run before the savepoint. They ran without a failure before.
    first: Vec<usize>,
    /// The batches that run after the savepoint.
    rest: Vec<usize>,
    state: TransactionState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TransactionState {
    None,
    /// No savepoint is set.
    Failed,
    Savepoint,
}

/// The batch that failed.
enum FailedBatch {
    /// One of `Group::first`.
    First,
    /// The one at this position of `Group::rest`.
    Rest(usize),
}

impl<'g> Group<'g> {
    /// Prepares the statements before the transaction, which holds the writer lock. A batch
    /// with a statement that cannot be prepared has failed.
    fn prepare(
        connection: &'g Connection,
        batches: &'g [Batch],
        marker: &'g Sql,
    ) -> Result<Self, Failure> {
        let mut group = Self {
            connection,
            batches,
            statements: Vec::with_capacity(batches.len()),
            marker: (marker, connection.prepare(marker)?),
            results: vec![None; batches.len()],
            first: Vec::new(),
            rest: Vec::with_capacity(batches.len()),
            state: TransactionState::None,
        };
        for (index, batch) in batches.iter().enumerate() {
            let prepare = |sql: &'g Sql| Ok((sql, connection.prepare(sql)?));
            let statements = batch.statements().map(prepare);
            match statements.collect::<Result<Vec<_>, Failure>>() {
                Ok(statements) => {
                    group.statements.push(statements);
                    group.rest.push(index);
                }
                Err(Failure::Statement(error)) => {
                    group.statements.push(Vec::new());
                    group.results[index] = Some(Err(error));
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(group)
    }

    /// Runs the batches until no batch fails. The transaction can be committed then.
    fn run(&mut self) -> Result<(), Failure> {
        while let Some(failed) = self.run_once()? {
            match failed {
                FailedBatch::Rest(position) => {
                    let mut rest = std::mem::take(&mut self.rest);
                    self.rest = rest.split_off(position + 1);
                    rest.pop();
                    self.first = rest;
                    if self.state == TransactionState::None {
                        self.state = TransactionState::Failed;
                    }
                }
                // Another node committed between the transactions, so the batch fails now.
                FailedBatch::First => {
                    let has_not_failed =
                        |result: &Option<BatchResult>| !matches!(result, Some(Err(_)));
                    let results = self.results.iter().enumerate();
                    self.rest = results
                        .filter_map(|(index, result)| has_not_failed(result).then_some(index))
                        .collect();
                    self.first.clear();
                    self.state = TransactionState::Failed;
                }
            }
        }
        Ok(())
    }

    /// Sends the statements, and stores the results of the batches until one has failed.
    fn run_once(&mut self) -> Result<Option<FailedBatch>, Failure> {
        let mut results = self.connection.run_all(&self.requests())?;
        // A lost connection is the reason of everything else.
        let is_lost = |result: &RequestResult| matches!(result, Err(Failure::Lost(_)));
        if let Some(lost) = results.iter().position(is_lost) {
            results.swap_remove(lost)?;
        }
        let mut results = results.into_iter();
        check(results.next())?;
        for position in 0..self.first.len() {
            if self.add_result(self.first[position], &mut results) {
                return Ok(Some(FailedBatch::First));
            }
        }
        if self.state != TransactionState::None {
            check(results.next())?;
            self.state = TransactionState::Savepoint;
        }
        for position in 0..self.rest.len() {
            if self.add_result(self.rest[position], &mut results) {
                return Ok(Some(FailedBatch::Rest(position)));
            }
        }
        check(results.next())?;
        check(results.next())?;
        Ok(None)
    }

    fn requests(&self) -> Vec<Request<'_>> {
        let (begin, savepoint) = match self.state {
            TransactionState::None => (BEGIN_WRITE, None),
            TransactionState::Failed => (BEGIN_AGAIN, Some(SAVEPOINT)),
            TransactionState::Savepoint => (ROLLBACK_TO_SAVEPOINT, Some(NEXT_SAVEPOINT)),
        };
        let statements = |index: &usize| self.statements[*index].iter().map(request);
        let mut requests = vec![Request::Text(begin)];
        requests.extend(self.first.iter().flat_map(statements));
        requests.extend(savepoint.map(Request::Text));
        requests.extend(self.rest.iter().flat_map(statements));
        requests.push(request(&self.marker));
        requests.push(Request::Text(NOTIFY));
        requests
    }

    /// Stores the result of a batch. Returns whether the batch has failed.
    fn add_result(
        &mut self,
        index: usize,
        results: &mut impl Iterator<Item = RequestResult>,
    ) -> bool {
        let results = results.take(self.statements[index].len());
        let results = results.map(|result| result.map_err(StoreError::from));
        let results: Vec<PipelineResult> = results.collect();
        let result: Result<BatchOutput, StoreError> = self.batches[index].output(results);
        let has_failed = result.is_err();
        self.results[index] = Some(result);
        has_failed
    }

    /// Whether no batch is left to commit.
    fn is_empty(&self) -> bool {
        !self.results.iter().flatten().any(Result::is_ok)
    }

    fn into_results(self) -> Vec<BatchResult> {
        self.results.into_iter().flatten().collect()
    }
}

fn request<'r>((sql, statement): &'r Prepared<'_>) -> Request<'r> {
    Request::Statement(sql, statement)
}

/// The result of a statement that is not part of a batch.
fn check(result: Option<RequestResult>) -> Result<(), Failure> {
    result.map_or(Ok(()), |result| result.map(drop))
}
