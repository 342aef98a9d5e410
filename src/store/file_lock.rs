//! Waits for the lock of a file.

use std::fs::{File, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How often a process tries to get a lock that another process holds.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Locks a file or folder exclusively. Returns false if another process held the
/// lock for `wait`.
pub(super) fn lock_file(file: &File, wait: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + wait;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return Ok(false),
            Err(TryLockError::WouldBlock) => thread::sleep(RETRY_INTERVAL),
        }
    }
}
