//! How many rows of an order stand before a place: exact at the places kept,
//! a few hundred rows apart.

use crate::domain::SortKey;

/// Rows between two places that are kept, when both are new.
pub(super) const BLOCK_ROWS: u64 = 256;
/// A block that has grown longer than this is split.
const MAX_BLOCK_ROWS: u64 = 2 * BLOCK_ROWS;
/// Neighbours that have shrunk to this, together, are put together.
const MERGE_BLOCK_ROWS: u64 = BLOCK_ROWS / 2;

/// The rows of an order, counted block by block.
///
/// A block begins at a place, whether or not there still is a row, and ends
/// where the next one begins. The first begins before every row.
pub(super) struct BlockCounts {
    /// Where each block but the first begins, ascending.
    starts: Vec<SortKey>,
    lengths: FenwickTree,
}

impl BlockCounts {
    /// `starts[i]` is where block `i + 1` begins, `lengths[i]` how many rows
    /// block `i` has.
    pub fn new(starts: Vec<SortKey>, lengths: &[u64]) -> Self {
        debug_assert_eq!(starts.len() + 1, lengths.len());
        let lengths = FenwickTree::of(lengths);
        Self { starts, lengths }
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.lengths.before(self.blocks())
    }

    /// How many blocks there are: one at least.
    pub fn blocks(&self) -> usize {
        self.starts.len() + 1
    }

    /// Where a block begins; the first begins nowhere.
    pub fn start(&self, block: usize) -> Option<&SortKey> {
        self.starts.get(block.checked_sub(1)?)
    }

    /// How many rows stand before a block.
    pub fn before(&self, block: usize) -> u64 {
        self.lengths.before(block)
    }

    /// The block that holds the row with so many before it.
    pub fn holding(&self, before: u64) -> usize {
        self.lengths.find(before).min(self.blocks() - 1)
    }

    /// Counts a row that came; gives its block.
    pub fn add(&mut self, place: &SortKey) -> usize {
        let block = self.block_of(place);
        self.lengths.add(block, 1);
        block
    }

    /// Counts a row that went. False where none was counted there: then this is
    /// not of the rows that it is taken for.
    #[must_use]
    pub fn remove(&mut self, place: &SortKey) -> bool {
        let block = self.block_of(place);
        let counted = self.length(block) > 0;
        if counted {
            self.lengths.add(block, -1);
        }
        counted
    }

    /// Whether a block is to be split.
    pub fn is_long(&self, block: usize) -> bool {
        self.length(block) > MAX_BLOCK_ROWS
    }

    /// Splits a block at `place`, which has `before` rows of the block
    /// before it. What has become short elsewhere is put together, so that
    /// there are never many more blocks than rows ask for.
    pub fn split(&mut self, block: usize, place: SortKey, before: u64) {
        let mut lengths = self.lengths.numbers();
        let after = lengths[block] - before;
        lengths[block] = before;
        lengths.insert(block + 1, after);
        self.starts.insert(block, place);
        let mut kept = vec![lengths[0]];
        let mut following = lengths[1..].iter();
        self.starts.retain(|_| {
            let length = following.next().copied().unwrap_or_default();
            let last = kept.len() - 1;
            let short = kept[last] + length <= MERGE_BLOCK_ROWS;
            match short {
                true => kept[last] += length,
                false => kept.push(length),
            }
            !short
        });
        self.lengths = FenwickTree::of(&kept);
    }

    /// The block that a row at `place` belongs to.
    pub fn block_of(&self, place: &SortKey) -> usize {
        self.starts.partition_point(|start| start <= place)
    }

    fn length(&self, block: usize) -> u64 {
        self.before(block + 1) - self.before(block)
    }
}

/// Numbers, and the sums of the first of them (a Fenwick tree).
struct FenwickTree(Vec<u64>);

impl FenwickTree {
    fn of(numbers: &[u64]) -> Self {
        let mut tree = numbers.to_vec();
        for index in 0..tree.len() {
            let parent = index | (index + 1);
            if parent < tree.len() {
                tree[parent] += tree[index];
            }
        }
        Self(tree)
    }

    /// The numbers that the sums are of.
    fn numbers(&self) -> Vec<u64> {
        let mut numbers = self.0.clone();
        for index in (0..numbers.len()).rev() {
            let parent = index | (index + 1);
            if parent < numbers.len() {
                numbers[parent] -= numbers[index];
            }
        }
        numbers
    }

