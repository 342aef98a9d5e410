//! Websites and folders that were learned, with their last runs.

use super::batch::{Batch, BatchOutput};
use super::error::StoreError;
use super::export::ProblemRecord;
use super::rejection::Rejection;
use super::snapshot::Snapshot;
use super::sql::{Row, Sql};
use crate::domain::{
    MAX_SOURCE_ERROR_CHARS, MAX_SOURCE_PROBLEMS, MAX_SOURCES, ProjectSeq, RunReport, Source,
    SourceId, SourceKind, SourceProblem, Timestamp, text_prefix,
};

/// The documents that one batch deletes. A batch delays other writes by some milliseconds.
const DOCUMENTS_PER_DELETION: i64 = 50;

/// A SELECT of the columns that [`from_row`] reads.
macro_rules! select_sources {
    ($rest:literal) => {
        concat!(
            "SELECT id, location, kind, started_at, finished_at, documents, error, problems, \
                    skipped, removed, interval_s FROM source ",
            $rest
        )
    };
}

/// The sources of a project, oldest first, at most twice [`MAX_SOURCES`]: commands and
/// imports may store more than the API accepts.
pub fn list(snapshot: &Snapshot, project: ProjectSeq) -> Result<Vec<Source>, StoreError> {
    let sql = Sql::new(
        sql!(select_sources!(
            "WHERE project_seq = ? ORDER BY seq LIMIT ?"
        )),
        [project.into(), i64::from(2 * MAX_SOURCES).into()],
    );
    snapshot.all(&sql, from_row)
}

/// Finds a source of a project.
pub fn find(
    snapshot: &Snapshot,
    project: ProjectSeq,
    id: SourceId,
) -> Result<Option<Source>, StoreError> {
    let sql = Sql::new(
        sql!(select_sources!("WHERE project_seq = ? AND id = ?")),
        [project.into(), id.into()],
    );
    snapshot.optional(&sql, from_row)
}

/// Finds the source of a project with a location.
pub fn find_by_location(
    snapshot: &Snapshot,
    project: ProjectSeq,
    location: &str,
) -> Result<Option<Source>, StoreError> {
    let sql = Sql::new(
        sql!(select_sources!("WHERE project_seq = ? AND location = ?")),
        [project.into(), location.into()],
    );
    snapshot.optional(&sql, from_row)
}

fn from_row(row: Row<'_>) -> Result<Source, StoreError> {
    Ok(Source {
        id: row.get(0)?,
        location: row.get(1)?,
        kind: row.variant(2, &SourceKind::NAMES)?,
        started_at: row.get(3)?,
        finished_at: row.get(4)?,
        documents: row.get(5)?,
        error: row.get(6)?,
        report: RunReport {
            problems: problems(row.get(7)?),
            skipped: row.get(8)?,
            removed: row.get(9)?,
        },
        interval_s: row.get(10)?,
    })
}

/// Reads the column `problems`.
fn problems(json: &str) -> Vec<SourceProblem> {
    let stored: Vec<ProblemRecord> = serde_json::from_str(json).unwrap_or_default();
    let problem = |stored: ProblemRecord| SourceProblem {
        item: stored.item,
        reason: stored.reason,
    };
    stored.into_iter().map(problem).collect()
}

/// The first [`MAX_SOURCE_PROBLEMS`] problems as the column `problems` has them.
fn problems_json(problems: &[SourceProblem]) -> String {
    let prefix = |text: &str| text_prefix(text, MAX_SOURCE_ERROR_CHARS);
    let record = |problem: &SourceProblem| ProblemRecord {
        item: prefix(&problem.item),
        reason: prefix(&problem.reason),
    };
    let records = problems.iter().take(MAX_SOURCE_PROBLEMS).map(record);
    let records: Vec<_> = records.collect();
    serde_json::to_string(&records).unwrap_or_else(|_| "[]".to_owned())
}

/// Stores a new source whose first run begins.
///
/// Rejected with `NameExists` if the project has a source of the location, and with
/// `LimitReached` if it has [`MAX_SOURCES`].
pub fn create(project: ProjectSeq, source: &Source) -> Batch {
    let location = source.location.as_str();
    let guard = Sql::new(
        sql!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM source WHERE project_seq = ?1 AND location = ?2) \
                         THEN 'name_exists' \
                         WHEN (SELECT count(*) FROM source WHERE project_seq = ?1) >= ?3 \
                         THEN 'limit_reached' END"
        ),
        [
            project.into(),
            location.into(),
            i64::from(MAX_SOURCES).into(),
        ],
    );
    let insert = Sql::new(
        sql!(
            "INSERT INTO source (id, project_seq, location, kind, started_at) VALUES (?, ?, ?, ?, ?)"
        ),
        [
            source.id.into(),
            project.into(),
            location.into(),
            source.kind.as_str().into(),
            source.started_at.into(),
        ],
    );
    Batch::new().guard(guard, Rejection::NotFound).run(insert)
}

