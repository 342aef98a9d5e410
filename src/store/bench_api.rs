//! The steps of a list on their own, for benches/steps.rs, which measures them
//! one by one. Nothing else calls this.

use super::conversation::Totals;
use super::error::StoreError;
use super::list_composer::{self, Seek};
use super::snapshot::Snapshot;
use super::statement::Statement;
use crate::domain::{ListQuery, ProjectSeq, Scope};

/// Where a page begins.
pub struct PageStart(Option<Seek>);

impl PageStart {
    /// At an end of the order.
    pub const END: Self = Self(None);

    /// Looked up in the counts that are kept.
    pub fn look_up(
        snapshot: &Snapshot,
        project: ProjectSeq,
        query: &ListQuery,
        totals: &Totals,
    ) -> Result<Self, StoreError> {
        let seek = snapshot
            .offset_index
            .seek(snapshot.connection, project, query, totals)?;
        Ok(Self(seek))
    }
}

pub fn compose(
    scope: Scope,
    query: &ListQuery,
    total: u64,
    start: &PageStart,
) -> Option<Statement> {
    Some(list_composer::compose(scope, query, total, start.0.as_ref())?.statement)
}
