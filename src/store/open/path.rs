//! Checks the path of a database file before SQLite opens the file.
//!
//! SQLite reports most faults of a path as "unable to open database file", waits
//! for the writer of a FIFO, and opens a file that is not writable as read-only.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::error::OpenError;

/// The longest of the suffixes of the files that SQLite creates beside a file.
const LONGEST_SUFFIX: &str = "-journal";

/// Returns the path of the file itself: an absolute path without symbolic links.
/// The file may be absent, its folder may not.
///
/// # Errors
/// The path is not the path of a file, or its folder does not exist.
pub fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let text = path.to_string_lossy();
    // SQLite gives these names a meaning of their own.
    if text.is_empty() || text == ":memory:" || text.starts_with("file:") {
        return Err(OpenError::NotAName(path.to_owned()));
    }
    if text.ends_with('/') && !path.is_dir() {
        return Err(OpenError::NotAName(path.to_owned()));
    }
    match fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => resolve_absent(path),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(OpenError::NoFolder(folder_of(path).to_owned()))
        }
        Err(error) => Err(OpenError::from_io(path, &error)),
    }
}

/// Resolves the path of a file that does not exist, or of a symbolic link to
/// such a file.
fn resolve_absent(path: &Path) -> Result<PathBuf, OpenError> {
    if let Ok(target) = fs::read_link(path) {
        return resolve(&folder_of(path).join(target));
    }
    let Some(name) = path.file_name() else {
        return Err(OpenError::NotAName(path.to_owned()));
    };
    let folder = folder_of(path);
    match fs::canonicalize(folder) {
        Ok(folder) => Ok(folder.join(name)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(OpenError::NoFolder(folder.to_owned()))
        }
        Err(error) => Err(OpenError::from_io(folder, &error)),
    }
}

/// The folder that contains a file.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Checks that `path`, as [`resolve`] returns it, is a file that this process can
/// read and write, or that the file can be created.
///
/// # Errors
/// The path is something else, or the permissions are not sufficient.
pub fn check(path: &Path) -> Result<(), OpenError> {
    check_folder(folder_of(path))?;
    check_name(path)?;
    match fs::metadata(path) {
        Ok(metadata) => check_file(path, &metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::from_io(path, &error)),
    }
    // A read-only start of another program can leave such files behind.
    for suffix in ["-wal", "-shm", "-journal"] {
        let side_file = with_suffix(path, suffix);
        if let Ok(metadata) = fs::metadata(&side_file) {
            check_file(&side_file, &metadata)?;
        }
    }
    Ok(())
}

/// Checks that this process can create files in a folder.
///
/// # Errors
/// The permissions are not sufficient, or the file system is mounted read-only.
pub fn check_folder(folder: &Path) -> Result<(), OpenError> {
    let access = Access::WRITE_OK | Access::EXEC_OK;
    check_access(folder, access, "create files in")
}

/// Checks that `path`, as [`resolve`] returns it, is the only name of a file, and short
/// enough for the names of the files that SQLite creates beside it. The file may be absent.
///
/// # Errors
/// The file has another name, a hard link; the name is too long; or it is no file.
pub fn check_name(path: &Path) -> Result<(), OpenError> {
    let longest = fs::symlink_metadata(with_suffix(path, LONGEST_SUFFIX));
    if longest.is_err_and(|error| error.kind() == io::ErrorKind::InvalidFilename) {
        return Err(OpenError::NameTooLong(path.to_owned()));
    }
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(());
    };
    if !metadata.is_file() {
        let name = type_name(metadata.file_type());
        return Err(OpenError::NotAFile(path.to_owned(), name));
    }
    if has_other_name(path, &metadata) {
        return Err(OpenError::HardLinks(path.to_owned(), metadata.nlink()));
    }
    Ok(())
}

/// Whether a file has another name than `path`. The name that an interrupted restore has
/// given the file that it was about to replace does not count: no program opens it.
fn has_other_name(path: &Path, metadata: &Metadata) -> bool {
    if metadata.nlink() < 2 {
        return false;
    }
    let mut prefix = path.file_name().unwrap_or_default().to_owned();
    prefix.push(".replaced-");
    let is_kept = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        entry.ino() == metadata.ino() && name.as_bytes().starts_with(prefix.as_bytes())
    };
    let entries = fs::read_dir(folder_of(path)).into_iter().flatten();
    let kept = entries.flatten().filter(is_kept).count() as u64;
    metadata.nlink() > 1 + kept
}

/// Checks that `path` is a file that this process can read.
///
/// # Errors
/// The path is something else, or the permissions are not sufficient.
pub fn check_readable(path: &Path) -> Result<(), OpenError> {
    let metadata = fs::metadata(path).map_err(|error| OpenError::from_io(path, &error))?;
    let file_type = metadata.file_type();
    if !file_type.is_file() {
        return Err(OpenError::NotAFile(path.to_owned(), type_name(file_type)));
    }
    check_access(path, Access::READ_OK, "read")?;
    for suffix in ["-wal", "-shm"] {
        let side_file = with_suffix(path, suffix);
        if side_file.exists() {
            check_access(&side_file, Access::READ_OK, "read")?;
        }
    }
    Ok(())
}

/// The first folder of a path that this process may not search.
pub(super) fn closed_folder(path: &Path) -> Option<&Path> {
    let folders = path.ancestors().skip(1);
    let is_closed = |folder: &&Path| access(*folder, Access::EXEC_OK) == Err(Errno::ACCESS);
    // The last one that is closed comes first in the path.
    folders.filter(is_closed).last()
}

/// `path` with a suffix, such as `-wal`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn check_file(path: &Path, metadata: &Metadata) -> Result<(), OpenError> {
    let file_type = metadata.file_type();
    if !file_type.is_file() {
        return Err(OpenError::NotAFile(path.to_owned(), type_name(file_type)));
    }
    // A privileged user can write to the file, but SQLite gives its side files the
    // same mode, and other users could not write to them later.
    if metadata.permissions().mode() & 0o222 == 0 {
        let user = rustix::process::geteuid();
        if !user.is_root() && metadata.uid() != user.as_raw() {
            return Err(OpenError::no_permission(path, "write to"));
        }
        return Err(OpenError::ReadOnlyFile(path.to_owned()));
    }
    check_access(path, Access::READ_OK, "read")?;
    check_access(path, Access::WRITE_OK, "write to")
}

/// Asks the system whether this process may access `path`. The file is not
/// opened: closing it would release SQLite's locks on the file in this process.
fn check_access(path: &Path, mode: Access, name: &'static str) -> Result<(), OpenError> {
    match access(path, mode) {
        Ok(()) => Ok(()),
        Err(Errno::ACCESS | Errno::PERM) => Err(OpenError::no_permission(path, name)),
        Err(error) => Err(OpenError::from_io(path, &error.into())),
    }
}

fn type_name(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a folder"
    } else if file_type.is_fifo() {
        "a named pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
