//! The lock of a server on its database file.
//!
//! Two servers on one file would end each other's answers. A server holds an
//! exclusive lock on the side file `FILE.lock`, which contains its process id. The
//! system releases the lock when the process ends, however it ends. The side file
//! stays: removing it would allow two locks. The server also locks the database file
//! itself (`database_lock`), which may have other names.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::database_lock::DatabaseLock;
use super::file_lock::lock_file;
use super::open::{OpenError, adopt_owner, check_name, folder_of, process, resolve, with_suffix};

/// Why a process did not get the lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "{path} is in use by another parlor{}; stop that server, or name another file with --db", process(*.pid)
    )]
    Held {
        path: PathBuf,
        /// The process id of the owner, if its lock file tells.
        pid: Option<u32>,
    },
    #[error(
        "{0} is in use by another parlor, which has opened the file under another name, and writes would be lost; stop that server (`fuser -v {0}` shows its process), or use the name of that server with --db"
    )]
    HeldByOtherName(PathBuf),
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// The lock of this process. Dropping it releases the lock.
#[derive(Debug)]
pub struct ServerLock {
    /// The lock on the database file itself, once that file exists. Released first.
    database_lock: OnceLock<DatabaseLock>,
    database: PathBuf,
    file: File,
    path: PathBuf,
}

impl ServerLock {
    /// Locks the database file at `path`, which may be absent. Waits up to `wait`
    /// for another process to release its lock.
    pub fn acquire(path: &Path, wait: Duration) -> Result<Self, LockError> {
        let deadline = Instant::now() + wait;
        let path = resolve(path)?;
        check_name(&path)?;
        let lock_path = with_suffix(&path, ".lock");
        let io_error = |error: io::Error| lock_file_error(&lock_path, &error);
        let mut file = open_lock_file(&lock_path, &path).map_err(io_error)?;
        if !lock_file(&file, Duration::ZERO).map_err(io_error)? {
            if !wait.is_zero() {
                log::warn!(
                    "{} is in use by another parlor{}; waiting up to {} s",
                    path.display(),
                    process(read_pid(&mut file)),
                    wait.as_secs()
                );
            }
            if !lock_file(&file, wait).map_err(io_error)? {
                let pid = read_pid(&mut file);
                return Err(LockError::Held { path, pid });
            }
        }
        write_pid(&mut file).map_err(io_error)?;
        let lock = Self {
            database_lock: OnceLock::new(),
            database: path,
            file,
            path: lock_path,
        };
        lock.lock_database(deadline.saturating_duration_since(Instant::now()))?;
        Ok(lock)
    }

    /// Locks the database file itself, if it was created after [`ServerLock::acquire`].
    ///
    /// # Errors
    /// [`LockError::HeldByOtherName`].
    pub fn lock_created_file(&self) -> Result<(), LockError> {
        self.lock_database(Duration::ZERO)
    }

    fn lock_database(&self, wait: Duration) -> Result<(), LockError> {
        if self.database_lock.get().is_none()
            && let Some(lock) = DatabaseLock::acquire(&self.database, wait)?
        {
            // The lock file allows only one caller.
            let _ = self.database_lock.set(lock);
        }
        Ok(())
    }

    /// Whether the lock still keeps other servers away: not after the lock file was
    /// deleted or replaced, because another server would lock the new file.
    pub fn is_held(&self) -> bool {
        let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let own = self.file.metadata().map(identity);
        let found = fs::symlink_metadata(&self.path).map(identity);
        matches!((own, found), (Ok(own), Ok(found)) if own == found)
    }
}

impl Drop for ServerLock {
    fn drop(&mut self) {
        // A stale process id is only shown while another process holds the lock.
        let _ = self.file.set_len(0);
    }
}

/// Opens the lock file, or creates it for the owner of the database. Follows no link: in
/// a folder of another user, a link could lead root to any file.
fn open_lock_file(path: &Path, database: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            adopt_owner(&file, database)?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = options.open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_file() && metadata.nlink() == 1 {
                Ok(file)
            } else {
                Err(io::Error::other("it is not a lock file of parlor"))
            }
        }
        Err(error) => Err(error),
    }
}

/// The error of the lock file, or of its folder if that prevents its creation.
fn lock_file_error(path: &Path, error: &io::Error) -> OpenError {
    if error.kind() == io::ErrorKind::PermissionDenied && path.symlink_metadata().is_err() {
        return OpenError::no_permission(folder_of(path), "create files in");
    }
    OpenError::from_io(path, error)
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_lock_fails_with_owner_until_first_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("parlor.db");
        let first = ServerLock::acquire(&path, Duration::ZERO).expect("a lock");
        let second = ServerLock::acquire(&path, Duration::from_millis(30));
        let own = std::process::id();
        assert!(
            matches!(&second, Err(LockError::Held { pid, .. }) if *pid == Some(own)),
            "{second:?}"
        );
        drop(first);
        ServerLock::acquire(&path, Duration::ZERO).expect("a lock");
    }

    #[test]
    fn lock_is_lost_when_its_file_is_deleted_or_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("parlor.db");
        let lock = ServerLock::acquire(&path, Duration::ZERO).expect("a lock");
        assert!(lock.is_held());
        let lock_path = folder.path().join("parlor.db.lock");
        let moved = folder.path().join("moved");
        fs::rename(&lock_path, &moved).expect("a move");
        assert!(!lock.is_held(), "deleted");
        fs::write(&lock_path, "").expect("a file");
        assert!(!lock.is_held(), "replaced");
        fs::rename(&moved, &lock_path).expect("a move");
        assert!(lock.is_held());
    }

    #[test]
    fn link_in_place_of_the_lock_file_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("parlor.db");
        let other = folder.path().join("other");
        let lock = folder.path().join("parlor.db.lock");
        fs::write(&other, "precious").expect("a file");
        std::os::unix::fs::symlink("other", &lock).expect("a link");
        ServerLock::acquire(&path, Duration::ZERO).expect_err("a symbolic link");
        fs::remove_file(&lock).expect("a removal");
        fs::hard_link(&other, &lock).expect("a link");
        ServerLock::acquire(&path, Duration::ZERO).expect_err("a hard link");
        assert_eq!(fs::read(&other).expect("a file"), b"precious");
    }

    #[test]
    fn lock_covers_symbolic_links_to_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, link) = (folder.path().join("a.db"), folder.path().join("b.db"));
        std::os::unix::fs::symlink("a.db", &link).expect("a link");
        let _lock = ServerLock::acquire(&path, Duration::ZERO).expect("a lock");
        let second = ServerLock::acquire(&link, Duration::ZERO);
        assert!(matches!(second, Err(LockError::Held { .. })), "{second:?}");
        fs::write(&path, "").expect("a file");
        let second = ServerLock::acquire(&link, Duration::ZERO);
        assert!(matches!(second, Err(LockError::Held { .. })), "{second:?}");
    }
}
