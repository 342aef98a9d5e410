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
//! Each commit that changes list content gets the next number. For each project and each
//! visitor, a slot holds the number of the last commit that changed one of their
//! conversations or messages: the [`ListVersion`] of the list. Slots are hashed: owners that
//! share a slot invalidate each other's lists, which costs a cache miss and never returns an
//! old list.
//!
//! # Invariants
//!
//! - A reader takes the version before it begins its snapshot. The list is then
//!   of that version or a newer one.
//! - The writer calls `ListVersions::record` after the commit and before it
//!   reports success. So a client that has the response to its write is never
//!   sent an older list.
//! - A rolled back change is not recorded.
//! - Changes of another process are noticed within a second, and invalidate all
//!   lists (`ListVersions::invalidate_all`).
//!
//! # Stored versions
//!
//! The same versions are stored in `project.list_version` and
//! `visitor.list_version`, which triggers increment. On PostgreSQL, several
//! nodes write, and cached lists are validated with the stored versions, which
//! `postgres/version_reader.rs` reads for many requests at once. On SQLite, one process writes, and the cache uses the versions in memory.
//! Both change for the same writes; a test compares them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::changes::ListChange;
use crate::domain::{ProjectSeq, Scope, VisitorSeq};

/// The number of the last change of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListVersion(u64);

impl ListVersion {
    /// A version that a trigger counted.
    pub(super) fn stored(version: i64) -> Self {
        Self(version.unsigned_abs())
    }
}

const PROJECT_SLOTS: usize = 64;
const VISITOR_SLOTS: usize = 1 << 15;

pub(super) struct ListVersions {
    /// The number of the last commit.
    current: AtomicU64,
    /// The number of the last change by another process.
    all: AtomicU64,
    /// The number of the last change, for the projects of each slot.
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
    /// The version of the list of a scope.
    pub fn of(&self, scope: Scope) -> ListVersion {
        let last_change = match scope {
            Scope::Project(project) => self.project_slot(project),
            Scope::Visitor(visitor) => self.visitor_slot(visitor),
        };
        let last_change = last_change.load(Ordering::Acquire);
        ListVersion(last_change.max(self.all.load(Ordering::Acquire)))
    }

