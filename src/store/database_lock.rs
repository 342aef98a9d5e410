//! The lock of a server on the database file itself.
//!
//! The lock file `FILE.lock` and the write-ahead log of SQLite are named after the
//! database file. A hard link, or a mount of the file at a second path, would give two
//! programs different ones. The lock on the file itself is the same for all its names.
//! It is a lock of `flock`, which is independent of the locks of SQLite.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::mem::ManuallyDrop;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::file_lock::{RETRY_INTERVAL, lock_file};
use super::open::{OpenError, check_name, resolve, with_suffix};
use super::server_lock::LockError;

/// File systems on a network whose `flock` conflicts with the locks of SQLite: NFS, and
/// SMB by its two numbers.
const NETWORK_FILE_SYSTEMS: [u32; 3] = [0x6969, 0xFF53_4D42, 0xFE53_4D42];

/// How long a lock without its lock file may last: a server that ends releases both, one
/// after the other.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

/// An open database file. It is not closed before the process ends: closing it would
/// release the locks of SQLite in this process.
#[derive(Debug)]
struct OpenFile(ManuallyDrop<File>);

impl OpenFile {
    /// Returns None if the file does not exist or cannot be opened, which the opening of
    /// the database reports, or if its file system has no independent `flock`.
    fn open(path: &Path) -> Option<Self> {
        let mut options = OpenOptions::new();
        options.read(true);
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let file = Self(ManuallyDrop::new(options.open(path).ok()?));
        let system = rustix::fs::fstatfs(&*file.0).ok()?;
        let is_network = NETWORK_FILE_SYSTEMS.contains(&(system.f_type as u32));
        (!is_network && file.0.metadata().ok()?.is_file()).then_some(file)
    }
}

/// The lock of this process. Dropping it releases the lock.
#[derive(Debug)]
pub(super) struct DatabaseLock(OpenFile);

impl DatabaseLock {
    /// Locks the file at `path`, if it exists. Waits up to `wait` for another process.
    ///
    /// # Errors
    /// [`LockError::HeldByOtherName`] if another server holds the lock.
    pub fn acquire(path: &Path, wait: Duration) -> Result<Option<Self>, LockError> {
        let Some(file) = OpenFile::open(path) else {
            return Ok(None);
        };
        // A command holds the lock for a moment.
        match lock_file(&file.0, wait.max(RELEASE_TIMEOUT)) {
            Ok(true) => Ok(Some(Self(file))),
            Ok(false) => Err(LockError::HeldByOtherName(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(OpenError::from_io(path, &error).into()),
        }
    }
}

impl Drop for DatabaseLock {
    fn drop(&mut self) {
        // The system releases the lock when the process ends.
        let _ = self.0.0.unlock();
    }
}

/// Refuses a file that a server has opened under another name. A command would write to
/// a write-ahead log that the server does not read. For the commands of the command
/// line: the file stays open until the process ends.
///
/// # Errors
/// [`LockError::HeldByOtherName`]; or the file has another name.
pub fn check_name_of_server(path: &Path) -> Result<(), LockError> {
    let path = resolve(path)?;
    check_name(&path)?;
    let Some(file) = OpenFile::open(&path) else {
        return Ok(());
    };
    let lock_path = with_suffix(&path, ".lock");
    let deadline = Instant::now() + RELEASE_TIMEOUT;
    while is_locked(&file.0) && !File::open(&lock_path).is_ok_and(|lock| is_locked(&lock)) {
        if Instant::now() >= deadline {
            return Err(LockError::HeldByOtherName(path));
        }
        thread::sleep(RETRY_INTERVAL);
    }
    Ok(())
}

/// Whether a server holds the lock of a file.
fn is_locked(file: &File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => {
            let _ = file.unlock();
            false
        }
        Err(error) => matches!(error, TryLockError::WouldBlock),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::ServerLock;
    use super::*;

    #[test]
    fn lock_of_the_file_is_held_under_each_of_its_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (folder.path().join("a.db"), folder.path().join("b.db"));
        fs::write(&one, "").expect("a file");
        let lock = ServerLock::acquire(&one, Duration::ZERO).expect("a lock");
        check_name_of_server(&one).expect("the name of the server");
        fs::hard_link(&one, &other).expect("a link");
        let linked = check_name_of_server(&other);
        assert!(
            matches!(linked, Err(LockError::Open(OpenError::HardLinks(_, 2)))),
            "{linked:?}"
        );
        let second = DatabaseLock::acquire(&other, Duration::ZERO);
        assert!(
            matches!(second, Err(LockError::HeldByOtherName(_))),
            "{second:?}"
        );
        drop(lock);
        assert!(matches!(
            DatabaseLock::acquire(&other, Duration::ZERO),
            Ok(Some(_))
        ));
    }

    #[test]
    fn file_that_is_created_after_its_lock_file_is_locked_as_well() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("parlor.db");
        let lock = ServerLock::acquire(&path, Duration::ZERO).expect("a lock");
        fs::write(&path, "").expect("a file");
        lock.lock_created_file().expect("a lock");
        let second = DatabaseLock::acquire(&path, Duration::ZERO);
        assert!(
            matches!(second, Err(LockError::HeldByOtherName(_))),
            "{second:?}"
        );
    }
}
