//! Leases: which process streams an answer, and until when it is presumed alive.
//!
//! A streaming answer has the id of its process in `message.owner`. The process
//! renews its row in `process` while it streams. If the lease expires, or the
//! process is gone, any other process may end the answer. Whether a process is
//! gone can be decided only in its own PID namespace: containers that share a
//! file rely on the lease alone.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::batch::Batch;
use super::error::StoreError;
use super::snapshot::Snapshot;
use super::sql::Sql;
use crate::domain::Timestamp;

/// How long a lease is valid after it was renewed.
const LEASE_DURATION: Duration = Duration::from_secs(30);

/// How often a process that streams answers renews its lease.
pub const RENEW_INTERVAL: Duration = Duration::from_secs(10);

/// The error of an answer whose process is gone.
pub const INTERRUPTED: &str = "The answer was interrupted";

/// The lease of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    process: Uuid,
    /// The process id of the operating system.
    pid: u32,
    /// See [`pid_namespace`].
    pid_namespace: Option<i64>,
}

impl Lease {
    /// A lease for this process, under a random id. The store knows the lease
    /// once a batch has renewed it.
    pub fn new() -> Self {
        Self {
            process: Uuid::new_v4(),
            pid: std::process::id(),
            pid_namespace: pid_namespace(),
        }
    }

    /// The random id of this process.
    pub fn process(self) -> Uuid {
        self.process
    }

