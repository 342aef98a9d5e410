//! Backups that a server makes at intervals, on a thread of its own.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{BackupError, BackupName, BackupStatus, Manifest, create};
use crate::config::BackupSettings;
use crate::domain::Timestamp;
use crate::store::NewFile;
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
    /// Starts the thread, if the settings name a folder.
    pub fn start(
        database: &Path,
        settings: &BackupSettings,
        status: Arc<BackupStatus>,
    ) -> io::Result<Option<Self>> {
        let Some(folder) = settings.backup_dir.clone() else {
            return Ok(None);
        };
        let cancellation = Arc::<Cancellation>::default();
        let schedule = Schedule {
            database: database.to_owned(),
            folder,
            interval: settings.backup_every,
            count: settings.backup_keep as usize,
            cancellation: cancellation.clone(),
            status,
        };
        schedule.status.start(schedule.newest());
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
    folder: PathBuf,
    interval: Duration,
    /// The number of backups that stay in the folder.
    count: usize,
    cancellation: Arc<Cancellation>,
    status: Arc<BackupStatus>,
}

impl Schedule {
    /// Makes backups until the other end of `stopped` is dropped.
    fn run(&self, stopped: &Receiver<()>) {
        let mut wait = self.time_to_next();
        while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            let started = Instant::now();
            wait = match self.make_backup() {
                Ok(()) => {
                    self.status.succeed(Timestamp::now(), started.elapsed());
                    self.time_to_next()
                }
                Err(_) if self.cancellation.is_cancelled() => return,
                Err(error) => {
                    self.status.fail();
                    let retry = self.interval.min(MAX_RETRY_INTERVAL);
                    log::error!(
                        "no backup was made in {}: {error}. The next attempt is in {} s",
                        self.folder.display(),
                        retry.as_secs()
                    );
                    retry
                }
            };
        }
    }

    /// The newest backup counts, also after a restart.
    fn time_to_next(&self) -> Duration {
        time_to_next(self.newest(), Timestamp::now(), self.interval)
    }

    fn newest(&self) -> Option<BackupName> {
        backups(&self.folder).ok()?.last().copied()
    }

    fn make_backup(&self) -> Result<(), BackupError> {
        if !self.folder.exists() {
            let created = DirBuilder::new().mode(0o700).create(&self.folder);
            created.map_err(|error| BackupError::Folder(self.folder.clone(), error))?;
        }
        if !self.folder.is_dir() {
            let error = io::ErrorKind::NotADirectory.into();
            return Err(BackupError::Folder(self.folder.clone(), error));
        }
        let backup = create(
            &self.database,
            &self.folder,
            &Monitor::silent(&self.cancellation),
        )?;
        log::info!(
            "made the backup {} ({} bytes)",
            backup.path.display(),
            backup.manifest.bytes
        );
        if let Err(error) = self.remove_old() {
            log::warn!(
                "old backups in {} could not be deleted: {error}; check the owner of the folder",
                self.folder.display()
            );
        }
        Ok(())
    }

    /// Deletes the oldest backups, and what interrupted backups have left. Files with
    /// other names stay.
    fn remove_old(&self) -> io::Result<()> {
        let mut names = backups(&self.folder)?;
        // A clock that was ahead has made names later than now. They count as the oldest,
        // so that they do not displace new backups.
        let now = BackupName(Timestamp::now());
        names.sort_unstable_by_key(|name| (*name <= now, *name));
        for name in &names[..names.len().saturating_sub(self.count)] {
            let backup = self.folder.join(name.to_string());
            let manifest = Manifest::path(&backup);
            if manifest.exists() {
                fs::remove_file(manifest)?;
            }
            fs::remove_file(backup)?;
        }
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let file = NewFile::path_of_temporary(&path);
            let backup = file.map(|file| file.with_extension("").with_extension("db"));
            if backup.is_some_and(|backup| parse(&backup).is_some()) {
                NewFile::remove_unused(&path)?;
            }
        }
        Ok(())
    }
}

/// The backups in a folder, the oldest first.
fn backups(folder: &Path) -> io::Result<Vec<BackupName>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(parse(&entry?.path()));
    }
    names.sort_unstable();
    Ok(names)
}

fn parse(path: &Path) -> Option<BackupName> {
    BackupName::parse(path.file_name()?.to_str()?)
}

/// The time until a backup is due. A newest backup of the future, made with a wrong
/// clock, does not delay the next one by more than the interval.
fn time_to_next(newest: Option<BackupName>, now: Timestamp, interval: Duration) -> Duration {
    let Some(BackupName(newest)) = newest else {
        return Duration::ZERO;
    };
    let left = newest.plus(interval).0.saturating_sub(now.0);
    Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_backup_is_due_one_interval_after_the_newest() {
        let hour = Duration::from_secs(3600);
        let newest = Some(BackupName(Timestamp(10_000_000)));
        let wait = |now| time_to_next(newest, Timestamp(now), hour);
        assert_eq!(wait(10_000_000), hour);
        assert_eq!(wait(11_000_000), Duration::from_secs(2600));
        assert_eq!(wait(13_600_000), Duration::ZERO);
        assert_eq!(wait(99_000_000), Duration::ZERO);
        assert_eq!(wait(1_000_000), hour, "a backup of the future");
        assert_eq!(time_to_next(None, Timestamp(0), hour), Duration::ZERO);
    }
}
