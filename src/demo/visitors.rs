//! Who comes: the demo's own visitor, newcomers, and those who come again.

use fastrand::Rng;

use super::random::chance;
use super::timeline::{DAY, HOUR, MINUTE, NOW, SECOND, SPAN};

/// The place of the visitor whom the demo's own requests speak for.
pub const DEMO_VISITOR: usize = 0;

/// The visitors who came first share the conversations of the first step, as
/// many as twice that number those of the next, and so on: a few come often,
/// most once or twice.
const FIRST_TIER: usize = 16;

/// What is counted of a visitor while conversations are made.
#[derive(Debug, Clone, Copy, Default)]
pub struct VisitorStats {
    pub created_at: i64,
    pub open: u32,
    pub closed: u32,
}

/// Deals conversations out to visitors: to each as many as planned.
pub struct VisitorPool {
    conversations: u32,
    of_demo: u32,
    newcomers: u32,
    /// Those who have come, by their place; the demo's own always has.
    arrived: Vec<VisitorStats>,
}

/// How a conversation must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalState {
    Any,
    Closed,
    Open,
}

impl VisitorPool {
    pub fn new(conversations: u32, visitors: u32) -> Self {
        let of_demo = match visitors {
            0 | 1 => conversations,
            _ => (conversations / 20).clamp(12, 500).min(conversations),
        };
        Self {
            conversations,
            of_demo,
            newcomers: visitors.saturating_sub(1).min(conversations - of_demo),
            arrived: vec![VisitorStats::default()],
        }
    }

    /// The visitor of the conversation that begins at `moment`.
    pub fn next(&mut self, moment: i64, rng: &mut Rng) -> (usize, FinalState) {
        let lot = rng.u32(0..self.conversations);
        let alone = self.arrived.len() == 1;
        // A desk that opens has no regulars yet.
        let early = self.arrived.len() < 3 * FIRST_TIER && chance(70, rng);
        self.conversations -= 1;
        if lot < self.of_demo {
            return self.demo(moment, rng);
        }
        if self.newcomers > 0 && (alone || early || lot < self.of_demo + self.newcomers) {
            self.newcomers -= 1;
            self.arrived.push(stats(moment, rng));
            return (self.arrived.len() - 1, FinalState::Any);
        }
        (1 + regular(self.arrived.len() - 1, rng), FinalState::Any)
    }

    /// Their first conversation is closed and their last one open, so that
    /// whoever tries the demo sees both.
    fn demo(&mut self, moment: i64, rng: &mut Rng) -> (usize, FinalState) {
        let first = self.arrived[DEMO_VISITOR].created_at == 0;
        if first {
            self.arrived[DEMO_VISITOR] = stats(moment, rng);
        }
        self.of_demo -= 1;
        match self.of_demo {
            0 => (DEMO_VISITOR, FinalState::Open),
            _ if first => (DEMO_VISITOR, FinalState::Closed),
            _ => (DEMO_VISITOR, FinalState::Any),
        }
    }

    pub fn count(&mut self, visitor: usize, closed: bool) {
        let stats = &mut self.arrived[visitor];
        match closed {
            true => stats.closed += 1,
            false => stats.open += 1,
        }
    }

    /// What there is to say of a visitor in the end; they may have said nothing.
    pub fn stats(&self, visitor: usize, rng: &mut Rng) -> VisitorStats {
        let came = |stats: &&VisitorStats| stats.created_at != 0;
        match self.arrived.get(visitor).filter(came) {
            Some(stats) => *stats,
            None => stats(NOW - rng.i64(HOUR..SPAN - DAY), rng),
        }
    }
}

/// A visitor who opens their first conversation at `moment`.
fn stats(moment: i64, rng: &mut Rng) -> VisitorStats {
    VisitorStats {
        created_at: moment - rng.i64(SECOND..15 * MINUTE),
        open: 0,
        closed: 0,
    }
}

/// Chooses among `count` visitors, the more likely the sooner they came.
fn regular(count: usize, rng: &mut Rng) -> usize {
    let steps = (count / FIRST_TIER + 1)
        .next_power_of_two()
        .trailing_zeros()
        .max(1);
    loop {
        let size = FIRST_TIER << rng.u32(0..steps);
        let place = size - FIRST_TIER + rng.usize(0..size);
        if place < count {
            return place;
        }
    }
}
