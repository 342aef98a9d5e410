//! What a [`Learner`](super::Learner) stored and deleted.

use std::fmt;

/// What a [`Learner`](super::Learner) stored and deleted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LearnSummary {
    pub new: usize,
    pub changed: usize,
    pub unchanged: usize,
    pub deleted: usize,
    /// The passages of all pages that were read.
    pub passages: usize,
}

impl LearnSummary {
    /// The pages that were read.
    pub fn pages(&self) -> usize {
        self.new + self.changed + self.unchanged
    }
}

impl fmt::Display for LearnSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let (pages, passages) = (self.pages(), self.passages);
        let Self {
            new,
            changed,
            unchanged,
            deleted,
            ..
        } = self;
        write!(f, "learned {pages} page{} ", plural(pages))?;
        write!(f, "({new} new, {changed} changed, {unchanged} as before, ")?;
        write!(f, "{deleted} forgotten), ")?;
        write!(f, "{passages} passage{}", plural(passages))
    }
}
