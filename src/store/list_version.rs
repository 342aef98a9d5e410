//! How far the writer has come, and since when nothing of a list has changed.
//!
//! A list that was read after [`ListVersions::now`] gave a moment is of that moment
//! or later, and stands for as long as [`ListVersions::is_unchanged`] since then. The
//! writer says what changed after its commit and before anybody hears of it, so
//! who was told of a change is never given an older list.

use std::sync::atomic::{AtomicU64, Ordering};

use super::change::ListChange;
use crate::domain::{ProjectSeq, Scope, VisitorSeq};

/// How far the writer had come at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListVersion(u64);

/// Places for the latest changes. Owners share one where their numbers meet,
/// which only makes a list look newer than it is.
const PROJECT_SLOTS: usize = 64;
const VISITOR_SLOTS: usize = 1 << 15;

pub(super) struct ListVersions {
    now: AtomicU64,
    /// When another program last changed the file, who knows what of it.
    everything: AtomicU64,
    projects: Box<[AtomicU64]>,
    visitors: Box<[AtomicU64]>,
}

impl Default for ListVersions {
    fn default() -> Self {
        let none = |places| (0..places).map(|_| AtomicU64::new(0)).collect();
        Self {
            now: AtomicU64::new(0),
            everything: AtomicU64::new(0),
            projects: none(PROJECT_SLOTS),
            visitors: none(VISITOR_SLOTS),
        }
    }
}

impl ListVersions {
    pub fn now(&self) -> ListVersion {
        ListVersion(self.now.load(Ordering::Acquire))
    }

    /// Whether all changes of the list's conversations, their messages
    /// included, are older than `since`.
    pub fn is_unchanged(&self, scope: Scope, since: ListVersion) -> bool {
        let last = match scope {
            Scope::Project(project) => self.project(project),
            Scope::Visitor(visitor) => self.visitor(visitor),
        };
        last.load(Ordering::Acquire) <= since.0
            && self.everything.load(Ordering::Acquire) <= since.0
    }

    /// Says that `changes` stand. One writer says so.
    pub fn record(&self, changes: &[ListChange]) {
        if changes.is_empty() {
            return;
        }
        // First the moment: a reader who takes it sees the commit.
        let now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        for (project, visitor) in changes.iter().map(ListChange::owners) {
            self.project(project).store(now, Ordering::Release);
            self.visitor(visitor).store(now, Ordering::Release);
        }
    }

    /// Says that another program changed the file.
    pub fn invalidate_all(&self) {
        let now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        self.everything.store(now, Ordering::Release);
    }

    fn project(&self, ProjectSeq(seq): ProjectSeq) -> &AtomicU64 {
        &self.projects[seq as usize % PROJECT_SLOTS]
    }

    fn visitor(&self, VisitorSeq(seq): VisitorSeq) -> &AtomicU64 {
        &self.visitors[seq as usize % VISITOR_SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(project: i64, visitor: i64) -> [ListChange; 1] {
        [ListChange::MessageChanged(
            ProjectSeq(project),
            VisitorSeq(visitor),
        )]
    }

    #[test]
    fn a_change_ages_the_lists_of_its_owners_and_no_others() {
        let versions = ListVersions::default();
        let before = versions.now();
        versions.record(&said(1, 10));
        let after = versions.now();
        let [mine, ours] = [
            Scope::Visitor(VisitorSeq(10)),
            Scope::Project(ProjectSeq(1)),
        ];
        let [other, theirs] = [
            Scope::Visitor(VisitorSeq(11)),
            Scope::Project(ProjectSeq(2)),
        ];
        for scope in [mine, ours] {
            assert!(!versions.is_unchanged(scope, before), "{scope:?}");
            assert!(versions.is_unchanged(scope, after), "{scope:?}");
        }
        for scope in [other, theirs] {
            assert!(versions.is_unchanged(scope, before), "{scope:?}");
        }
    }

    #[test]
    fn what_another_program_did_ages_everything() {
        let versions = ListVersions::default();
        let before = versions.now();
        versions.invalidate_all();
        assert!(!versions.is_unchanged(Scope::Visitor(VisitorSeq(1)), before));
        assert!(versions.is_unchanged(Scope::Visitor(VisitorSeq(1)), versions.now()));
    }

    #[test]
    fn a_commit_that_changes_no_list_is_no_moment() {
        let versions = ListVersions::default();
        versions.record(&[]);
        assert_eq!(versions.now(), ListVersions::default().now());
    }
}
