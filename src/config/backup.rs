//! Settings of the backups that a server makes itself.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};

use crate::domain::BucketUrl;

/// The longest time between two backups.
const MAX_INTERVAL: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Why a build without the feature `s3` refuses URLs of object storage.
pub const NO_OBJECT_STORAGE: &str = "this parlor was built without support for object storage; \
     build parlor with `cargo build --release --features s3`, or use a binary of a release";

#[derive(Debug, Clone, Args)]
pub struct BackupSettings {
    /// A folder in which the server makes backups; without it, it makes none. Each database file needs a folder of its own
    #[arg(long, env = "PARLOR_BACKUP_DIR", value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,

    /// A place in object storage, such as s3://BUCKET/PREFIX, to which the server uploads backups; with --backup-dir, it uploads those of the folder. Each database file needs a prefix of its own. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL are used
    #[arg(long, env = "PARLOR_BACKUP_URL", value_name = "URL", value_parser = parse_backup_url)]
    pub backup_url: Option<BucketUrl>,

    /// The time between two backups, such as 90m, 12h or 7d
    #[arg(long, env = "PARLOR_BACKUP_EVERY", value_name = "TIME")]
    #[arg(default_value = "24h", value_parser = parse_interval)]
    pub backup_every: Duration,

    /// The number of backups in the folder, and in object storage; after a new backup, older ones are deleted
    #[arg(
        long,
        env = "PARLOR_BACKUP_KEEP",
        value_name = "N",
        default_value_t = 7
    )]
    #[arg(value_parser = value_parser!(u32).range(1..=100_000))]
    pub backup_keep: u32,
}

/// Parses the URL of a place to which this build can upload backups.
pub fn parse_backup_url(text: &str) -> Result<BucketUrl, String> {
    let url = BucketUrl::parse(text)?;
    if !cfg!(feature = "s3") {
        return Err(NO_OBJECT_STORAGE.to_owned());
    }
    Ok(url)
}

/// Parses a number with a unit.
pub(super) fn parse_interval(text: &str) -> Result<Duration, String> {
    let parse = || {
        let unit = text.chars().last()?;
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            _ => return None,
        };
        Some(Duration::from_secs(number.checked_mul(seconds)?))
    };
    let valid = parse().filter(|time| !time.is_zero() && *time <= MAX_INTERVAL);
    valid.ok_or_else(|| {
        "must be a number with s, m, h or d, such as 90m, 12h or 7d, and 366d at most".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_has_a_number_and_a_unit() {
        for (text, seconds) in [("1s", 1), ("90m", 5400), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(parse_interval(text), Ok(Duration::from_secs(seconds)));
        }
        for text in [
            "", "h", "24", "0h", "-1h", "1.5h", "367d", "1w", "1 h", "9é",
        ] {
            let error = parse_interval(text).expect_err(text);
            assert!(error.contains("such as 90m"), "{error}");
        }
    }
}
