//! Assigns conversations to visitors: the demo visitor, new visitors, and
//! returning visitors.

use fastrand::Rng;

use super::DemoPlan;
use super::random::chance;
use super::timeline::{DAY, HOUR, MINUTE, Period, SECOND};

/// The index of the visitor that the demo's own requests use.
pub const DEMO_VISITOR: usize = 0;

/// The size of the first tier of returning visitors. Each further tier is twice
/// as large, and every tier gets the same number of conversations. So a few
/// visitors return often, and most once or twice.
const FIRST_TIER: usize = 16;

/// The arrival time of the demo visitor before the first conversation.
const NOT_ARRIVED: i64 = 0;

/// Assigns the planned number of conversations to the planned number of
/// visitors.
pub struct VisitorPool {
    period: Period,
    conversations_left: u32,
    demo_conversations_left: u32,
    new_visitors_left: u32,
    /// When the visitors so far arrived, by index. The first is the demo visitor.
    arrived: Vec<i64>,
}

/// The state that a conversation must have at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalState {
    Any,
    Closed,
    Open,
}

impl VisitorPool {
    /// `scenes`: how many of the conversations and visitors are those of `scenes`.
    pub fn new(plan: &DemoPlan, scenes: u32) -> Self {
        let (conversations, visitors) = (plan.conversations - scenes, plan.visitors - scenes);
        let demo_conversations = match visitors {
            0 | 1 => conversations,
            _ => (plan.conversations / 20).clamp(12, 500).min(conversations),
        };
        let other_conversations = conversations - demo_conversations;
        Self {
            period: Period::of(plan),
            conversations_left: conversations,
            demo_conversations_left: demo_conversations,
            new_visitors_left: visitors.saturating_sub(1).min(other_conversations),
            arrived: vec![NOT_ARRIVED],
        }
    }

    /// The index of the visitor whose conversation begins at `time`.
    pub fn next(&mut self, time: i64, rng: &mut Rng) -> (usize, FinalState) {
        let number = rng.u32(0..self.conversations_left);
        let is_first = self.arrived.len() == 1;
        // At the beginning most visitors are new.
        let is_early = self.arrived.len() < 3 * FIRST_TIER && chance(70, rng);
        self.conversations_left -= 1;
        if number < self.demo_conversations_left {
            return self.next_of_demo_visitor(time, rng);
        }
        let is_new = number < self.demo_conversations_left + self.new_visitors_left;
        if self.new_visitors_left > 0 && (is_first || is_early || is_new) {
            self.new_visitors_left -= 1;
            self.arrived.push(arrival_time(time, rng));
            return (self.arrived.len() - 1, FinalState::Any);
        }
        let returning = returning_visitor(self.arrived.len() - 1, rng);
        (1 + returning, FinalState::Any)
    }

    /// The first conversation of the demo visitor is closed and the last one is
    /// open, so that the demo shows both.
    fn next_of_demo_visitor(&mut self, time: i64, rng: &mut Rng) -> (usize, FinalState) {
        let is_first = self.arrived[DEMO_VISITOR] == NOT_ARRIVED;
        if is_first {
            self.arrived[DEMO_VISITOR] = arrival_time(time, rng);
        }
        self.demo_conversations_left -= 1;
        match self.demo_conversations_left {
            0 => (DEMO_VISITOR, FinalState::Open),
            _ if is_first => (DEMO_VISITOR, FinalState::Closed),
            _ => (DEMO_VISITOR, FinalState::Any),
        }
    }

    /// When the visitor arrived: a random time if the visitor has no
    /// conversation.
    pub fn created_at(&self, visitor: usize, rng: &mut Rng) -> i64 {
        match self.arrived.get(visitor) {
            Some(&created_at) if created_at != NOT_ARRIVED => created_at,
            _ => {
                let Period { start, end } = self.period;
                arrival_time(rng.i64(start + DAY..end - HOUR), rng)
            }
        }
    }
}

/// The arrival of a visitor who starts the first conversation at `time`.
fn arrival_time(time: i64, rng: &mut Rng) -> i64 {
    time - rng.i64(SECOND..15 * MINUTE)
}

/// Chooses one of `count` visitors; earlier visitors are more likely.
fn returning_visitor(count: usize, rng: &mut Rng) -> usize {
    let tiers = (count / FIRST_TIER + 1)
        .next_power_of_two()
        .trailing_zeros()
        .max(1);
    loop {
        let tier_size = FIRST_TIER << rng.u32(0..tiers);
        let index = tier_size - FIRST_TIER + rng.usize(0..tier_size);
        if index < count {
            return index;
        }
    }
}
