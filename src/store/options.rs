//! Settings of the store.

use std::time::Duration;

/// How the database file is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of read-only connections.
    pub readers: u32,
    /// How long a read waits for a connection before it fails with
    /// [`StoreError::Busy`](super::error::StoreError::Busy).
    pub read_timeout: Duration,
    /// How many megabytes of the file each read-only connection maps into memory.
    /// SQLite maps at most 2047.
    pub mmap_mb: u32,
    /// Whether an older file is copied before its tables are upgraded.
    pub snapshot: bool,
    /// Whether the caller holds the [`ServerLock`](super::ServerLock) of the file.
    /// Without the lock, a file that a server uses is not upgraded.
    pub holds_server_lock: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            read_timeout: Duration::from_secs(5),
            mmap_mb: 0,
            snapshot: true,
            holds_server_lock: false,
        }
    }
}
