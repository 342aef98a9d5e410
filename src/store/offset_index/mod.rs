//! The offset index: finds where a page deep in a list begins.
//!
//! # Problem
//!
//! A list endpoint with `OFFSET 500000` is slow: SQLite finds a sort key in an
//! index in O(log n), but to find the 500,000th row it steps over 500,000 index
//! entries. This module keeps row counts in memory, from which the sort key
//! near any row number is found in O(log n). SQLite then seeks to that key and
//! steps over at most a few hundred entries.
//!
//! # Data
//!
//! - A sort order consists of one or two ranges ([`sort_range`]).
//! - A range is divided into blocks of about 256 rows. The start of each block
//!   and a Fenwick tree over the row counts are in memory ([`block_counts`]):
//!   about 4,000 blocks for 1,000,000 rows.
//! - The first page deep in a range builds its counts from the database
//!   ([`build`]). A range that no request uses for some minutes is dropped.
//! - The writer applies each transaction to the counts of its project
//!   ([`range_counts`]). TEMP triggers report the changes (`store/change_capture.rs`),
//!   so that no statement can change a conversation without being counted.
//!
//! # Invariants
//!
//! - The counts of a range are exact for one version of the project. The
//!   version is the column `project.list_version`, which triggers in the database
//!   increment for each change that [`ListChange`] reports. A snapshot reads its
//!   version together with the totals.
//! - The writer applies a transaction before it commits. So a snapshot is never
//!   newer than the counts. If a snapshot is older, the changes that it does not
//!   see are subtracted ([`history`]).
//! - If a transaction is rolled back after it was applied, all counts are
//!   dropped ([`OffsetIndex::clear`]). A batch that fails alone is rolled back
//!   to its savepoint before anything is applied, and costs nothing.
//! - If the versions do not match, because another process wrote to the file,
//!   the counts of the range are dropped and built again when needed.
//! - No counts for the snapshot's version, or another build is running: `seek`
//!   returns `None` and SQLite steps over the rows. The page is exact in every
//!   case.
//!
//! # Locks
//!
//! `projects` is the only lock. A lookup holds it for reading, without I/O. The
//! writer holds it for writing while it applies a transaction, which reads a few
//! index entries if a block is split. A build holds no lock while it reads the
//! database. The flag `is_building` admits one build at a time; a second request
//! does not wait for it.

mod block_counts;
mod build;
mod fenwick_tree;
mod history;
mod project_index;
mod range_counts;
mod sort_range;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rusqlite::Connection;

use super::changes::ListChange;
use super::error::StoreError;
use super::list_composer::Seek;
use super::sql::Row;
use super::totals::Totals;
use crate::domain::{ListQuery, ProjectSeq, Scope};
use block_counts::BLOCK_ROWS;
use build::build;
use history::ProjectChanges;
use project_index::{Lookup, ProjectIndex};
use range_counts::RangeCounts;
use sort_range::SortRange;

/// Changes of a project in its history. Snapshots need those of the last few
/// milliseconds.
const MAX_HISTORY_CHANGES: usize = 4096;
/// The same while a range is being built: the new counts need all changes since
/// the build began.
const MAX_HISTORY_CHANGES_DURING_BUILD: usize = 1 << 17;
/// An order has at most two ranges, and a lookup may have to build both.
const MAX_BUILDS_PER_SEEK: usize = 2;

type Projects = HashMap<ProjectSeq, ProjectIndex>;

/// The offset indexes of all projects.
#[derive(Default)]
pub(super) struct OffsetIndex {
    projects: RwLock<Projects>,
    /// Whether a range is being built. One build at a time leaves the other
    /// reader connections free for other requests.
    is_building: AtomicBool,
}

impl OffsetIndex {
    /// Returns where the page of `query` begins, for the snapshot that is open on
    /// `connection` and has these `totals`. `None` if the page is near an end of
    /// the order, or there are no counts for it: the caller uses OFFSET then.
    ///
    /// Builds the counts of a range that has none, see [`build`] for the cost.
    ///
    /// # Errors
    /// Those of the queries of a build.
    pub fn seek(
        &self,
        connection: &Connection,
        project: ProjectSeq,
        query: &ListQuery,
        totals: &Totals,
    ) -> Result<Option<Seek>, StoreError> {
        let offset = query.offset.get();
        let page_end = offset + query.limit.get();
        let rows_after = totals.matching(query.filter).saturating_sub(page_end);
        if offset.min(rows_after) <= BLOCK_ROWS {
            return Ok(None);
        }
        for _ in 0..MAX_BUILDS_PER_SEEK {
            match self.lookup(project, query, totals) {
                Lookup::Found(seek) => return Ok(seek),
                Lookup::Missing(range) => {
                    if !self.build(connection, project, range, totals)? {
                        return Ok(None);
                    }
                }
            }
        }
        match self.lookup(project, query, totals) {
            Lookup::Found(seek) => Ok(seek),
            Lookup::Missing(_) => Ok(None),
        }
    }

