//! The list composer: a page query in, one SQL statement out. Pure.
//!
//! The statement gives the row numbers of a page in order, and reads them from
//! an index alone, so that a deep page costs no table row before its own ten.
//! Every fragment is a constant; every value is bound.
//!
//! A page is merged (`UNION ALL … ORDER BY`) from the ranges that [`range`] names,
//! which SQLite does without sorting. One that is counted from an end of the
//! order is walked from the nearer end and turned round by whoever reads it
//! ([`ComposedPage::reversed`]); one that begins at a place ([`Seek`]) is walked
//! from there, and each range is entered where the place lies in it.

mod index_range;

use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};

use super::statement::{Statement, uuid, value};
use crate::domain::{ConversationId, Direction, ListQuery, Scope, Sort, SortKey, SortValue};
use index_range::{IndexRange, ListOrder, SeekBound};

/// Where a page begins when it is not counted from an end of the order: with
/// the first row that stands after `place` in the query's direction (or at it,
/// where `inclusive`), and `skip` rows further.
///
/// The place's field is of the sort's own kind. Orders that go by the id alone
/// pass it over: by `id`, and by `status` within one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seek {
    pub place: SortKey,
    pub inclusive: bool,
    pub skip: u64,
}

/// The row numbers of a page, and whether they come last one first.
pub(super) struct ComposedPage {
    pub statement: Statement,
    pub reversed: bool,
}

/// Composes the page that `query` asks for, out of `total` matching rows: from
/// its `offset`, or from `seek`, which then counts alone. None where no row can
/// be on it.
///
/// A page after a cursor is one row longer than asked for: where it lies among
/// all is not known, and that row tells whether another page comes.
pub(super) fn compose(
    scope: Scope,
    query: &ListQuery,
    total: u64,
    seek: Option<&Seek>,
) -> Option<ComposedPage> {
    let window = match seek {
        None => LimitOffset::of(query, total)?,
        Some(seek) => LimitOffset::from(seek, query, total)?,
    };
    let statement = walk(scope, query, seek, &window)?;
    Some(ComposedPage {
        statement,
        reversed: window.reversed,
    })
}

/// Composes the `limit` rows from `seek` on, in the order of `query`; their
/// field is the second column and their id the third.
pub(super) fn compose_from(
    scope: Scope,
    query: &ListQuery,
    seek: &Seek,
    limit: u64,
) -> Option<Statement> {
    let window = LimitOffset {
        limit: limit as i64,
        offset: seek.skip as i64,
        reversed: false,
    };
    walk(scope, query, Some(seek), &window)
}

fn walk(
    scope: Scope,
    query: &ListQuery,
    seek: Option<&Seek>,
    window: &LimitOffset,
) -> Option<Statement> {
    let order = ListOrder::of(scope, query);
    let walk = ScanDirection::of(query, window.reversed);
    let mut select = SqlBuilder::default();
    for range in order.ranges(seek.map(|seek| &seek.place)) {
        let union = if select.sql.is_empty() {
            ""
        } else {
            " UNION ALL "
        };
        select.push(union);
        select.range(order, range);
        if let Some(seek) = seek {
            select.seek_predicate(order, range, walk, seek);
        }
    }
    if select.sql.is_empty() {
        return None;
    }
    select.order_by(order, walk);
    select.bound(" LIMIT ?", value(window.limit));
    select.bound(" OFFSET ?", value(window.offset));
    Some(select.finish())
}

/// Where the page lies, counted from the nearer end or from a place.
struct LimitOffset {
    limit: i64,
    offset: i64,
    reversed: bool,
}

impl LimitOffset {
    fn of(query: &ListQuery, total: u64) -> Option<Self> {
        let start = query.offset.get();
        let limit = query.limit.get().min(total.checked_sub(start)?);
        if limit == 0 {
            return None;
        }
        let after = total - start - limit;
        let reversed = after < start;
        Some(Self {
            limit: limit as i64,
            offset: start.min(after) as i64,
            reversed,
        })
    }

    fn from(seek: &Seek, query: &ListQuery, total: u64) -> Option<Self> {
        let one_more = u64::from(query.after.is_some());
        (seek.skip < total).then(|| Self {
            limit: (query.limit.get() + one_more) as i64,
            offset: seek.skip as i64,
            reversed: false,
        })
    }
}

/// Which way the order is walked.
#[derive(Clone, Copy)]
struct ScanDirection {
    ascending: bool,
    reversed: bool,
}

impl ScanDirection {
    fn of(query: &ListQuery, reversed: bool) -> Self {
        let ascending = (query.direction == Direction::Ascending) != reversed;
        Self {
            ascending,
            reversed,
        }
    }

