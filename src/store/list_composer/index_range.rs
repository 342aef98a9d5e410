//! The ranges of a page: ranges of one index each, which merged are the order.
//!
//! A project's indexes begin with the status, so a filtered order is one range
//! and an unfiltered one has one for each status. Where an order has rows
//! without a field (they come last in both directions) and begins at a place,
//! those are ranges of their own: a range that starts in the middle ends with
//! the last field.

use crate::domain::{ListQuery, Scope, Sort, SortKey, SortValue, Status};

/// One range of one index. No status: a range with both in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexRange {
    pub status: Option<Status>,
    null_part: NullPart,
}

/// The rows with a field, those without, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NullPart {
    All,
    With,
    Without,
}

/// What of a place a row of an range must come after.
pub(super) enum SeekBound {
    Nothing,
    Id,
    FieldAndId,
}

/// An order of a caller's conversations.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListOrder {
    pub scope: Scope,
    pub sort: Sort,
    filter: Option<Status>,
}

impl ListOrder {
    pub fn of(scope: Scope, query: &ListQuery) -> Self {
        // Within one status, by `id` and by `status` are the same, and only the
        // latter has an index that begins with it.
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

    /// The ranges that have rows from `place` on.
    pub fn ranges(self, place: Option<&SortKey>) -> impl Iterator<Item = IndexRange> {
        let field = place.map(|place| &place.value);
        self.statuses().iter().flat_map(move |status| {
            let null_parts = self.null_parts(*status, field).iter();
            null_parts.map(|null_part| IndexRange {
                status: *status,
                null_part: *null_part,
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

    fn null_parts(self, status: Option<Status>, from: Option<&SortValue>) -> &'static [NullPart] {
        let from_the_last = from == Some(&SortValue::Null);
        match (self.sort, status) {
            (Sort::ClosedAt, Some(Status::Open)) if self.is_closed_apart() => &[NullPart::Without],
            (Sort::ClosedAt, _) if self.is_closed_apart() && from_the_last => &[],
            (Sort::ClosedAt, _) if self.is_closed_apart() => &[NullPart::With],
            (Sort::ClosedAt | Sort::Title, _) if from_the_last => &[NullPart::Without],
            (Sort::ClosedAt | Sort::Title, _) if from.is_some() => {
                &[NullPart::With, NullPart::Without]
            }
            _ => &[NullPart::All],
        }
    }

    /// Whether the status says who has a field: exactly the closed ones of a
    /// project have a `closedAt`.
    pub fn is_closed_apart(self) -> bool {
        self.sort == Sort::ClosedAt && matches!(self.scope, Scope::Project(_))
    }

    /// Whether the range is read from the index of closed conversations.
    pub fn has_only_closed(self, range: IndexRange) -> bool {
        self.is_closed_apart() && range.null_part == NullPart::With
    }

    /// Whether the range has to be told that it is of the rows without a field.
    pub fn must_be_null(self, range: IndexRange) -> bool {
        range.null_part == NullPart::Without && !self.is_closed_apart()
    }

    /// What bounds the range where the order begins at `place`.
    pub fn bound(self, range: IndexRange, place: &SortKey) -> SeekBound {
        let one_status = self.sort == Sort::Status && range.status.is_some();
        match range.null_part {
            // Rows without a field all come after a place with one.
            NullPart::Without if place.value != SortValue::Null => SeekBound::Nothing,
            NullPart::Without => SeekBound::Id,
            _ if self.sort == Sort::Id || one_status => SeekBound::Id,
            _ => SeekBound::FieldAndId,
        }
    }

    /// The column that is compared before the id.
    pub fn column(self, range: IndexRange) -> &'static str {
        match self.sort {
            Sort::Id => "id",
            Sort::CreatedAt => "created_at",
            Sort::UpdatedAt => "updated_at",
            Sort::LastInteractionAt => "last_interaction_at",
            Sort::Status => "status",
            // There is nothing to compare. One status is one value and SQLite
            // knows it, while for a NULL it would sort.
            Sort::ClosedAt if self.is_closed_apart() && range.null_part == NullPart::Without => {
                "status"
            }
            Sort::ClosedAt => "closed_at",
            Sort::IsHumanHandled => "is_human_handled",
            Sort::Title => "title_key",
        }
    }

    /// The index that an range is read from. Named, because the planner would
    /// rather take a shorter one and look each row up.
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
            Sort::ClosedAt if range.null_part == NullPart::Without => "conversation_by_status",
            Sort::ClosedAt => "conversation_by_closed",
            Sort::IsHumanHandled => "conversation_by_handled",
            Sort::Title => "conversation_by_title",
        }
    }
}
