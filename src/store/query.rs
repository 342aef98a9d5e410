//! Reading: a statement and what is made of its rows.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use rusqlite::Connection;

use super::batch::guard_reason;
use super::error::StoreError;
use super::postgres::{Cursor, PostgresSnapshot};
use super::rejection::Rejection;
use super::snapshot::{Dialect, Snapshot, Transaction};
use super::sql::{Row, Sql, Value};
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

    /// As [`Self::for_each`], for results of any size. Few rows are in memory.
    pub(super) fn for_each_in_parts<E: From<StoreError>>(
        &self,
        sql: &Sql,
        mut each: impl FnMut(Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Transaction::Postgres(postgres) = self.transaction() else {
            return self.for_each(sql, each);
        };
        let mut cursor = Cursor::open(postgres, sql)?;
        while let Some(row) = cursor.next()? {
            each((&row).into())?;
        }
        Ok(())
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

/// The rows that PostgreSQL returns at once.
const MAX_ROWS: usize = 64;

/// How many of `limit` rows a statement should return. SQLite returns one after another;
/// PostgreSQL returns all that a statement selects, so large results are read in parts.
pub(super) fn rows_at_once(snapshot: &Snapshot, limit: u32) -> u32 {
    match snapshot.dialect() {
        Dialect::Sqlite => limit,
        Dialect::Postgres => limit.min(MAX_ROWS as u32),
    }
}

/// The text of a statement that [`RowQueue::read`] runs: a SELECT up to its last condition,
/// and the column with the number of a row. The column is also the last one that the
/// SELECT returns. SQLite reads one row after another, PostgreSQL several at once.
macro_rules! select_rows {
    ($select:expr, $seq:literal) => {
        sql!(
            sqlite: concat!($select, " ", $seq, " = ?1"),
            postgres: concat!($select, " ", $seq, " = ANY(?1)"),
        )
    };
}
pub(super) use select_rows;

/// The text of a statement that [`OwnedRows`] reads: a SELECT without a condition, the
/// column with the number of the owner, and the column that orders the rows of an owner. The
/// number of the owner is also the last column that the SELECT returns. SQLite reads the
/// rows of one owner, PostgreSQL those of all owners from one on.
macro_rules! select_owned {
    ($select:expr, $owner:literal, $order:literal) => {
        sql!(
            sqlite: concat!($select, " WHERE ", $owner, " = ?1 ORDER BY ", $order),
            postgres: concat!(
                $select, " WHERE ", $owner, " >= ?1 ORDER BY ", $owner, ", ", $order
            ),
        )
    };
}
pub(super) use select_owned;

/// Reads the rows that belong to others, such as the messages of conversations, for one
/// owner after another. On PostgreSQL, one cursor reads the rows of all owners.
pub(super) struct OwnedRows<'s> {
    snapshot: &'s Snapshot<'s>,
    select: StatementText,
    cursor: Option<Cursor<'s>>,
}

impl<'s> OwnedRows<'s> {
    /// `select` is a text of [`select_owned`].
    pub fn new(snapshot: &'s Snapshot<'s>, select: StatementText) -> Self {
        Self {
            snapshot,
            select,
            cursor: None,
        }
    }

    /// Calls `each` with every row of an owner. The owners are read in ascending order.
    pub fn for_each<E: From<StoreError>>(
        &mut self,
        owner: i64,
        mut each: impl FnMut(Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = Sql::new(self.select, [owner.into()]);
        let Transaction::Postgres(postgres) = self.snapshot.transaction() else {
            return self.snapshot.for_each(&sql, each);
        };
        let cursor = match &mut self.cursor {
            Some(cursor) => cursor,
            None => self.cursor.insert(Cursor::open(postgres, &sql)?),
        };
        while let Some(row) = cursor.peek()? {
            let row_owner: i64 = Row::from(row).get(row.len() - 1)?;
            if row_owner > owner {
                break;
            }
            if row_owner == owner {
                each(row.into())?;
            }
            cursor.next()?;
        }
        Ok(())
    }
}

/// The numbers of the rows of a page, in order. The rows can be read in several
/// snapshots, each as it is when it is read. Rows that are deleted meanwhile are missing.
#[derive(Debug, Clone)]
pub struct RowQueue {
    seqs: VecDeque<i64>,
    /// How many rows PostgreSQL returns at once.
    max_rows: usize,
}

impl Default for RowQueue {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl RowQueue {
    pub(super) fn new(seqs: Vec<i64>) -> Self {
        Self {
            seqs: seqs.into(),
            max_rows: MAX_ROWS,
        }
    }

    /// The numbers of the rows that were not read.
    pub(super) fn into_seqs(self) -> impl Iterator<Item = i64> {
        self.seqs.into_iter()
    }

    /// Calls `each` with the next rows until it breaks. `select` is a text of
    /// [`select_rows`]. Returns whether no row remains.
    pub(super) fn read<E: From<StoreError>>(
        &mut self,
        snapshot: &Snapshot,
        select: StatementText,
        each: impl FnMut(Row<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        match snapshot.transaction() {
            Transaction::Sqlite(sqlite) => self.read_each(sqlite.connection, select, each),
            Transaction::Postgres(postgres) => self.read_several(postgres, select, each),
        }
    }

    /// Reads one row after another with one prepared statement.
    fn read_each<E: From<StoreError>>(
        &mut self,
        connection: &Connection,
        select: StatementText,
        mut each: impl FnMut(Row<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        let mut statement = connection
            .prepare_cached(select.sqlite())
            .map_err(StoreError::from)?;
        while let Some(seq) = self.seqs.pop_front() {
            let mut rows = statement.query([seq]).map_err(StoreError::from)?;
            if let Some(row) = rows.next().map_err(StoreError::from)?
                && each(Row::new(row))?.is_break()
            {
                return Ok(self.seqs.is_empty());
            }
        }
        Ok(true)
    }

    /// Reads several rows with each statement. After a caller that took fewer, the next
    /// statement returns as many as it took.
    fn read_several<E: From<StoreError>>(
        &mut self,
        transaction: &PostgresSnapshot<'_>,
        select: StatementText,
        mut each: impl FnMut(Row<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        while !self.seqs.is_empty() {
            let seqs: Vec<i64> = self.seqs.iter().take(self.max_rows).copied().collect();
            let rows = transaction.query(&Sql::new(select, [Value::Integers(seqs.clone())]))?;
            let rows = by_seq(&rows)?;
            for (index, seq) in seqs.into_iter().enumerate() {
                self.seqs.pop_front();
                if let Some(row) = rows.get(&seq)
                    && each(*row)?.is_break()
                {
                    self.max_rows = index + 1;
                    return Ok(self.seqs.is_empty());
                }
            }
        }
        Ok(true)
    }
}

/// The rows by their last column.
fn by_seq(rows: &[tokio_postgres::Row]) -> Result<HashMap<i64, Row<'_>>, StoreError> {
    let with_seq = rows.iter().map(|row| {
        let seq = Row::from(row).get(row.len() - 1)?;
        Ok((seq, Row::from(row)))
    });
    with_seq.collect()
}
