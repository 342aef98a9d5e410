//! One run's counts: kept up to date by the writer, read by snapshots.

use std::sync::atomic::AtomicBool;

use rusqlite::Connection;

use super::super::error::StoreError;
use super::super::list_composer::Seek;
use super::block_counts::{BLOCK_ROWS, BlockCounts};
use super::build::next;
use super::history::{ProjectChanges, delta_since};
use super::sort_range::SortRange;
use crate::domain::{ProjectSeq, SortKey};

/// A run that is kept counted.
pub(super) struct RangeCounts {
    pub counted: BlockCounts,
    /// Whether it was asked for since it was last looked at.
    pub used: AtomicBool,
    pub version: i64,
}

impl RangeCounts {
    /// Counts what a transaction changed; gives a place in each block that
    /// has become long. None where the counts are not of the version that it
    /// began with, or of other rows.
    pub fn follow(&mut self, run: SortRange, group: &ProjectChanges) -> Option<Vec<SortKey>> {
        if self.version != group.before {
            return None;
        }
        let mut long = Vec::new();
        for change in &group.changes {
            let (was, is) = change.sides();
            let [was, is] = [was, is].map(|listed| listed.and_then(|listed| run.place(listed)));
            if was == is {
                continue;
            }
            if was.is_some_and(|was| !self.counted.remove(&was)) {
                return None;
            }
            if let Some(is) = is {
                let block = self.counted.add(&is);
                if self.counted.is_long(block) {
                    long.push(is);
                }
            }
        }
        self.version = group.after;
        Some(long)
    }

    /// Splits the blocks that hold these places, as long as they are long.
    pub fn split(
        &mut self,
        connection: &Connection,
        project: ProjectSeq,
        run: SortRange,
        long: Vec<SortKey>,
    ) -> Result<(), StoreError> {
        for place in long {
            loop {
                let block = self.counted.block_of(&place);
                if !self.counted.is_long(block) {
                    break;
                }
                let start = self.counted.start(block).cloned();
                let start = start.unwrap_or_else(|| run.lowest());
                match next(connection, project, run, start)? {
                    Some(middle) => self.counted.split(block, middle, BLOCK_ROWS),
                    None => break,
                }
            }
        }
        Ok(())
    }
}

/// A run's counts as a snapshot has them that may be older.
pub(super) struct SnapshotCounts<'k> {
    pub run: SortRange,
    pub kept: &'k RangeCounts,
    pub later: Vec<&'k ProjectChanges>,
}

impl SnapshotCounts<'_> {
    pub fn rows(&self) -> u64 {
        let delta_since = delta_since(&self.later, self.run, None);
        self.kept.counted.rows().saturating_add_signed(delta_since)
    }

    /// How many rows stand before the place at which a block begins.
    fn before(&self, block: usize, start: &SortKey) -> u64 {
        let delta_since = delta_since(&self.later, self.run, Some(start));
        self.kept
            .counted
            .before(block)
            .saturating_add_signed(delta_since)
    }

    /// The last place with at most `offset` rows before it.
    pub fn ascending(&self, offset: u64) -> Option<Seek> {
        let counted = &self.kept.counted;
        let last = counted.holding(offset);
        (1..=last).rev().find_map(|block| {
            let place = counted.start(block)?;
            let skip = offset.checked_sub(self.before(block, place))?;
            let place = place.clone();
            Some(Seek {
                place,
                inclusive: true,
                skip,
            })
        })
    }

    /// The first place that at most `offset` of all `rows` stand at or after.
    pub fn descending(&self, rows: u64, offset: u64) -> Option<Seek> {
        let counted = &self.kept.counted;
        let before = rows.saturating_sub(offset);
        let first = counted.holding(before).max(1);
        (first..counted.blocks()).find_map(|block| {
            let place = counted.start(block)?;
            let skip = self.before(block, place).checked_sub(before)?;
            let place = place.clone();
            Some(Seek {
                place,
                inclusive: false,
                skip,
            })
        })
    }
}
