//! Opens a file for reading only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use url::Url;

use super::path::with_suffix;

/// Opens a connection that only reads.
pub(super) fn connect_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match immutable_uri(path) {
        Some(uri) => Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI),
        None => Connection::open_with_flags(path, flags),
    }
}

/// The URI with which SQLite reads a file that is marked as read-only, and that no program
/// uses, without creating files beside it. These would have the mode of the file, and
/// would prevent writing after the file is marked as writable.
fn immutable_uri(path: &Path) -> Option<String> {
    let is_read_only = fs::metadata(path).ok()?.permissions().mode() & 0o222 == 0;
    let has_log = ["-wal", "-journal"]
        .iter()
        .any(|suffix| with_suffix(path, suffix).symlink_metadata().is_ok());
    if !is_read_only || has_log {
        return None;
    }
    let mut uri = Url::from_file_path(fs::canonicalize(path).ok()?).ok()?;
    uri.set_query(Some("immutable=1"));
    Some(uri.into())
}
