//! Sources (docs/api-contract.md, section 4.27).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{
    MAX_SOURCE_PROBLEMS, Source, SourceId, SourceKind, SourceProblem, SourceStatus, Timestamp,
};

/// A website or folder that was learned, with its last run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Source)]
pub struct SourceJson<'a> {
    object: SourceObject,
    id: SourceId,
    /// The URL, or the path of a folder on the server.
    location: &'a str,
    kind: SourceKind,
    /// The state of the last run.
    status: SourceStatus,
    /// The begin of the last run.
    #[schema(required)]
    started_at: Option<Timestamp>,
    /// The end of the last run; null while it runs.
    #[schema(required)]
    finished_at: Option<Timestamp>,
    /// The documents that the last successful run stored or found unchanged.
    documents: u64,
    /// Why the last run failed.
    #[schema(required)]
    error: Option<&'a str>,
    /// What the last run skipped or warned about.
    #[schema(max_items = 100)]
    problems: Vec<SourceProblemJson<'a>>,
    /// The pages and files that the last run skipped, also those that are not in `problems`.
    skipped: u64,
    /// The documents that the last run deleted, because the source no longer has them.
    removed: u64,
    /// The seconds from one run to the next; null if the source is learned on request.
    #[schema(required)]
    interval_seconds: Option<u32>,
}

const _: () = assert!(MAX_SOURCE_PROBLEMS == 100);

/// A page or file that a run skipped or warned about.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceProblem)]
struct SourceProblemJson<'a> {
    /// The URL, or the path in the folder.
    item: &'a str,
    reason: &'a str,
}

impl<'a> From<&'a SourceProblem> for SourceProblemJson<'a> {
    fn from(problem: &'a SourceProblem) -> Self {
        Self {
            item: &problem.item,
            reason: &problem.reason,
        }
    }
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SourceObject {
    Source,
}

impl<'a> From<&'a Source> for SourceJson<'a> {
    fn from(source: &'a Source) -> Self {
        let report = &source.report;
        Self {
            object: SourceObject::Source,
            id: source.id,
            location: &source.location,
            kind: source.kind,
            status: source.status(),
            started_at: source.started_at,
            finished_at: source.finished_at,
            documents: source.documents,
            error: source.error.as_deref(),
            problems: report.problems.iter().map(Into::into).collect(),
            skipped: report.skipped,
            removed: report.removed,
            interval_seconds: source.interval_s,
        }
    }
}
