//! How far the writer has come, and since when nothing of a list has changed.
//!
//! A list that was read after [`Moments::now`] gave a moment is of that moment
//! or later, and stands for as long as [`Moments::is_unchanged`] since then. The
//! writer says what changed after its commit and before anybody hears of it, so
//! who was told of a change is never given an older list.

use std::sync::atomic::{AtomicU64, Ordering};

use super::change::Change;
use crate::domain::{ProjectSeq, Scope, VisitorSeq};

/// How far the writer had come at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// Places for the latest changes. Owners share one where their numbers meet,
/// which only makes a list look newer than it is.
const PROJECTS: usize = 64;
const VISITORS: usize = 1 << 15;

pub(super) struct Moments {
    now: AtomicU64,
    /// When another program last changed the file, who knows what of it.
    everything: AtomicU64,
    projects: Box<[AtomicU64]>,
    visitors: Box<[AtomicU64]>,
}

impl Default for Moments {
    fn default() -> Self {
        let none = |places| (0..places).map(|_| AtomicU64::new(0)).collect();
        Self {
            now: AtomicU64::new(0),
            everything: AtomicU64::new(0),
            projects: none(PROJECTS),
            visitors: none(VISITORS),
        }
    }
}

impl Moments {
    pub fn now(&self) -> Moment {
        Moment(self.now.load(Ordering::Acquire))
    }

    /// Whether all changes of the list's conversations, their messages
    /// included, are older than `since`.
    pub fn is_unchanged(&self, scope: Scope, since: Moment) -> bool {
        let last = match scope {
            Scope::Project(project) => self.project(project),
            Scope::Visitor(visitor) => self.visitor(visitor),
        };
        last.load(Ordering::Acquire) <= since.0
            && self.everything.load(Ordering::Acquire) <= since.0
    }

    /// Says that `changes` stand. One writer says so.
    pub fn committed(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        // First the moment: a reader who takes it sees the commit.
        let now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        for (project, visitor) in changes.iter().map(Change::owners) {
            self.project(project).store(now, Ordering::Release);
            self.visitor(visitor).store(now, Ordering::Release);
        }
    }

    /// Says that another program changed the file.
    pub fn changed_elsewhere(&self) {
        let now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        self.everything.store(now, Ordering::Release);
    }

    fn project(&self, ProjectSeq(seq): ProjectSeq) -> &AtomicU64 {
        &self.projects[seq as usize % PROJECTS]
    }

    fn visitor(&self, VisitorSeq(seq): VisitorSeq) -> &AtomicU64 {
        &self.visitors[seq as usize % VISITORS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(project: i64, visitor: i64) -> [Change; 1] {
        [Change::Said(ProjectSeq(project), VisitorSeq(visitor))]
    }

    #[test]
    fn a_change_ages_the_lists_of_its_owners_and_no_others() {
        let moments = Moments::default();
        let before = moments.now();
        moments.committed(&said(1, 10));
        let after = moments.now();
        let [mine, ours] = [
            Scope::Visitor(VisitorSeq(10)),
            Scope::Project(ProjectSeq(1)),
        ];
        let [other, theirs] = [
            Scope::Visitor(VisitorSeq(11)),
            Scope::Project(ProjectSeq(2)),
        ];
        for scope in [mine, ours] {
            assert!(!moments.is_unchanged(scope, before), "{scope:?}");
            assert!(moments.is_unchanged(scope, after), "{scope:?}");
        }
        for scope in [other, theirs] {
            assert!(moments.is_unchanged(scope, before), "{scope:?}");
        }
    }

    #[test]
    fn what_another_program_did_ages_everything() {
        let moments = Moments::default();
        let before = moments.now();
        moments.changed_elsewhere();
        assert!(!moments.is_unchanged(Scope::Visitor(VisitorSeq(1)), before));
        assert!(moments.is_unchanged(Scope::Visitor(VisitorSeq(1)), moments.now()));
    }

    #[test]
    fn a_commit_that_changes_no_list_is_no_moment() {
        let moments = Moments::default();
        moments.committed(&[]);
        assert_eq!(moments.now(), Moments::default().now());
    }
}
