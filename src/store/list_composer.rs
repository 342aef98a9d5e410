//! The list composer: turns a list query into one SQL statement.
//!
//! # Problem
//!
//! A list has eight sort orders, nine filters, two scopes, and pages
//! that begin at an offset, after a cursor or at a place that the offset index
//! found. Each combination needs a statement that reads one page from an index,
//! without a sort and without reading table rows that are not on the page.
//!
//! # The statement
//!
//! It selects the row numbers (`seq`), sort values and ids of the page's rows
//! from covering indexes. The caller reads the ten or so rows by number
//! afterwards, so that skipped rows cost one index entry each.
//!
//! An order is a merge (`UNION ALL … ORDER BY`) of a few [`IndexRange`]s, which
//! SQLite performs without sorting, because each range is read in the order of
//! the result. A page in the second half of a list is read backwards from the
//! end ([`ComposedPage::is_reversed`]). Two kinds of lists are sorted: those of a
//! visitor in another order than the default, and short lists of conversations that
//! no agent handles ([`index_range`]).
//!
//! PostgreSQL gets another form of the same ranges ([`postgres_form`]).
//!
//! # Invariants
//!
//! - All SQL text consists of `&'static str` fragments, all values of a request are
//!   bound.
//! - Composing does no I/O.
//! - Rows without a sort value come last in both directions, and the id breaks
//!   ties (docs/api-contract.md, section 6.1).
//!
//! # Adding a sort order
//!
//! 1. `domain/list_query.rs`: the variant of `Sort` and its name.
//! 2. `schema.sql`, a migration and its entry in `open.rs`: an index (project,
//!    status, column, id, is_human_handled), and the same for the conversations that
//!    an agent handles.
//!    `migrations/postgres/`: the same indexes with INCLUDE (seq).
//! 3. [`index_range`]: the column, the indexes, and whether it can be NULL.
//! 4. `change_capture.rs`: the captured column and `sort_value`.
//!
//! A column that can be NULL has a second range in `offset_index/sort_range.rs`.
//! The compiler reports steps 3 and 4, and the matches on `Sort` in the tests.
//! The tests of this module, of the offset index and of the query cost run for
//! every name in `Sort::NAMES`. They fail without the index, if a statement
//! sorts, and if a change of the column is not captured (let `random_change` in
//! `test_pages.rs` update the column). The tests for PostgreSQL need a server.

mod index_range;
mod postgres_form;
mod seek;
mod sql_builder;

use super::error::StoreError;
use super::snapshot::Dialect;
use super::sql::{ColumnValue, Row, Sql};
use super::totals::RowCounts;
use crate::domain::{Direction, ListQuery, ProjectSeq, Scope, Sort, SortKey, SortValue};
use index_range::{IndexRange, ListOrder};
pub(super) use seek::Seek;
use sql_builder::{ScanDirection, SqlBuilder};

/// The statement that selects a page. Its columns are those that [`sort_key`]
/// reads; the first one is `seq`.
pub(super) struct ComposedPage {
    pub statement: Sql,
    /// Whether the statement returns the last row first.
    pub is_reversed: bool,
}

/// Composes the page of `query` in a list with these rows. The page
/// begins at `seek`, or without one at the query's offset. `None` if no row can
/// be on the page.
///
/// A page after a cursor selects one row more than the limit. The row tells the
/// caller whether another page follows; the position of a cursor in the list is
/// not known.
pub(super) fn compose(
    dialect: Dialect,
    scope: Scope,
    query: &ListQuery,
    counts: RowCounts,
    seek: Option<&Seek>,
) -> Option<ComposedPage> {
    let window = LimitOffset::of(query, counts.matching, seek)?;
    let select = Select::new(scope, query, counts, seek, window, Rows::All);
    select.page(dialect)
}

/// As [`compose`], for a page of the conversations of a project that do not wait for a person.
/// Those that wait are skipped in the indexes: they are few.
pub(super) fn compose_not_waiting(
    dialect: Dialect,
    project: ProjectSeq,
    query: &ListQuery,
    counts: RowCounts,
    seek: Option<&Seek>,
) -> Option<ComposedPage> {
    let window = LimitOffset::of(query, counts.matching, seek)?;
    let (scope, rows) = (Scope::Project(project), Rows::NotWaiting(project));
    let select = Select::new(scope, query, counts, seek, window, rows);
    select.page(dialect)
}

/// The rows of a list that a statement selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    /// Those that do not wait for a person.
    NotWaiting(ProjectSeq),
}

/// Composes a statement that selects at most `limit` rows from `seek` on, in the
/// order of `query`. Its columns are those that [`sort_key`] reads. The statement does
/// not sort. It is for SQLite.
pub(super) fn compose_from(
    scope: Scope,
    query: &ListQuery,
    seek: &Seek,
    limit: u64,
) -> Option<Sql> {
    let window = LimitOffset {
        limit: limit as i64,
        offset: seek.skip as i64,
        is_reversed: false,
    };
    let counts = RowCounts {
        matching: u64::MAX,
        skipped: 0,
    };
    let select = Select::new(scope, query, counts, Some(seek), window, Rows::All);
    select.statement(Dialect::Sqlite)
}

