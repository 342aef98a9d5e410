//! Walks over a run: from end to end, and to the next place to be kept.

use rusqlite::Connection;

use super::super::error::StoreError;
use super::super::list_composer::{self, Seek};
use super::block_counts::{BLOCK_ROWS, BlockCounts};
use super::sort_range::SortRange;
use crate::domain::{ProjectSeq, Scope, SortKey};

/// Walks a whole run.
pub(super) fn count(
    connection: &Connection,
    project: ProjectSeq,
    run: SortRange,
) -> Result<BlockCounts, StoreError> {
    let (mut starts, mut lengths) = (Vec::new(), Vec::new());
    let mut place = run.lowest();
    while let Some(start) = next(connection, project, run, place)? {
        lengths.push(BLOCK_ROWS);
        starts.push(start.clone());
        place = start;
    }
    let start = starts.last().cloned().unwrap_or_else(|| run.lowest());
    let rest = places(connection, project, run, start, 0, BLOCK_ROWS)?;
    lengths.push(rest.len() as u64);
    Ok(BlockCounts::new(starts, &lengths))
}

/// The place of the row that has a block of others between `place` and
/// itself, if the run goes on for so long.
pub(super) fn next(
    connection: &Connection,
    project: ProjectSeq,
    run: SortRange,
    place: SortKey,
) -> Result<Option<SortKey>, StoreError> {
    Ok(places(connection, project, run, place, BLOCK_ROWS, 1)?.pop())
}

/// The places of at most `limit` rows of a run, `skip` rows after `place`.
fn places(
    connection: &Connection,
    project: ProjectSeq,
    run: SortRange,
    place: SortKey,
    skip: u64,
    limit: u64,
) -> Result<Vec<SortKey>, StoreError> {
    let seek = Seek {
        place,
        inclusive: true,
        skip,
    };
    let query = run.ascending();
    let Some(rows) = list_composer::compose_from(Scope::Project(project), &query, &seek, limit)
    else {
        return Ok(Vec::new());
    };
    let mut statement = rows.prepare(connection)?;
    let mut cursor = statement.raw_query();
    let mut places = Vec::new();
    while let Some(row) = cursor.next()? {
        match run.reached(list_composer::place(row, query.sort)?) {
            Some(place) => places.push(place),
            None => break,
        }
    }
    Ok(places)
}
