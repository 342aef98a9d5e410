//! What the latest transactions changed, for snapshots that are a little older.

use std::collections::VecDeque;

use super::super::change::{ListChange, ListedConversation};
use super::sort_range::SortRange;
use crate::domain::SortKey;

/// One transaction's changes of a project's conversations.
pub(super) struct ProjectChanges {
    /// The project's version before and after it.
    pub before: i64,
    pub after: i64,
    pub changes: Vec<ListChange>,
}

/// The latest transactions, each beginning where the one before it ended.
#[derive(Default)]
pub(super) struct History {
    groups: VecDeque<ProjectChanges>,
    changes: usize,
}

impl History {
    /// Adds a transaction, and forgets old ones beyond `most` changes.
    pub fn push(&mut self, group: ProjectChanges, most: usize) {
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
    pub fn between(&self, old: i64, new: i64) -> Option<Vec<&ProjectChanges>> {
        if old == new {
            return Some(Vec::new());
        }
        let first = self.groups.partition_point(|group| group.before < old);
        let end = self.groups.partition_point(|group| group.after <= new);
        // Backwards, or within one transaction.
        if first >= end {
            return None;
        }
        let ends_meet = self.groups[first].before == old && self.groups[end - 1].after == new;
        ends_meet.then(|| self.groups.range(first..end).collect())
    }
}

/// How many more rows of the run stood before `place` when none of the groups
/// had happened; everywhere, where there is no place.
pub(super) fn delta_since(
    groups: &[&ProjectChanges],
    run: SortRange,
    place: Option<&SortKey>,
) -> i64 {
    let is_before = |listed: Option<&ListedConversation>| {
        let stands = listed.and_then(|listed| run.place(listed));
        stands.is_some_and(|stands| place.is_none_or(|place| stands < *place))
    };
    let changes = groups.iter().flat_map(|group| &group.changes);
    let of = |change: &ListChange| {
        let (was, is) = change.sides();
        i64::from(is_before(was)) - i64::from(is_before(is))
    };
    changes.map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ProjectSeq, VisitorSeq};

    fn history(ends: &[i64]) -> History {
        let mut history = History::default();
        for ends in ends.windows(2) {
            let said = || ListChange::MessageChanged(ProjectSeq(1), VisitorSeq(1));
            let changes = (ends[0]..ends[1]).map(|_| said()).collect();
            let (before, after) = (ends[0], ends[1]);
            history.push(
                ProjectChanges {
                    before,
                    after,
                    changes,
                },
                6,
            );
        }
        history
    }

    #[test]
    fn what_happened_is_told_between_the_ends_of_transactions_and_nowhere_else() {
        let history = history(&[1, 4, 5, 7, 9, 10]);
        // The first is forgotten: it would be a seventh change.
        let ends = [4, 5, 7, 9, 10];
        for old in 0..12 {
            for new in 0..12 {
                let told = history.between(old, new).map(|groups| groups.len());
                let place = |version| ends.iter().position(|end| *end == version);
                let known = match (place(old), place(new)) {
                    _ if old == new => Some(0),
                    (Some(first), Some(last)) if first < last => Some(last - first),
                    _ => None,
                };
                assert_eq!(told, known, "{old} to {new}");
            }
        }
    }

    #[test]
    fn a_gap_ends_what_is_remembered() {
        let mut history = history(&[1, 2, 3]);
        history.push(
            ProjectChanges {
                before: 4,
                after: 5,
                changes: Vec::new(),
            },
            6,
        );
        assert!(history.between(1, 3).is_none());
        assert_eq!(history.newest(), Some(5));
    }
}