    /// How a row that comes after a place compares with it.
    fn comes_after(self, inclusive: bool) -> &'static str {
        match (self.ascending, inclusive) {
            (true, false) => " > ",
            (true, true) => " >= ",
            (false, false) => " < ",
            (false, true) => " <= ",
        }
    }

    fn terms(self) -> &'static str {
        match self.ascending {
            true => " ORDER BY k ASC, id ASC",
            false => " ORDER BY k DESC, id DESC",
        }
    }

    fn terms_nulls_last(self) -> &'static str {
        match (self.ascending, self.reversed) {
            (true, false) => " ORDER BY k ASC NULLS LAST, id ASC",
            (false, false) => " ORDER BY k DESC NULLS LAST, id DESC",
            (true, true) => " ORDER BY k ASC NULLS FIRST, id ASC",
            (false, true) => " ORDER BY k DESC NULLS FIRST, id DESC",
        }
    }

    /// The closed ones have a `closedAt`, the open ones have none.
    fn terms_closed_first(self) -> &'static str {
        match (self.ascending, self.reversed) {
            (true, false) => " ORDER BY status ASC, k ASC, id ASC",
            (false, false) => " ORDER BY status ASC, k DESC, id DESC",
            (true, true) => " ORDER BY status DESC, k ASC, id ASC",
            (false, true) => " ORDER BY status DESC, k DESC, id DESC",
        }
    }
}

/// A statement while it is put together: a fragment and its value in one call.
#[derive(Default)]
struct SqlBuilder {
    sql: String,
    values: Vec<Value>,
}

impl SqlBuilder {
    fn push(&mut self, fragment: &'static str) {
        self.sql.push_str(fragment);
    }

    fn bound(&mut self, fragment: &'static str, value: Value) {
        self.push(fragment);
        self.values.push(value);
    }

    /// The rows of an range: their number, the field as `k` and the id, which
    /// are what the order compares.
    fn range(&mut self, order: ListOrder, range: IndexRange) {
        self.push("SELECT seq, ");
        self.push(order.column(range));
        self.push(" AS k, id");
        if order.is_closed_apart() {
            self.push(", status");
        }
        self.push(" FROM conversation INDEXED BY ");
        self.push(order.index(range));
        match order.scope {
            Scope::Project(project) => self.bound(" WHERE project_seq = ?", value(project.0)),
            Scope::Visitor(visitor) => self.bound(" WHERE visitor_seq = ?", value(visitor.0)),
        }
        match range.status {
            None => {}
            // A bound status would not show that the index of closed ones serves.
            Some(_) if order.has_only_closed(range) => self.push(" AND status = 'closed'"),
            Some(status) => self.bound(" AND status = ?", value(status.as_str().to_owned())),
        }
        if order.must_be_null(range) {
            self.push(" AND ");
            self.push(order.column(range));
            self.push(" IS NULL");
        }
    }

    /// Of those rows, the ones past the place.
    fn seek_predicate(
        &mut self,
        order: ListOrder,
        range: IndexRange,
        walk: ScanDirection,
        seek: &Seek,
    ) {
        let after = walk.comes_after(seek.inclusive);
        let id = uuid(seek.place.id.0);
        match order.bound(range, &seek.place) {
            SeekBound::Nothing => {}
            SeekBound::Id => {
                self.push(" AND id");
                self.push(after);
                self.bound("?", id);
            }
            SeekBound::FieldAndId => {
                self.push(" AND (");
                self.push(order.column(range));
                self.push(", id)");
                self.push(after);
                self.bound("(?, ", field(&seek.place.value));
                self.bound("?)", id);
            }
        }
    }

    fn order_by(&mut self, order: ListOrder, walk: ScanDirection) {
        self.push(match order.sort {
            Sort::ClosedAt if order.is_closed_apart() => walk.terms_closed_first(),
            Sort::ClosedAt | Sort::Title => walk.terms_nulls_last(),
            _ => walk.terms(),
        });
    }

    fn finish(self) -> Statement {
        Statement {
            sql: self.sql.into(),
            values: self.values,
        }
    }
}

fn field(field: &SortValue) -> Value {
    match field {
        SortValue::Number(number) => value(*number),
        SortValue::Text(text) => value(text.to_string()),
        SortValue::Null => Value::Null,
    }
}

/// Where a row of a composed page stands in the order by `sort`.
pub(super) fn place(row: &Row<'_>, sort: Sort) -> rusqlite::Result<SortKey> {
    let field = match (row.get_ref(1)?, sort) {
        (_, Sort::Id) => SortValue::Null,
        // What an open conversation has there is its status.
        (ValueRef::Text(_), Sort::ClosedAt) => SortValue::Null,
        (ValueRef::Integer(number), _) => SortValue::Number(number),
        (ValueRef::Null, _) => SortValue::Null,
        (text, _) => SortValue::Text(text.as_str()?.into()),
    };
    let id = ConversationId(row.get(2)?);
    Ok(SortKey { value: field, id })
}

#[cfg(test)]
mod tests;
