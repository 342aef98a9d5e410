//! Runs: rows of a project that stand in one order by one field and the id.
//!
//! Every order of a list is a run, or two of them one after the other: first
//! the rows with a field, then those without.

use uuid::Uuid;

use super::super::change::ListedConversation;
use super::super::conversation::Totals;
use crate::domain::{ConversationId, Direction, ListQuery, Sort, SortKey, SortValue, Status};

/// One run, of one status or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SortRange {
    status: Option<Status>,
    by: RangeKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum RangeKey {
    Id,
    CreatedAt,
    UpdatedAt,
    LastInteractionAt,
    /// Of closed ones only: no others have it.
    ClosedAt,
    IsHumanHandled,
    Title,
    /// Those without a title, by id.
    NoTitle,
}

impl SortRange {
    /// The runs that the order of `query` is made of.
    pub fn of(query: &ListQuery) -> (Self, Option<Self>) {
        let run = |by| Self {
            status: query.status,
            by,
        };
        let by_id = |status| Self {
            status: Some(status),
            by: RangeKey::Id,
        };
        let closed = Self {
            status: Some(Status::Closed),
            by: RangeKey::ClosedAt,
        };
        match (query.sort, query.status) {
            (Sort::Id, _) | (Sort::Status, Some(_)) => (run(RangeKey::Id), None),
            (Sort::Status, None) => match query.direction {
                Direction::Ascending => (by_id(Status::Closed), Some(by_id(Status::Open))),
                Direction::Descending => (by_id(Status::Open), Some(by_id(Status::Closed))),
            },
            (Sort::CreatedAt, _) => (run(RangeKey::CreatedAt), None),
            (Sort::UpdatedAt, _) => (run(RangeKey::UpdatedAt), None),
            (Sort::LastInteractionAt, _) => (run(RangeKey::LastInteractionAt), None),
            (Sort::ClosedAt, None) => (closed, Some(by_id(Status::Open))),
            (Sort::ClosedAt, Some(Status::Closed)) => (closed, None),
            (Sort::ClosedAt, Some(Status::Open)) => (by_id(Status::Open), None),
            (Sort::IsHumanHandled, _) => (run(RangeKey::IsHumanHandled), None),
            (Sort::Title, _) => (run(RangeKey::Title), Some(run(RangeKey::NoTitle))),
        }
    }

    /// How many rows it has, where the kept counts tell.
    pub fn rows(self, totals: &Totals) -> Option<u64> {
        match self.by {
            RangeKey::Title | RangeKey::NoTitle => None,
            _ => Some(totals.matching(self.status)),
        }
    }

    /// Where a conversation stands in it, if it is of it.
    pub fn place(self, listed: &ListedConversation) -> Option<SortKey> {
        if self.status.is_some_and(|status| status != listed.status) {
            return None;
        }
        let field = match self.by {
            RangeKey::Id => SortValue::Null,
            RangeKey::CreatedAt => SortValue::Number(listed.created_at),
            RangeKey::UpdatedAt => SortValue::Number(listed.updated_at),
            RangeKey::LastInteractionAt => SortValue::Number(listed.last_interaction_at),
            RangeKey::ClosedAt => SortValue::Number(listed.closed_at?),
            RangeKey::IsHumanHandled => SortValue::Number(listed.is_human_handled.into()),
            RangeKey::Title => SortValue::Text(listed.title_key.clone()?),
            RangeKey::NoTitle if listed.title_key.is_some() => return None,
            RangeKey::NoTitle => SortValue::Null,
        };
        let id = listed.id;
        Some(SortKey { value: field, id })
    }

    /// The list that, from a place of the run on, is the run, ascending.
    pub fn ascending(self) -> ListQuery {
        let sort = match self.by {
            RangeKey::Id => Sort::Id,
            RangeKey::CreatedAt => Sort::CreatedAt,
            RangeKey::UpdatedAt => Sort::UpdatedAt,
            RangeKey::LastInteractionAt => Sort::LastInteractionAt,
            RangeKey::ClosedAt => Sort::ClosedAt,
            RangeKey::IsHumanHandled => Sort::IsHumanHandled,
            RangeKey::Title | RangeKey::NoTitle => Sort::Title,
        };
        ListQuery {
            status: self.status,
            sort,
            direction: Direction::Ascending,
            ..ListQuery::default()
        }
    }

    /// A place of the run as the order of `query` knows it.
    pub fn place_in(self, query: &ListQuery, mut place: SortKey) -> SortKey {
        if let (Sort::Status, Some(status)) = (query.sort, self.status) {
            place.value = SortValue::Text(status.as_str().into());
        }
        place
    }

    /// A place that no row of the run stands before.
    pub fn lowest(self) -> SortKey {
        let field = match self.by {
            RangeKey::Id | RangeKey::NoTitle => SortValue::Null,
            RangeKey::Title => SortValue::Text("".into()),
            _ => SortValue::Number(i64::MIN),
        };
        let id = ConversationId(Uuid::nil());
        SortKey { value: field, id }
    }

    /// A place that no row of the run stands after; of titles there is none.
    pub fn highest(self) -> Option<SortKey> {
        let field = match self.by {
            RangeKey::Id | RangeKey::NoTitle => SortValue::Null,
            RangeKey::Title => return None,
            _ => SortValue::Number(i64::MAX),
        };
        let id = ConversationId(Uuid::max());
        Some(SortKey { value: field, id })
    }

    /// The place of a row that a walk of [`Self::ascending`] came to, if the
    /// run goes on until there.
    pub fn reached(self, mut place: SortKey) -> Option<SortKey> {
        match self.by {
            RangeKey::Id => place.value = SortValue::Null,
            RangeKey::Title if place.value == SortValue::Null => return None,
            _ => {}
        }
        Some(place)
    }
}
