//! The index ranges that a sort order is merged from.
//!
//! The indexes of a project begin with the status. So an order with a status
//! filter is one range, and an order without one is two, one for each status.
//! An order that begins at a key needs further ranges if its column can be NULL:
//! the rows from the key on, and then all rows with NULL, which are at the other
//! end of the index or apart from it.
//!
//! # Filters by a flag
//!
//! An order of the conversations that an agent handles has a partial index, which
//! contains only these. An order of the others is read from the index of all, whose
//! last column is the flag: SQLite skips entries without reading rows. So a page of
//! the others costs more if many conversations between its rows are handled by an
//! agent: 0.1 µs for each, and for all of them in the worst case. Up to
//! [`MAX_SORTED_ROWS`] others are read from `conversation_by_handled` and sorted
//! instead, if they are few among all. The orders by id and by status have both values in this index. Another
//! flag needs the same: its partial indexes, its column at the end of the others, a
//! predicate and stored counts.

use std::cmp::Ordering;

use super::super::totals::RowCounts;
use crate::domain::{Direction, ListFilter, ListQuery, Scope, Sort, SortKey, SortValue, Status};

/// The index with both values of the flag: project, status, flag, id.
const BY_HANDLED: &str = "conversation_by_handled";

/// Conversations that no agent handles are sorted if there are at most so many, which
/// takes about 2 ms.
pub(super) const MAX_SORTED_ROWS: u64 = 1000;
/// They are sorted if an agent handles more than so many conversations for each of them.
pub(super) const MAX_SKIPPED_ROWS: u64 = 20;

/// One range of one index.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexRange {
    /// The status of the rows. `None`: rows of both.
    pub status: Option<Status>,
    nulls: NullPart,
}

/// Which rows of an order a range holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NullPart {
    All,
    /// Only the rows with a value in the sort column.
    NotNull,
    /// Only the rows without a value.
    Null,
}

/// How an order places rows without a sort value after the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NullOrder {
    /// Every row has a value.
    NoNulls,
    /// With NULLS LAST.
    Last,
    /// By the status: the closed conversations of a project are exactly those
    /// with a `closed_at`.
    ByStatus,
}

/// The columns that a row must exceed to come after a key.
pub(super) enum SeekColumns {
    /// Every row of the range comes after the key.
    None,
    Id,
    ValueAndId,
}

/// A sort order of the conversations of a scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListOrder {
    pub scope: Scope,
    sort: Sort,
    filter: ListFilter,
    /// Whether the rows are read from [`BY_HANDLED`] and sorted.
    is_sorted: bool,
}

impl ListOrder {
    /// The order of `query` in a list with these rows.
    pub fn of(scope: Scope, query: &ListQuery, counts: RowCounts) -> Self {
        // Within one status, the orders by id and by status are the same. Only
        // the index of the latter begins with the status.
        let sort = match (query.sort, query.filter.status) {
            (Sort::Id, Some(_)) => Sort::Status,
            (sort, _) => sort,
        };
        Self {
            scope,
            sort,
            filter: query.filter,
            is_sorted: query.filter.is_human_handled == Some(false)
                && counts.matching <= MAX_SORTED_ROWS
                && counts.skipped > counts.matching.saturating_mul(MAX_SKIPPED_ROWS),
        }
    }

    /// The ranges that can have rows at or after `key` in `direction`; without a
    /// key, all ranges.
    pub fn ranges(
        self,
        key: Option<&SortKey>,
        direction: Direction,
    ) -> impl Iterator<Item = IndexRange> {
        let value = key.map(|key| &key.value);
        let statuses = self.statuses().iter().filter(move |status| {
            let order = status
                .zip(value)
                .map(|(status, value)| self.compare_status(status, value));
            order.flatten()
                != Some(match direction {
                    Direction::Ascending => Ordering::Less,
                    Direction::Descending => Ordering::Greater,
                })
        });
        statuses.flat_map(move |status| {
            let parts = self.null_parts(*status, value).iter();
            parts.map(|nulls| IndexRange {
                status: *status,
                nulls: *nulls,
            })
        })
    }

