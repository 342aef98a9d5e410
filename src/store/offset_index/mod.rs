//! Where a page far from both ends of a project's list begins.
//!
//! SQLite can tell what stands at a place in an order, not which place is the
//! 500,000th: it would have to walk there. So each run of rows that such a page
//! was asked of is counted, once, block by block ([`counted`]), and the
//! counts are kept in memory from then on by the one writer, as part of each
//! transaction that changes a conversation. A page begins at the nearest place
//! with a known count and walks the rest of the block.
//!
//! The counts are of one version of the project (`project.version`, which
//! triggers of the file raise with each change), and a snapshot tells its own.
//! The writer counts before it commits, so that a snapshot is never ahead; for
//! one that is behind, the latest changes are taken back ([`history`]). Where
//! versions do not meet, because another program wrote to the file, the counts
//! are dropped and the run is counted again. Where that would be in vain, or
//! another run is being counted, SQLite walks.

mod block_counts;
mod build;
mod history;
mod range_counts;
mod sort_range;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rusqlite::Connection;

use super::change::ListChange;
use super::conversation::Totals;
use super::error::StoreError;
use super::list_composer::Seek;
use super::project;
use crate::domain::{Direction, ListQuery, ProjectSeq};
use block_counts::BLOCK_ROWS;
use build::count;
use history::{History, ProjectChanges};
use range_counts::{RangeCounts, SnapshotCounts};
use sort_range::SortRange;

/// Changes of a project that are remembered: a few milliseconds of them are
/// needed, and while a run is being counted, all that happens meanwhile.
const REMEMBERED: usize = 4096;
const REMEMBERED_WHILE_COUNTING: usize = 1 << 17;

/// What is counted, of all projects.
#[derive(Default)]
pub(super) struct OffsetIndex {
    projects: RwLock<HashMap<ProjectSeq, ProjectIndex>>,
    /// Whether a run is being counted: one at a time, so that readers are left
    /// for everybody else.
    counting: AtomicBool,
}

#[derive(Default)]
struct ProjectIndex {
    runs: HashMap<SortRange, RangeCounts>,
    history: History,
}

/// What the counts say of a page.
enum Lookup {
    /// Where it begins. Nowhere: it is near an end.
    Found(Option<Seek>),
    /// This run is not counted, or not for this version.
    Missing(SortRange),
}

impl OffsetIndex {
    /// Where the page that `query` asks for begins, over a snapshot that
    /// `connection` has open and that has these totals. None where the page is
    /// best counted from an end, by SQLite. May take the time to walk the whole
    /// order, once.
    pub fn seek(
        &self,
        connection: &Connection,
        project: ProjectSeq,
        query: &ListQuery,
        totals: &Totals,
    ) -> Result<Option<Seek>, StoreError> {
        let all = totals.matching(query.status);
        let offset = query.offset.get();
        let to_the_end = all.saturating_sub(offset + query.limit.get());
        if offset.min(to_the_end) <= BLOCK_ROWS {
            return Ok(None);
        }
        // An order is two runs at most.
        for _ in 0..2 {
            match self.look_up(project, query, totals) {
                Lookup::Found(seek) => return Ok(seek),
                Lookup::Missing(run) if self.count(connection, project, run, totals)? => {}
                Lookup::Missing(_) => return Ok(None),
            }
        }
        match self.look_up(project, query, totals) {
            Lookup::Found(seek) => Ok(seek),
            Lookup::Missing(_) => Ok(None),
        }
    }

    fn look_up(&self, project: ProjectSeq, query: &ListQuery, totals: &Totals) -> Lookup {
        let projects = self.read();
        let (first, second) = SortRange::of(query);
        let Some(known) = projects.get(&project) else {
            return Lookup::Missing(first);
        };
        let offset = query.offset.get();
        let rows = match first.rows(totals) {
            Some(rows) => rows,
            None => match known.at(first, totals.version) {
                Some(view) => view.rows(),
                None => return Lookup::Missing(first),
            },
        };
        let (run, rows, offset, follows) = match second {
            Some(second) if offset >= rows => {
                let all = totals.matching(query.status);
                (second, all.saturating_sub(rows), offset - rows, true)
            }
            _ => (first, rows, offset, false),
        };
        let Some(view) = known.at(run, totals.version) else {
            return Lookup::Missing(run);
        };
        let found = match query.direction {
            Direction::Ascending => view.ascending(offset),
            Direction::Descending => view.descending(rows, offset),
        };
        // Of a second run even the first rows do not stand at an end.
        let seek = found.or_else(|| follows.then(|| edge(run, query.direction, offset))?);
        Lookup::Found(seek.map(|seek| Seek {
            place: run.place_in(query, seek.place),
            ..seek
        }))
    }

    /// Counts a run over the snapshot of `connection`, unless another is being
    /// counted: false then.
    fn count(
        &self,
        connection: &Connection,
        project: ProjectSeq,
        run: SortRange,
        totals: &Totals,
    ) -> Result<bool, StoreError> {
        let Some(_turn) = BuildPermit::of(&self.counting) else {
            return Ok(false);
        };
        match self.can_keep_up(project, totals.version) {
            true => count(connection, project, run).map(|counted| {
                let kept = RangeCounts {
                    counted,
                    used: AtomicBool::new(true),
                    version: totals.version,
                };
                self.keep(project, run, kept)
            }),
            false => Ok(false),
        }
    }

