//! Reading: a statement and what is made of its rows.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::batch::guard_reason;
use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::{Snapshot, Transaction};
use super::sql::{Row, Sql};
use super::statement_text::StatementText;

impl Snapshot<'_> {
    /// Calls `each` with every row, in order, until it breaks or fails.
    pub(super) fn try_for_each<E: From<StoreError>>(
        &self,
        sql: &Sql,
        mut each: impl FnMut(Row<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<ControlFlow<()>, E> {
        match self.transaction() {
            Transaction::Sqlite(sqlite) => {
                let mut statement = sql.prepare(sqlite.connection).map_err(StoreError::from)?;
                let mut rows = statement.raw_query();
                while let Some(row) = rows.next().map_err(StoreError::from)? {
                    if each(Row::new(row))?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            Transaction::Postgres(postgres) => {
                for row in &postgres.query(sql)? {
                    if each(row.into())?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Calls `each` with every row, in order, until it fails.
    pub(super) fn for_each<E: From<StoreError>>(
        &self,
        sql: &Sql,
        mut each: impl FnMut(Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let every_row = |row: Row<'_>| each(row).map(ControlFlow::Continue);
        self.try_for_each(sql, every_row).map(drop)
    }

    /// What `read` makes of every row, in order.
    pub(super) fn all<T>(
        &self,
        sql: &Sql,
        mut read: impl FnMut(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        self.for_each(sql, |row| {
            all.push(read(row)?);
            Ok::<_, StoreError>(())
        })?;
        Ok(all)
    }

    /// What `read` makes of the first row, if there is a row.
    pub(super) fn optional<T>(
        &self,
        sql: &Sql,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.transaction() {
            Transaction::Sqlite(sqlite) => {
                let mut statement = sql.prepare(sqlite.connection)?;
                let mut rows = statement.raw_query();
                rows.next()?.map(|row| read(Row::new(row))).transpose()
            }
            Transaction::Postgres(postgres) => {
                let rows = postgres.query(sql)?;
                rows.first().map(|row| read(row.into())).transpose()
            }
        }
    }

    /// What `read` makes of the first row.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if there is no row.
    pub(super) fn one<T>(
        &self,
        sql: &Sql,
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.optional(sql, read)?
            .ok_or_else(|| StoreError::Internal(format!("no row: {}", sql.text)))
    }

    /// Runs the guard of a write before the write. See `Batch::guard`.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] with the reason of the guard, or with `missing` if the
    /// guard returns no row.
    pub(super) fn check_guard(&self, guard: &Sql, missing: Rejection) -> Result<(), StoreError> {
        let reason = self.optional(guard, guard_reason)?.unwrap_or(Some(missing));
        reason.map_or(Ok(()), |reason| Err(StoreError::Rejected(reason)))
    }
}

/// The numbers of the rows of a page, in order. The rows can be read in several
/// snapshots, each as it is when it is read. Rows that are deleted meanwhile are missing.
#[derive(Debug, Clone, Default)]
pub struct RowQueue(VecDeque<i64>);

impl RowQueue {
    pub(super) fn new(seqs: Vec<i64>) -> Self {
        Self(seqs.into())
    }

    /// The numbers of the rows that were not read.
    pub(super) fn into_seqs(self) -> impl Iterator<Item = i64> {
        self.0.into_iter()
    }

    /// Calls `each` with the next rows until it breaks. `select` returns the row with the
    /// number `?1`. Returns whether no row remains.
    pub(super) fn read<E: From<StoreError>>(
        &mut self,
        snapshot: &Snapshot,
        select: StatementText,
        mut each: impl FnMut(Row<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        while let Some(seq) = self.0.pop_front() {
            let sql = Sql::new(select, [seq.into()]);
            if snapshot.try_for_each(&sql, &mut each)?.is_break() {
                return Ok(self.0.is_empty());
            }
        }
        Ok(true)
    }
}
