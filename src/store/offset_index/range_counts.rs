//! The counts of one sort range: updated by the writer, read by snapshots.

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::super::error::StoreError;
use super::super::list_composer::Seek;
use super::block_counts::{BLOCK_ROWS, BlockCounts};
use super::build::next_start;
use super::history::{ProjectChanges, delta_since};
use super::sort_range::SortRange;
use crate::domain::{ProjectSeq, SortKey};

/// The counts of a range at one version of its project.
pub(super) struct RangeCounts {
    blocks: BlockCounts,
    /// The `project.list_version` that the counts are of.
    version: i64,
    /// Whether a snapshot has read the counts since the last
    /// [`Self::take_used`].
    used: AtomicBool,
}

impl RangeCounts {
    pub fn new(blocks: BlockCounts, version: i64) -> Self {
        let used = AtomicBool::new(true);
        Self {
            blocks,
            version,
            used,
        }
    }

    pub fn version(&self) -> i64 {
        self.version
    }

    pub fn mark_used(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Returns whether the counts were used since the last call.
    pub fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Counts what a transaction changed. Returns a key in each block that became
    /// too long, for [`Self::split_blocks`]. `None` if the counts do not match:
    /// they are of another version than the one that the transaction began with,
    /// or a deleted row was not counted. The caller drops the counts then.
    pub fn apply(
        &mut self,
        range: SortRange,
        transaction: &ProjectChanges,
    ) -> Option<Vec<SortKey>> {
        if self.version != transaction.before {
            return None;
        }
        let mut too_long = Vec::new();
        for change in &transaction.changes {
            let (before, after) = change.before_and_after();
            let before = before.and_then(|conversation| range.key(conversation));
            let after = after.and_then(|conversation| range.key(conversation));
            if before == after {
                continue;
            }
            if before.is_some_and(|key| !self.blocks.remove(&key)) {
                return None;
            }
            if let Some(key) = after {
                let block = self.blocks.insert(&key);
                if self.blocks.is_too_long(block) {
                    too_long.push(key);
                }
            }
        }
        self.version = transaction.after;
        Some(too_long)
    }

    /// Splits the blocks of these keys until none of them is too long. Reads the
    /// new starts through `connection`, which must see the version of the counts.
    pub fn split_blocks(
        &mut self,
        connection: &Connection,
        project: ProjectSeq,
        range: SortRange,
        keys: Vec<SortKey>,
    ) -> Result<(), StoreError> {
        for key in keys {
            loop {
                let block = self.blocks.block_of(&key);
                if !self.blocks.is_too_long(block) {
                    break;
                }
                let start = self.blocks.start(block).cloned();
                let start = start.unwrap_or_else(|| range.lowest());
                match next_start(connection, project, range, start)? {
                    Some(middle) => self.blocks.split(block, middle, BLOCK_ROWS),
                    None => break,
                }
            }
        }
        Ok(())
    }
}

/// The counts of a range as a snapshot sees them: the current counts without
/// the changes of the transactions that the snapshot does not see.
pub(super) struct SnapshotCounts<'i> {
    pub range: SortRange,
    pub current: &'i RangeCounts,
    /// The transactions after the snapshot's version.
    pub later: Vec<&'i ProjectChanges>,
}

impl SnapshotCounts<'_> {
    /// The number of rows in the range.
    pub fn row_count(&self) -> u64 {
        let delta = delta_since(&self.later, self.range, None);
        let row_count = self.current.blocks.row_count();
        row_count.saturating_add_signed(delta)
    }

    /// The number of rows before the start of a block.
    fn rows_before(&self, block: usize, start: &SortKey) -> u64 {
        let delta = delta_since(&self.later, self.range, Some(start));
        let rows_before = self.current.blocks.rows_before(block);
        rows_before.saturating_add_signed(delta)
    }

    /// Where to begin an ascending read that skips `offset` rows of the range:
    /// at the last block start with at most `offset` rows before it. `None` if
    /// that is the start of the range.
    pub fn seek_ascending(&self, offset: u64) -> Option<Seek> {
        let blocks = &self.current.blocks;
        let last = blocks.block_at(offset);
        (1..=last).rev().find_map(|block| {
            let start = blocks.start(block)?;
            let skip = offset.checked_sub(self.rows_before(block, start))?;
            Some(Seek {
                key: start.clone(),
                inclusive: true,
                skip,
            })
        })
    }

    /// Where to begin a descending read that skips `offset` of the `row_count`
    /// rows of the range: at the first block start with at most `offset` rows at
    /// or after it. `None` if that is the end of the range.
    pub fn seek_descending(&self, row_count: u64, offset: u64) -> Option<Seek> {
        let blocks = &self.current.blocks;
        let rows_before = row_count.saturating_sub(offset);
        let first = blocks.block_at(rows_before).max(1);
        (first..blocks.block_count()).find_map(|block| {
            let start = blocks.start(block)?;
            let skip = self.rows_before(block, start).checked_sub(rows_before)?;
            Some(Seek {
                key: start.clone(),
                inclusive: false,
                skip,
            })
        })
    }
}
