//! Sources (docs/api-contract.md, section 4.27).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Source, SourceId, SourceKind, SourceStatus, Timestamp};

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
}

/// The type of the object.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SourceObject {
    Source,
}

impl<'a> From<&'a Source> for SourceJson<'a> {
    fn from(source: &'a Source) -> Self {
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
        }
    }
}
