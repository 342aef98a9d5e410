//! Write batches: statements that run in order in one transaction, all or none.
//!
//! A batch is data. Nothing is read between its statements, so batches of many
//! callers share one commit, and a store behind a network can send a batch in
//! one round trip. A rule that a write depends on is a statement of the batch
//! with an [`Expectation`]. If the expectation is not met, the batch is rolled
//! back and the caller receives the typed reason, a [`Rejection`].

use rusqlite::Connection;

use super::error::StoreError;
use super::postgres::PipelineResult;
use super::rejection::Rejection;
use super::sql::{Row, Sql, Value};

/// What must be true of a statement's result.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expectation {
    Any,
    /// The statement changes at least one row.
    Change(Rejection),
    /// The statement returns one row whose first column is null. Otherwise the
    /// column has one of [`Rejection::NAMES`]; no row means the [`Rejection`] here.
    Guard(Rejection),
}

/// Statements that run in one transaction, all or none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch(Vec<(Sql, Expectation)>);

impl Batch {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A batch of statements without expectations.
    pub(super) fn of<const N: usize>(statements: [Sql; N]) -> Self {
        Self(statements.map(|sql| (sql, Expectation::Any)).into())
    }

    /// Adds a statement.
    pub(super) fn run(mut self, sql: Sql) -> Self {
        self.0.push((sql, Expectation::Any));
        self
    }

    /// Adds a statement that must change at least one row; otherwise the batch
    /// is rejected for `reason`.
    pub(super) fn run_expecting_change(mut self, sql: Sql, reason: Rejection) -> Self {
        self.0.push((sql, Expectation::Change(reason)));
        self
    }

    /// Adds a SELECT that checks the state the batch needs. Its row has one
    /// column: null, or the name of the reason to reject the batch. `missing`
    /// is the reason if the SELECT returns no row.
    pub(super) fn guard(mut self, sql: Sql, missing: Rejection) -> Self {
        self.0.push((sql, Expectation::Guard(missing)));
        self
    }

    /// This batch followed by another one, as one batch.
    pub fn then(mut self, other: Batch) -> Self {
        self.0.extend(other.0);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The statements, in order.
    pub(super) fn statements(&self) -> impl Iterator<Item = &Sql> {
        self.0.iter().map(|(sql, _)| sql)
    }

    /// What the batch returns if its statements have these results.
    ///
    /// # Errors
    /// That of the first statement that failed, or [`StoreError::Rejected`] at the first
    /// expectation that is not met.
    pub(super) fn output(&self, results: Vec<PipelineResult>) -> Result<BatchOutput, StoreError> {
        let mut output = BatchOutput::default();
        for ((_, expectation), result) in self.0.iter().zip(results) {
            let (rows, count) = result?;
            match expectation {
                Expectation::Guard(missing) => {
                    let reason = match rows.first() {
                        Some(row) => guard_reason(row.into())?,
                        None => Some(*missing),
                    };
                    if let Some(reason) = reason {
                        return Err(StoreError::Rejected(reason));
                    }
                    continue;
                }
                Expectation::Change(reason) if count == 0 => {
                    return Err(StoreError::Rejected(*reason));
                }
                Expectation::Change(_) | Expectation::Any => {}
            }
            for row in &rows {
                output.add(row.into(), row.len())?;
            }
        }
        Ok(output)
    }

    /// Runs the statements on a connection that has a transaction open.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] at the first expectation that is not met. The
    /// caller rolls back.
    pub(super) fn run_on(&self, connection: &Connection) -> Result<BatchOutput, StoreError> {
        let mut written = BatchOutput::default();
        for (sql, expectation) in &self.0 {
            match expectation {
                Expectation::Guard(missing) => check_guard(connection, sql, *missing)?,
                Expectation::Any => {
                    run(connection, sql, &mut written)?;
                }
                Expectation::Change(reason) => {
                    if run(connection, sql, &mut written)? == 0 {
                        return Err(StoreError::Rejected(*reason));
                    }
                }
            }
        }
        Ok(written)
    }
}

/// What a committed batch returned.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BatchOutput {
    /// The rows that statements returned (SELECT or RETURNING), in order.
    pub(super) rows: Vec<Vec<Value>>,
}

impl BatchOutput {
    fn add(&mut self, row: Row<'_>, columns: usize) -> Result<(), StoreError> {
        let values = (0..columns).map(|column| row.get(column));
        self.rows.push(values.collect::<Result<_, _>>()?);
        Ok(())
    }
}

/// Runs a statement and returns how many rows it changed or returned.
fn run(connection: &Connection, sql: &Sql, written: &mut BatchOutput) -> Result<usize, StoreError> {
    let mut statement = sql.prepare(connection)?;
    let columns = statement.column_count();
    if columns == 0 {
        return Ok(statement.raw_execute()?);
    }
    let mut rows = statement.raw_query();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        written.add(Row::new(row), columns)?;
        count += 1;
    }
    Ok(count)
}

/// Runs a guard statement. See [`Batch::guard`].
fn check_guard(connection: &Connection, sql: &Sql, missing: Rejection) -> Result<(), StoreError> {
    let mut statement = sql.prepare(connection)?;
    let mut rows = statement.raw_query();
    let reason = match rows.next()? {
        Some(row) => guard_reason(Row::new(row))?,
        None => Some(missing),
    };
    reason.map_or(Ok(()), |reason| Err(StoreError::Rejected(reason)))
}

/// The reason to reject a batch that the row of a guard statement has.
pub(super) fn guard_reason(row: Row<'_>) -> Result<Option<Rejection>, StoreError> {
    row.optional_variant(0, &Rejection::NAMES)
}
