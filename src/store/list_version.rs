//! Versions of lists, in memory: tell whether a cached list is still current.
//!
//! # Problem
//!
//! The list cache may return a stored response only if nothing in the list has
//! changed since the response was read. This module answers that with two atomic
//! loads, without a query.
//!
//! # Data
//!
//! Each commit that changes list content gets the next number ([`ListVersion`]).
//! For each project and each visitor, a slot holds the number of the last commit
//! that changed one of their conversations or messages. Slots are hashed: owners
//! that share a slot invalidate each other's lists, which costs a cache miss and
//! never returns an old list.
//!
//! # Invariants
//!
//! - A reader takes the version before it begins its snapshot. The list is then
//!   of that version or a newer one.
//! - The writer calls [`ListVersions::record`] after the commit and before it
//!   reports success. So a client that has the response to its write is never
//!   sent an older list.
//! - A rolled back change is not recorded.
//! - Changes of another process are noticed within a second, and invalidate all
//!   lists ([`ListVersions::invalidate_all`]).

use std::sync::atomic::{AtomicU64, Ordering};

use super::change::ListChange;
use crate::domain::{ProjectSeq, Scope, VisitorSeq};

/// The number of a commit that changed list content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListVersion(u64);

const PROJECT_SLOTS: usize = 64;
const VISITOR_SLOTS: usize = 1 << 15;

pub(super) struct ListVersions {
    current: AtomicU64,
    /// The version of the last change by another process.
    all: AtomicU64,
    /// The version of the last change, for the projects of each slot.
    projects: Box<[AtomicU64]>,
    /// The same for visitors.
    visitors: Box<[AtomicU64]>,
}

impl Default for ListVersions {
    fn default() -> Self {
        let zeros = |slots| (0..slots).map(|_| AtomicU64::new(0)).collect();
        Self {
            current: AtomicU64::new(0),
            all: AtomicU64::new(0),
            projects: zeros(PROJECT_SLOTS),
            visitors: zeros(VISITOR_SLOTS),
        }
    }
}

impl ListVersions {
    pub fn current(&self) -> ListVersion {
        ListVersion(self.current.load(Ordering::Acquire))
    }

    /// Returns whether no conversation or message in the list of `scope` has
    /// changed after the version `since`.
    pub fn is_unchanged(&self, scope: Scope, since: ListVersion) -> bool {
        let last_change = match scope {
            Scope::Project(project) => self.project_slot(project),
            Scope::Visitor(visitor) => self.visitor_slot(visitor),
        };
        last_change.load(Ordering::Acquire) <= since.0
            && self.all.load(Ordering::Acquire) <= since.0
    }

    /// Records committed changes. Only the writer thread calls this.
    pub fn record(&self, changes: &[ListChange]) {
        if changes.is_empty() {
            return;
        }
        // Raise the version before the slots. A reader that sees the old version
        // then finds its list changed; a reader that sees the new one begins its
        // snapshot after the commit.
        let version = self.next_version();
        for (project, visitor) in changes.iter().map(ListChange::owners) {
            self.project_slot(project).store(version, Ordering::Release);
            self.visitor_slot(visitor).store(version, Ordering::Release);
        }
    }

    /// Invalidates every list, because another process changed the file. Only the
    /// writer thread calls this.
    pub fn invalidate_all(&self) {
        let version = self.next_version();
        self.all.store(version, Ordering::Release);
    }

    fn next_version(&self) -> u64 {
        self.current.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn project_slot(&self, ProjectSeq(seq): ProjectSeq) -> &AtomicU64 {
        &self.projects[seq as usize % PROJECT_SLOTS]
    }

    fn visitor_slot(&self, VisitorSeq(seq): VisitorSeq) -> &AtomicU64 {
        &self.visitors[seq as usize % VISITOR_SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_change(project: i64, visitor: i64) -> [ListChange; 1] {
        let change = ListChange::MessageChanged(ProjectSeq(project), VisitorSeq(visitor));
        [change]
    }

    #[test]
    fn a_change_affects_the_lists_of_its_project_and_visitor_only() {
        let versions = ListVersions::default();
        let before = versions.current();
        versions.record(&message_change(1, 10));
        let after = versions.current();
        let changed = [
            Scope::Visitor(VisitorSeq(10)),
            Scope::Project(ProjectSeq(1)),
        ];
        let unchanged = [
            Scope::Visitor(VisitorSeq(11)),
            Scope::Project(ProjectSeq(2)),
        ];
        for scope in changed {
            assert!(!versions.is_unchanged(scope, before), "{scope:?}");
            assert!(versions.is_unchanged(scope, after), "{scope:?}");
        }
        for scope in unchanged {
            assert!(versions.is_unchanged(scope, before), "{scope:?}");
        }
    }

    #[test]
    fn invalidate_all_affects_every_list() {
        let versions = ListVersions::default();
        let scope = Scope::Visitor(VisitorSeq(1));
        let before = versions.current();
        versions.invalidate_all();
        assert!(!versions.is_unchanged(scope, before));
        assert!(versions.is_unchanged(scope, versions.current()));
    }

    #[test]
    fn a_commit_without_list_changes_has_no_version() {
        let versions = ListVersions::default();
        versions.record(&[]);
        assert_eq!(versions.current(), ListVersions::default().current());
    }
}