    fn add(&mut self, mut index: usize, change: i64) {
        while let Some(sum) = self.0.get_mut(index) {
            *sum = sum.wrapping_add_signed(change);
            index |= index + 1;
        }
    }

    /// The sum of the first `count` numbers.
    fn before(&self, mut count: usize) -> u64 {
        let mut sum = 0;
        while count > 0 {
            sum += self.0[count - 1];
            count &= count - 1;
        }
        sum
    }

    /// How many of the first numbers have a sum of at most `limit`.
    fn find(&self, mut limit: u64) -> usize {
        let mut count = 0;
        let mut step = (self.0.len() + 1).next_power_of_two();
        while step > 0 {
            if let Some(sum) = self.0.get(count + step - 1).filter(|sum| **sum <= limit) {
                limit -= sum;
                count += step;
            }
            step /= 2;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{ConversationId, SortValue};

    fn place(number: u64) -> SortKey {
        SortKey {
            value: SortValue::Number((number / 3) as i64),
            id: ConversationId(Uuid::from_u128((number % 3).into())),
        }
    }

    /// BlockCounts, the rows in order, and what splits do: what a writer does.
    struct RangeCounts {
        counted: BlockCounts,
        rows: Vec<u64>,
    }

    impl RangeCounts {
        fn add(&mut self, number: u64) {
            let Err(at) = self.rows.binary_search(&number) else {
                return;
            };
            self.rows.insert(at, number);
            let block = self.counted.add(&place(number));
            if self.counted.is_long(block) {
                let first = self.counted.before(block);
                let middle = self.rows[(first + BLOCK_ROWS) as usize];
                self.counted.split(block, place(middle), BLOCK_ROWS);
            }
        }

        fn remove(&mut self, at: usize) {
            let number = self.rows.remove(at);
            assert!(self.counted.remove(&place(number)));
        }

        fn check(&self) {
            let Self { counted, rows } = self;
            assert_eq!(counted.rows(), rows.len() as u64);
            for block in 1..counted.blocks() {
                let start = counted.start(block).expect("a start");
                let before = rows.partition_point(|row| place(*row) < *start);
                assert_eq!(counted.before(block), before as u64);
                assert!(!counted.is_long(block));
            }
            for rank in (0..rows.len() as u64).step_by(37) {
                let block = counted.holding(rank);
                assert!(counted.before(block) <= rank);
                assert!(counted.before(block + 1) > rank);
            }
        }
    }

    #[test]
    fn counts_stay_exact_while_rows_come_and_go_and_places_stay_few() {
        let mut random = fastrand::Rng::with_seed(4);
        let mut kept = RangeCounts {
            counted: BlockCounts::new(Vec::new(), &[0]),
            rows: Vec::new(),
        };
        kept.check();
        for round in 0..60_u64 {
            for _ in 0..400 {
                kept.add(random.u64(..1 << 20));
            }
            // Rows move to the end, as conversations do in which something is said.
            for step in 0..300 {
                kept.remove(random.usize(..kept.rows.len()));
                kept.add((1 << 20) + round * 1000 + step);
            }
            kept.check();
        }
        let most = 2 * kept.rows.len() as u64 / MERGE_BLOCK_ROWS + 2;
        assert!(kept.counted.blocks() as u64 <= most);
        assert!(kept.counted.blocks() > 10);
        while !kept.rows.is_empty() {
            kept.remove(random.usize(..kept.rows.len()));
        }
        kept.check();
        assert!(!kept.counted.remove(&place(7)), "nothing is there");
    }

    #[test]
    fn sums_find_what_they_count() {
        for length in 0..40_u64 {
            let numbers: Vec<u64> = (0..length).map(|number| number * 7 % 5).collect();
            let sums = FenwickTree::of(&numbers);
            assert_eq!(sums.numbers(), numbers);
            for count in 0..=numbers.len() {
                assert_eq!(sums.before(count), numbers[..count].iter().sum::<u64>());
            }
            for limit in 0..80 {
                let most = (0..=numbers.len()).rfind(|count| sums.before(*count) <= limit);
                assert_eq!(Some(sums.find(limit)), most, "{numbers:?}, {limit}");
            }
        }
    }
}
