//! The vectors of a project in memory. A search compares the question with all of them: a
//! tree of neighbours would find most of the closest ones faster, but an index of a website
//! is small, and the exact result needs no tuning.

use std::collections::HashMap;
use std::sync::Arc;

use super::vector::{PassageVector, QueryVector};
use crate::domain::{PassageSeq, ProjectSeq};

/// The vectors of all projects.
pub type VectorIndexes = HashMap<ProjectSeq, Arc<VectorIndex>>;

/// The vectors of the passages of a project, all with the same number of components.
#[derive(Debug, Clone, Default)]
pub struct VectorIndex {
    dimensions: usize,
    /// The components of all vectors.
    components: Vec<i8>,
    scales: Vec<f32>,
    /// The passage of each vector. The vectors of a passage follow each other.
    passages: Vec<PassageSeq>,
}

impl VectorIndex {
    /// Adds the vectors of a passage that the index does not have. Ignores vectors with
    /// another number of components than the first one.
    pub fn add(&mut self, passage: PassageSeq, vectors: &[PassageVector]) {
        for vector in vectors {
            if self.passages.is_empty() {
                self.dimensions = vector.components.len();
            }
            if vector.components.len() == self.dimensions {
                self.components.extend_from_slice(&vector.components);
                self.scales.push(vector.scale);
                self.passages.push(passage);
            }
        }
    }

    /// Removes the vectors of the passages for which `is_kept` is false.
    pub fn retain(&mut self, is_kept: impl Fn(PassageSeq) -> bool) {
        let mut rest = Self {
            dimensions: self.dimensions,
            ..Self::default()
        };
        for (row, passage) in self.passages.iter().enumerate() {
            if is_kept(*passage) {
                let start = row * self.dimensions;
                let components = &self.components[start..start + self.dimensions];
                rest.components.extend_from_slice(components);
                rest.scales.push(self.scales[row]);
                rest.passages.push(*passage);
            }
        }
        *self = rest;
    }

    pub fn is_empty(&self) -> bool {
        self.passages.is_empty()
    }

    /// Returns the passages that are closest to a question, with their cosines, the closest
    /// first. The vector of a passage that is closest counts.
    pub fn nearest(&self, query: &QueryVector, limit: usize) -> Vec<(PassageSeq, f32)> {
        if query.components.len() != self.dimensions || self.is_empty() {
            return Vec::new();
        }
        let mut found = self.cosines(query);
        let order = |one: &(PassageSeq, f32), other: &(PassageSeq, f32)| {
            other.1.total_cmp(&one.1).then(one.0.0.cmp(&other.0.0))
        };
        if limit > 0 && limit < found.len() {
            found.select_nth_unstable_by(limit - 1, order);
        }
        found.truncate(limit);
        found.sort_unstable_by(order);
        found
    }

    /// Returns the cosine of each passage.
    fn cosines(&self, query: &QueryVector) -> Vec<(PassageSeq, f32)> {
        let mut cosines: Vec<(PassageSeq, f32)> = Vec::with_capacity(self.passages.len());
        let rows = self.components.chunks_exact(self.dimensions);
        for ((row, scale), passage) in rows.zip(&self.scales).zip(&self.passages) {
            let cosine = dot_product(row, &query.components) as f32 * scale * query.scale;
            match cosines.last_mut() {
                Some((last, best)) if last == passage => *best = best.max(cosine),
                _ => cosines.push((*passage, cosine)),
            }
        }
        cosines
    }
}

/// The compiler makes SIMD instructions of this loop.
fn dot_product(one: &[i8], other: &[i16]) -> i32 {
    let pairs = one.iter().zip(other);
    pairs
        .map(|(one, other)| i32::from(*one) * i32::from(*other))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[f32]) -> PassageVector {
        PassageVector::new(values).expect("a vector")
    }

    fn index() -> VectorIndex {
        let mut index = VectorIndex::default();
        index.add(PassageSeq(1), &[vector(&[1.0, 0.0]), vector(&[0.0, 1.0])]);
        index.add(PassageSeq(2), &[vector(&[1.0, 1.0])]);
        index.add(PassageSeq(3), &[vector(&[-1.0, 0.2])]);
        index
    }

    fn nearest(index: &VectorIndex, query: &[f32], limit: usize) -> Vec<i64> {
        let query = QueryVector::new(query).expect("a vector");
        let found = index.nearest(&query, limit);
        found.iter().map(|(passage, _)| passage.0).collect()
    }

    #[test]
    fn closest_passages_come_first_and_each_passage_once() {
        let index = index();
        assert_eq!(nearest(&index, &[0.1, 0.9], 10), [1, 2, 3]);
        assert_eq!(nearest(&index, &[0.6, 0.5], 10), [2, 1, 3]);
        assert_eq!(nearest(&index, &[-1.0, 0.0], 1), [3]);
        assert_eq!(nearest(&index, &[1.0, 0.0, 0.0], 10), [0_i64; 0]);
        assert_eq!(nearest(&VectorIndex::default(), &[1.0], 10), [0_i64; 0]);
    }

    #[test]
    fn cosine_of_the_same_direction_is_one() {
        let query = QueryVector::new(&[0.5, 0.5]).expect("a vector");
        let found = index().nearest(&query, 1);
        assert_eq!(found[0].0, PassageSeq(2));
        assert!((found[0].1 - 1.0).abs() < 0.001, "{found:?}");
    }

    #[test]
    fn removed_passages_and_other_dimensions_are_not_found() {
        let mut index = index();
        index.add(PassageSeq(4), &[vector(&[1.0, 0.0, 0.0])]);
        index.retain(|passage| passage != PassageSeq(2));
        assert_eq!(nearest(&index, &[0.6, 0.5], 10), [1, 3]);
        index.retain(|_| false);
        assert!(index.is_empty());
        index.add(PassageSeq(4), &[vector(&[1.0, 0.0, 0.0])]);
        assert_eq!(nearest(&index, &[1.0, 0.0, 0.0], 10), [4]);
    }
}