    /// Extends the lease to [`LEASE_DURATION`] from `now`.
    pub(super) fn renew(self, now: Timestamp) -> Sql {
        Sql::new(
            sql!(
                "INSERT INTO process (id, pid, pid_namespace, lease_expires_at) VALUES (?, ?, ?, ?) \
                 ON CONFLICT (id) DO UPDATE SET lease_expires_at = excluded.lease_expires_at"
            ),
            [
                self.process.into(),
                i64::from(self.pid).into(),
                self.pid_namespace.into(),
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
pub struct AnswerOwner {
    process: Option<Uuid>,
    pid: Option<i64>,
    pid_namespace: Option<i64>,
    lease_expires_at: Option<Timestamp>,
}

impl AnswerOwner {
    /// Whether the owner cannot end its answers itself any more, as far as the
    /// process of `own` can tell.
    fn is_gone(&self, own: Lease, now: Timestamp) -> bool {
        let (Some(pid), Some(expires_at)) = (self.pid, self.lease_expires_at) else {
            return true;
        };
        let has_own_namespace =
            self.pid_namespace.is_some() && self.pid_namespace == own.pid_namespace;
        has_expired(expires_at, now) || (has_own_namespace && !is_running(pid))
    }
}

/// How far in the future a lease can end. A later end was written while the clock was
/// wrong; without this limit its answers would stream until then.
const MAX_LEASE: Duration = LEASE_DURATION.saturating_mul(2);

fn has_expired(expires_at: Timestamp, now: Timestamp) -> bool {
    expires_at < now || expires_at > now.plus(MAX_LEASE)
}

/// Identifies the PID namespace of this process on this boot of the machine:
/// a hash. None where the system does not tell (not Linux).
fn pid_namespace() -> Option<i64> {
    let boot_id = fs::read("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    let hash: [u8; 32] = Sha256::new()
        .chain_update(boot_id)
        .chain_update(namespace.as_os_str().as_encoded_bytes())
        .finalize()
        .into();
    let prefix = hash.first_chunk()?;
    Some(i64::from_le_bytes(*prefix))
}

/// Whether another process with this id runs in this PID namespace. This process's
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
pub fn interrupted_owners(
    snapshot: &Snapshot,
    own: Lease,
    now: Timestamp,
) -> Result<Vec<AnswerOwner>, StoreError> {
    let sql = Sql::new(
        sql!(
            "SELECT DISTINCT m.owner, p.pid, p.pid_namespace, p.lease_expires_at \
               FROM message AS m LEFT JOIN process AS p ON p.id = m.owner \
              WHERE m.status = 'streaming'"
        ),
        [],
    );
    let mut owners = snapshot.all(&sql, |row| {
        Ok(AnswerOwner {
            process: row.get(0)?,
            pid: row.get(1)?,
            pid_namespace: row.get(2)?,
            lease_expires_at: row.get(3)?,
        })
    })?;
    owners.retain(|owner| owner.process != Some(own.process) && owner.is_gone(own, now));
    Ok(owners)
}

/// The condition that a message is a streaming answer of the process `?1`, which has not
/// renewed the lease that ends at `?2`.
macro_rules! is_interrupted {
    () => {
        "status = 'streaming' AND owner IS NOT DISTINCT FROM ?1 AND NOT EXISTS \
             (SELECT 1 FROM process WHERE id = ?1 AND lease_expires_at > coalesce(?2, 0))"
    };
}

/// Fails the streaming answers of an owner, unless the owner has renewed its
/// lease meanwhile.
pub fn fail_interrupted(owner: AnswerOwner) -> Batch {
    Batch::of([
        // A repeated request with the same Idempotency-Key gets a new answer.
        Sql::new(
            sql!(concat!(
                "DELETE FROM idempotency_key WHERE message_id IN (SELECT id FROM message WHERE ",
                is_interrupted!(),
                ")"
            )),
            [owner.process.into(), owner.lease_expires_at.into()],
        ),
        Sql::new(
            sql!(concat!(
                "UPDATE message SET status = 'error', error = ?3, owner = NULL WHERE ",
                is_interrupted!()
            )),
            [
                owner.process.into(),
                owner.lease_expires_at.into(),
                INTERRUPTED.into(),
            ],
        ),
    ])
}

/// Removes the rows of processes whose lease expired and that own no answer.
pub fn remove_expired(now: Timestamp) -> Batch {
    Batch::of([Sql::new(
        sql!(
            "DELETE FROM process WHERE (lease_expires_at < ? OR lease_expires_at > ?) AND NOT EXISTS \
                 (SELECT 1 FROM message WHERE status = 'streaming' AND owner = process.id)"
        ),
        [now.into(), now.plus(MAX_LEASE).into()],
    )])
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::store::sql::Value;
    use crate::store::test_db::TestDb;

    const NOW: Timestamp = Timestamp(1_000_000);
    const LATER: Timestamp = Timestamp(1_030_000);
    const EARLIER: Timestamp = Timestamp(500_000);

    /// A database with one streaming answer of `owner`, whose row in `process`
    /// is `process`.
    fn db_with_answer(owner: Option<Uuid>, process: Option<(u32, Timestamp)>) -> TestDb {
        let db = TestDb::new();
        let conversation = Sql::unregistered(
            "INSERT INTO conversation (seq, id, project_seq, visitor_seq, status, created_at, \
                                       updated_at, last_interaction_at) \
             VALUES (1, ?, 1, 1, 'open', 1, 1, 1)",
            [Uuid::new_v4().into()],
        );
        let answer = Sql::unregistered(
            "INSERT INTO message (id, conversation_seq, created_at, role, status, text, owner) \
             VALUES (?, 1, 1, 'assistant', 'streaming', 'Hel', ?)",
            [Uuid::new_v4().into(), owner.into()],
        );
        let batch = Batch::of([conversation, answer]);
        db.store.write_blocking(batch).expect("an answer");
        if let (Some(id), Some((pid, expires_at))) = (owner, process) {
            set_lease(&db, id, pid, expires_at);
        }
        db
    }

    fn set_lease(db: &TestDb, id: Uuid, pid: u32, expires_at: Timestamp) {
        set_lease_in(db, id, (pid, pid_namespace()), expires_at);
    }

    fn set_lease_in(
        db: &TestDb,
        id: Uuid,
        (pid, pid_namespace): (u32, Option<i64>),
        expires_at: Timestamp,
    ) {
        let pid: Value = i64::from(pid).into();
        let lease = Sql::unregistered(
            "INSERT INTO process (id, pid, pid_namespace, lease_expires_at) VALUES (?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET pid_namespace = excluded.pid_namespace, \
                lease_expires_at = excluded.lease_expires_at",
            [id.into(), pid, pid_namespace.into(), expires_at.into()],
        );
        db.store
            .write_blocking(Batch::of([lease]))
            .expect("a lease");
    }

    fn find_interrupted(db: &TestDb, own: Lease) -> Vec<AnswerOwner> {
        let owners = db
            .store
            .read_blocking(|snapshot| interrupted_owners(snapshot, own, NOW));
        owners.expect("a read")
    }

    fn status(db: &TestDb) -> String {
        let sql = Sql::unregistered("SELECT status FROM message", []);
        let status = db
            .store
            .read_blocking(|snapshot| snapshot.one(&sql, |row| row.get(0)));
        status.expect("a message")
    }

    /// The id of a process that has ended.
    fn ended_pid() -> u32 {
        let mut child = Command::new("true").spawn().expect("a process");
        child.wait().expect("its end");
        child.id()
    }

    #[test]
    fn answer_of_running_process_with_valid_lease_is_not_interrupted() {
        let running = std::os::unix::process::parent_id();
        let db = db_with_answer(Some(Uuid::new_v4()), Some((running, LATER)));
        assert_eq!(find_interrupted(&db, Lease::new()), []);
    }

    #[test]
    fn answer_is_interrupted_when_lease_expires_or_process_ends() {
        let owner = Some(Uuid::new_v4());
        let running = std::os::unix::process::parent_id();
        for (owner, process) in [
            (owner, Some((running, EARLIER))),
            (owner, Some((ended_pid(), LATER))),
            (owner, Some((std::process::id(), LATER))),
            (owner, None),
            (None, None),
        ] {
            let db = db_with_answer(owner, process);
            let owners = find_interrupted(&db, Lease::new());
            assert_eq!(owners.len(), 1, "{process:?}");
            let fail = fail_interrupted(owners[0]);
            db.store.write_blocking(fail).expect("a write");
            assert_eq!(status(&db), "error", "{process:?}");
        }
    }

    #[test]
    fn process_of_another_namespace_is_gone_only_when_its_lease_expires() {
        let owner = Uuid::new_v4();
        let db = db_with_answer(Some(owner), None);
        let other_namespace = pid_namespace().map(|namespace| namespace ^ 1);
        for namespace in [other_namespace, None] {
            set_lease_in(&db, owner, (ended_pid(), namespace), LATER);
            assert_eq!(find_interrupted(&db, Lease::new()), []);
            set_lease_in(&db, owner, (ended_pid(), namespace), EARLIER);
            assert_eq!(find_interrupted(&db, Lease::new()).len(), 1);
        }
    }

    #[test]
    fn lease_that_ends_later_than_possible_has_expired() {
        // The clock was ahead when the process renewed its lease.
        let next_year = NOW.plus(Duration::from_secs(365 * 24 * 60 * 60));
        let owner = Uuid::new_v4();
        let running = std::os::unix::process::parent_id();
        let db = db_with_answer(Some(owner), Some((running, next_year)));
        let owners = find_interrupted(&db, Lease::new());
        assert_eq!(owners.len(), 1);
        let fail = fail_interrupted(owners[0]);
        db.store.write_blocking(fail).expect("a write");
        assert_eq!(status(&db), "error");
    }

    #[test]
    fn own_answer_is_never_interrupted() {
        let own = Lease::new();
        let db = db_with_answer(Some(own.process()), Some((own.pid, EARLIER)));
        assert_eq!(find_interrupted(&db, own), []);
    }

    #[test]
    fn lease_that_was_renewed_after_the_check_protects_the_answer() {
        let (owner, running) = (Uuid::new_v4(), std::os::unix::process::parent_id());
        let db = db_with_answer(Some(owner), Some((running, EARLIER)));
        let owners = find_interrupted(&db, Lease::new());
        set_lease(&db, owner, running, LATER);
        db.store
            .write_blocking(fail_interrupted(owners[0]))
            .expect("a write");
        assert_eq!(status(&db), "streaming");
    }

    #[test]
    fn expired_leases_without_answers_are_removed() {
        let (owner, other) = (Uuid::new_v4(), Uuid::new_v4());
        let db = db_with_answer(Some(owner), Some((1, EARLIER)));
        set_lease(&db, other, 1, EARLIER);
        db.store
            .write_blocking(remove_expired(NOW))
            .expect("a write");
        let sql = Sql::unregistered("SELECT id FROM process", []);
        let left: Result<Vec<Uuid>, StoreError> = db
            .store
            .read_blocking(|snapshot| snapshot.all(&sql, |row| row.get(0)));
        assert_eq!(left.expect("leases"), [owner]);
    }
}
