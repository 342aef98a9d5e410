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

    /// Deletes the oldest backups, and what interrupted backups have left. Files with
    /// other names stay.
    pub fn remove_old(&self, count: usize) -> io::Result<()> {
        for name in surplus(self.names()?, count) {
            let backup = self.path_of(name);
            let manifest = Manifest::path(&backup);
            if manifest.exists() {
                fs::remove_file(manifest)?;
            }
            fs::remove_file(backup)?;
        }
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let file = NewFile::path_of_temporary(&path);
            let backup = file.map(|file| file.with_extension("").with_extension("db"));
            if backup.is_some_and(|backup| parse(&backup).is_some()) {
                NewFile::remove_unused(&path)?;
            }
        }
        Ok(())
    }

    /// The backups in the folder, the oldest first.
    fn names(&self) -> io::Result<Vec<BackupName>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.extend(parse(&entry?.path()));
        }
        names.sort_unstable();
        Ok(names)
    }
}

fn parse(path: &Path) -> Option<BackupName> {
    BackupName::parse(path.file_name()?.to_str()?)
}