    fn lookup(&self, project: ProjectSeq, query: &ListQuery, totals: &Totals) -> Lookup {
        match self.read().get(&project) {
            Some(index) => index.lookup(query, totals),
            None => Lookup::Missing(SortRange::of(query).0),
        }
    }

    /// Builds the counts of a range over the snapshot of `connection`. Returns
    /// false if another build is running, or if the snapshot is too old to bring
    /// the counts up to date.
    fn build(
        &self,
        connection: &Connection,
        project: ProjectSeq,
        range: SortRange,
        totals: &Totals,
    ) -> Result<bool, StoreError> {
        let Some(_permit) = BuildPermit::acquire(&self.is_building) else {
            return Ok(false);
        };
        if !self.begin_build(project, totals.version) {
            return Ok(false);
        }
        let blocks = build(connection, project, range)?;
        let counts = RangeCounts::new(blocks, totals.version);
        let mut projects = self.write();
        let index = projects.entry(project).or_default();
        Ok(index.insert(range, counts))
    }

    /// Returns whether counts of `version` can be brought up to date. Also makes
    /// sure that the project has an index, so that the writer adds its changes to
    /// the history from here on.
    fn begin_build(&self, project: ProjectSeq, version: i64) -> bool {
        let mut projects = self.write();
        let index = projects.entry(project).or_default();
        index.can_catch_up(version)
    }

    /// Applies the changes of a transaction. The writer calls this before it
    /// commits; `connection` is the writer's.
    ///
    /// # Errors
    /// Those of reading the version or the start of a block. The caller must
    /// [`clear`](Self::clear) the index then.
    pub fn apply_changes(
        &self,
        connection: &Connection,
        changes: &[ListChange],
    ) -> Result<(), StoreError> {
        if self.read().is_empty() || changes.is_empty() {
            return Ok(());
        }
        let mut projects = self.write();
        // Read under the lock: a build begins with the lock held.
        let max_history = self.max_history_changes();
        for (project, changes) in group_by_project(changes) {
            let Some(index) = projects.get_mut(&project) else {
                continue;
            };
            let after = totals(connection, project)?.version;
            let transaction = ProjectChanges {
                before: after - changes.len() as i64,
                after,
                changes,
            };
            index.apply(connection, project, transaction, max_history)?;
        }
        Ok(())
    }

    /// Drops everything. Called when a transaction was applied and not committed.
    pub fn clear(&self) {
        self.write().clear();
    }

    /// Drops the index of each project that is not at the version that
    /// `connection` sees. Called when another process changed the file, for
    /// example by restoring a backup.
    pub fn drop_stale(&self, connection: &Connection) {
        self.write().retain(|project, index| {
            let totals = totals(connection, *project);
            totals.is_ok_and(|totals| index.is_at(totals.version))
        });
    }

    /// Drops the ranges that no request has used since the last call.
    pub fn evict_unused(&self) {
        let mut projects = self.write();
        for index in projects.values_mut() {
            index.evict_unused();
        }
        // A running build needs the history of its project.
        if !self.is_building.load(Ordering::Acquire) {
            projects.retain(|_, index| index.range_count() > 0);
        }
    }

    /// The number of ranges with counts, of all projects.
    #[cfg(test)]
    pub fn range_count(&self) -> usize {
        self.read().values().map(ProjectIndex::range_count).sum()
    }

    fn max_history_changes(&self) -> usize {
        if self.is_building.load(Ordering::Acquire) {
            MAX_HISTORY_CHANGES_DURING_BUILD
        } else {
            MAX_HISTORY_CHANGES
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Projects> {
        self.projects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Projects> {
        self.projects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission to build a range. Released on drop.
struct BuildPermit<'i>(&'i AtomicBool);

impl<'i> BuildPermit<'i> {
    /// `None` if another build is running.
    fn acquire(is_building: &'i AtomicBool) -> Option<Self> {
        let was_building = is_building.swap(true, Ordering::AcqRel);
        (!was_building).then_some(Self(is_building))
    }
}

impl Drop for BuildPermit<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The totals of a project that `connection` sees.
fn totals(connection: &Connection, project: ProjectSeq) -> Result<Totals, StoreError> {
    let mut statement = Totals::select(Scope::Project(project)).prepare(connection)?;
    let mut rows = statement.raw_query();
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Totals::from_row(Row::new(row))
}

/// The changes by project. Changes of messages do not move a row, but they count
/// as steps of the version.
fn group_by_project(changes: &[ListChange]) -> HashMap<ProjectSeq, Vec<ListChange>> {
    let mut by_project = HashMap::<_, Vec<_>>::new();
    for change in changes {
        let (project, _) = change.owners();
        by_project.entry(project).or_default().push(change.clone());
    }
    by_project
}

#[cfg(test)]
mod tests;
