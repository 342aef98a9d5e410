//! The stored counts and the version of a list.

use super::error::StoreError;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{ListFilter, Scope, Status};

/// The number of conversations of a project or a visitor, and the stored version
/// of the list. Triggers keep them in the row of the project or visitor, so
/// reading them costs the same at any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    open: StatusTotals,
    closed: StatusTotals,
    /// Triggers increment the version for each change of the list.
    pub(super) version: i64,
}

/// The rows of a list with a filter by a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCounts {
    /// The rows that the filter allows.
    pub matching: u64,
    /// The rows with the other value of the flag, which are between those in an index.
    pub skipped: u64,
}

/// The conversations of one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StatusTotals {
    all: u64,
    human_handled: u64,
}

impl Totals {
    /// Reads the totals of a scope.
    ///
    /// # Errors
    /// Those of the query. Rejected with `VisitorNotFound` or `NotFound` if the visitor or
    /// the project does not exist.
    pub(super) fn read(snapshot: &Snapshot, scope: Scope) -> Result<Self, StoreError> {
        let totals = snapshot.optional(&Self::select(scope), Self::from_row)?;
        totals.ok_or(StoreError::Rejected(match scope {
            Scope::Visitor(_) => Rejection::VisitorNotFound,
            Scope::Project(_) => Rejection::NotFound,
        }))
    }

    /// Selects the columns that [`Self::from_row`] reads.
    pub(super) fn select(scope: Scope) -> Sql {
        match scope {
            Scope::Project(seq) => Sql::new(
                sql!(
                    "SELECT open_conversations, open_human_handled, \
                            closed_conversations, closed_human_handled, list_version \
                       FROM project WHERE seq = ?"
                ),
                [seq.into()],
            ),
            Scope::Visitor(seq) => Sql::new(
                sql!(
                    "SELECT open_conversations, open_human_handled, \
                            closed_conversations, closed_human_handled, list_version \
                       FROM visitor WHERE seq = ?"
                ),
                [seq.into()],
            ),
        }
    }

    pub(super) fn from_row(row: Row<'_>) -> Result<Self, StoreError> {
        let of_status = |first| {
            Ok::<_, StoreError>(StatusTotals {
                all: row.get(first)?,
                human_handled: row.get(first + 1)?,
            })
        };
        Ok(Self {
            open: of_status(0)?,
            closed: of_status(2)?,
            version: row.get(4)?,
        })
    }

    /// The rows of a list with this filter.
    pub fn row_counts(&self, filter: ListFilter) -> RowCounts {
        let matching = self.matching(filter);
        let of_any_agent = ListFilter {
            is_human_handled: None,
            ..filter
        };
        RowCounts {
            matching,
            skipped: self.matching(of_any_agent).saturating_sub(matching),
        }
    }

    /// The number of conversations that a filter allows.
    pub fn matching(&self, filter: ListFilter) -> u64 {
        let of_status = |totals: StatusTotals| match filter.is_human_handled {
            None => totals.all,
            Some(true) => totals.human_handled,
            Some(false) => totals.all.saturating_sub(totals.human_handled),
        };
        match filter.status {
            None => of_status(self.open) + of_status(self.closed),
            Some(Status::Open) => of_status(self.open),
            Some(Status::Closed) => of_status(self.closed),
        }
    }
}
