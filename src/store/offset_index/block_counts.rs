//! The number of rows in each block of a sort range.
//!
//! The rows of a range, in ascending order, are divided into blocks of about
//! [`BLOCK_ROWS`] rows. A block starts at a sort key and ends before the start
//! of the next block. The key of a start stays valid when the row that had it
//! is deleted.
//!
//! Invariants: there is at least one block; the first block has no start, so
//! that every key belongs to a block; the counts add up to the number of rows
//! in the range.
//!
//! Finding the block of a row number, and counting one inserted or deleted row,
//! take O(log n). Splitting a block takes O(n) for n blocks; at least
//! [`BLOCK_ROWS`] inserts lie between two splits of a block.

use super::fenwick_tree::FenwickTree;
use crate::domain::SortKey;

/// Rows in a block when it is built or split off.
pub(super) const BLOCK_ROWS: u64 = 256;
/// A block with more rows is split.
const MAX_BLOCK_ROWS: u64 = 2 * BLOCK_ROWS;
/// Neighbouring blocks with at most this many rows together are merged.
const MERGE_BLOCK_ROWS: u64 = BLOCK_ROWS / 2;

/// The starts of the blocks of a range and their row counts.
pub(super) struct BlockCounts {
    /// The start of each block but the first, ascending.
    starts: Vec<SortKey>,
    lengths: FenwickTree,
}

impl BlockCounts {
    /// Block `i + 1` starts at `starts[i]`, block `i` has `lengths[i]` rows.
    pub fn new(starts: Vec<SortKey>, lengths: &[u64]) -> Self {
        debug_assert_eq!(starts.len() + 1, lengths.len());
        let lengths = FenwickTree::new(lengths);
        Self { starts, lengths }
    }

    /// The number of rows in the range.
    pub fn row_count(&self) -> u64 {
        self.lengths.prefix_sum(self.block_count())
    }

    /// The number of blocks, at least 1.
    pub fn block_count(&self) -> usize {
        self.starts.len() + 1
    }

    /// The start of a block. The first block has none.
    pub fn start(&self, block: usize) -> Option<&SortKey> {
        self.starts.get(block.checked_sub(1)?)
    }

    /// The number of rows in all blocks before `block`.
    pub fn rows_before(&self, block: usize) -> u64 {
        self.lengths.prefix_sum(block)
    }

    /// The block of the row that has `position` rows before it. The last block
    /// if the range has no such row.
    pub fn block_at(&self, position: u64) -> usize {
        self.lengths.search(position).min(self.block_count() - 1)
    }

    /// The block that a row with this key belongs to.
    pub fn block_of(&self, key: &SortKey) -> usize {
        self.starts.partition_point(|start| start <= key)
    }

    /// Counts an inserted row and returns its block.
    pub fn insert(&mut self, key: &SortKey) -> usize {
        let block = self.block_of(key);
        self.lengths.add(block, 1);
        block
    }

    /// Counts a deleted row. Returns false if its block has no rows: then the
    /// counts are not those of the range, and the caller must drop them.
    #[must_use]
    pub fn remove(&mut self, key: &SortKey) -> bool {
        let block = self.block_of(key);
        let has_rows = self.length(block) > 0;
        if has_rows {
            self.lengths.add(block, -1);
        }
        has_rows
    }

    /// Whether the block must be split.
    pub fn is_too_long(&self, block: usize) -> bool {
        self.length(block) > MAX_BLOCK_ROWS
    }

    /// Splits a block at `start`, which has `rows_before` rows of the block
    /// before it. Also merges short blocks everywhere, which bounds the number
    /// of blocks by the number of rows.
    pub fn split(&mut self, block: usize, start: SortKey, rows_before: u64) {
        let mut lengths = self.lengths.numbers();
        let rows_after = lengths[block] - rows_before;
        lengths[block] = rows_before;
        lengths.insert(block + 1, rows_after);
        self.starts.insert(block, start);
        let lengths = merge_short_blocks(&mut self.starts, &lengths);
        self.lengths = FenwickTree::new(&lengths);
    }

    fn length(&self, block: usize) -> u64 {
        self.rows_before(block + 1) - self.rows_before(block)
    }
}

/// Removes the start of each block that fits into the block before it. Returns
/// the lengths of the remaining blocks.
fn merge_short_blocks(starts: &mut Vec<SortKey>, lengths: &[u64]) -> Vec<u64> {
    let mut merged = vec![lengths[0]];
    let mut next_lengths = lengths[1..].iter();
    starts.retain(|_| {
        let length = next_lengths.next().copied().unwrap_or_default();
        let last = merged.len() - 1;
        let fits = merged[last] + length <= MERGE_BLOCK_ROWS;
        if fits {
            merged[last] += length;
        } else {
            merged.push(length);
        }
        !fits
    });
    merged
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{ConversationId, SortValue};

    /// Sort keys in the order of `number`; three numbers share a sort value.
    fn key(number: u64) -> SortKey {
        SortKey {
            value: SortValue::Number((number / 3) as i64),
            id: ConversationId(Uuid::from_u128((number % 3).into())),
        }
    }

    /// The counts next to the rows that they count.
    struct Range {
        counts: BlockCounts,
        rows: Vec<u64>,
    }

    impl Range {
        fn insert(&mut self, row: u64) {
            let Err(position) = self.rows.binary_search(&row) else {
                return;
            };
            self.rows.insert(position, row);
            let block = self.counts.insert(&key(row));
            if self.counts.is_too_long(block) {
                let first = self.counts.rows_before(block);
                let middle = self.rows[(first + BLOCK_ROWS) as usize];
                self.counts.split(block, key(middle), BLOCK_ROWS);
            }
        }

        fn remove(&mut self, position: usize) {
            let row = self.rows.remove(position);
            assert!(self.counts.remove(&key(row)));
        }

        fn check(&self) {
            let Self { counts, rows } = self;
            assert_eq!(counts.row_count(), rows.len() as u64);
            for block in 1..counts.block_count() {
                let start = counts.start(block).expect("a start");
                let before = rows.partition_point(|row| key(*row) < *start);
                assert_eq!(counts.rows_before(block), before as u64);
                assert!(!counts.is_too_long(block));
            }
            for position in (0..rows.len() as u64).step_by(37) {
                let block = counts.block_at(position);
                assert!(counts.rows_before(block) <= position);
                assert!(counts.rows_before(block + 1) > position);
            }
        }
    }

    #[test]
    fn counts_stay_exact_and_blocks_few_while_rows_are_inserted_and_deleted() {
        let mut random = fastrand::Rng::with_seed(4);
        let mut range = Range {
            counts: BlockCounts::new(Vec::new(), &[0]),
            rows: Vec::new(),
        };
        range.check();
        for round in 0..60_u64 {
            for _ in 0..400 {
                range.insert(random.u64(..1 << 20));
            }
            // Rows move to the end, as conversations do that get a message.
            for step in 0..300 {
                range.remove(random.usize(..range.rows.len()));
                range.insert((1 << 20) + round * 1000 + step);
            }
            range.check();
        }
        let max_blocks = 2 * range.rows.len() as u64 / MERGE_BLOCK_ROWS + 2;
        assert!(range.counts.block_count() as u64 <= max_blocks);
        assert!(range.counts.block_count() > 10);
        while !range.rows.is_empty() {
            range.remove(random.usize(..range.rows.len()));
        }
        range.check();
        assert!(!range.counts.remove(&key(7)), "the range is empty");
    }
}
