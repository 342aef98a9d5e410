//! A Fenwick tree (binary indexed tree): a list of numbers with prefix sums.
//!
//! Changing a number, summing the first n numbers and searching for a prefix
//! sum each take O(log n). Building the tree and reading the numbers back take
//! O(n).

pub(super) struct FenwickTree(Vec<u64>);

impl FenwickTree {
    pub fn new(numbers: &[u64]) -> Self {
        let mut tree = numbers.to_vec();
        for index in 0..tree.len() {
            let parent = index | (index + 1);
            if parent < tree.len() {
                tree[parent] += tree[index];
            }
        }
        Self(tree)
    }

    /// Returns the numbers that the sums are made of.
    pub fn numbers(&self) -> Vec<u64> {
        let mut numbers = self.0.clone();
        for index in (0..numbers.len()).rev() {
            let parent = index | (index + 1);
            if parent < numbers.len() {
                numbers[parent] -= numbers[index];
            }
        }
        numbers
    }

    /// Adds `delta` to the number at `index`.
    pub fn add(&mut self, mut index: usize, delta: i64) {
        while let Some(sum) = self.0.get_mut(index) {
            *sum = sum.wrapping_add_signed(delta);
            index |= index + 1;
        }
    }

    /// Returns the sum of the first `count` numbers.
    pub fn prefix_sum(&self, mut count: usize) -> u64 {
        let mut sum = 0;
        while count > 0 {
            sum += self.0[count - 1];
            count &= count - 1;
        }
        sum
    }

    /// Returns the largest `count` whose prefix sum is at most `limit`.
    pub fn search(&self, mut limit: u64) -> usize {
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
    use super::*;

    #[test]
    fn sums_and_searches_agree_with_a_linear_scan() {
        for length in 0..40_u64 {
            let numbers: Vec<u64> = (0..length).map(|number| number * 7 % 5).collect();
            let tree = FenwickTree::new(&numbers);
            assert_eq!(tree.numbers(), numbers);
            for count in 0..=numbers.len() {
                assert_eq!(tree.prefix_sum(count), numbers[..count].iter().sum::<u64>());
            }
            for limit in 0..80 {
                let expected = (0..=numbers.len()).rfind(|count| tree.prefix_sum(*count) <= limit);
                assert_eq!(Some(tree.search(limit)), expected, "{numbers:?}, {limit}");
            }
        }
    }
}
