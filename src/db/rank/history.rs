//! What the latest transactions changed, for snapshots that are a little older.

use std::collections::VecDeque;

use super::super::change::{Change, Listed};
use super::run::Run;
use crate::domain::Place;

/// One transaction's changes of a project's conversations.
pub(super) struct Group {
    /// The project's version before and after it.
    pub before: i64,
    pub after: i64,
    pub changes: Vec<Change>,
}

/// The latest transactions, each beginning where the one before it ended.
#[derive(Default)]
pub(super) struct History {
    groups: VecDeque<Group>,
    changes: usize,
}

impl History {
    /// Adds a transaction, and forgets old ones beyond `most` changes.
    pub fn push(&mut self, group: Group, most: usize) {
        if self
            .groups
            .back()
            .is_some_and(|last| last.after != group.before)
        {
            self.groups.clear();
            self.changes = 0;
        }
        self.changes += group.changes.len();
        self.groups.push_back(group);
        while self.changes > most {
            let oldest = self.groups.pop_front();
            self.changes -= oldest.map_or(self.changes, |oldest| oldest.changes.len());
        }
    }

    /// The version after the latest of them.
    pub fn newest(&self) -> Option<i64> {
        Some(self.groups.back()?.after)
    }

    /// What happened between two versions, if all of it is remembered.
    pub fn between(&self, old: i64, new: i64) -> Option<Vec<&Group>> {
        let within = |group: &&Group| group.before >= old && group.after <= new;
        let groups: Vec<_> = self.groups.iter().filter(within).collect();
        let first = groups.first().map_or(new, |group| group.before);
        let last = groups.last().map_or(old, |group| group.after);
        (first == old && last == new).then_some(groups)
    }
}

/// How many more rows of the run stood before `place` when none of the groups
/// had happened; everywhere, where there is no place.
pub(super) fn undone(groups: &[&Group], run: Run, place: Option<&Place>) -> i64 {
    let is_before = |listed: Option<&Listed>| {
        let stands = listed.and_then(|listed| run.place(listed));
        stands.is_some_and(|stands| place.is_none_or(|place| stands < *place))
    };
    let changes = groups.iter().flat_map(|group| &group.changes);
    let of = |change: &Change| {
        let (was, is) = change.sides();
        i64::from(is_before(was)) - i64::from(is_before(is))
    };
    changes.map(of).sum()
}
