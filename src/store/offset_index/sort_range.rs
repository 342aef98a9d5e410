//! Runs: rows of a project that stand in one order by one field and the id.
//!
//! Every order of a list is a run, or two of them one after the other: first
//! the rows with a field, then those without.

use uuid::Uuid;

use super::super::change::Listed;
use super::super::conversation::Totals;
use crate::domain::{ConversationId, Direction, ListQuery, Sort, SortKey, SortValue, Status};

/// One run, of one status or of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Run {
    status: Option<Status>,
    by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum By {
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

impl Run {
    /// The runs that the order of `query` is made of.
    pub fn of(query: &ListQuery) -> (Self, Option<Self>) {
        let run = |by| Self {
            status: query.status,
            by,
        };
        let by_id = |status| Self {
            status: Some(status),
            by: By::Id,
        };
        let closed = Self {
            status: Some(Status::Closed),
            by: By::ClosedAt,
        };
        match (query.sort, query.status) {
            (Sort::Id, _) | (Sort::Status, Some(_)) => (run(By::Id), None),
            (Sort::Status, None) => match query.direction {
                Direction::Ascending => (by_id(Status::Closed), Some(by_id(Status::Open))),
                Direction::Descending => (by_id(Status::Open), Some(by_id(Status::Closed))),
            },
            (Sort::CreatedAt, _) => (run(By::CreatedAt), None),
            (Sort::UpdatedAt, _) => (run(By::UpdatedAt), None),
            (Sort::LastInteractionAt, _) => (run(By::LastInteractionAt), None),
            (Sort::ClosedAt, None) => (closed, Some(by_id(Status::Open))),
            (Sort::ClosedAt, Some(Status::Closed)) => (closed, None),
            (Sort::ClosedAt, Some(Status::Open)) => (by_id(Status::Open), None),
            (Sort::IsHumanHandled, _) => (run(By::IsHumanHandled), None),
            (Sort::Title, _) => (run(By::Title), Some(run(By::NoTitle))),
        }
    }

    /// How many rows it has, where the kept counts tell.
    pub fn rows(self, totals: &Totals) -> Option<u64> {
        match self.by {
            By::Title | By::NoTitle => None,
            _ => Some(totals.matching(self.status)),
        }
    }

    /// Where a conversation stands in it, if it is of it.
    pub fn place(self, listed: &Listed) -> Option<SortKey> {
        if self.status.is_some_and(|status| status != listed.status) {
            return None;
        }
        let field = match self.by {
            By::Id => SortValue::Null,
            By::CreatedAt => SortValue::Number(listed.created_at),
            By::UpdatedAt => SortValue::Number(listed.updated_at),
            By::LastInteractionAt => SortValue::Number(listed.last_interaction_at),
            By::ClosedAt => SortValue::Number(listed.closed_at?),
            By::IsHumanHandled => SortValue::Number(listed.is_human_handled.into()),
            By::Title => SortValue::Text(listed.title_key.clone()?),
            By::NoTitle if listed.title_key.is_some() => return None,
            By::NoTitle => SortValue::Null,
        };
        let id = listed.id;
        Some(SortKey { value: field, id })
    }

    /// The list that, from a place of the run on, is the run, ascending.
    pub fn ascending(self) -> ListQuery {
        let sort = match self.by {
            By::Id => Sort::Id,
            By::CreatedAt => Sort::CreatedAt,
            By::UpdatedAt => Sort::UpdatedAt,
            By::LastInteractionAt => Sort::LastInteractionAt,
            By::ClosedAt => Sort::ClosedAt,
            By::IsHumanHandled => Sort::IsHumanHandled,
            By::Title | By::NoTitle => Sort::Title,
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
            By::Id | By::NoTitle => SortValue::Null,
            By::Title => SortValue::Text("".into()),
            _ => SortValue::Number(i64::MIN),
        };
        let id = ConversationId(Uuid::nil());
        SortKey { value: field, id }
    }

    /// A place that no row of the run stands after; of titles there is none.
    pub fn highest(self) -> Option<SortKey> {
        let field = match self.by {
            By::Id | By::NoTitle => SortValue::Null,
            By::Title => return None,
            _ => SortValue::Number(i64::MAX),
        };
        let id = ConversationId(Uuid::max());
        Some(SortKey { value: field, id })
    }

    /// The place of a row that a walk of [`Self::ascending`] came to, if the
    /// run goes on until there.
    pub fn reached(self, mut place: SortKey) -> Option<SortKey> {
        match self.by {
            By::Id => place.value = SortValue::Null,
            By::Title if place.value == SortValue::Null => return None,
            _ => {}
        }
        Some(place)
    }
}
