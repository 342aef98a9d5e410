//! Runs: rows of a project that stand in one order by one field and the id.
//!
//! Every order of a list is a run, or two of them one after the other: first
//! the rows with a field, then those without.

use uuid::Uuid;

use super::super::change::Listed;
use super::super::conversation::Totals;
use crate::domain::{ConversationId, Direction, Field, PageQuery, Place, Sort, Status};

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
    pub fn of(query: &PageQuery) -> (Self, Option<Self>) {
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
    pub fn place(self, listed: &Listed) -> Option<Place> {
        if self.status.is_some_and(|status| status != listed.status) {
            return None;
        }
        let field = match self.by {
            By::Id => Field::Nothing,
            By::CreatedAt => Field::Number(listed.created_at),
            By::UpdatedAt => Field::Number(listed.updated_at),
            By::LastInteractionAt => Field::Number(listed.last_interaction_at),
            By::ClosedAt => Field::Number(listed.closed_at?),
            By::IsHumanHandled => Field::Number(listed.is_human_handled.into()),
            By::Title => Field::Text(listed.title_key.clone()?),
            By::NoTitle if listed.title_key.is_some() => return None,
            By::NoTitle => Field::Nothing,
        };
        let id = listed.id;
        Some(Place { field, id })
    }

    /// The list that, from a place of the run on, is the run, ascending.
    pub fn ascending(self) -> PageQuery {
        let sort = match self.by {
            By::Id => Sort::Id,
            By::CreatedAt => Sort::CreatedAt,
            By::UpdatedAt => Sort::UpdatedAt,
            By::LastInteractionAt => Sort::LastInteractionAt,
            By::ClosedAt => Sort::ClosedAt,
            By::IsHumanHandled => Sort::IsHumanHandled,
            By::Title | By::NoTitle => Sort::Title,
        };
        PageQuery {
            status: self.status,
            sort,
            direction: Direction::Ascending,
            ..PageQuery::default()
        }
    }

    /// A place of the run as the order of `query` knows it.
    pub fn place_in(self, query: &PageQuery, mut place: Place) -> Place {
        if let (Sort::Status, Some(status)) = (query.sort, self.status) {
            place.field = Field::Text(status.as_str().into());
        }
        place
    }

    /// A place that no row of the run stands before.
    pub fn lowest(self) -> Place {
        let field = match self.by {
            By::Id | By::NoTitle => Field::Nothing,
            By::Title => Field::Text("".into()),
            _ => Field::Number(i64::MIN),
        };
        let id = ConversationId(Uuid::nil());
        Place { field, id }
    }

    /// A place that no row of the run stands after; of titles there is none.
    pub fn highest(self) -> Option<Place> {
        let field = match self.by {
            By::Id | By::NoTitle => Field::Nothing,
            By::Title => return None,
            _ => Field::Number(i64::MAX),
        };
        let id = ConversationId(Uuid::max());
        Some(Place { field, id })
    }

    /// The place of a row that a walk of [`Self::ascending`] came to, if the
    /// run goes on until there.
    pub fn reached(self, mut place: Place) -> Option<Place> {
        match self.by {
            By::Id => place.field = Field::Nothing,
            By::Title if place.field == Field::Nothing => return None,
            _ => {}
        }
        Some(place)
    }
}
