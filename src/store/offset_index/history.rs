//! The most recent changes of a project, by version.
//!
//! The counts of a range are those of the newest committed version. A snapshot
//! that began earlier is some versions behind. The history holds the changes
//! between the two, so that their effect on a count can be subtracted.

use std::collections::VecDeque;

use super::super::changes::{ListChange, ListedConversation};
use super::sort_range::SortRange;
use crate::domain::SortKey;

/// What one transaction changed in a project.
pub(super) struct ProjectChanges {
    /// `project.list_version` before the transaction.
    pub before: i64,
    /// `project.list_version` after the transaction.
    pub after: i64,
    pub changes: Vec<ListChange>,
}

/// The most recent transactions of a project, oldest first.
///
/// Invariant: each transaction begins at the version at which the one before it
/// ended.
#[derive(Default)]
pub(super) struct History {
    transactions: VecDeque<ProjectChanges>,
    /// The number of changes in all transactions.
    change_count: usize,
}

impl History {
    /// Appends a transaction and removes the oldest ones until at most
    /// `max_changes` changes are left. If versions are missing between the last
    /// transaction and this one (another process wrote), all earlier
    /// transactions are removed.
    pub fn push(&mut self, transaction: ProjectChanges, max_changes: usize) {
        let newest = self.newest_version();
        if newest.is_some_and(|newest| newest != transaction.before) {
            self.transactions.clear();
            self.change_count = 0;
        }
        self.change_count += transaction.changes.len();
        self.transactions.push_back(transaction);
        while self.change_count > max_changes {
            let Some(oldest) = self.transactions.pop_front() else {
                break;
            };
            self.change_count -= oldest.changes.len();
        }
    }

    /// The version after the last transaction.
    pub fn newest_version(&self) -> Option<i64> {
        Some(self.transactions.back()?.after)
    }

    /// The transactions that lead from version `old` to version `new`, or `None`
    /// if the history does not hold all of them.
    pub fn between(&self, old: i64, new: i64) -> Option<Vec<&ProjectChanges>> {
        if old == new {
            return Some(Vec::new());
        }
        let first = self.transactions.partition_point(|one| one.before < old);
        let end = self.transactions.partition_point(|one| one.after <= new);
        // `new` is older than `old`, or both lie within one transaction.
        if first >= end {
            return None;
        }
        let is_complete =
            self.transactions[first].before == old && self.transactions[end - 1].after == new;
        is_complete.then(|| self.transactions.range(first..end).collect())
    }
}

/// What to add to a current row count to get the count before the transactions
/// in `later`. Counts the rows of the range with a key below `limit`, or all
/// rows if there is no limit.
pub(super) fn delta_since(
    later: &[&ProjectChanges],
    range: SortRange,
    limit: Option<&SortKey>,
) -> i64 {
    let is_counted = |conversation: Option<&ListedConversation>| {
        let key = conversation.and_then(|conversation| range.key(conversation));
        key.is_some_and(|key| limit.is_none_or(|limit| key < *limit))
    };
    let delta = |change: &ListChange| {
        let (before, after) = change.before_and_after();
        i64::from(is_counted(before)) - i64::from(is_counted(after))
    };
    let changes = later.iter().flat_map(|transaction| &transaction.changes);
    changes.map(delta).sum()
}

#[cfg(test)]
mod tests {
    use super::super::super::changes::ContentChange;
    use super::*;
    use crate::domain::{ProjectSeq, VisitorSeq};

    const MAX_CHANGES: usize = 6;

    /// A transaction from one version to another, with one change per version.
    fn transaction(before: i64, after: i64) -> ProjectChanges {
        let change = || {
            let (project, visitor) = (ProjectSeq(1), VisitorSeq(1));
            ListChange::ContentChanged(project, visitor, ContentChange::Visitor)
        };
        ProjectChanges {
            before,
            after,
            changes: (before..after).map(|_| change()).collect(),
        }
    }

    /// A history of transactions between consecutive versions of `versions`.
    fn history(versions: &[i64]) -> History {
        let mut history = History::default();
        for ends in versions.windows(2) {
            history.push(transaction(ends[0], ends[1]), MAX_CHANGES);
        }
        history
    }

    #[test]
    fn between_returns_transactions_only_if_both_versions_end_one() {
        let history = history(&[1, 4, 5, 7, 9, 10]);
        // The first transaction was removed: with it there are nine changes.
        let ends = [4, 5, 7, 9, 10];
        for old in 0..12 {
            for new in 0..12 {
                let found = history.between(old, new).map(|found| found.len());
                let position = |version| ends.iter().position(|end| *end == version);
                let expected = match (position(old), position(new)) {
                    _ if old == new => Some(0),
                    (Some(first), Some(last)) if first < last => Some(last - first),
                    _ => None,
                };
                assert_eq!(found, expected, "{old} to {new}");
            }
        }
    }

    #[test]
    fn push_removes_earlier_transactions_when_versions_are_missing() {
        let mut history = history(&[1, 2, 3]);
        history.push(transaction(4, 5), MAX_CHANGES);
        assert!(history.between(1, 3).is_none());
        assert_eq!(history.newest_version(), Some(5));
    }
}
