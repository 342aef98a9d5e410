//! The manifest of a backup: what the backup contains, and how to recognise that the
//! backup was changed.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::BackupError;
use crate::domain::Timestamp;
use crate::store::backup::{Contents, CopyError, Counts, Monitor, UnreadableBackup, verify};
use crate::store::{NewFile, OpenError, with_suffix};

/// Bytes that are hashed between two checks for a cancellation.
const HASH_BUFFER_BYTES: usize = 1 << 20;

/// Why a backup was refused because of its manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("{0} cannot be read: {1}; move it to another folder to restore without it")]
    Unreadable(PathBuf, String),
    #[error(
        "{backup} is not the file that {backup}.json describes: {difference}; copy the backup again, or move {backup}.json to another folder to restore without it"
    )]
    Different { backup: PathBuf, difference: String },
    #[error(transparent)]
    Backup(UnreadableBackup),
    #[error(transparent)]
    Copy(CopyError),
}

impl From<CopyError> for ManifestError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Source(error) => Self::Backup((*error).into()),
            error => Self::Copy(error),
        }
    }
}

/// The content of `FILE.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The version of parlor that made the backup.
    pub parlor: String,
    /// The version of the tables.
    pub schema: i64,
    pub created_at: String,
    pub counts: Counts,
    /// The size of the backup.
    pub bytes: u64,
    /// The hash of the backup, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// Describes the file at `path`.
    pub fn of(
        path: &Path,
        contents: Contents,
        at: Timestamp,
        monitor: &Monitor,
    ) -> Result<Self, CopyError> {
        let (bytes, sha256) = hash(path, monitor)?;
        Ok(Self {
            parlor: env!("CARGO_PKG_VERSION").to_owned(),
            schema: contents.schema,
            created_at: at.format_iso8601(&mut [0; 24]).to_owned(),
            counts: contents.counts,
            bytes,
            sha256,
        })
    }

    /// The path of the manifest of a backup.
    pub fn path(backup: &Path) -> PathBuf {
        with_suffix(backup, ".json")
    }

    /// Reads the manifest of a backup, if it has one.
    pub fn read(backup: &Path) -> Result<Option<Self>, ManifestError> {
        let path = Self::path(backup);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ManifestError::Unreadable(path, error.to_string())),
        };
        let manifest = Self::from_json(&text).map(Some);
        manifest.map_err(|error| ManifestError::Unreadable(path, error))
    }

    /// The manifest of a backup that exists. Describes the backup if its manifest is missing.
    pub fn of_backup(backup: &Path, monitor: &Monitor) -> Result<Self, ManifestError> {
        if let Some(manifest) = Self::read(backup)? {
            manifest.check_file(backup, monitor)?;
            return Ok(manifest);
        }
        let contents = verify(backup, monitor)?;
        Ok(Self::of(backup, contents, Timestamp::now(), monitor)?)
    }

    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Checks that a backup is unchanged.
    pub fn check_file(&self, backup: &Path, monitor: &Monitor) -> Result<(), ManifestError> {
        let (bytes, sha256) = hash(backup, monitor)?;
        expect_same(backup, "bytes", &self.bytes, &bytes)?;
        expect_same(backup, "sha256", &self.sha256, &sha256)
    }

    /// Checks what a backup contains.
    pub fn check_contents(&self, backup: &Path, contents: Contents) -> Result<(), ManifestError> {
        expect_same(backup, "schema", &self.schema, &contents.schema)?;
        expect_same(backup, "counts", &self.counts, &contents.counts)
    }

    /// Writes the manifest beside its backup.
    pub fn write(&self, backup: &Path) -> Result<(), BackupError> {
        let new = NewFile::create(&Self::path(backup)).map_err(BackupError::of_target)?;
        let mut file = new.file();
        let written = file
            .write_all(self.to_json().as_bytes())
            .and_then(|()| file.sync_all());
        let io_error = |error| OpenError::from_io(new.temporary_path(), &error);
        written.map_err(|error| BackupError::of_target(io_error(error)))?;
        new.persist_new().map_err(BackupError::of_target)
    }
}

/// The size of a file and its SHA-256.
fn hash(path: &Path, monitor: &Monitor) -> Result<(u64, String), CopyError> {
    let io_error = |error: io::Error| CopyError::of_source(OpenError::from_io(path, &error));
    let mut file = File::open(path).map_err(io_error)?;
    let total = fs::metadata(path).map_err(io_error)?.len();
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    loop {
        monitor.check()?;
        let count = file.read(&mut buffer).map_err(io_error)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        bytes += count as u64;
        monitor.progress(bytes, total, "hashing");
    }
    let digits = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((bytes, digits))
}

fn expect_same<T: PartialEq + Display>(
    backup: &Path,
    name: &str,
    expected: &T,
    found: &T,
) -> Result<(), ManifestError> {
    if expected == found {
        return Ok(());
    }
    Err(ManifestError::Different {
        backup: backup.to_owned(),
        difference: format!("{name} is {found}, not {expected}"),
    })
}
