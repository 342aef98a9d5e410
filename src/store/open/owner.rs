//! The owner of files beside a database file.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use super::path::folder_of;

/// Gives a new file the owner of the database file, or of its folder if the database
/// file does not exist. Only root can do that; other users create files of their own.
/// A service that runs as another user can then use what root has created.
pub fn adopt_owner(file: &File, database: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(database).or_else(|_| fs::metadata(folder_of(database)))?;
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}
