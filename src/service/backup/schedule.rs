//! Backups that a server makes at intervals, on a thread of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{
    BackupError, BackupFolder, BackupName, BackupStatus, Bucket, Manifest, create_in_bucket,
};
use crate::config::BackupSettings;
use crate::domain::{BucketUrl, Timestamp};
use crate::store::backup::{Cancellation, Monitor};

/// The longest time until a backup that failed is tried again.
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// How often a backup is cancelled until it has ended.
const CANCEL_INTERVAL: Duration = Duration::from_millis(10);

/// The thread that makes backups. Dropping the value ends the thread; a backup that is
/// being made is given up.
pub struct ScheduledBackups {
    cancellation: Arc<Cancellation>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ScheduledBackups {
    /// Starts the thread, if the settings name a folder or object storage.
    pub fn start(
        database: &Path,
        settings: &BackupSettings,
        status: Arc<BackupStatus>,
    ) -> io::Result<Option<Self>> {
        if settings.backup_dir.is_none() && settings.backup_url.is_none() {
            return Ok(None);
        }
        let cancellation = Arc::<Cancellation>::default();
        let schedule = Schedule {
            database: database.to_owned(),
            folder: settings.backup_dir.clone(),
            bucket: settings.backup_url.clone(),
            interval: settings.backup_every,
            count: settings.backup_keep as usize,
            cancellation: cancellation.clone(),
            status,
        };
        schedule.status.start(schedule.newest_in_folder());
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("backup".to_owned());
        Ok(Some(Self {
            cancellation,
            stop: Some(stop),
            thread: Some(thread.spawn(move || schedule.run(&stopped))?),
        }))
    }
}

impl ScheduledBackups {
    /// Interrupts a backup. Dropping the value waits for the thread.
    pub fn cancel(&self) {
        self.cancellation.cancel();
    }
}

impl Drop for ScheduledBackups {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // Repeated for a statement that began at the moment of the cancellation.
            while !thread.is_finished() {
                self.cancel();
                thread::sleep(CANCEL_INTERVAL);
            }
            // A panic of the thread is in the log.
            let _ = thread.join();
        }
    }
}

struct Schedule {
    database: PathBuf,
    folder: Option<PathBuf>,
    bucket: Option<BucketUrl>,
    interval: Duration,
    /// The number of backups that stay in the folder, and in the bucket.
    count: usize,
    cancellation: Arc<Cancellation>,
    status: Arc<BackupStatus>,
}

/// What was done about the backups of one place.
struct Attempt {
    /// Whether a backup was made, because one was due.
    made: bool,
    /// The time until the next attempt.
    wait: Duration,
}

impl Attempt {
    fn not_due(wait: Duration) -> Self {
        Self { made: false, wait }
    }
}

