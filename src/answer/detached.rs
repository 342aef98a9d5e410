//! Limits the answers that a visitor has running without a connection. A connection
//! costs its client something; a detached answer would cost nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::VisitorSeq;

/// How many detached answers all sessions of a visitor may have at the same time.
pub const MAX_DETACHED_ANSWERS: usize = 4;

/// Counts the detached answers of each visitor.
#[derive(Debug, Default)]
pub struct DetachedAnswers(Mutex<HashMap<VisitorSeq, usize>>);

impl DetachedAnswers {
    /// Counts an answer until the permit is dropped. `None` above the limit.
    pub fn reserve(self: &Arc<Self>, visitor: VisitorSeq) -> Option<DetachedPermit> {
        let mut counts = self.lock();
        let count = counts.entry(visitor).or_default();
        if *count >= MAX_DETACHED_ANSWERS {
            return None;
        }
        *count += 1;
        Some(DetachedPermit {
            counts: self.clone(),
            visitor,
        })
    }

    // No critical section can leave an inconsistent state behind.
    fn lock(&self) -> MutexGuard<'_, HashMap<VisitorSeq, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A detached answer that is counted.
#[derive(Debug)]
pub struct DetachedPermit {
    counts: Arc<DetachedAnswers>,
    visitor: VisitorSeq,
}

impl Drop for DetachedPermit {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        if let Some(count) = counts.get_mut(&self.visitor) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.visitor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_permit_makes_room_and_leaves_no_entry() {
        let answers = Arc::<DetachedAnswers>::default();
        let (ann, ben) = (VisitorSeq(1), VisitorSeq(2));
        let mut permits: Vec<_> = (0..MAX_DETACHED_ANSWERS)
            .map(|_| answers.reserve(ann).expect("room"))
            .collect();
        assert!(answers.reserve(ann).is_none());
        assert!(answers.reserve(ben).is_some());
        permits.pop();
        assert!(answers.reserve(ann).is_some());
        drop(permits);
        assert!(answers.lock().is_empty());
    }
}
