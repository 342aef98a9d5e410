//! A file that gets its name when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::OpenError;
use super::path::{folder_of, with_suffix};
use crate::store::file_lock::lock_file;

/// The end of the names of incomplete files.
const TEMPORARY_SUFFIX: &str = ".part";

/// A file under a temporary name in the folder of its final name. Only its owner may
/// read the file. Dropping the value removes the temporary file; what a killed process
/// leaves is replaced by the next one.
pub struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    /// Locked, so that a second process does not write to the same file.
    file: File,
    /// Whether the temporary file stays when the value is dropped.
    is_kept: bool,
}

impl NewFile {
    /// Creates an empty file that will be named `path`.
    ///
    /// # Errors
    /// The folder cannot be written to, or another process creates the same file.
    pub fn create(path: &Path) -> Result<Self, OpenError> {
        let temporary = Self::temporary_name(path);
        let io_error = |error: io::Error| OpenError::from_io(&temporary, &error);
        let created = match create_private(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match remove_leftover(&temporary) {
                    Ok(true) => create_private(&temporary),
                    Ok(false) => return Err(OpenError::Locked(temporary)),
                    // Another process has completed the file at this moment.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        return Err(OpenError::Locked(temporary));
                    }
                    Err(error) => return Err(io_error(error)),
                }
            }
            created => created,
        };
        let file = created.map_err(|error| not_created(path, &temporary, &error))?;
        Self::locked(path, file)
    }

    /// Opens the temporary file that an earlier process has left, or creates an empty one.
    /// It stays when the value is dropped, unless it is empty.
    ///
    /// # Errors
    /// As for [`NewFile::create`]; or another user or program made the temporary file.
    pub fn resume(path: &Path) -> Result<Self, OpenError> {
        let temporary = Self::temporary_name(path);
        let file = match create_private(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                open_leftover(&temporary, OpenOptions::new().read(true).write(true))
            }
            created => created,
        };
        let file = file.map_err(|error| not_created(path, &temporary, &error))?;
        let mut new = Self::locked(path, file)?;
        new.is_kept = true;
        Ok(new)
    }

    fn locked(path: &Path, file: File) -> Result<Self, OpenError> {
        let temporary = Self::temporary_name(path);
        match lock_file(&file, Duration::ZERO) {
            // Another process may have completed or removed the file before it was locked.
            Ok(true) if is_at(&file, &temporary) => Ok(Self {
                path: path.to_owned(),
                temporary,
                file,
                is_kept: false,
            }),
            Ok(_) => Err(OpenError::Locked(temporary)),
            Err(error) => Err(OpenError::from_io(&temporary, &error)),
        }
    }

    /// The same file with another final name, in the same folder.
    pub fn with_name(mut self, path: PathBuf) -> Self {
        self.path = path;
        self
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn temporary_path(&self) -> &Path {
        &self.temporary
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// The final name of a temporary file. None if the file is not a temporary one.
    pub fn path_of_temporary(temporary: &Path) -> Option<PathBuf> {
        let path = temporary.to_str()?.strip_suffix(TEMPORARY_SUFFIX)?;
        Some(path.into())
    }

    /// Removes a temporary file that no process uses.
    pub fn remove_unused(temporary: &Path) -> io::Result<()> {
        remove_leftover(temporary).map(drop)
    }

    /// The temporary name of a file that will be named `path`.
    pub fn temporary_name(path: &Path) -> PathBuf {
        with_suffix(path, TEMPORARY_SUFFIX)
    }

    /// Gives the file its name, unless a file of this name exists.
    pub fn persist_new(self) -> Result<(), OpenError> {
        match rename_new(&self.temporary, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(OpenError::Exists(self.path.clone()))
            }
            renamed => self.finish(renamed),
        }
    }

    /// Gives the file its name and replaces a file of this name.
    pub fn persist(self) -> Result<(), OpenError> {
        let renamed = fs::rename(&self.temporary, &self.path);
        self.finish(renamed)
    }

    /// Writes the name to the disk.
    fn finish(&self, renamed: io::Result<()>) -> Result<(), OpenError> {
        let synced = renamed.and_then(|()| File::open(folder_of(&self.path))?.sync_all());
        synced.map_err(|error| OpenError::from_io(&self.path, &error))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        let is_empty = || self.file.metadata().is_ok_and(|file| file.len() == 0);
        if (!self.is_kept || is_empty()) && is_at(&self.file, &self.temporary) {
            // The next process removes what cannot be removed now.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    options.open(path)
}

/// Removes a temporary file that an ended process of this user has left. Returns false if
/// a process uses the file.
fn remove_leftover(temporary: &Path) -> io::Result<bool> {
    let file = open_leftover(temporary, OpenOptions::new().read(true))?;
    if !lock_file(&file, Duration::ZERO)? || !is_at(&file, temporary) {
        return Ok(false);
    }
    fs::remove_file(temporary)?;
    Ok(true)
}

/// Opens a temporary file that a process of this user has left. Follows no link, and opens
/// no file of another user: in a shared folder, another user could have put it there.
fn open_leftover(temporary: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(temporary)?;
    let metadata = file.metadata()?;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    if !(metadata.is_file() && metadata.nlink() == 1 && is_own) {
        return Err(io::Error::other(
            "another user or program made this file; remove it",
        ));
    }
    Ok(file)
}

/// Whether the open file has this path.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(found)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    (open.dev(), open.ino()) == (found.dev(), found.ino())
}

fn not_created(path: &Path, temporary: &Path, error: &io::Error) -> OpenError {
    match error.kind() {
        io::ErrorKind::NotFound => OpenError::NoFolder(folder_of(path).to_owned()),
        // Another process has created the same file meanwhile.
        io::ErrorKind::AlreadyExists => OpenError::Locked(temporary.to_owned()),
        io::ErrorKind::PermissionDenied => {
            OpenError::no_permission(folder_of(path), "create files in")
        }
        _ => OpenError::from_io(temporary, error),
    }
}

/// Renames a file without replacing another one.
pub(in crate::store) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot check and rename in one operation.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if !to.exists() => fs::rename(from, to),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            Err(io::ErrorKind::AlreadyExists.into())
        }
        renamed => Ok(renamed?),
    }
}
