//! Builds the text and the values of a composed statement.

use super::super::snapshot::Dialect;
use super::super::sql::{Sql, SqlText, Value};
use super::index_range::{IndexRange, ListOrder, NullOrder, SeekColumns};
use super::seek::Seek;
use crate::domain::{Direction, ListQuery, ProjectSeq, Scope, SortValue};

/// The direction in which a statement reads an order.
#[derive(Clone, Copy)]
pub(super) struct ScanDirection {
    is_ascending: bool,
    /// Whether the rows come in the opposite order of the query's.
    pub is_reversed: bool,
}

impl ScanDirection {
    pub fn of(query: &ListQuery, is_reversed: bool) -> Self {
        let is_ascending = (query.direction == Direction::Ascending) != is_reversed;
        Self {
            is_ascending,
            is_reversed,
        }
    }

    /// The operator between a row and the key that the row must come after.
    fn comparison(self, inclusive: bool) -> &'static str {
        match (self.is_ascending, inclusive) {
            (true, false) => " > ",
            (true, true) => " >= ",
            (false, false) => " < ",
            (false, true) => " <= ",
        }
    }

    fn order_by(self, nulls: NullOrder) -> &'static str {
        match nulls {
            NullOrder::NoNulls => self.order_by_value(),
            NullOrder::Last => self.order_by_value_nulls_last(),
            NullOrder::ByStatus => self.order_by_status_and_value(),
        }
    }

    /// The order of rows that are equal in the sort column.
    pub fn order_by_id(self) -> &'static str {
        if self.is_ascending {
            " ORDER BY id ASC"
        } else {
            " ORDER BY id DESC"
        }
    }

    /// The order of rows that have a value, or that have none.
    pub fn order_by_value(self) -> &'static str {
        if self.is_ascending {
            " ORDER BY value ASC, id ASC"
        } else {
            " ORDER BY value DESC, id DESC"
        }
    }

    fn order_by_value_nulls_last(self) -> &'static str {
        match (self.is_ascending, self.is_reversed) {
            (true, false) => " ORDER BY value ASC NULLS LAST, id ASC",
            (false, false) => " ORDER BY value DESC NULLS LAST, id DESC",
            (true, true) => " ORDER BY value ASC NULLS FIRST, id ASC",
            (false, true) => " ORDER BY value DESC NULLS FIRST, id DESC",
        }
    }

    /// `closed` sorts before `open`, so the rows without a value come last.
    fn order_by_status_and_value(self) -> &'static str {
        match (self.is_ascending, self.is_reversed) {
            (true, false) => " ORDER BY status ASC, value ASC, id ASC",
            (false, false) => " ORDER BY status ASC, value DESC, id DESC",
            (true, true) => " ORDER BY status DESC, value ASC, id ASC",
            (false, true) => " ORDER BY status DESC, value DESC, id DESC",
        }
    }
}

/// A statement under construction. Each method appends a fragment together with
/// the values that the fragment binds.
#[derive(Default)]
pub(super) struct SqlBuilder(SqlText);

impl SqlBuilder {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a SELECT of a range: `seq`, the sort column as `value`, `id`, and
    /// the status if the order needs it.
    pub fn select_range(&mut self, order: ListOrder, range: IndexRange) {
        if !self.is_empty() {
            self.0.push(" UNION ALL ");
        }
        self.0.push("SELECT seq, ");
        self.0.push(order.column(range));
        self.0.push(" AS value, id");
        if order.null_order() == NullOrder::ByStatus {
            self.0.push(", status");
        }
        self.0.push(" FROM conversation INDEXED BY ");
        self.0.push(order.index(range));
        self.range_predicate(order, range);
        if order.needs_null_predicate(range) {
            self.0.push(" AND ");
            self.0.push(order.column(range));
            self.0.push(" IS NULL");
        }
    }

    /// Restricts a SELECT to the rows of a range.
    pub fn range_predicate(&mut self, order: ListOrder, range: IndexRange) {
        match order.scope {
            Scope::Project(project) => self.0.bind(" WHERE project_seq = ?", project.into()),
            Scope::Visitor(visitor) => self.0.bind(" WHERE visitor_seq = ?", visitor.into()),
        }
        match range.status {
            None => {}
            // A partial index needs a literal: the planner must see that it applies.
            Some(_) if order.uses_partial_index(range) => self.0.push(" AND status = 'closed'"),
            Some(status) => self.0.bind(" AND status = ?", status.as_str().into()),
        }
        if let Some(predicate) = order.flag_predicate() {
            self.0.push(predicate);
        }
    }

    /// Restricts the last range to the conversations that do not wait for a person.
    pub fn exclude_waiting(&mut self, dialect: Dialect, project: ProjectSeq) {
        self.0.push(match dialect {
            Dialect::Sqlite => {
                " AND seq NOT IN (SELECT seq FROM conversation INDEXED BY conversation_waiting"
            }
            Dialect::Postgres => " AND seq NOT IN (SELECT seq FROM conversation",
        });
        self.0.bind(
            " WHERE project_seq = ? AND waiting_since IS NOT NULL)",
            project.into(),
        );
    }

    /// Appends a fragment without values.
    pub fn push(&mut self, fragment: &'static str) {
        self.0.push(fragment);
    }

    /// Restricts the last range to the rows behind the place of `seek`.
    pub fn seek_predicate(
        &mut self,
        order: ListOrder,
        range: IndexRange,
        direction: ScanDirection,
        seek: &Seek,
    ) {
        let comparison = direction.comparison(seek.inclusive);
        let id = Value::from(seek.key.id);
        match order.seek_columns(range, &seek.key) {
            SeekColumns::None => {}
            SeekColumns::Id => {
                self.0.push(" AND id");
                self.0.push(comparison);
                self.0.bind("?", id);
            }
            SeekColumns::ValueAndId => {
                self.0.push(" AND (");
                self.0.push(order.column(range));
                self.0.push(", id)");
                self.0.push(comparison);
                self.0.bind("(?, ", sql_value(&seek.key.value));
                self.0.bind("?)", id);
            }
        }
    }

    pub fn order_by(&mut self, order: ListOrder, direction: ScanDirection) {
        self.0.push(direction.order_by(order.null_order()));
    }

    pub fn limit(&mut self, limit: i64) {
        self.0.bind(" LIMIT ?", limit.into());
    }

    pub fn limit_offset(&mut self, limit: i64, offset: i64) {
        self.limit(limit);
        self.0.bind(" OFFSET ?", offset.into());
    }

    pub fn finish(self) -> Sql {
        self.0.finish()
    }
}

fn sql_value(sort_value: &SortValue) -> Value {
    match sort_value {
        SortValue::Number(number) => (*number).into(),
        SortValue::Text(text) => text.as_ref().into(),
        SortValue::Null => Value::Null,
    }
}
