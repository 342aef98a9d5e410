//! The counts of conversations of a visitor or a project.

use std::ops::AddAssign;

use crate::domain::Status;

#[derive(Clone, Copy, Default)]
pub(super) struct ConversationCounts {
    pub open: i64,
    pub closed: i64,
    pub open_human_handled: i64,
    pub closed_human_handled: i64,
}

impl ConversationCounts {
    pub fn add(&mut self, status: Status, is_human_handled: bool) {
        let (all, human_handled) = match status {
            Status::Open => (&mut self.open, &mut self.open_human_handled),
            Status::Closed => (&mut self.closed, &mut self.closed_human_handled),
        };
        *all += 1;
        *human_handled += i64::from(is_human_handled);
    }
}

impl AddAssign for ConversationCounts {
    fn add_assign(&mut self, other: Self) {
        self.open += other.open;
        self.closed += other.closed;
        self.open_human_handled += other.open_human_handled;
        self.closed_human_handled += other.closed_human_handled;
    }
}
