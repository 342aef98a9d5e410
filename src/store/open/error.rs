//! Why a database file could not be opened. Each text names the file, the cause
//! and the remedy.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rustix::io::Errno;

use super::SCHEMA_VERSION;
use super::path::{check_folder, closed_folder, folder_of};
use crate::store::postgres::{ConnectError, SchemaError};

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0:?} is not the name of a file; name a file with --db")]
    NotAName(PathBuf),
    #[error("{0} is {1}, not a file; name a file with --db")]
    NotAFile(PathBuf, &'static str),
    #[error("the folder {0} does not exist; create the folder, or name another file with --db")]
    NoFolder(PathBuf),
    #[error("{0}: a name in this path is too long; name another file with --db")]
    NameTooLong(PathBuf),
    #[error(
        "{0} has {1} names (hard links), and each would have a log of its own, so that writes would be lost; remove the others (`find / -xdev -samefile {0}` shows them)"
    )]
    HardLinks(PathBuf, u64),
    #[error("{0}: the symbolic links in this path form a loop; name another file with --db")]
    LinkLoop(PathBuf),
    #[error(
        "user {user} may not {access} {path}; check the owner and the mode with `ls -ld {path}`, or start parlor as the owner"
    )]
    NoPermission {
        path: PathBuf,
        /// What is not allowed: "write to", for example.
        access: &'static str,
        /// The user id of the process.
        user: u32,
    },
    #[error("{0} is marked as read-only; make the file writable with `chmod u+w {0}`")]
    ReadOnlyFile(PathBuf),
    #[error(
        "{0} is on a file system that is mounted read-only; mount the file system for writing, or name another file with --db"
    )]
    ReadOnlyFileSystem(PathBuf),
    #[error("{0} exists already; name another file")]
    Exists(PathBuf),
    #[error("{0} is not a parlor file (or not an SQLite file at all); name another with --db")]
    Foreign(PathBuf),
    #[error(
        "{0} was written by a newer parlor (schema {1}, this one knows {SCHEMA_VERSION}); install that version or a later one"
    )]
    Newer(PathBuf, i64),
    #[error(
        "{0} is damaged: {1}; restore a backup with `parlor restore BACKUP --db {0} --force`, which keeps the damaged file"
    )]
    Damaged(PathBuf, String),
    #[error(
        "{0} is locked by another program; end that program (`fuser -v {0}` shows the programs) and start again"
    )]
    Locked(PathBuf),
    #[error("the disk of {0} is full; free some space and start again")]
    Full(PathBuf),
    #[error("{0} could not be read or written: {1}; check the disk and the system's log")]
    Failed(PathBuf, String),
    #[error(
        "{path} is used by a server of an earlier version of parlor{}, and this version would change the tables of the file while that server runs; stop the server, or run the command with the program of the server", process(*.pid)
    )]
    UsedByServer {
        path: PathBuf,
        /// The process id of the server, if its lock file tells.
        pid: Option<u32>,
    },
    #[error(
        "{0} could not be upgraded, and its data was not changed: {1}; check that no other program changed its tables, or go back to the version of parlor that wrote it"
    )]
    Upgrade(PathBuf, String),
    #[error(
        "the disk of {path} has {free_mb} MB free, and {needed_mb} MB are needed for a copy of the file before its upgrade; free some space, or make a backup on another disk and start with --no-snapshot"
    )]
    NoSpace {
        path: PathBuf,
        needed_mb: u64,
        free_mb: u64,
    },
    #[error(
        "{0} could not be copied before its upgrade, and was not changed: {1}. --no-snapshot upgrades the file without a copy"
    )]
    Snapshot(PathBuf, String),
    #[error("no connection to {0} could be opened: {1}; check the limit on open files (ulimit -n)")]
    Pool(PathBuf, r2d2::Error),
    #[error(
        "a thread for the file could not be started: {0}; check the limit on processes (ulimit -u)"
    )]
    Thread(#[from] io::Error),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl OpenError {
    /// The error of an operation of SQLite on the file at `path`.
    pub(in crate::store) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path_buf = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign(path_buf),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(path_buf, error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(path_buf),
            Some(ErrorCode::DiskFull) => Self::Full(path_buf),
            // SQLite reports a full disk as an I/O error while it creates the -shm file.
            Some(ErrorCode::SystemIoFailure) if is_disk_full(path) => Self::Full(path_buf),
            _ => Self::Failed(path_buf, error.to_string()),
        }
    }

    /// The error of a connection that only reads the file at `path`. SQLite creates files
    /// beside a file that other programs may write to, also to read it.
    pub(super) fn from_reading(path: &Path, error: &rusqlite::Error) -> Self {
        let needs_folder = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen)
        );
        match check_folder(folder_of(path)) {
            Err(error) if needs_folder => error,
            _ => Self::from_sqlite(path, error),
        }
    }

    /// The error of an operation of the system on the file or folder at `path`.
    pub fn from_io(path: &Path, error: &io::Error) -> Self {
        let path_buf = path.to_owned();
        match error.kind() {
            _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
                Self::LinkLoop(path_buf)
            }
            io::ErrorKind::InvalidFilename => Self::NameTooLong(path_buf),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(path_buf),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnlyFileSystem(path_buf),
            io::ErrorKind::PermissionDenied => {
                Self::no_permission(closed_folder(path).unwrap_or(path), "use")
            }
            _ => Self::Failed(path_buf, error.to_string()),
        }
    }

    pub(in crate::store) fn no_permission(path: &Path, access: &'static str) -> Self {
        Self::NoPermission {
            path: path.to_owned(),
            access,
            user: rustix::process::geteuid().as_raw(),
        }
    }
}

/// The process id of a server as a part of a message.
pub(in crate::store) fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// Whether the file system of `path` has no space for this user.
fn is_disk_full(path: &Path) -> bool {
    rustix::fs::statvfs(folder_of(path)).is_ok_and(|stat| stat.f_bavail == 0)
}
