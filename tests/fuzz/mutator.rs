//! Makes inputs from the corpus.

use fastrand::Rng;

/// The maximum number of changes of one input.
const MAX_CHANGES: usize = 6;
/// The maximum length of a piece that is repeated to the maximum length of an input. A
/// piece that takes too long in such a number shows work that is not linear.
const MAX_REPEATED_BYTES: usize = 40;
/// Of so many inputs, one has a piece that is repeated.
const REPEAT_INTERVAL: usize = 20;

/// Changes inputs. The same seed gives the same inputs.
pub struct Mutator {
    random: Rng,
    corpus: Vec<Vec<u8>>,
    dictionary: &'static [&'static str],
    max_bytes: usize,
}

impl Mutator {
    pub fn new(
        seed: u64,
        corpus: Vec<Vec<u8>>,
        dictionary: &'static [&'static str],
        max_bytes: usize,
    ) -> Self {
        assert!(!corpus.is_empty(), "the corpus has no inputs");
        Self {
            random: Rng::with_seed(seed),
            corpus,
            dictionary,
            max_bytes,
        }
    }

    /// A changed input of the corpus.
    pub fn next(&mut self) -> Vec<u8> {
        let mut input = self.corpus[self.random.usize(..self.corpus.len())].clone();
        for _ in 0..self.random.usize(1..=MAX_CHANGES) {
            self.change(&mut input);
        }
        if self.random.usize(..REPEAT_INTERVAL) == 0 {
            self.repeat_piece(&mut input);
        }
        input.truncate(self.max_bytes);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let start = self.random.usize(..=input.len());
        let end = self.random.usize(start..=input.len().min(start + 64));
        match self.random.u8(..8) {
            0 if start < input.len() => input[start] ^= 1 << self.random.u8(..8),
            1 if start < input.len() => input[start] = self.random.u8(..),
            2 => drop(input.drain(start..end)),
            3 => {
                let piece = input[start..end].to_vec();
                let to = self.random.usize(..=input.len());
                input.splice(to..to, piece);
            }
            4 => {
                let other = &self.corpus[self.random.usize(..self.corpus.len())];
                let from = self.random.usize(..=other.len());
                input.truncate(start);
                input.extend_from_slice(&other[from..]);
            }
            5 => input.truncate(start),
            _ => {
                let piece = self.piece();
                input.splice(start..end.min(start + piece.len()), piece);
            }
        }
    }

    /// One or two entries of the dictionary, or a random byte.
    fn piece(&mut self) -> Vec<u8> {
        if self.random.u8(..8) == 0 {
            return vec![self.random.u8(..)];
        }
        let mut piece = Vec::new();
        for _ in 0..self.random.usize(1..=2) {
            let entry = self.dictionary[self.random.usize(..self.dictionary.len())];
            piece.extend_from_slice(entry.as_bytes());
        }
        piece
    }

    /// Repeats a part of the input, or of the dictionary, until the input has its maximum
    /// length.
    fn repeat_piece(&mut self, input: &mut Vec<u8>) {
        let start = self.random.usize(..=input.len());
        let end = input
            .len()
            .min(start + self.random.usize(1..=MAX_REPEATED_BYTES));
        let mut piece = input[start..end].to_vec();
        if piece.is_empty() || self.random.bool() {
            piece.extend(self.piece());
        }
        let count = self.max_bytes.saturating_sub(input.len()) / piece.len();
        input.splice(end..end, piece.repeat(count));
    }
}
