//! The stored counts and the version of a list.

use rusqlite::{Connection, OptionalExtension};

use super::error::StoreError;
use super::rejection::Rejection;
use crate::domain::{ProjectSeq, Scope, Status, VisitorSeq};

/// The number of conversations of a project or a visitor, and the stored version
/// of the list. Triggers keep them in the row of the project or visitor, so
/// reading them costs the same at any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    open: u64,
    closed: u64,
    /// Triggers increment the version for each change of the list.
    pub(super) version: i64,
}

impl Totals {
    /// Reads the totals that `connection` sees.
    ///
    /// # Errors
    /// Those of the query. Rejected with `VisitorNotFound` or `NotFound` if the visitor or
    /// the project does not exist.
    pub(super) fn read(connection: &Connection, scope: Scope) -> Result<Self, StoreError> {
        let (sql, owner) = match scope {
            Scope::Project(ProjectSeq(seq)) => (
                "SELECT open_conversations, closed_conversations, list_version \
                   FROM project WHERE seq = ?",
                seq,
            ),
            Scope::Visitor(VisitorSeq(seq)) => (
                "SELECT open_conversations, closed_conversations, list_version \
                   FROM visitor WHERE seq = ?",
                seq,
            ),
        };
        let mut statement = connection.prepare_cached(sql)?;
        let totals = statement.query_row([owner], |row| {
            Ok(Self {
                open: row.get::<_, i64>(0)?.unsigned_abs(),
                closed: row.get::<_, i64>(1)?.unsigned_abs(),
                version: row.get(2)?,
            })
        });
        totals.optional()?.ok_or(StoreError::Rejected(match scope {
            Scope::Visitor(_) => Rejection::VisitorNotFound,
            Scope::Project(_) => Rejection::NotFound,
        }))
    }

    /// The number of conversations with a status, or of all.
    pub fn matching(&self, status: Option<Status>) -> u64 {
        match status {
            None => self.open + self.closed,
            Some(Status::Open) => self.open,
            Some(Status::Closed) => self.closed,
        }
    }
}
