//! `parlor backup`: copies the database file while a server uses it.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};

use super::CommandError;
use super::database::DatabaseArguments;
use super::output::print_line;
use super::progress::with_monitor;
use crate::config::parse_backup_url;
use crate::domain::BucketUrl;
use crate::service::backup::{self, Bucket, Manifest};

/// Copy the database file to a new file, into a folder or to object storage, also while a server uses it
///
/// The copy has everything that was stored when the command began. It is verified, and
/// gets its name when it is complete. FILE.json describes it. In a folder, its name is
/// parlor-YYYYMMDDTHHMMSSZ.db. `parlor restore` restores it.
///
/// s3://BUCKET/PREFIX is a folder in object storage (S3 or a compatible service). The
/// command reads AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and
/// AWS_ENDPOINT_URL. It needs the size of the file as free space beside the file.
///
/// The copy is not encrypted. It contains the messages of visitors and the secret that
/// signs their sessions. Encrypt it before you copy it to another machine, with age
/// (`age -p -o FILE.age FILE`) or gpg (`gpg -c FILE`).
#[derive(Debug, Args)]
pub struct Backup {
    /// The new file, an existing folder, or a place in object storage
    #[arg(value_name = "FILE|DIR|URL", value_parser = backup_place())]
    target: BackupPlace,
    #[command(flatten)]
    database: DatabaseArguments,
}

/// Where a backup is.
#[derive(Debug, Clone)]
pub enum BackupPlace {
    Path(PathBuf),
    Bucket(BucketUrl),
}

/// Parses a path or a URL with the scheme `s3`.
pub fn backup_place() -> impl TypedValueParser<Value = BackupPlace> {
    PathBufValueParser::new().try_map(|path| match path.to_str() {
        Some(text) if BucketUrl::has_scheme(text) => {
            parse_backup_url(text).map(BackupPlace::Bucket)
        }
        _ => Ok(BackupPlace::Path(path)),
    })
}

const ON_POSTGRES: &str = "`parlor backup` copies files; use pg_dump, or `parlor export FILE`, \
                           which `parlor import` reads on both kinds of database";

impl Backup {
    pub fn run(self) -> Result<(), CommandError> {
        self.database.check_exists()?;
        let database = self.database.file(ON_POSTGRES)?;
        match &self.target {
            BackupPlace::Path(path) => copy(database, path),
            BackupPlace::Bucket(url) => upload(database, url),
        }
    }
}

fn copy(database: &Path, target: &Path) -> Result<(), CommandError> {
    let backup = with_monitor(|monitor| backup::create(database, target, monitor))??;
    print_summary(&backup.path.display().to_string(), &backup.manifest);
    Ok(())
}

fn upload(database: &Path, url: &BucketUrl) -> Result<(), CommandError> {
    let bucket = Bucket::connect(url)?;
    let backup = with_monitor(|monitor| backup::create_in_bucket(database, &bucket, monitor))??;
    print_summary(&format!("{url}/{}", backup.name), &backup.manifest);
    Ok(())
}

fn print_summary(place: &str, manifest: &Manifest) {
    let counts = manifest.counts;
    print_line!(
        "created {place}: {} conversations, {} messages, {} bytes",
        counts.conversations,
        counts.messages,
        manifest.bytes
    );
}
