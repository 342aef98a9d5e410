//! Leases: which process streams an answer, and until when it is presumed alive.
//!
//! A streaming answer has the id of its process in `message.owner`. The process
//! renews its row in `process` while it streams. If the lease expires, or the
//! process is gone from this machine, any other process may end the answer.

use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use uuid::Uuid;

use super::batch::Batch;
use super::sql::Sql;
use super::{Snapshot, StoreError};
use crate::domain::Timestamp;

/// How long a lease is valid after it was renewed.
const LEASE_DURATION: Duration = Duration::from_secs(30);

/// How often a process that streams answers renews its lease.
pub const RENEW_INTERVAL: Duration = Duration::from_secs(10);

/// The lease of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    process: Uuid,
    /// The process id of the operating system.
    pid: u32,
}

impl Lease {
    /// A lease for this process, under a random id. The store knows the lease
    /// once a batch has renewed it.
    pub fn new() -> Self {
        Self {
            process: Uuid::new_v4(),
            pid: std::process::id(),
        }
    }

    pub(super) fn process(self) -> Uuid {
        self.process
    }

    /// Extends the lease to [`LEASE_DURATION`] from `now`.
    pub(super) fn renew(self, now: Timestamp) -> Sql {
        Sql::new(
            "INSERT INTO process (id, pid, lease_expires_at) VALUES (?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET lease_expires_at = excluded.lease_expires_at",
            [
                self.process.into(),
                i64::from(self.pid).into(),
                now.plus(LEASE_DURATION).into(),
            ],
        )
    }

    /// The write that extends the lease.
    pub fn renewal(self, now: Timestamp) -> Batch {
        Batch::of([self.renew(now)])
    }
}

impl Default for Lease {
    fn default() -> Self {
        Self::new()
    }
}

/// The owner of answers that are being streamed according to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    process: Option<Uuid>,
    pid: Option<i64>,
    lease_expires_at: Option<Timestamp>,
}

impl Owner {
    /// Whether the owner cannot end its answers itself any more.
    fn is_gone(&self, now: Timestamp) -> bool {
        let (Some(pid), Some(expires_at)) = (self.pid, self.lease_expires_at) else {
            return true;
        };
        expires_at < now || !is_running(pid)
    }
}

/// Whether another process with this id runs on this machine. This process's
/// own id means that an earlier process had the id.
fn is_running(pid: i64) -> bool {
    let raw = i32::try_from(pid).ok().filter(|raw| *raw > 0);
    let Some(pid) = raw.and_then(Pid::from_raw) else {
        return false;
    };
    let is_this_process = pid.as_raw_nonzero().get().unsigned_abs() == std::process::id();
    // EPERM: the process exists and belongs to another user.
    !is_this_process && test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

/// The owners of interrupted answers: streaming answers of other processes that
/// are gone or whose lease has expired.
pub fn interrupted(
    snapshot: &Snapshot,
    own: Lease,
    now: Timestamp,
) -> Result<Vec<Owner>, StoreError> {
    let sql = Sql::new(
        "SELECT DISTINCT m.owner, p.pid, p.lease_expires_at \
           FROM message AS m LEFT JOIN process AS p ON p.id = m.owner \
          WHERE m.status = 'streaming'",
        [],
    );
    let mut owners = snapshot.all(&sql, |row| {
        Ok(Owner {
            process: row.get(0)?,
            pid: row.get(1)?,
            lease_expires_at: row.get(2)?,
        })
    })?;
    owners.retain(|owner| owner.process != Some(own.process) && owner.is_gone(now));
    Ok(owners)
}

/// Fails the streaming answers of an owner, unless the owner has renewed its
/// lease meanwhile.
pub fn fail_interrupted(owner: Owner) -> Batch {
    const IS_INTERRUPTED: &str = "status = 'streaming' AND owner IS ?1 AND NOT EXISTS \
         (SELECT 1 FROM process WHERE id = ?1 AND lease_expires_at > coalesce(?2, 0))";
    let values = || [owner.process.into(), owner.lease_expires_at.into()];
    Batch::of([
        // A repeated request with the same Idempotency-Key gets a new answer.
        Sql::composed(
            format!(
                "DELETE FROM idempotency_key WHERE message_id IN \
                     (SELECT id FROM message WHERE {IS_INTERRUPTED})"
            ),
            values(),
        ),
        Sql::composed(
            format!(
                "UPDATE message SET status = 'error', error = 'The answer was interrupted', \
                        owner = NULL WHERE {IS_INTERRUPTED}"
            ),
            values(),
        ),
    ])
}

/// Removes the rows of processes whose lease expired and that own no answer.
pub fn remove_expired(now: Timestamp) -> Batch {
    Batch::of([Sql::new(
        "DELETE FROM process WHERE lease_expires_at < ? AND NOT EXISTS \
             (SELECT 1 FROM message WHERE status = 'streaming' AND owner = process.id)",
        [now.into()],
    )])
}
