//! A folder in which a server makes backups.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{BackupError, BackupFile, BackupName, Manifest, create, surplus};
use crate::store::NewFile;
use crate::store::backup::Monitor;

pub struct BackupFolder {
    path: PathBuf,
}

impl BackupFolder {
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The newest backup in the folder.
    pub fn newest(&self) -> Option<BackupName> {
        self.names().ok()?.pop()
    }

    pub fn path_of(&self, name: BackupName) -> PathBuf {
        self.path.join(name.to_string())
    }

    /// Makes a backup in the folder. Creates the folder if it does not exist.
    pub fn make_backup(
        &self,
        database: &Path,
        monitor: &Monitor,
    ) -> Result<BackupFile, BackupError> {
        let folder_error = |error| BackupError::Folder(self.path.clone(), error);
        if !self.path.exists() {
            let created = DirBuilder::new().mode(0o700).create(&self.path);
            created.map_err(folder_error)?;
        }
        if !self.path.is_dir() {
            return Err(folder_error(io::ErrorKind::NotADirectory.into()));
        }
        create(database, &self.path, monitor)
    }

    /// Deletes the oldest backups, and what interrupted backups have left. Folders, and
    /// files with other names, stay. Returns the files that could not be deleted.
    pub fn remove_old(&self, count: usize) -> Vec<(PathBuf, io::Error)> {
        let files = match self.files() {
            Ok(files) => files,
            Err(error) => return vec![(self.path.clone(), error)],
        };
        let names = files.iter().filter_map(|file| parse(file)).collect();
        let backups = surplus(names, count).into_iter();
        let backups = backups.filter_map(|name| remove_backup(self.path_of(name)).err());
        let leftovers = files.iter().filter(|file| is_leftover(file));
        let leftovers = leftovers.filter_map(|file| {
            let removed = NewFile::remove_unused(file);
            Some((file.clone(), removed.err()?))
        });
        backups.chain(leftovers).collect()
    }

    /// The backups in the folder, the oldest first.
    fn names(&self) -> io::Result<Vec<BackupName>> {
        let files = self.files()?;
        let mut names: Vec<_> = files.iter().filter_map(|file| parse(file)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Everything in the folder that is no folder.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                files.push(entry.path());
            }
        }
        Ok(files)
    }
}

/// Deletes a backup after its manifest. The error names the file that stays.
fn remove_backup(path: PathBuf) -> Result<(), (PathBuf, io::Error)> {
    for file in [Manifest::path(&path), path] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err((file, error)),
            _ => {}
        }
    }
    Ok(())
}

/// Whether an interrupted backup has left the file.
fn is_leftover(path: &Path) -> bool {
    let file = NewFile::path_of_temporary(path);
    let backup = file.map(|file| file.with_extension("").with_extension("db"));
    backup.is_some_and(|backup| parse(&backup).is_some())
}

fn parse(path: &Path) -> Option<BackupName> {
    BackupName::parse(path.file_name()?.to_str()?)
}
