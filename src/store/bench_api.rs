//! The steps of a list on their own, for `benches/steps.rs`. Nothing else uses
//! this module.

use super::error::StoreError;
use super::list_composer::{self, Seek};
use super::snapshot::{Dialect, Snapshot};
use super::sql::Sql;
use super::totals::{RowCounts, Totals};
use crate::domain::{ListQuery, ProjectSeq, Scope};

/// Where a page begins.
pub struct PageStart(Option<Seek>);

impl PageStart {
    /// Looks a page up in the offset index. The first lookup in an order builds
    /// its counts.
    pub fn look_up(
        snapshot: &Snapshot,
        project: ProjectSeq,
        query: &ListQuery,
        totals: &Totals,
    ) -> Result<Self, StoreError> {
        let sqlite = snapshot.sqlite()?;
        let seek = sqlite
            .offset_index
            .seek(sqlite.connection, project, query, totals)?;
        Ok(Self(seek))
    }
}

/// Composes the statement of a page in a list of `total` matching rows.
pub fn compose(scope: Scope, query: &ListQuery, total: u64, start: &PageStart) -> Option<Sql> {
    let counts = RowCounts {
        matching: total,
        skipped: 0,
    };
    let page = list_composer::compose(Dialect::Sqlite, scope, query, counts, start.0.as_ref())?;
    Some(page.statement)
}
