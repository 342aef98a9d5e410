//! The offset index of one project: its counted ranges and its recent changes.

use std::collections::HashMap;

use rusqlite::Connection;

use super::super::error::StoreError;
use super::super::list_composer::Seek;
use super::super::totals::Totals;
use super::history::{History, ProjectChanges};
use super::range_counts::{RangeCounts, SnapshotCounts};
use super::sort_range::SortRange;
use crate::domain::{Direction, ListQuery, ProjectSeq};

#[derive(Default)]
pub(super) struct ProjectIndex {
    ranges: HashMap<SortRange, RangeCounts>,
    history: History,
}

/// The result of a lookup.
pub(super) enum Lookup {
    /// Where to begin the page. `None`: at the nearer end of the order.
    Found(Option<Seek>),
    /// There are no counts of this range for the version of the snapshot.
    Missing(SortRange),
}

impl ProjectIndex {
    /// Looks up where the page of `query` begins, for a snapshot with `totals`.
    pub fn lookup(&self, query: &ListQuery, totals: &Totals) -> Lookup {
        let (first, second) = SortRange::of(query);
        let offset = query.offset.get();
        let row_count = match first.row_count(totals) {
            Some(row_count) => row_count,
            None => match self.counts_at(first, totals.version) {
                Some(counts) => counts.row_count(),
                None => return Lookup::Missing(first),
            },
        };
        match second {
            Some(second) if offset >= row_count => {
                let all = totals.matching(query.filter);
                let second_row_count = all.saturating_sub(row_count);
                self.lookup_in_second_range(
                    query,
                    totals,
                    second,
                    second_row_count,
                    offset - row_count,
                )
            }
            _ => self.lookup_in_range(query, totals, first, row_count, offset),
        }
    }

    /// Looks up a page that begins in the second range of an order. The first
    /// rows of that range are not at an end of the order, so a page there begins
    /// at the edge of the range.
    fn lookup_in_second_range(
        &self,
        query: &ListQuery,
        totals: &Totals,
        range: SortRange,
        row_count: u64,
        offset: u64,
    ) -> Lookup {
        match self.lookup_in_range(query, totals, range, row_count, offset) {
            Lookup::Found(None) => {
                let seek = seek_edge(range, query.direction, offset);
                Lookup::Found(seek.map(|seek| seek_for_query(range, query, seek)))
            }
            lookup => lookup,
        }
    }

    /// Looks up a page that begins `offset` rows into a range.
    fn lookup_in_range(
        &self,
        query: &ListQuery,
        totals: &Totals,
        range: SortRange,
        row_count: u64,
        offset: u64,
    ) -> Lookup {
        let Some(counts) = self.counts_at(range, totals.version) else {
            return Lookup::Missing(range);
        };
        let seek = match query.direction {
            Direction::Ascending => counts.seek_ascending(offset),
            Direction::Descending => counts.seek_descending(row_count, offset),
        };
        Lookup::Found(seek.map(|seek| seek_for_query(range, query, seek)))
    }

    /// The counts of a range as a snapshot of `version` sees them.
    fn counts_at(&self, range: SortRange, version: i64) -> Option<SnapshotCounts<'_>> {
        let current = self.ranges.get(&range)?;
        current.mark_used();
        let later = self.history.between(version, current.version())?;
        Some(SnapshotCounts {
            range,
            current,
            later,
        })
    }

    /// Whether counts built over a snapshot of `version` could be brought up to
    /// date with the history.
    pub fn can_catch_up(&self, version: i64) -> bool {
        let newest = self.versions().max().unwrap_or(version);
        newest <= version || self.history.between(version, newest).is_some()
    }

    /// Brings new counts up to date and stores them. Returns false, and stores
    /// nothing, if the history does not reach back to their version.
    pub fn insert(&mut self, range: SortRange, mut counts: RangeCounts) -> bool {
        let version = counts.version();
        let newest = self.history.newest_version().unwrap_or_default();
        let Some(later) = self.history.between(version, newest.max(version)) else {
            return false;
        };
        let is_current = later
            .iter()
            .all(|transaction| counts.apply(range, transaction).is_some());
        if is_current {
            self.ranges.insert(range, counts);
        }
        is_current
    }

    /// Applies a transaction to every range and appends it to the history.
    /// Ranges whose counts do not match the transaction are dropped.
    pub fn apply(
        &mut self,
        connection: &Connection,
        project: ProjectSeq,
        transaction: ProjectChanges,
        max_history: usize,
    ) -> Result<(), StoreError> {
        let mut mismatched = Vec::new();
        for (range, counts) in &mut self.ranges {
            match counts.apply(*range, &transaction) {
                Some(too_long) => counts.split_blocks(connection, project, *range, too_long)?,
                None => mismatched.push(*range),
            }
        }
        for range in mismatched {
            self.ranges.remove(&range);
        }
        self.history.push(transaction, max_history);
        Ok(())
    }

    /// Whether everything in memory is of this version.
    pub fn is_at(&self, version: i64) -> bool {
        self.versions().all(|other| other == version)
    }

    /// Drops the ranges that no snapshot has read since the last call.
    pub fn evict_unused(&mut self) {
        self.ranges.retain(|_, counts| counts.take_used());
    }

    pub fn range_count(&self) -> usize {
        self.ranges.len()
    }

    /// The version of each range and the newest version of the history.
    fn versions(&self) -> impl Iterator<Item = i64> {
        let ranges = self.ranges.values().map(RangeCounts::version);
        self.history.newest_version().into_iter().chain(ranges)
    }
}

/// Converts a place in a range to a place in the order of `query`.
fn seek_for_query(range: SortRange, query: &ListQuery, seek: Seek) -> Seek {
    let key = range.key_for_query(query, seek.key);
    Seek { key, ..seek }
}

/// The place `skip` rows into a range, counted from the edge where a read in
/// `direction` enters the range.
fn seek_edge(range: SortRange, direction: Direction, skip: u64) -> Option<Seek> {
    let key = match direction {
        Direction::Ascending => range.lowest(),
        Direction::Descending => range.highest()?,
    };
    Some(Seek {
        key,
        inclusive: true,
        skip,
    })
}
