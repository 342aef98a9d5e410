//! The index ranges that a sort order is merged from.
//!
//! The indexes of a project begin with the status. So an order with a status
//! filter is one range, and an order without one is two, one for each status.
//! An order that begins at a key needs further ranges if its column can be NULL:
//! the rows from the key on, and then all rows with NULL, which are at the other
//! end of the index or apart from it.

use crate::domain::{ListQuery, Scope, Sort, SortKey, SortValue, Status};

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
    filter: Option<Status>,
}

impl ListOrder {
    pub fn of(scope: Scope, query: &ListQuery) -> Self {
        // Within one status, the orders by id and by status are the same. Only
        // the index of the latter begins with the status.
        let sort = match (query.sort, query.status) {
            (Sort::Id, Some(_)) => Sort::Status,
            (sort, _) => sort,
        };
        Self {
            scope,
            sort,
            filter: query.status,
        }
    }

    /// The ranges that can have rows at or after `key`; without a key, all
    /// ranges.
    pub fn ranges(self, key: Option<&SortKey>) -> impl Iterator<Item = IndexRange> {
        let value = key.map(|key| &key.value);
        self.statuses().iter().flat_map(move |status| {
            let parts = self.null_parts(*status, value).iter();
            parts.map(|nulls| IndexRange {
                status: *status,
                nulls: *nulls,
            })
        })
    }

    fn statuses(self) -> &'static [Option<Status>] {
        match (self.filter, self.scope, self.sort) {
            (Some(Status::Open), ..) => &[Some(Status::Open)],
            (Some(Status::Closed), ..) => &[Some(Status::Closed)],
            (None, Scope::Visitor(_), _) | (None, _, Sort::Id | Sort::Status) => &[None],
            (None, Scope::Project(_), _) => &[Some(Status::Closed), Some(Status::Open)],
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
        let has_one_status = self.sort == Sort::Status && range.status.is_some();
        match range.nulls {
            NullPart::Null if key.value != SortValue::Null => SeekColumns::None,
            NullPart::Null => SeekColumns::Id,
            _ if self.sort == Sort::Id || has_one_status => SeekColumns::Id,
            _ => SeekColumns::ValueAndId,
        }
    }

    /// The column that the order compares before the id.
    pub fn column(self, range: IndexRange) -> &'static str {
        match self.sort {
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

    /// The index that the range is read from. The statement names the index,
    /// because the planner prefers a shorter index and reads every table row.
    pub fn index(self, range: IndexRange) -> &'static str {
        if let Scope::Visitor(_) = self.scope {
            return "conversation_by_visitor";
        }
        match self.sort {
            Sort::Id => "conversation_by_id",
            Sort::Status => "conversation_by_status",
            Sort::CreatedAt => "conversation_by_created",
            Sort::UpdatedAt => "conversation_by_updated",
            Sort::LastInteractionAt => "conversation_by_interaction",
            Sort::ClosedAt if self.is_open_part(range) => "conversation_by_status",
            Sort::ClosedAt => "conversation_by_closed",
            Sort::IsHumanHandled => "conversation_by_handled",
            Sort::Title => "conversation_by_title",
        }
    }

    /// Whether the range holds the open conversations of an order by `closed_at`.
    fn is_open_part(self, range: IndexRange) -> bool {
        self.null_order() == NullOrder::ByStatus && range.nulls == NullPart::Null
    }
}
