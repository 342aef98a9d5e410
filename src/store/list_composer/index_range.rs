//! The arms of a page: ranges of one index each, which merged are the order.
//!
//! A project's indexes begin with the status, so a filtered order is one range
//! and an unfiltered one has one for each status. Where an order has rows
//! without a field (they come last in both directions) and begins at a place,
//! those are arms of their own: a range that starts in the middle ends with
//! the last field.

use crate::domain::{ListQuery, Scope, Sort, SortKey, SortValue, Status};

/// One range of one index. No status: a range with both in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arm {
    pub status: Option<Status>,
    part: Part,
}

/// The rows with a field, those without, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    With,
    Without,
}

/// What of a place a row of an arm must come after.
pub(super) enum Bound {
    Nothing,
    Id,
    FieldAndId,
}

/// An order of a caller's conversations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub scope: Scope,
    pub sort: Sort,
    filter: Option<Status>,
}

impl Order {
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

    /// The arms that have rows from `place` on.
    pub fn arms(self, place: Option<&SortKey>) -> impl Iterator<Item = Arm> {
        let field = place.map(|place| &place.value);
        self.statuses().iter().flat_map(move |status| {
            let parts = self.parts(*status, field).iter();
            parts.map(|part| Arm {
                status: *status,
                part: *part,
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

    fn parts(self, status: Option<Status>, from: Option<&SortValue>) -> &'static [Part] {
        let from_the_last = from == Some(&SortValue::Null);
        match (self.sort, status) {
            (Sort::ClosedAt, Some(Status::Open)) if self.is_closed_apart() => &[Part::Without],
            (Sort::ClosedAt, _) if self.is_closed_apart() && from_the_last => &[],
            (Sort::ClosedAt, _) if self.is_closed_apart() => &[Part::With],
            (Sort::ClosedAt | Sort::Title, _) if from_the_last => &[Part::Without],
            (Sort::ClosedAt | Sort::Title, _) if from.is_some() => &[Part::With, Part::Without],
            _ => &[Part::All],
        }
    }

    /// Whether the status says who has a field: exactly the closed ones of a
    /// project have a `closedAt`.
    pub fn is_closed_apart(self) -> bool {
        self.sort == Sort::ClosedAt && matches!(self.scope, Scope::Project(_))
    }

    /// Whether the arm is read from the index of closed conversations.
    pub fn has_only_closed(self, arm: Arm) -> bool {
        self.is_closed_apart() && arm.part == Part::With
    }

    /// Whether the arm has to be told that it is of the rows without a field.
    pub fn must_be_null(self, arm: Arm) -> bool {
        arm.part == Part::Without && !self.is_closed_apart()
    }

    /// What bounds the arm where the order begins at `place`.
    pub fn bound(self, arm: Arm, place: &SortKey) -> Bound {
        let one_status = self.sort == Sort::Status && arm.status.is_some();
        match arm.part {
            // Rows without a field all come after a place with one.
            Part::Without if place.value != SortValue::Null => Bound::Nothing,
            Part::Without => Bound::Id,
            _ if self.sort == Sort::Id || one_status => Bound::Id,
            _ => Bound::FieldAndId,
        }
    }

    /// The column that is compared before the id.
    pub fn column(self, arm: Arm) -> &'static str {
        match self.sort {
            Sort::Id => "id",
            Sort::CreatedAt => "created_at",
            Sort::UpdatedAt => "updated_at",
            Sort::LastInteractionAt => "last_interaction_at",
            Sort::Status => "status",
            // There is nothing to compare. One status is one value and SQLite
            // knows it, while for a NULL it would sort.
            Sort::ClosedAt if self.is_closed_apart() && arm.part == Part::Without => "status",
            Sort::ClosedAt => "closed_at",
            Sort::IsHumanHandled => "is_human_handled",
            Sort::Title => "title_key",
        }
    }

    /// The index that an arm is read from. Named, because the planner would
    /// rather take a shorter one and look each row up.
    pub fn index(self, arm: Arm) -> &'static str {
        if let Scope::Visitor(_) = self.scope {
            return "conversation_by_visitor";
        }
        match self.sort {
            Sort::Id => "conversation_by_id",
            Sort::Status => "conversation_by_status",
            Sort::CreatedAt => "conversation_by_created",
            Sort::UpdatedAt => "conversation_by_updated",
            Sort::LastInteractionAt => "conversation_by_interaction",
            Sort::ClosedAt if arm.part == Part::Without => "conversation_by_status",
            Sort::ClosedAt => "conversation_by_closed",
            Sort::IsHumanHandled => "conversation_by_handled",
            Sort::Title => "conversation_by_title",
        }
    }
}