    /// Whether what is counted over a snapshot of `version` could be brought up
    /// to date: one that is too old for that would be counted in vain, for each
    /// page that is asked of it. From here on the writer remembers what it
    /// changes.
    fn can_keep_up(&self, project: ProjectSeq, version: i64) -> bool {
        let mut projects = self.write();
        let known = projects.entry(project).or_default();
        let newest = known.versions().max().unwrap_or(version);
        newest <= version || known.history.between(version, newest).is_some()
    }

    /// Keeps what was counted, brought up to date. False where that is not
    /// possible.
    fn keep(&self, project: ProjectSeq, run: SortRange, mut kept: RangeCounts) -> bool {
        let mut projects = self.write();
        let known = projects.entry(project).or_default();
        let newest = known.history.newest().unwrap_or_default().max(kept.version);
        let Some(groups) = known.history.between(kept.version, newest) else {
            return false;
        };
        let stands = groups.iter().all(|group| kept.follow(run, group).is_some());
        if stands {
            known.runs.insert(run, kept);
        }
        stands
    }

    /// Counts what a transaction changed, before it is committed on
    /// `connection`.
    pub fn apply_changes(
        &self,
        connection: &Connection,
        changes: &[ListChange],
    ) -> Result<(), StoreError> {
        if self.read().is_empty() || changes.is_empty() {
            return Ok(());
        }
        let mut projects = self.write();
        for (seq, changes) in of_projects(changes) {
            let Some(known) = projects.get_mut(&seq) else {
                continue;
            };
            let after = project::version(connection, seq)?;
            let before = after - changes.len() as i64;
            let group = ProjectChanges {
                before,
                after,
                changes,
            };
            known.follow(connection, seq, &group)?;
            let most = match self.counting.load(Ordering::Acquire) {
                true => REMEMBERED_WHILE_COUNTING,
                false => REMEMBERED,
            };
            known.history.push(group, most);
        }
        Ok(())
    }

    /// Drops all counts: what was counted of late was not committed.
    pub fn clear(&self) {
        self.write().clear();
    }

    /// Drops what is not of the version that `connection` sees: another program
    /// changed the file.
    pub fn drop_stale(&self, connection: &Connection) {
        self.write().retain(|seq, known| {
            let version = project::version(connection, *seq);
            version.is_ok_and(|version| known.versions().all(|known| known == version))
        });
    }

    /// Drops what nobody has asked for since this was last called.
    pub fn evict_unused(&self) {
        let mut projects = self.write();
        for known in projects.values_mut() {
            known
                .runs
                .retain(|_, kept| kept.used.swap(false, Ordering::Relaxed));
        }
        if !self.counting.load(Ordering::Acquire) {
            projects.retain(|_, known| !known.runs.is_empty());
        }
    }

    /// How many runs are kept counted.
    #[cfg(test)]
    pub fn built_ranges(&self) -> usize {
        let projects = self.read();
        projects.values().map(|known| known.runs.len()).sum()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<ProjectSeq, ProjectIndex>> {
        self.projects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<ProjectSeq, ProjectIndex>> {
        self.projects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn to count, which one has at a time; given back however it ends.
struct BuildPermit<'r>(&'r AtomicBool);

impl<'r> BuildPermit<'r> {
    fn of(taken: &'r AtomicBool) -> Option<Self> {
        (!taken.swap(true, Ordering::AcqRel)).then_some(Self(taken))
    }
}

impl Drop for BuildPermit<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The changes, grouped by project.
fn of_projects(changes: &[ListChange]) -> HashMap<ProjectSeq, Vec<ListChange>> {
    let mut apart = HashMap::<_, Vec<_>>::new();
    for change in changes {
        apart
            .entry(change.owners().0)
            .or_default()
            .push(change.clone());
    }
    apart
}

/// The start of a run that follows another one.
fn edge(run: SortRange, direction: Direction, skip: u64) -> Option<Seek> {
    let place = match direction {
        Direction::Ascending => run.lowest(),
        Direction::Descending => run.highest()?,
    };
    Some(Seek {
        place,
        inclusive: true,
        skip,
    })
}

impl ProjectIndex {
    /// The newest versions that are known, of the history and of each run.
    fn versions(&self) -> impl Iterator<Item = i64> {
        let runs = self.runs.values().map(|kept| kept.version);
        self.history.newest().into_iter().chain(runs)
    }

    /// A run's counts as a snapshot of `version` has them.
    fn at(&self, run: SortRange, version: i64) -> Option<SnapshotCounts<'_>> {
        let kept = self.runs.get(&run)?;
        kept.used.store(true, Ordering::Relaxed);
        let later = self.history.between(version, kept.version)?;
        Some(SnapshotCounts { run, kept, later })
    }

    fn follow(
        &mut self,
        connection: &Connection,
        project: ProjectSeq,
        group: &ProjectChanges,
    ) -> Result<(), StoreError> {
        let mut lost = Vec::new();
        for (run, kept) in &mut self.runs {
            match kept.follow(*run, group) {
                Some(long) => kept.split(connection, project, *run, long)?,
                None => lost.push(*run),
            }
        }
        for run in lost {
            self.runs.remove(&run);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
