//! The statements of lists, for the fuzz targets in `fuzz/`. Nothing else uses this
//! module.

use super::error::StoreError;
use super::snapshot::{Dialect, Snapshot};
use super::totals::Totals;
use super::{conversation, list_composer};
use crate::domain::{ListQuery, Scope};

/// Composes and prepares the statement of a page. Returns the number of its parameters
/// and the number of its values. `None` if no row can be on the page.
///
/// # Errors
/// SQLite does not accept the statement.
pub fn parameter_counts(
    snapshot: &Snapshot,
    scope: Scope,
    query: &ListQuery,
    totals: &Totals,
) -> Result<Option<(usize, usize)>, StoreError> {
    let seek = conversation::seek(snapshot, scope, query, totals)?;
    let counts = totals.row_counts(query.filter);
    let Some(page) = list_composer::compose(Dialect::Sqlite, scope, query, counts, seek.as_ref())
    else {
        return Ok(None);
    };
    let statement = page.statement.prepare(snapshot.sqlite()?.connection)?;
    let values = page.statement.values.len();
    Ok(Some((statement.parameter_count(), values)))
}
