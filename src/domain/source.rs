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

/// The maximum number of sources of a project.
pub const MAX_SOURCES: u32 = 200;