    /// The ranges of [`Self::ranges`] in groups. The rows of a group come before those of
    /// the next one in the order of the query. Every row of a group has a sort value, or
    /// none has.
    pub fn groups(self, key: Option<&SortKey>, direction: Direction) -> Vec<Vec<IndexRange>> {
        let mut ranges: Vec<_> = self
            .ranges(key, direction)
            .flat_map(|range| self.split_nulls(range))
            .collect();
        let place = |range: &IndexRange| self.place(*range, direction);
        ranges.sort_by_key(place);
        let groups = ranges.chunk_by(|a, b| place(a) == place(b));
        groups.map(<[_]>::to_vec).collect()
    }

    /// The part of a range with a sort value, and the part without.
    fn split_nulls(self, range: IndexRange) -> impl Iterator<Item = IndexRange> {
        let (first, second) = match (self.null_order(), range.nulls) {
            (NullOrder::Last, NullPart::All) => (NullPart::NotNull, Some(NullPart::Null)),
            (_, nulls) => (nulls, None),
        };
        let parts = std::iter::once(first).chain(second);
        parts.map(move |nulls| IndexRange { nulls, ..range })
    }

    /// The place of the group of a range in the order.
    fn place(self, range: IndexRange, direction: Direction) -> u8 {
        let is_merged_by_status = self.sort == Sort::Status && self.filter.status.is_none();
        match (range.nulls, range.status, direction) {
            (NullPart::Null, ..) => 1,
            (_, Some(Status::Open), Direction::Ascending) if is_merged_by_status => 1,
            (_, Some(Status::Closed), Direction::Descending) if is_merged_by_status => 1,
            _ => 0,
        }
    }