impl Schedule {
    /// Makes backups until the other end of `stopped` is dropped.
    fn run(&self, stopped: &Receiver<()>) {
        let mut wait = Duration::ZERO;
        while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            wait = self.make_due_backups();
            if self.cancellation.is_cancelled() {
                return;
            }
        }
    }

    /// Makes the backups that are due. Returns the time until the next ones.
    fn make_due_backups(&self) -> Duration {
        let started = Instant::now();
        let in_folder = self.folder.as_ref().map(|path| {
            let result = self.back_up_to_folder(path);
            self.log_failure(result, &format!("made in {}", path.display()))
        });
        let in_bucket = self.bucket.as_ref().map(|url| {
            let result = self.back_up_to_bucket(url);
            self.log_failure(result, &format!("uploaded to {url}"))
        });
        let attempts = || [&in_folder, &in_bucket].into_iter().flatten();
        let failed = attempts().any(Option::is_none);
        if self.cancellation.is_cancelled() {
            return self.interval;
        } else if failed {
            self.status.fail();
        } else if attempts().flatten().any(|attempt| attempt.made) {
            self.status.succeed(Timestamp::now(), started.elapsed());
        } else {
            self.status.clear_failure();
        }
        let waits = attempts().flatten().map(|attempt| attempt.wait);
        let retry = failed.then(|| self.retry_interval());
        waits.chain(retry).min().unwrap_or(self.interval)
    }

    fn log_failure(&self, result: Result<Attempt, BackupError>, action: &str) -> Option<Attempt> {
        result
            .inspect_err(|error| {
                if !self.cancellation.is_cancelled() {
                    log::error!(
                        "no backup was {action}: {error}. The next attempt is in {} s",
                        self.retry_interval().as_secs()
                    );
                }
            })
            .ok()
    }

    fn retry_interval(&self) -> Duration {
        self.interval.min(MAX_RETRY_INTERVAL)
    }

    fn newest_in_folder(&self) -> Option<BackupName> {
        BackupFolder::new(self.folder.as_ref()?).newest()
    }

    /// Makes a backup in the folder if the newest one is old enough. It counts also after
    /// a restart.
    fn back_up_to_folder(&self, path: &Path) -> Result<Attempt, BackupError> {
        let folder = BackupFolder::new(path);
        let wait = self.time_to_next(folder.newest());
        if !wait.is_zero() {
            return Ok(Attempt::not_due(wait));
        }
        let backup = folder.make_backup(&self.database, &self.monitor())?;
        log::info!(
            "made the backup {} ({} bytes)",
            backup.path.display(),
            backup.manifest.bytes
        );
        for (path, error) in folder.remove_old(self.count) {
            let path = path.display();
            log::warn!(
                "an old backup stays, because {path} could not be deleted: {error}; delete it \
                 yourself, and check the permissions with `ls -ld {path}`"
            );
        }
        Ok(Attempt {
            made: true,
            wait: self.time_to_next(folder.newest()),
        })
    }

    /// Uploads the newest backup of the folder unless the bucket has it. Without a folder,
    /// uploads a backup if the newest one in the bucket is old enough.
    fn back_up_to_bucket(&self, url: &BucketUrl) -> Result<Attempt, BackupError> {
        let bucket = Bucket::connect(url)?;
        let monitor = self.monitor();
        let uploaded = bucket.names(&monitor)?;
        let manifest = match &self.folder {
            Some(folder) => {
                let folder = BackupFolder::new(folder);
                match folder.newest() {
                    Some(name) if !uploaded.contains(&name) => {
                        upload_file(&bucket, &folder, name, &monitor)?
                    }
                    _ => return Ok(Attempt::not_due(self.interval)),
                }
            }
            None => {
                let newest = uploaded.last().copied();
                let wait = self.time_to_next(newest);
                if !wait.is_zero() {
                    self.status.start(newest);
                    return Ok(Attempt::not_due(wait));
                }
                create_in_bucket(&self.database, &bucket, &monitor)?.manifest
            }
        };
        log::info!("uploaded a backup to {url} ({} bytes)", manifest.bytes);
        if let Err(error) = bucket.remove_old(self.count, &monitor) {
            log::warn!("old backups in {url} could not be deleted: {error}");
        }
        Ok(Attempt {
            made: true,
            wait: self.interval,
        })
    }

    fn time_to_next(&self, newest: Option<BackupName>) -> Duration {
        time_to_next(newest, Timestamp::now(), self.interval)
    }

    fn monitor(&self) -> Monitor<'_> {
        Monitor::silent(&self.cancellation)
    }
}

/// Uploads a backup of the folder. Returns its manifest.
fn upload_file(
    bucket: &Bucket,
    folder: &BackupFolder,
    name: BackupName,
    monitor: &Monitor,
) -> Result<Manifest, BackupError> {
    let path = folder.path_of(name);
    let manifest = Manifest::of_backup(&path, monitor)?;
    bucket.upload(&path, name, &manifest, monitor)?;
    Ok(manifest)
}

/// The time until a backup is due. A newest backup of the future, made with a wrong
/// clock, does not delay the next one by more than the interval.
fn time_to_next(newest: Option<BackupName>, now: Timestamp, interval: Duration) -> Duration {
    let Some(newest) = newest else {
        return Duration::ZERO;
    };
    let left = newest.time.plus(interval).0.saturating_sub(now.0);
    Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_backup_is_due_one_interval_after_the_newest() {
        let hour = Duration::from_secs(3600);
        let newest = Some(BackupName::at(Timestamp(10_000_000)));
        let wait = |now| time_to_next(newest, Timestamp(now), hour);
        assert_eq!(wait(10_000_000), hour);
        assert_eq!(wait(11_000_000), Duration::from_secs(2600));
        assert_eq!(wait(13_600_000), Duration::ZERO);
        assert_eq!(wait(99_000_000), Duration::ZERO);
        assert_eq!(wait(1_000_000), hour, "a backup of the future");
        assert_eq!(time_to_next(None, Timestamp(0), hour), Duration::ZERO);
    }
}
