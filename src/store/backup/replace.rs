//! Replaces a database file that no program uses, and keeps the file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;

use crate::store::open::{
    NewFile, OpenError, adopt_owner, is_parlor_file, rename_new, with_suffix,
};

/// How long the write-ahead log may be in use by a program that ends.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether a program uses a database file: SQLite holds a lock on a file in WAL mode
/// as long as the file is open. This process must not have opened the file.
pub fn is_in_use(path: &Path) -> Result<bool, OpenError> {
    let io_error = |error: io::Error| OpenError::from_io(path, &error);
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let file = opened.map_err(io_error)?;
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(false),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(true),
        Err(error) => Err(io_error(error.into())),
    }
}

/// Gives a complete new file the name of a database file. The file that has this name
/// is kept as `previous`. At every moment the name leads to one of the two files, complete.
///
/// # Errors
/// The file that has the name stays as it is.
pub fn replace(new: NewFile, previous: &Path) -> Result<(), OpenError> {
    let path = new.path().to_owned();
    let io_error = |error: io::Error| OpenError::from_io(&path, &error);
    if path.exists() {
        keep_owner(&new).map_err(io_error)?;
        keep_logs(&path, previous)?;
        // Without hard links, the name leads to no file for a moment.
        fs::hard_link(&path, previous)
            .or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Err(error),
                _ => rename_new(&path, previous),
            })
            .map_err(io_error)?;
    } else {
        adopt_owner(new.file(), &path).map_err(io_error)?;
    }
    // SQLite would apply the log of the kept file to the new one.
    for log in side_files(&path, &["-wal", "-shm", "-journal"]) {
        fs::remove_file(log).map_err(io_error)?;
    }
    new.file().sync_all().map_err(io_error)?;
    new.persist()
}

/// Gives the new file the owner and the mode of the file that it replaces.
fn keep_owner(new: &NewFile) -> io::Result<()> {
    let (old, own) = (fs::metadata(new.path())?, new.file().metadata()?);
    if (old.uid(), old.gid()) != (own.uid(), own.gid()) {
        fchown(new.file(), Some(old.uid()), Some(old.gid()))?;
    }
    new.file().set_permissions(old.permissions())
}

/// Moves the content of the write-ahead log into the file. If that fails, for example
/// because the file is damaged, copies the log beside the kept file.
fn keep_logs(path: &Path, previous: &Path) -> Result<(), OpenError> {
    if is_parlor_file(path) && move_log_into_file(path).is_ok() {
        return Ok(());
    }
    for suffix in ["-wal", "-journal"] {
        for log in side_files(path, &[suffix]) {
            let copy = with_suffix(previous, suffix);
            let copied = fs::copy(&log, &copy).and_then(|_| File::open(&copy)?.sync_all());
            copied.map_err(|error| OpenError::from_io(&copy, &error))?;
        }
    }
    Ok(())
}

fn move_log_into_file(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE;")
}

/// The files with these suffixes that exist.
fn side_files(path: &Path, suffixes: &[&str]) -> Vec<PathBuf> {
    let files = suffixes.iter().map(|suffix| with_suffix(path, suffix));
    files.filter(|file| file.exists()).collect()
}
