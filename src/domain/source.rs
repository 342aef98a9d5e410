//! Websites and folders that a project has learned.

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

/// The maximum length of the text that says why a source could not be learned, in characters.
pub const MAX_SOURCE_ERROR_CHARS: usize = 1000;

/// The maximum number of sources of a project.
pub const MAX_SOURCES: u32 = 200;
