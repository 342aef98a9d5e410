//! Lists of the conversations of a project that do not wait for a person.
//!
//! Their number is that of all without those that wait, which is stored. A page is read from
//! the indexes of the other lists, and the conversations that wait are skipped. So the cost
//! grows with the offset, not with the number of matches.

use super::conversation::{self, ListPage};
use super::error::StoreError;
use super::list_composer::{self, Seek};
use super::snapshot::Snapshot;
use super::statistics;
use crate::domain::{ListFilter, ListQuery, ProjectSeq, Scope, Status};

/// Reads which conversations a page has.
///
/// # Errors
/// Errors of the database.
pub(super) fn page(
    snapshot: &Snapshot,
    project: ProjectSeq,
    query: &ListQuery,
) -> Result<ListPage, StoreError> {
    let mut counts =
        conversation::totals(snapshot, Scope::Project(project))?.row_counts(query.filter);
    let ListFilter {
        status,
        is_human_handled,
    } = query.filter;
    // A conversation that waits is open, and no agent handles it.
    if status != Some(Status::Closed) && is_human_handled != Some(true) {
        let waiting = statistics::waiting(snapshot, project)?;
        counts.matching = counts.matching.saturating_sub(waiting);
    }
    let seek = query.after.as_ref().map(|key| Seek {
        key: key.clone(),
        inclusive: false,
        skip: query.offset.get(),
    });
    let page = list_composer::compose_not_waiting(
        snapshot.dialect(),
        project,
        query,
        counts,
        seek.as_ref(),
    );
    let (seqs, last) = conversation::composed_seqs(snapshot, query, counts, page)?;
    Ok(ListPage {
        rows: seqs.into(),
        total: counts.matching,
        last,
        is_partial: false,
    })
}
