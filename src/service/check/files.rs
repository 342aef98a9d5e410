//! Checks the permissions of a database file and the space on its disk.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Access, StatVfsMountFlags, access};

use super::Finding;
use crate::store::{folder_of, with_suffix};

/// The file, its folder and the files beside it.
pub(super) fn permissions(path: &Path) -> Finding {
    const NAME: &str = "permissions";
    let (warnings, faults) = match findings(path) {
        Ok(findings) => findings,
        Err(error) => return Finding::fault(NAME, format!("{}: {error}", path.display())),
    };
    if !faults.is_empty() {
        return Finding::fault(NAME, faults.join("; "));
    }
    if !warnings.is_empty() {
        return Finding::warning(NAME, warnings.join("; "));
    }
    Finding::sound(NAME, "only the owner can read the file")
}

/// Warnings and faults.
fn findings(path: &Path) -> io::Result<(Vec<String>, Vec<String>)> {
    let (file, folder) = (fs::metadata(path)?, fs::metadata(folder_of(path))?);
    let (mut warnings, mut faults) = (Vec::new(), Vec::new());
    if mode(&file) & 0o077 != 0 {
        let shown = path.display();
        warnings.push(format!(
            "other users can access {shown}; run `chmod 600 {shown}`"
        ));
    }
    if mode(&file) & 0o200 == 0 {
        let shown = path.display();
        faults.push(format!("{shown} is read-only; run `chmod u+w {shown}`"));
    }
    if is_read_only(path)? {
        faults.push(format!(
            "{} is on a file system that is mounted read-only; mount it for writing",
            path.display()
        ));
    }
    // Other users cannot rename files in a folder with the sticky bit.
    if mode(&folder) & 0o022 != 0 && mode(&folder) & 0o1000 == 0 {
        let shown = folder_of(path).display();
        warnings.push(format!(
            "other users can replace files in {shown}; run `chmod go-w {shown}`"
        ));
    }
    for suffix in ["-wal", "-shm", "-journal", ".lock"] {
        let side_file = with_suffix(path, suffix);
        if fs::metadata(&side_file).is_ok_and(|side| side.uid() != file.uid()) {
            let (shown, like) = (side_file.display(), path.display());
            faults.push(format!(
                "{shown} belongs to another user than the database; run \
                 `chown --reference={like} {shown}`"
            ));
        }
    }
    Ok((warnings, faults))
}

/// Whether the file system of a path is mounted read-only.
fn is_read_only(path: &Path) -> io::Result<bool> {
    let flags = rustix::fs::statvfs(path)?.f_flag;
    Ok(flags.contains(StatVfsMountFlags::RDONLY))
}

/// What prevents backups in a folder, which the server creates if it does not exist.
pub(super) fn backup_folder_fault(path: &Path) -> Option<String> {
    let folder = if path.exists() { path } else { folder_of(path) };
    let shown = folder.display();
    if !folder.is_dir() {
        return Some(format!("{shown} is not a folder; name a folder"));
    }
    let error = access(folder, Access::WRITE_OK | Access::EXEC_OK).err()?;
    let error = io::Error::from(error);
    Some(format!(
        "no file can be created in {shown}: {error}; correct its owner and mode, or name another \
         folder"
    ))
}

fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode()
}

/// Space for a copy of the file, which a backup and an upgrade need.
pub(super) fn free_space(path: &Path) -> Finding {
    const NAME: &str = "free space";
    let free = rustix::fs::statvfs(folder_of(path)).map(|disk| disk.f_bavail * disk.f_frsize);
    match (free, fs::metadata(path)) {
        (Ok(free), Ok(file)) if free >= file.len() => Finding::sound(
            NAME,
            format!(
                "{} for a file of {}",
                megabytes(free),
                megabytes(file.len())
            ),
        ),
        (Ok(free), Ok(file)) => Finding::warning(
            NAME,
            format!(
                "{} for a file of {}; an upgrade needs the size of the file. Free some space",
                megabytes(free),
                megabytes(file.len())
            ),
        ),
        (Err(error), _) => Finding::warning(NAME, format!("unknown: {error}")),
        (_, Err(error)) => Finding::warning(NAME, format!("unknown: {error}")),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}
