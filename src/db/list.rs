//! The list composer: a page query in, one SQL statement out. Pure.
//!
//! The statement gives the row numbers of a page in order, and reads them from
//! an index alone, so that a deep page costs no table row before its own ten.
//! Every fragment is a constant; every value is bound.
//!
//! A project's indexes begin with the status. A filtered order is one range of
//! such an index; an unfiltered one merges its two ranges (UNION ALL), which
//! SQLite does without sorting. A page past the middle is walked from the
//! other end and turned round by whoever reads it ([`PageOfRows::reversed`]).

use rusqlite::types::Value;

use super::statement::{Statement, value};
use crate::domain::{Direction, PageQuery, Scope, Sort, Status};

/// The row numbers of a page, and whether they come last one first.
pub(super) struct PageOfRows {
    pub statement: Statement,
    pub reversed: bool,
}

/// Composes the page that `query` asks for, out of `total` matching rows.
/// None where the page is past the end.
pub(super) fn compose(scope: Scope, query: &PageQuery, total: u64) -> Option<PageOfRows> {
    let window = Window::of(query, total)?;
    let order = Order::of(query, window.reversed);
    let mut select = Select::default();
    let sort = effective(query);
    for (index, status) in ranges(scope, query).iter().enumerate() {
        if index > 0 {
            select.push(" UNION ALL ");
        }
        select.range(scope, sort, *status);
    }
    select.push(" ORDER BY k ");
    select.push(order.first);
    select.push(order.then_id);
    select.bound(" LIMIT ?", value(window.limit));
    select.bound(" OFFSET ?", value(window.offset));
    Some(PageOfRows {
        statement: select.finish(),
        reversed: window.reversed,
    })
}

/// The order to walk in: within one status, by `id` and by `status` are the
/// same, and only the latter has an index that begins with it.
fn effective(query: &PageQuery) -> Sort {
    match (query.sort, query.status) {
        (Sort::Id, Some(_)) => Sort::Status,
        (sort, _) => sort,
    }
}

/// The status ranges whose rows, merged, are what was asked for. `None` is one
/// range with every status in it.
fn ranges(scope: Scope, query: &PageQuery) -> &'static [Option<Status>] {
    match (query.status, scope, query.sort) {
        (Some(Status::Open), ..) => &[Some(Status::Open)],
        (Some(Status::Closed), ..) => &[Some(Status::Closed)],
        (None, Scope::Visitor(_), _) | (None, _, Sort::Id | Sort::Status) => &[None],
        (None, Scope::Project(_), _) => &[Some(Status::Closed), Some(Status::Open)],
    }
}

/// Where the page lies, counted from the nearer end.
struct Window {
    limit: i64,
    offset: i64,
    reversed: bool,
}

impl Window {
    fn of(query: &PageQuery, total: u64) -> Option<Self> {
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
}

/// The ORDER BY terms: the field, nulls last, then `id`.
struct Order {
    first: &'static str,
    then_id: &'static str,
}

impl Order {
    fn of(query: &PageQuery, reversed: bool) -> Self {
        let nullable = matches!(query.sort, Sort::ClosedAt | Sort::Title);
        let ascending = (query.direction == Direction::Ascending) != reversed;
        let first = match (ascending, nullable, reversed) {
            (true, false, _) => "ASC",
            (false, false, _) => "DESC",
            (true, true, false) => "ASC NULLS LAST",
            (false, true, false) => "DESC NULLS LAST",
            (true, true, true) => "ASC NULLS FIRST",
            (false, true, true) => "DESC NULLS FIRST",
        };
        let then_id = if ascending { ", id ASC" } else { ", id DESC" };
        Self { first, then_id }
    }
}

/// The row number, the field as `k`, and the id: what the order compares.
fn columns(sort: Sort) -> &'static str {
    match sort {
        Sort::Id => "SELECT seq, id AS k, id",
        Sort::CreatedAt => "SELECT seq, created_at AS k, id",
        Sort::UpdatedAt => "SELECT seq, updated_at AS k, id",
        Sort::LastInteractionAt => "SELECT seq, last_interaction_at AS k, id",
        Sort::Status => "SELECT seq, status AS k, id",
        Sort::ClosedAt => "SELECT seq, closed_at AS k, id",
        Sort::IsHumanHandled => "SELECT seq, is_human_handled AS k, id",
        Sort::Title => "SELECT seq, title_key AS k, id",
    }
}

/// The index that a range is read from. Named, because the planner would
/// rather take a shorter one and look each row up.
fn index(scope: Scope, sort: Sort) -> &'static str {
    match (scope, sort) {
        (Scope::Visitor(_), _) => " FROM conversation INDEXED BY conversation_by_visitor",
        (_, Sort::Id) => " FROM conversation INDEXED BY conversation_by_id",
        (_, Sort::Status) => " FROM conversation INDEXED BY conversation_by_status",
        (_, Sort::CreatedAt) => " FROM conversation INDEXED BY conversation_by_created",
        (_, Sort::UpdatedAt) => " FROM conversation INDEXED BY conversation_by_updated",
        (_, Sort::LastInteractionAt) => " FROM conversation INDEXED BY conversation_by_interaction",
        (_, Sort::ClosedAt) => " FROM conversation INDEXED BY conversation_by_closed",
        (_, Sort::IsHumanHandled) => " FROM conversation INDEXED BY conversation_by_handled",
        (_, Sort::Title) => " FROM conversation INDEXED BY conversation_by_title",
    }
}

/// A statement while it is put together: a fragment and its value in one call.
#[derive(Default)]
struct Select {
    sql: String,
    values: Vec<Value>,
}

impl Select {
    fn push(&mut self, fragment: &'static str) {
        self.sql.push_str(fragment);
    }

    fn bound(&mut self, fragment: &'static str, value: Value) {
        self.push(fragment);
        self.values.push(value);
    }

    fn range(&mut self, scope: Scope, sort: Sort, status: Option<Status>) {
        self.push(columns(sort));
        self.push(index(scope, sort));
        match scope {
            Scope::Project(project) => self.bound(" WHERE project_seq = ?", value(project.0)),
            Scope::Visitor(visitor) => self.bound(" WHERE visitor_seq = ?", value(visitor.0)),
        }
        if let Some(status) = status {
            self.bound(" AND status = ?", value(status.as_str().to_owned()));
        }
    }

    fn finish(self) -> Statement {
        Statement {
            sql: self.sql.into(),
            values: self.values,
        }
    }
}

#[cfg(test)]
mod tests;