/// The rows that a statement selects.
struct Select<'q> {
    order: ListOrder,
    /// The direction of the query.
    direction: Direction,
    scan: ScanDirection,
    seek: Option<&'q Seek>,
    window: LimitOffset,
    rows: Rows,
}

impl<'q> Select<'q> {
    fn new(
        scope: Scope,
        query: &ListQuery,
        counts: RowCounts,
        seek: Option<&'q Seek>,
        window: LimitOffset,
        rows: Rows,
    ) -> Self {
        Self {
            order: ListOrder::of(scope, query, counts),
            direction: query.direction,
            scan: ScanDirection::of(query, window.is_reversed),
            seek,
            window,
            rows,
        }
    }

    fn page(&self, dialect: Dialect) -> Option<ComposedPage> {
        Some(ComposedPage {
            statement: self.statement(dialect)?,
            is_reversed: self.window.is_reversed,
        })
    }

    /// `None` if no range has rows behind the place of `seek`.
    fn statement(&self, dialect: Dialect) -> Option<Sql> {
        match dialect {
            Dialect::Sqlite => self.sqlite_statement(),
            Dialect::Postgres => self.postgres_statement(),
        }
    }

    fn sqlite_statement(&self) -> Option<Sql> {
        let mut sql = SqlBuilder::default();
        for range in self.order.ranges(self.key(), self.direction) {
            sql.select_range(self.order, range);
            self.restrict(&mut sql, range, Dialect::Sqlite);
        }
        if sql.is_empty() {
            return None;
        }
        sql.order_by(self.order, self.scan);
        sql.limit_offset(self.window.limit, self.window.offset);
        Some(sql.finish())
    }

    fn key(&self) -> Option<&'q SortKey> {
        self.seek.map(|seek| &seek.key)
    }

    /// Restricts the SELECT of a range to the rows of the list behind the place of `seek`.
    fn restrict(&self, sql: &mut SqlBuilder, range: IndexRange, dialect: Dialect) {
        if let Rows::NotWaiting(project) = self.rows {
            sql.exclude_waiting(dialect, project);
        }
        if let Some(seek) = self.seek {
            sql.seek_predicate(self.order, range, self.scan, seek);
        }
    }
}

/// The LIMIT and OFFSET of a page, and the end of the order from which the
/// offset counts.
struct LimitOffset {
    limit: i64,
    offset: i64,
    is_reversed: bool,
}

impl LimitOffset {
    /// The page of a list with `total` rows. `None` if it has no row.
    fn of(query: &ListQuery, total: u64, seek: Option<&Seek>) -> Option<Self> {
        match seek {
            None => Self::from_nearer_end(query, total),
            Some(seek) => Self::from_seek(seek, query, total),
        }
    }

    /// Counts from the end of the list that is nearer to the page: that halves
    /// the largest offset. `None` if the page is past the end.
    fn from_nearer_end(query: &ListQuery, total: u64) -> Option<Self> {
        let rows_before = query.offset.get();
        let limit = query.limit.get().min(total.checked_sub(rows_before)?);
        if limit == 0 {
            return None;
        }
        let rows_after = total - rows_before - limit;
        Some(Self {
            limit: limit as i64,
            offset: rows_before.min(rows_after) as i64,
            is_reversed: rows_after < rows_before,
        })
    }

    /// Counts from the place of `seek`. `None` if the list has too few rows.
    fn from_seek(seek: &Seek, query: &ListQuery, total: u64) -> Option<Self> {
        if seek.skip >= total {
            return None;
        }
        let is_after_cursor = query.after.is_some();
        Some(Self {
            limit: (query.limit.get() + u64::from(is_after_cursor)) as i64,
            offset: seek.skip as i64,
            is_reversed: false,
        })
    }
}

/// Reads the sort key of a row that a composed statement returned.
///
/// # Errors
/// [`StoreError::Internal`] if a column has an unexpected type.
pub(super) fn sort_key(row: Row<'_>, sort: Sort) -> Result<SortKey, StoreError> {
    let value = match (row.value(1)?, sort) {
        (_, Sort::Id) | (ColumnValue::Null, _) => SortValue::Null,
        // The range of open conversations selects the status in place of NULL.
        (ColumnValue::Text(_), Sort::ClosedAt) => SortValue::Null,
        (ColumnValue::Integer(number), _) => SortValue::Number(number),
        (text, _) => SortValue::Text(text.text()?.into()),
    };
    let id = row.get(2)?;
    Ok(SortKey { value, id })
}

#[cfg(test)]
mod tests;
