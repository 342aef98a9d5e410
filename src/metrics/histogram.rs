//! A histogram of atomic counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const NANOS_PER_SEC: u64 = 1_000_000_000;
const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;

/// The bounds of durations on this machine, in nanoseconds: 0.1 ms to 10 s.
const DURATION_BOUNDS: &[u64] = &[
    100 * MICROSECOND,
    250 * MICROSECOND,
    500 * MICROSECOND,
    MILLISECOND,
    2_500 * MICROSECOND,
    5 * MILLISECOND,
    10 * MILLISECOND,
    25 * MILLISECOND,
    50 * MILLISECOND,
    100 * MILLISECOND,
    250 * MILLISECOND,
    500 * MILLISECOND,
    NANOS_PER_SEC,
    2_500 * MILLISECOND,
    5 * NANOS_PER_SEC,
    10 * NANOS_PER_SEC,
];

/// The bounds of the durations of answers, in nanoseconds: 10 ms to 5 minutes.
const ANSWER_BOUNDS: &[u64] = &[
    10 * MILLISECOND,
    50 * MILLISECOND,
    100 * MILLISECOND,
    250 * MILLISECOND,
    500 * MILLISECOND,
    NANOS_PER_SEC,
    2_500 * MILLISECOND,
    5 * NANOS_PER_SEC,
    10 * NANOS_PER_SEC,
    30 * NANOS_PER_SEC,
    60 * NANOS_PER_SEC,
    120 * NANOS_PER_SEC,
    300 * NANOS_PER_SEC,
];

/// The bounds of the number of batches in a commit.
const GROUP_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Counts values by size.
#[derive(Debug)]
pub struct Histogram {
    /// The largest value of each bucket but the last.
    bounds: &'static [u64],
    /// How many recorded units are one exported unit.
    scale: u64,
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// For durations on this machine, in seconds.
    pub fn of_durations() -> Self {
        Self::new(DURATION_BOUNDS, NANOS_PER_SEC)
    }

    /// For the durations of answers, in seconds.
    pub fn of_answers() -> Self {
        Self::new(ANSWER_BOUNDS, NANOS_PER_SEC)
    }

    /// For the number of batches in a commit.
    pub fn of_groups() -> Self {
        Self::new(GROUP_BOUNDS, 1)
    }

    fn new(bounds: &'static [u64], scale: u64) -> Self {
        Self {
            bounds,
            scale,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    pub fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub fn observe_duration(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn snapshot(&self) -> HistogramSnapshot {
        let bounds = self.bounds.iter().map(|bound| self.export(*bound));
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        HistogramSnapshot {
            buckets: bounds.chain([f64::INFINITY]).zip(counts).collect(),
            sum: self.export(self.sum.load(Ordering::Relaxed)),
        }
    }

    fn export(&self, value: u64) -> f64 {
        value as f64 / self.scale as f64
    }
}

/// The counts of one or more histograms with the same bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramSnapshot {
    /// The largest value of each bucket, and the number of values in it.
    pub buckets: Vec<(f64, u64)>,
    pub sum: f64,
}

impl HistogramSnapshot {
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// Adds the counts of another histogram.
    pub fn add(&mut self, other: &Self) {
        for ((_, count), (_, more)) in self.buckets.iter_mut().zip(&other.buckets) {
            *count += more;
        }
        self.sum += other.sum;
    }

    /// The sum of histograms with the same bounds; `None` without any.
    pub fn total<'a>(histograms: impl IntoIterator<Item = &'a Histogram>) -> Option<Self> {
        let snapshots = histograms.into_iter().map(Histogram::snapshot);
        snapshots.reduce(|mut total, next| {
            total.add(&next);
            total
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_counts_in_the_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::of_groups();
        for value in [1, 2, 3, 256, 257] {
            histogram.observe(value);
        }
        let snapshot = histogram.snapshot();
        let filled: Vec<_> = snapshot
            .buckets
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(bound, _)| *bound)
            .collect();
        assert_eq!(filled, [1.0, 2.0, 4.0, 256.0, f64::INFINITY]);
        assert_eq!((snapshot.count(), snapshot.sum), (5, 519.0));
    }

    #[test]
    fn durations_are_exported_in_seconds() {
        let [one, other] = [Histogram::of_durations(), Histogram::of_durations()];
        one.observe_duration(Duration::from_micros(100));
        other.observe_duration(Duration::from_millis(400));
        let total = HistogramSnapshot::total([&one, &other]).expect("two histograms");
        assert_eq!(total.buckets[0], (0.0001, 1));
        assert_eq!(total.count(), 2);
        assert!((total.sum - 0.4001).abs() < 1e-9, "{}", total.sum);
        assert!(DURATION_BOUNDS.is_sorted() && ANSWER_BOUNDS.is_sorted());
    }
}