    /// Records committed changes. Only the writer thread calls this.
    pub fn record(&self, changes: &[ListChange]) {
        if changes.is_empty() {
            return;
        }
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

    /// The number of the last change by another process.
    pub fn last_external_change(&self) -> u64 {
        self.all.load(Ordering::Acquire)
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
    use crate::store::batch::Batch;
    use crate::store::changes::ContentChange;
    use crate::store::error::StoreError;
    use crate::store::snapshot::Snapshot;
    use crate::store::sql::Sql;
    use crate::store::test_db::{PROJECT, TestDb};
    use crate::store::totals::Totals;

    fn message_change(project: i64, visitor: i64) -> [ListChange; 1] {
        let (project, visitor) = (ProjectSeq(project), VisitorSeq(visitor));
        [ListChange::ContentChanged(
            project,
            visitor,
            ContentChange::Visitor,
        )]
    }

    #[test]
    fn a_change_affects_the_lists_of_its_project_and_visitor_only() {
        let versions = ListVersions::default();
        let changed = [
            Scope::Visitor(VisitorSeq(10)),
            Scope::Project(ProjectSeq(1)),
        ];
        let unchanged = [
            Scope::Visitor(VisitorSeq(11)),
            Scope::Project(ProjectSeq(2)),
        ];
        let of = |scopes: [Scope; 2]| scopes.map(|scope| versions.of(scope));
        let before = (of(changed), of(unchanged));
        versions.record(&message_change(1, 10));
        assert!(
            of(changed)
                .iter()
                .all(|version| !before.0.contains(version))
        );
        assert_eq!(of(unchanged), before.1);
    }

    #[test]
    fn invalidate_all_affects_every_list() {
        let versions = ListVersions::default();
        let scope = Scope::Visitor(VisitorSeq(1));
        let before = versions.of(scope);
        versions.invalidate_all();
        assert_ne!(versions.of(scope), before);
    }

    #[test]
    fn a_commit_without_list_changes_has_no_version() {
        let versions = ListVersions::default();
        versions.record(&[]);
        assert_eq!(versions.current.load(Ordering::Relaxed), 0);
    }

    fn stored(snapshot: &Snapshot, scope: Scope) -> Result<ListVersion, StoreError> {
        let version = Totals::read(snapshot, scope)?.version;
        Ok(ListVersion::stored(version))
    }

    const VISITOR: VisitorSeq = VisitorSeq(1);
    const OTHER_VISITOR: VisitorSeq = VisitorSeq(2);
    const SCOPES: [Scope; 3] = [
        Scope::Project(PROJECT),
        Scope::Visitor(VISITOR),
        Scope::Visitor(OTHER_VISITOR),
    ];

    const INSERT_CONVERSATION: &str = "\
        INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, \
                                  updated_at, last_interaction_at) \
        VALUES (1, randomblob(16), 1, 1, 'open', 5, 6, 7)";
    const INSERT_MESSAGE: &str = "\
        INSERT INTO message (seq, id, conversation_seq, created_at, role, status, text) \
        VALUES (1, randomblob(16), 1, 5, 'assistant', 'streaming', 'Hello')";
    const SET_LAST_MESSAGE: &str = "UPDATE conversation SET last_message_seq = 1";
    const END_MESSAGE: &str = "UPDATE message SET status = 'complete', text = 'Hello.'";
    const GIVE_FEEDBACK: &str = "UPDATE message SET feedback = 'like', feedback_at = 9";
    const SET_TITLE: &str = "UPDATE conversation SET title = 'Ä', title_key = 'ä'";
    const CLOSE: &str =
        "UPDATE conversation SET status = 'closed', closed_at = 9 WHERE status = 'open'";
    /// Violates a constraint, so that the batch is rolled back.
    const FAIL: &str = "INSERT INTO project (seq, id, name, created_at) VALUES (1, x'', '', 0)";

    fn db_with_two_visitors() -> TestDb {
        let db = TestDb::new();
        let insert = Sql::unregistered(
            "INSERT INTO visitor (seq, id, project_seq, created_at) \
             VALUES (2, randomblob(16), 1, 0)",
            [],
        );
        let write = db.store.write_blocking(Batch::of([insert]));
        write.expect("a second visitor");
        db
    }

    fn stored_versions(db: &TestDb) -> [ListVersion; 3] {
        let versions = |snapshot: &Snapshot| {
            let [a, b, c] = SCOPES.map(|scope| stored(snapshot, scope));
            Ok::<_, StoreError>([a?, b?, c?])
        };
        db.store.read_blocking(versions).expect("stored versions")
    }

    /// Runs the statements as one batch, which may fail. Returns for each of
    /// [`SCOPES`] whether the list changed: by the stored versions, and by those
    /// in memory.
    fn changed_lists(db: &TestDb, statements: &[&'static str]) -> [[bool; 3]; 2] {
        let before = (
            stored_versions(db),
            SCOPES.map(|scope| db.list_version(scope)),
        );
        let batch = statements.iter().map(|sql| Sql::unregistered(sql, []));
        let _ = db
            .store
            .write_blocking(batch.fold(Batch::new(), Batch::run));
        let after = (
            stored_versions(db),
            SCOPES.map(|scope| db.list_version(scope)),
        );
        let stored = [0, 1, 2].map(|scope| before.0[scope] != after.0[scope]);
        let in_memory = [0, 1, 2].map(|scope| before.1[scope] != after.1[scope]);
        [stored, in_memory]
    }

    #[test]
    fn stored_versions_and_versions_in_memory_change_for_the_same_writes() {
        let db = db_with_two_visitors();
        let changed = [true, true, false];
        let unchanged = [false; 3];
        let writes: [(&[&str], [bool; 3]); 21] = [
            (&["UPDATE visitor SET name = 'Ann' WHERE seq = 1"], changed),
            (
                &["UPDATE visitor SET name = 'Ann' WHERE seq = 1"],
                unchanged,
            ),
            (
                &["UPDATE visitor SET email = 'a@b.c' WHERE seq = 1"],
                changed,
            ),
            (&["UPDATE visitor SET phone = '+49' WHERE seq = 1"], changed),
            (
                &["UPDATE visitor SET is_verified = 1 WHERE seq = 1"],
                changed,
            ),
            (
                &["UPDATE visitor SET is_email_verified = 1 WHERE seq = 1"],
                changed,
            ),
            (
                &["UPDATE visitor SET blocked_at = 1 WHERE seq = 1"],
                changed,
            ),
            (
                &["UPDATE visitor SET sa_vid = 'x' WHERE seq = 1"],
                unchanged,
            ),
            (&[INSERT_CONVERSATION, FAIL], unchanged),
            (&[INSERT_CONVERSATION], changed),
            (&[INSERT_MESSAGE], unchanged),
            (&[SET_LAST_MESSAGE], changed),
            (&[END_MESSAGE], changed),
            (&[GIVE_FEEDBACK], changed),
            (&[SET_TITLE, FAIL], unchanged),
            (&[SET_TITLE], changed),
            (&[CLOSE], changed),
            (&[CLOSE], unchanged),
            (&["DELETE FROM message"], changed),
            (&[INSERT_MESSAGE], unchanged),
            (&["DELETE FROM conversation"], changed),
        ];
        for (statements, expected) in writes {
            let lists = changed_lists(&db, statements);
            assert_eq!(lists, [expected; 2], "{statements:?}");
        }
    }
}