/// Stores that a run of a location begins. The source is stored if it is new.
pub fn begin_run(project: ProjectSeq, location: &str, kind: SourceKind, at: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "INSERT INTO source (id, project_seq, location, kind, started_at) \
             VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (project_seq, location) DO UPDATE \
                SET started_at = ?5, finished_at = NULL, error = NULL"
        ),
        [
            SourceId::generate().into(),
            project.into(),
            location.into(),
            kind.as_str().into(),
            at.into(),
        ],
    )])
}

/// Stores that a run of a stored source begins.
///
/// Rejected with `NotFound` if the source was deleted.
pub fn begin_stored_run(project: ProjectSeq, id: SourceId, at: Timestamp) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!(
                "UPDATE source SET started_at = ?3, finished_at = NULL, error = NULL \
                  WHERE project_seq = ?1 AND id = ?2"
            ),
            [project.into(), id.into(), at.into()],
        ),
        Rejection::NotFound,
    )
}

/// Stores how a run ended. A run that failed keeps the number of documents of the run
/// before.
pub fn end_run(
    project: ProjectSeq,
    location: &str,
    at: Timestamp,
    result: Result<u64, &str>,
    report: &RunReport,
) -> Batch {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let documents = result.ok().map(count);
    let error = result
        .err()
        .map(|text| text_prefix(text, MAX_SOURCE_ERROR_CHARS));
    Batch::of([Sql::new(
        sql!(
            "UPDATE source SET finished_at = CASE WHEN started_at <= ?3 THEN ?3 ELSE started_at END, \
                               documents = coalesce(?4, documents), \
                               error = ?5, problems = ?6, skipped = ?7, removed = ?8 \
              WHERE project_seq = ?1 AND location = ?2"
        ),
        [
            project.into(),
            location.into(),
            at.into(),
            documents.into(),
            error.into(),
            problems_json(&report.problems).into(),
            count(report.skipped).into(),
            count(report.removed).into(),
        ],
    )])
}

/// Stores a source that was not learned yet, unless the project has it.
pub fn add_if_missing(project: ProjectSeq, location: &str, kind: SourceKind) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "INSERT INTO source (id, project_seq, location, kind) VALUES (?, ?, ?, ?) \
             ON CONFLICT (project_seq, location) DO NOTHING"
        ),
        [
            SourceId::generate().into(),
            project.into(),
            location.into(),
            kind.as_str().into(),
        ],
    )])
}

/// Stores that all sources are learned on request.
pub fn clear_intervals() -> Batch {
    Batch::of([Sql::new(
        sql!("UPDATE source SET interval_s = NULL WHERE interval_s IS NOT NULL"),
        [],
    )])
}

/// Stores how often a source is learned.
pub fn set_interval(project: ProjectSeq, location: &str, interval_s: u32) -> Batch {
    Batch::of([Sql::new(
        sql!("UPDATE source SET interval_s = ?3 WHERE project_seq = ?1 AND location = ?2"),
        [
            project.into(),
            location.into(),
            i64::from(interval_s).into(),
        ],
    )])
}

/// The sources whose last run has not ended.
pub fn unfinished(snapshot: &Snapshot) -> Result<Vec<(ProjectSeq, String)>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT project_seq, location FROM source \
              WHERE started_at IS NOT NULL AND finished_at IS NULL ORDER BY seq"
        ),
        [],
    );
    snapshot.all(&sql, |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Stores that the run of a source was interrupted.
pub fn fail_interrupted(project: ProjectSeq, location: &str, at: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "UPDATE source SET finished_at = CASE WHEN started_at <= ?1 THEN ?1 ELSE started_at END, \
                               error = 'The run was interrupted; learn the source again' \
              WHERE project_seq = ?2 AND location = ?3 \
                AND started_at IS NOT NULL AND finished_at IS NULL"
        ),
        [at.into(), project.into(), location.into()],
    )])
}

/// Deletes some documents of a source. [`deleted_documents`] reads the result.
pub fn delete_documents(project: ProjectSeq, location: &str) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "DELETE FROM document WHERE seq IN (SELECT seq FROM document \
                 WHERE project_seq = ? AND source = ? LIMIT ?) RETURNING 1"
        ),
        [
            project.into(),
            location.into(),
            DOCUMENTS_PER_DELETION.into(),
        ],
    )])
}

/// The number of documents that [`delete_documents`] deleted.
pub fn deleted_documents(output: &BatchOutput) -> usize {
    output.rows.len()
}

/// Deletes a source.
///
/// Rejected with `NotFound` if the project has no such source.
pub fn delete(project: ProjectSeq, id: SourceId) -> Batch {
    Batch::new().run_expecting_change(
        Sql::new(
            sql!("DELETE FROM source WHERE project_seq = ? AND id = ?"),
            [project.into(), id.into()],
        ),
        Rejection::NotFound,
    )
}
