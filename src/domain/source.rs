//! Websites and folders that a project has learned.

use super::{SourceId, Timestamp};

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A page, or the pages of a sitemap.
    Website,
    /// A folder of the server's machine.
    Folder,
}

impl SourceKind {
    /// The kinds with their names in the API and in the database.
    pub const NAMES: [(&'static str, SourceKind); 2] = [
        ("website", SourceKind::Website),
        ("folder", SourceKind::Folder),
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::Website => "website",
            SourceKind::Folder => "folder",
        }
    }
}

/// A website or folder that was learned, with its last run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub id: SourceId,
    /// The URL, or the path of the folder.
    pub location: String,
    pub kind: SourceKind,
    pub started_at: Option<Timestamp>,
    /// `None`: the run has not ended.
    pub finished_at: Option<Timestamp>,
    /// The documents that the last run stored or found unchanged.
    pub documents: u64,
    /// Why the last run failed.
    pub error: Option<String>,
    pub report: RunReport,
    /// The seconds from one run to the next; `None`: learned on request.
    pub interval_s: Option<u32>,
}

/// What the last run of a source did, beside the documents that it stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunReport {
    /// What the run skipped or warned about, at most [`MAX_SOURCE_PROBLEMS`].
    pub problems: Vec<SourceProblem>,
    /// The pages and files that the run skipped.
    pub skipped: u64,
    /// The documents that the run deleted.
    pub removed: u64,
}

/// A page or file that a run skipped or warned about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProblem {
    /// The URL, or the path in the folder.
    pub item: String,
    pub reason: String,
}

/// The state of the last run of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceStatus {
    Running,
    Done,
    Failed,
}

impl SourceStatus {
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            SourceStatus::Running => "running",
            SourceStatus::Done => "done",
            SourceStatus::Failed => "failed",
        }
    }
}

impl Source {
    pub fn status(&self) -> SourceStatus {
        if self.error.is_some() {
            SourceStatus::Failed
        } else if self.started_at.is_some() && self.finished_at.is_none() {
            SourceStatus::Running
        } else {
            SourceStatus::Done
        }
    }
}

/// The pages of a sitemap that are read if nothing else is said.
pub const DEFAULT_MAX_PAGES: u32 = 2000;

/// The maximum length of the text that says why a source could not be learned, in characters.
pub const MAX_SOURCE_ERROR_CHARS: usize = 1000;

/// The maximum number of problems of a run that are stored.
pub const MAX_SOURCE_PROBLEMS: usize = 100;

/// The maximum number of sources of a project.
pub const MAX_SOURCES: u32 = 200;