    fn statuses(self) -> &'static [Option<Status>] {
        let is_of_any_agent = self.filter.is_human_handled.is_none();
        match (self.filter.status, self.scope, self.sort) {
            (Some(Status::Open), ..) => &[Some(Status::Open)],
            (Some(Status::Closed), ..) => &[Some(Status::Closed)],
            (None, Scope::Visitor(_), _) => &[None],
            (None, _, Sort::Id | Sort::Status) if is_of_any_agent => &[None],
            (None, Scope::Project(_), _) => &[Some(Status::Closed), Some(Status::Open)],
        }
    }

    /// Compares a status with the value of a key, if the rows of each status are a
    /// range of an order by status.
    fn compare_status(self, status: Status, value: &SortValue) -> Option<Ordering> {
        let is_merged = self.sort == Sort::Status && self.filter.status.is_none();
        match value {
            SortValue::Text(text) if is_merged => Some(status.as_str().cmp(text)),
            _ => None,
        }
    }

    /// The parts of a status that can have rows at or after a key with `value`.
    fn null_parts(self, status: Option<Status>, value: Option<&SortValue>) -> &'static [NullPart] {
        match (self.null_order(), value) {
            (NullOrder::NoNulls, _) | (NullOrder::Last, None) => &[NullPart::All],
            (NullOrder::ByStatus, _) if status == Some(Status::Open) => &[NullPart::Null],
            (NullOrder::ByStatus, Some(SortValue::Null)) => &[],
            (NullOrder::ByStatus, _) => &[NullPart::NotNull],
            (NullOrder::Last, Some(SortValue::Null)) => &[NullPart::Null],
            (NullOrder::Last, Some(_)) => &[NullPart::NotNull, NullPart::Null],
        }
    }

    pub fn null_order(self) -> NullOrder {
        match (self.sort, self.scope) {
            (Sort::ClosedAt, Scope::Project(_)) => NullOrder::ByStatus,
            (Sort::ClosedAt, Scope::Visitor(_)) | (Sort::Title, _) => NullOrder::Last,
            _ => NullOrder::NoNulls,
        }
    }

    /// Whether the range is read from an index of closed conversations only.
    pub fn uses_partial_index(self, range: IndexRange) -> bool {
        self.null_order() == NullOrder::ByStatus && range.nulls == NullPart::NotNull
    }

    /// Whether the range must be restricted to rows without a value. With
    /// [`NullOrder::ByStatus`], the status does that.
    pub fn needs_null_predicate(self, range: IndexRange) -> bool {
        self.null_order() != NullOrder::ByStatus && range.nulls == NullPart::Null
    }

    /// The columns that bound the range in a page that begins at `key`.
    pub fn seek_columns(self, range: IndexRange, key: &SortKey) -> SeekColumns {
        let status_order = range
            .status
            .and_then(|status| self.compare_status(status, &key.value));
        match range.nulls {
            NullPart::Null if key.value != SortValue::Null => SeekColumns::None,
            NullPart::Null => SeekColumns::Id,
            // The other status comes after that of the key.
            _ if status_order.is_some_and(Ordering::is_ne) => SeekColumns::None,
            _ if self.has_one_value(range) => SeekColumns::Id,
            _ => SeekColumns::ValueAndId,
        }
    }

    /// Whether all rows of the range are equal in the column that the order compares
    /// before the id.
    pub fn has_one_value(self, range: IndexRange) -> bool {
        match self.sort {
            Sort::Id => true,
            Sort::Status => range.status.is_some(),
            Sort::IsHumanHandled => self.filter.is_human_handled.is_some(),
            _ => self.is_open_part(range),
        }
    }

    /// The column that the order compares before the id.
    pub fn column(self, range: IndexRange) -> &'static str {
        match self.sort {
            // All rows are equal here. Two ranges that are both ordered by `id, id`
            // would be sorted again.
            Sort::Id if self.filter.is_human_handled.is_some() => "is_human_handled",
            Sort::Id => "id",
            Sort::CreatedAt => "created_at",
            Sort::UpdatedAt => "updated_at",
            Sort::LastInteractionAt => "last_interaction_at",
            Sort::Status => "status",
            // All rows are equal here. SQLite knows that for a column that the
            // WHERE clause fixes; for a literal NULL it would sort.
            Sort::ClosedAt if self.is_open_part(range) => "status",
            Sort::ClosedAt => "closed_at",
            Sort::IsHumanHandled => "is_human_handled",
            Sort::Title => "title_key",
        }
    }

    /// The condition on the sort column in a statement that reads rows with a value and
    /// rows without one apart. With [`NullOrder::ByStatus`], the status does that.
    pub fn null_predicate(self, range: IndexRange) -> Option<&'static str> {
        match (self.null_order(), range.nulls) {
            (NullOrder::Last, NullPart::NotNull) => Some(" IS NOT NULL"),
            (NullOrder::Last, NullPart::Null) => Some(" IS NULL"),
            _ => None,
        }
    }

    /// Whether the rows are few and read from an index that does not have their order.
    pub fn is_sorted(self) -> bool {
        self.is_sorted
    }

    /// The index that the range is read from. The statement names the index,
    /// because the planner prefers a shorter index and reads every table row.
    pub fn index(self, range: IndexRange) -> &'static str {
        if let Scope::Visitor(_) = self.scope {
            return "conversation_by_visitor";
        }
        if self.is_sorted {
            return BY_HANDLED;
        }
        let is_human_handled = self.filter.is_human_handled;
        match (self.sort, is_human_handled) {
            (Sort::Id | Sort::Status, Some(_)) | (Sort::IsHumanHandled, _) => BY_HANDLED,
            (Sort::ClosedAt, Some(_)) if self.is_open_part(range) => BY_HANDLED,
            (Sort::CreatedAt, Some(true)) => "conversation_handled_by_created",
            (Sort::UpdatedAt, Some(true)) => "conversation_handled_by_updated",
            (Sort::LastInteractionAt, Some(true)) => "conversation_handled_by_interaction",
            (Sort::ClosedAt, Some(true)) => "conversation_handled_by_closed",
            (Sort::Title, Some(true)) => "conversation_handled_by_title",
            (Sort::Id, None) => "conversation_by_id",
            (Sort::Status, None) => "conversation_by_status",
            (Sort::ClosedAt, None) if self.is_open_part(range) => "conversation_by_status",
            (Sort::CreatedAt, _) => "conversation_by_created",
            (Sort::UpdatedAt, _) => "conversation_by_updated",
            (Sort::LastInteractionAt, _) => "conversation_by_interaction",
            (Sort::ClosedAt, _) => "conversation_by_closed",
            (Sort::Title, _) => "conversation_by_title",
        }
    }

    /// The condition of the filters by a flag. It is a literal: SQLite must see that
    /// a partial index applies.
    pub fn flag_predicate(self) -> Option<&'static str> {
        Some(if self.filter.is_human_handled? {
            " AND is_human_handled = 1"
        } else {
            " AND is_human_handled = 0"
        })
    }

    /// Whether the range holds the open conversations of an order by `closed_at`.
    pub fn is_open_part(self, range: IndexRange) -> bool {
        self.null_order() == NullOrder::ByStatus && range.nulls == NullPart::Null
    }
}
